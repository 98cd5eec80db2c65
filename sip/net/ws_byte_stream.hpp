// A ByteStream as Asio and Beast want a stream: reads and writes that complete later. One of either
// kind at a time. Included by ws_*.cpp only.
#pragma once

#include <algorithm>
#include <boost/asio/async_result.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/compose.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/beast/websocket/teardown.hpp>
#include <memory>
#include <string>
#include <utility>

#include "sip/net/byte_stream.hpp"

namespace sip::net {

class WsByteStream {
 public:
  using executor_type = boost::asio::ip::tcp::socket::executor_type;

  // `stream` lives in what `owner` holds; operations under way keep that alive.
  WsByteStream(ByteStream& stream, std::weak_ptr<void> owner)
      : stream_(stream), owner_(std::move(owner)) {}

  executor_type get_executor() { return stream_.socket().get_executor(); }

  template <class Buffers, class Token>
  auto async_read_some(const Buffers& buffers, Token&& token) {
    boost::asio::mutable_buffer into;
    for (auto it = boost::asio::buffer_sequence_begin(buffers);
         it != boost::asio::buffer_sequence_end(buffers) && into.size() == 0; ++it)
      into = *it;
    return boost::asio::async_compose<Token, void(boost::system::error_code, std::size_t)>(
        Operation{this, owner_.lock(), into, false}, token, stream_.socket());
  }

  // Small pieces, as a frame's head and its payload are, go in one write.
  template <class Buffers, class Token>
  auto async_write_some(const Buffers& buffers, Token&& token) {
    writing_.clear();
    for (auto it = boost::asio::buffer_sequence_begin(buffers);
         it != boost::asio::buffer_sequence_end(buffers) && writing_.size() < most_gathered; ++it) {
      const boost::asio::const_buffer piece = *it;
      writing_.append(static_cast<const char*>(piece.data()),
                      std::min(piece.size(), most_gathered - writing_.size()));
    }
    return boost::asio::async_compose<Token, void(boost::system::error_code, std::size_t)>(
        Operation{this, owner_.lock(), {}, true}, token, stream_.socket());
  }

  void close() { stream_.close(); }

 private:
  static constexpr std::size_t most_gathered = 64 * 1024;

  struct Operation {
    WsByteStream* stream;
    std::shared_ptr<void> owner;
    boost::asio::mutable_buffer into;
    bool writes;
    bool begun = false;

    template <class Self>
    void operator()(Self& self, boost::system::error_code ec = {}) {
      auto& bytes = stream->stream_;
      if (!std::exchange(begun, true)) {  // a completion must not come before its call returns
        auto executor = bytes.socket().get_executor();
        return boost::asio::post(executor, std::move(self));
      }
      if (ec || !bytes.is_open()) return self.complete(boost::asio::error::operation_aborted, 0);
      const auto result = attempt();
      using Socket = boost::asio::ip::tcp::socket;
      switch (result.status) {
        case ByteStream::Status::done:
          return self.complete({}, result.size);
        case ByteStream::Status::wants_read:
          return bytes.socket().async_wait(Socket::wait_read, std::move(self));
        case ByteStream::Status::wants_write:
          return bytes.socket().async_wait(Socket::wait_write, std::move(self));
        case ByteStream::Status::closed:
          return self.complete(boost::asio::error::eof, 0);
        case ByteStream::Status::failed:
          return self.complete(boost::asio::error::connection_reset, 0);
      }
    }
    ByteStream::Result attempt() const {
      if (writes && stream->writing_.empty()) return {};
      if (writes) return stream->stream_.write(stream->writing_);
      if (into.size() == 0) return {};
      return stream->stream_.read({static_cast<char*>(into.data()), into.size()});
    }
  };

  ByteStream& stream_;
  std::weak_ptr<void> owner_;
  std::string writing_;
};

// What Beast looks for to end a WebSocket, and when its timer has run out.
inline void beast_close_socket(WsByteStream& stream) {
  stream.close();
}
inline void teardown(boost::beast::role_type, WsByteStream& stream, boost::system::error_code& ec) {
  stream.close();
  ec = {};
}
template <class Handler>
void async_teardown(boost::beast::role_type, WsByteStream& stream, Handler&& handler) {
  stream.close();
  boost::asio::post(stream.get_executor(), [h = std::forward<Handler>(handler)]() mutable {
    h(boost::system::error_code{});
  });
}

}  // namespace sip::net
