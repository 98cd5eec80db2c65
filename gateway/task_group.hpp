// The coroutines that a part of the program has started: they can be cancelled and waited for
// together, and an exception ends only the task that threw it (it is logged).
//
//     tasks_.start("accept", accept_loop());      ... tasks_.cancel(); co_await tasks_.join();
//
// Single-threaded: all calls on the executor's thread. Owner's contract: cancel and join before the
// things that the tasks refer to die. (Where the io_context itself has stopped, its destruction
// frees the frames; the group may then be gone already.)
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <cstddef>
#include <memory>
#include <string>

namespace gateway {

class TaskGroup {
 public:
  // `name` is the component in log lines.
  TaskGroup(boost::asio::any_io_executor executor, std::string name);
  // Cancels what still runs.
  ~TaskGroup();
  TaskGroup(const TaskGroup&) = delete;
  TaskGroup& operator=(const TaskGroup&) = delete;

  // Starts `task`; it may run up to its first wait before this returns. After cancel() it is not
  // started at all.
  // `what` names it in the log.
  void start(std::string what, boost::asio::awaitable<void> task);

  // Asks every task to end: its pending operation fails with operation_aborted, and so does each
  // co_await after it. Idempotent; nothing can be started afterwards.
  void cancel();
  bool cancelled() const;

  // Waits until no task runs. Several may wait.
  boost::asio::awaitable<void> join();

  // Tasks that have not ended.
  std::size_t size() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace gateway
