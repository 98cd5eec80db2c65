#include "gateway/shard.hpp"

#include <doctest/doctest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <future>
#include <memory>
#include <string>

using namespace gateway;
using namespace std::chrono_literals;

TEST_CASE("a shard answers on its own thread, and the one who asked goes on on his") {
  Shard first(0), second(1);
  second.start();
  std::thread::id asked_on, answered_on, resumed_on;
  std::unique_ptr<std::string> answer;
  auto talk = [&]() -> boost::asio::awaitable<void> {
    asked_on = std::this_thread::get_id();
    auto question = [&] {
      answered_on = std::this_thread::get_id();
      return std::make_unique<std::string>("an answer that can only be moved");
    };
    answer = co_await second.ask(question);
    resumed_on = std::this_thread::get_id();
    first.stop();
  };
  boost::asio::co_spawn(first.io(), talk(), boost::asio::detached);
  first.run();
  REQUIRE(answer);
  CHECK(*answer == "an answer that can only be moved");
  CHECK(asked_on == std::this_thread::get_id());
  CHECK(resumed_on == asked_on);
  CHECK(answered_on != asked_on);
}

TEST_CASE("on the shard itself a call and a question happen at once") {
  Shard shard(0);
  std::string order;
  auto talk = [&]() -> boost::asio::awaitable<void> {
    shard.call([&] { order += "a"; });
    order += "b";
    auto question = [&] {
      order += "c";
      return 1;
    };
    CHECK(co_await shard.ask(question) == 1);
    order += "d";
    shard.stop();
  };
  boost::asio::co_spawn(shard.io(), talk(), boost::asio::detached);
  shard.run();
  CHECK(order == "abcd");
}

TEST_CASE("calls to another shard come in order") {
  Shard shard(1);
  std::string order;
  std::promise<void> last;
  for (char c = 'a'; c <= 'z'; ++c) shard.call([&order, c] { order += c; });
  shard.call([&] { last.set_value(); });
  CHECK(order.empty());
  shard.start();
  last.get_future().wait();
  shard.stop();
  CHECK(order == "abcdefghijklmnopqrstuvwxyz");
}

TEST_CASE("a shard knows how busy its thread is") {
  Shard idle(0), busy(1);
  idle.start();
  busy.start();
  std::atomic<bool> enough = false;
  std::function<void()> work = [&] {
    const auto end = sip::Clock::now() + 5ms;
    while (sip::Clock::now() < end) {
    }
    if (!enough) boost::asio::post(busy.io(), work);
  };
  boost::asio::post(busy.io(), work);
  std::this_thread::sleep_for(2300ms);
  CHECK(idle.busy() < 0.05);
  CHECK(busy.busy() > idle.busy() + 0.1);  // others want the processor, too
  CHECK(busy.busy() <= 1.0);
  enough = true;
}
