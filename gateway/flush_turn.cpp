#include "gateway/flush_turn.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>

#include "gateway/stream.hpp"

namespace gateway {
namespace {

// A picture's packets follow each other within microseconds. The time is short beside what a write
// and the wake of a viewer cost, so that nothing is lost when no more comes.
constexpr auto longest_look = std::chrono::microseconds(150);
constexpr std::size_t few_streams = 4;  // with more of them batches are large as it is

}  // namespace

void FlushTurn::add(Stream& stream) {
  if (due_.empty()) {
    begin_ = std::chrono::steady_clock::now();
    post();
  }
  due_.push_back(&stream);
}

void FlushTurn::post() {
  boost::asio::post(io_, [this, alive = std::weak_ptr(alive_)] {
    if (!alive.expired()) run();
  });
}

void FlushTurn::remove(const Stream& stream) {
  std::ranges::replace(due_, const_cast<Stream*>(&stream), nullptr);
  std::ranges::replace(speaking_, const_cast<Stream*>(&stream), nullptr);
}

void FlushTurn::run() {
  if (std::exchange(expects_more_, false) && due_.size() <= few_streams &&
      std::chrono::steady_clock::now() - begin_ < longest_look)
    return post();
  speaking_.swap(due_);
  for (std::size_t i = 0; i < speaking_.size(); ++i)
    if (speaking_[i]) speaking_[i]->speak();
  speaking_.clear();
}

}  // namespace gateway
