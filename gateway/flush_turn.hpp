// Lets streams speak to their viewers when everything that has arrived was read: the sockets of the
// viewers are then written one behind the other. A viewer's process that was woken by the first
// write is still on its way at the second, so that it is not woken for each; and the code that
// reads does not push the code that writes out of the cache. One per shard.
#pragma once

#include <boost/asio/io_context.hpp>
#include <memory>
#include <vector>

namespace gateway {

class Stream;

class FlushTurn {
 public:
  explicit FlushTurn(boost::asio::io_context& io) : io_(io) {}

  // Calls stream.speak() behind what the io_context has ready by now. Once for each add().
  void add(Stream& stream);
  void remove(const Stream& stream);  // it goes away

 private:
  void run();

  boost::asio::io_context& io_;
  std::vector<Stream*> due_, speaking_;                         // nullptr where one went away
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // what was posted looks here
};

}  // namespace gateway
