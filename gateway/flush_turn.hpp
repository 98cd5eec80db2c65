// Lets streams speak to their viewers when everything that has arrived was read: the sockets of the
// viewers are then written one behind the other. A viewer's process that was woken by the first
// write is still on its way at the second, so that it is not woken for each; and the code that
// reads does not push the code that writes out of the cache. One per shard.
#pragma once

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <memory>
#include <vector>

namespace gateway {

class Stream;

class FlushTurn {
 public:
  explicit FlushTurn(boost::asio::io_context& io) : io_(io) {}

  // Calls stream.speak() behind what the io_context has ready by now. Once for each add().
  void add(Stream& stream);
  // More of a picture came that is not whole yet: the rest is on its way, and the turn does not
  // begin as long as each look at the sockets finds some of it, for a moment at most.
  void expect_more() { expects_more_ = true; }
  void remove(const Stream& stream);  // it goes away

 private:
  void run();
  void post();

  boost::asio::io_context& io_;
  bool expects_more_ = false;
  std::chrono::steady_clock::time_point begin_;
  std::vector<Stream*> due_, speaking_;                         // nullptr where one went away
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // what was posted looks here
};

}  // namespace gateway
