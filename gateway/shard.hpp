// One thread and what there is one of per thread: its io_context, its clock of alarms, its flush
// turn. What was made on a shard stays on it, and so nothing there locks; what others want of it
// they send it as calls with values. The first shard is the thread of main(), and has SIP and HTTP
// beside its share of the media.
#pragma once

#include <atomic>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <memory>
#include <optional>
#include <thread>
#include <type_traits>

#include "gateway/alarm_clock.hpp"
#include "gateway/flush_turn.hpp"

namespace gateway {

class Shard {
 public:
  explicit Shard(unsigned index);
  ~Shard();
  Shard(const Shard&) = delete;
  Shard& operator=(const Shard&) = delete;

  unsigned index() const { return index_; }
  boost::asio::io_context& io() { return io_; }
  AlarmClock& clock() { return clock_; }
  FlushTurn& turn() { return turn_; }

  // Serves on this thread until stop().
  void run();
  // The same on a thread of its own.
  void start();
  // The thread ends when it is done with what it is at; returns when it has, if start() made it.
  void stop();

  // The share of the last second that the thread was at work. From any thread.
  double busy() const { return busy_.load(std::memory_order_relaxed); }

  bool here() { return io_.get_executor().running_in_this_thread(); }
  // Calls `f` on the shard: at once when that is this thread.
  template <class F>
  void call(F&& f) {
    boost::asio::dispatch(io_, std::forward<F>(f));
  }
  // What `f` says on the shard; `f` must not throw, what it returns must not belong to the shard.
  template <class F>
  boost::asio::awaitable<std::invoke_result_t<F&>> ask(F f);

 private:
  void sample(sip::TimePoint now);

  const unsigned index_;
  boost::asio::io_context io_{1};
  AlarmClock clock_{io_};
  FlushTurn turn_{io_};
  Alarm meter_;
  std::optional<boost::asio::executor_work_guard<boost::asio::io_context::executor_type>> work_;
  std::thread thread_;
  std::atomic<double> busy_{0};
  std::chrono::nanoseconds sampled_cpu_{0};
  sip::TimePoint sampled_at_{};
};

template <class F>
boost::asio::awaitable<std::invoke_result_t<F&>> Shard::ask(F f) {
  using Answer = std::invoke_result_t<F&>;
  if (here()) co_return f();
  const auto question = std::make_shared<F>(std::move(f));
  auto put = [this, question](auto handler) {
    const auto back = boost::asio::get_associated_executor(handler);
    boost::asio::post(io_, [question, back, handler = std::move(handler)]() mutable {
      boost::asio::post(back, [handler = std::move(handler), answer = (*question)()]() mutable {
        std::move(handler)(std::move(answer));
      });
    });
  };
  co_return co_await boost::asio::async_initiate<const boost::asio::use_awaitable_t<>,
                                                 void(Answer)>(put, boost::asio::use_awaitable);
}

}  // namespace gateway
