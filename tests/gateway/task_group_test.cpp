#include "gateway/task_group.hpp"

#include <doctest/doctest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "gateway/log.hpp"

namespace gateway {
namespace {

namespace asio = boost::asio;
using std::chrono::milliseconds;

// Notes its end, however it comes.
struct Mark {
  std::string& trace;
  const char* word;
  ~Mark() { trace += word; }
};

asio::awaitable<void> sleep_for(milliseconds time) {
  asio::steady_timer timer(co_await asio::this_coro::executor, time);
  co_await timer.async_wait(asio::use_awaitable);
}

asio::awaitable<void> task(std::string& trace, const char* word, milliseconds time) {
  Mark mark{trace, word};
  co_await sleep_for(time);
  trace += "slept ";
}

asio::awaitable<void> failing() {
  co_await sleep_for(milliseconds(1));
  throw std::runtime_error("boom");
}

asio::awaitable<void> nothing() {
  co_return;
}

asio::awaitable<void> join_and_note(TaskGroup& group, std::string& trace) {
  co_await group.join();
  trace += "joined";
}

asio::awaitable<void> starts_another(TaskGroup& group, std::string& trace) {
  co_await sleep_for(milliseconds(1));
  group.start("inner", task(trace, "inner ", milliseconds(5)));
}

}  // namespace

TEST_CASE("task group: cancel ends what waits, join returns after the last") {
  asio::io_context io;
  std::string trace;
  TaskGroup group(io.get_executor(), "test");
  group.start("a", task(trace, "a ", std::chrono::hours(1)));
  group.start("b", task(trace, "b ", std::chrono::hours(1)));
  asio::co_spawn(io, join_and_note(group, trace), asio::detached);
  io.run_for(milliseconds(10));
  CHECK(trace == "");
  CHECK(group.size() == 2);
  group.cancel();
  group.start("late", task(trace, "late ", milliseconds(0)));
  io.restart();
  io.run();
  CHECK(trace == "a b joined");  // the late one never ran
  CHECK(group.size() == 0);
}

TEST_CASE("task group: join waits for tasks that tasks start") {
  asio::io_context io;
  std::string trace;
  TaskGroup group(io.get_executor(), "test");
  group.start("outer", starts_another(group, trace));
  group.start("empty", nothing());
  asio::co_spawn(io, join_and_note(group, trace), asio::detached);
  io.run();
  CHECK(trace == "slept inner joined");
}

TEST_CASE("task group: an exception ends its own task only, and is logged") {
  std::vector<std::string> lines;
  log::set_sink([&](log::Level, std::string_view component, std::string_view text) {
    lines.push_back(std::string(component) + ": " + std::string(text));
  });
  asio::io_context io;
  std::string trace;
  TaskGroup group(io.get_executor(), "media");
  group.start("bad", failing());
  group.start("good", task(trace, "good ", milliseconds(5)));
  asio::co_spawn(io, join_and_note(group, trace), asio::detached);
  io.run();
  log::set_sink({});
  CHECK(trace == "slept good joined");
  CHECK(lines ==
        std::vector<std::string>{"media: task ended by exception task=bad error=\"boom\""});
}

TEST_CASE("task group: tasks outlive neither the group's wish nor a stopped context") {
  std::string trace;
  {
    asio::io_context io;
    TaskGroup group(io.get_executor(), "test");
    group.start("a", task(trace, "a ", std::chrono::hours(1)));
    io.run_for(milliseconds(5));
  }
  CHECK(trace == "a ");
}

}  // namespace gateway
