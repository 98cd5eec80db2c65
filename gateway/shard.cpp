#include "gateway/shard.hpp"

#include <pthread.h>

#include <algorithm>
#include <ctime>
#include <string>

namespace gateway {
namespace {

using namespace std::chrono_literals;

// Of the thread that calls.
std::chrono::nanoseconds cpu_time() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

}  // namespace

Shard::Shard(unsigned index)
    : index_(index), meter_(clock_, [this](sip::TimePoint now) { sample(now); }) {}

Shard::~Shard() {
  stop();
}

void Shard::run() {
  sampled_cpu_ = cpu_time();
  sampled_at_ = sip::Clock::now();
  meter_.set(sampled_at_ + 1s);
  work_.emplace(io_.get_executor());
  io_.run();
}

void Shard::start() {
  thread_ = std::thread([this] { run(); });
  pthread_setname_np(thread_.native_handle(), ("shard-" + std::to_string(index_)).c_str());
}

void Shard::stop() {
  io_.stop();
  if (thread_.joinable()) thread_.join();
}

void Shard::sample(sip::TimePoint now) {
  const auto cpu = cpu_time();
  const std::chrono::duration<double> worked = cpu - sampled_cpu_, passed = now - sampled_at_;
  busy_.store(std::clamp(worked / passed, 0.0, 1.0), std::memory_order_relaxed);
  sampled_cpu_ = cpu;
  sampled_at_ = now;
  meter_.set(now + 1s);
}

}  // namespace gateway
