// An RTSP connection on its way from one server to another: its socket, and what it has said that
// is not answered. A value that may change threads.
#pragma once

#include <unistd.h>

#include <boost/asio/ip/tcp.hpp>
#include <cstddef>
#include <functional>
#include <string>
#include <utility>

namespace gateway::rtsp {

struct MovedConnection {
  MovedConnection() = default;
  MovedConnection(MovedConnection&& other) noexcept { *this = std::move(other); }
  MovedConnection& operator=(MovedConnection&& other) noexcept {
    std::swap(descriptor, other.descriptor);
    std::swap(bytes, other.bytes);
    protocol = other.protocol;
    wrong_passwords = other.wrong_passwords;
    moves = other.moves;
    return *this;
  }
  ~MovedConnection() {
    if (descriptor >= 0) ::close(descriptor);
  }

  int descriptor = -1;  // closed with it, unless taken out
  boost::asio::ip::tcp protocol = boost::asio::ip::tcp::v4();
  std::string bytes;
  std::size_t wrong_passwords = 0;
  unsigned moves = 0;  // for this request
};

// Gives it to the server of that number.
using Mover = std::function<void(unsigned shard, MovedConnection&& moved)>;

}  // namespace gateway::rtsp
