#include "gateway/task_group.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>
#include <exception>
#include <list>

#include "gateway/log.hpp"

namespace gateway {

namespace asio = boost::asio;

// Shared with the completion handlers, so that one that runs after the group has gone finds it.
struct TaskGroup::State {
  struct Task {
    std::string what;
    asio::cancellation_signal signal;
  };

  State(asio::any_io_executor e, std::string n)
      : executor(std::move(e)),
        name(std::move(n)),
        idle(executor, asio::steady_timer::time_point::max()) {}

  asio::any_io_executor executor;
  std::string name;
  std::list<Task> tasks;
  bool cancelled = false;
  asio::steady_timer idle;  // never expires; cancelled when the last task ends

  void ended(std::list<Task>::iterator task, std::exception_ptr error) {
    if (error) report(task->what, error);
    tasks.erase(task);
    if (tasks.empty()) idle.cancel();
  }

  void report(const std::string& what, std::exception_ptr error) const {
    try {
      std::rethrow_exception(error);
    } catch (const boost::system::system_error& e) {
      if (e.code() != asio::error::operation_aborted)
        log::error(name, "task ended by error task={} error={:?}", what, e.code().message());
    } catch (const std::exception& e) {
      log::error(name, "task ended by exception task={} error={:?}", what, e.what());
    }
  }
};

TaskGroup::TaskGroup(asio::any_io_executor executor, std::string name)
    : state_(std::make_shared<State>(std::move(executor), std::move(name))) {}

TaskGroup::~TaskGroup() {
  cancel();
}

void TaskGroup::start(std::string what, asio::awaitable<void> task) {
  if (state_->cancelled) return;
  State::Task& entry = state_->tasks.emplace_back();
  entry.what = std::move(what);
  auto place = std::prev(state_->tasks.end());
  auto ended = [state = state_, place](std::exception_ptr error) { state->ended(place, error); };
  // As a started coroutine runs up to its first wait at once, it may end before co_spawn returns.
  asio::co_spawn(state_->executor, std::move(task),
                 asio::bind_cancellation_slot(entry.signal.slot(), std::move(ended)));
}

void TaskGroup::cancel() {
  if (state_->cancelled) return;
  state_->cancelled = true;
  // A signal may make a task end on the spot, so that the list changes under our feet.
  for (auto it = state_->tasks.begin(); it != state_->tasks.end();) {
    auto current = it++;
    current->signal.emit(asio::cancellation_type::terminal);
  }
}

bool TaskGroup::cancelled() const {
  return state_->cancelled;
}

asio::awaitable<void> TaskGroup::join() {
  auto state = state_;
  while (!state->tasks.empty()) {
    boost::system::error_code ignored;
    co_await state->idle.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }
}

std::size_t TaskGroup::size() const {
  return state_->tasks.size();
}

}  // namespace gateway
