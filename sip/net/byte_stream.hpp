// The bytes of one TCP connection, in the clear or inside TLS, read and written without blocking:
// the same to whoever frames messages in them.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "sip/net/tls_context.hpp"

namespace sip::net {

class ByteStream {
 public:
  enum class Status : std::uint8_t {
    done,         // `size` bytes went over; of a read and a write at least one
    wants_read,   // nothing can be done before the socket is readable
    wants_write,  // ... writable
    closed,       // the peer has said its last
    failed,
  };
  struct Result {
    Status status = Status::done;
    std::size_t size = 0;
  };

  explicit ByteStream(boost::asio::ip::tcp::socket socket) : socket_(std::move(socket)) {}

  // From now on it speaks TLS; handshake() comes first. The socket must be open.
  bool secure(TlsSession session);
  bool is_secured() const { return tls_.ssl != nullptr; }

  // Again and again until it is done; at once for what is not secured.
  Result handshake();
  Result read(std::span<char> into);
  Result write(std::string_view bytes);
  // Says goodbye in TLS, as far as that does not block.
  void close();

  // The peer's certificate, if it showed one that we believe. Null for what is not secured.
  X509* peer_certificate() const;

  boost::asio::ip::tcp::socket& socket() { return socket_; }
  bool is_open() const { return socket_.is_open(); }

 private:
  Result of_tls(int returned);

  boost::asio::ip::tcp::socket socket_;
  TlsSession tls_;
};

}  // namespace sip::net
