#include "sip/net/byte_stream.hpp"

#include <openssl/err.h>
#include <sys/socket.h>

#include <cerrno>
#include <utility>

namespace sip::net {
namespace {

using Status = ByteStream::Status;

bool would_block() {
  return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
}

// OpenSSL's own socket BIO writes in a way that raises SIGPIPE.
int descriptor(BIO* bio) {
  return static_cast<int>(reinterpret_cast<std::intptr_t>(BIO_get_data(bio)));
}
int bio_read(BIO* bio, char* into, int size) {
  BIO_clear_retry_flags(bio);
  const auto n = ::recv(descriptor(bio), into, static_cast<std::size_t>(size), 0);
  if (n < 0 && would_block()) BIO_set_retry_read(bio);
  return static_cast<int>(n);
}
int bio_write(BIO* bio, const char* bytes, int size) {
  BIO_clear_retry_flags(bio);
  const auto n = ::send(descriptor(bio), bytes, static_cast<std::size_t>(size), MSG_NOSIGNAL);
  if (n < 0 && would_block()) BIO_set_retry_write(bio);
  return static_cast<int>(n);
}
long bio_control(BIO*, int command, long, void*) {
  return command == BIO_CTRL_FLUSH ? 1 : 0;
}

const BIO_METHOD* socket_method() {
  static const BIO_METHOD* const method = [] {
    auto* m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "socket");
    BIO_meth_set_read(m, bio_read);
    BIO_meth_set_write(m, bio_write);
    BIO_meth_set_ctrl(m, bio_control);
    return m;
  }();
  return method;
}

}  // namespace

bool ByteStream::secure(TlsSession session) {
  auto* bio = session.ssl ? BIO_new(socket_method()) : nullptr;
  if (!bio) return false;
  BIO_set_data(bio, reinterpret_cast<void*>(static_cast<std::intptr_t>(socket_.native_handle())));
  BIO_set_init(bio, 1);
  SSL_set_bio(session.ssl.get(), bio, bio);
  tls_ = std::move(session);
  return true;
}

ByteStream::Result ByteStream::of_tls(int returned) {
  if (returned > 0) return {Status::done, static_cast<std::size_t>(returned)};
  switch (SSL_get_error(tls_.ssl.get(), returned)) {
    case SSL_ERROR_WANT_READ:
      return {Status::wants_read, 0};
    case SSL_ERROR_WANT_WRITE:
      return {Status::wants_write, 0};
    case SSL_ERROR_ZERO_RETURN:
      return {Status::closed, 0};
    default:
      ERR_clear_error();
      return {Status::failed, 0};
  }
}

ByteStream::Result ByteStream::handshake() {
  if (!is_secured()) return {};
  ERR_clear_error();
  return of_tls(SSL_do_handshake(tls_.ssl.get()));
}

ByteStream::Result ByteStream::read(std::span<char> into) {
  if (is_secured()) {
    ERR_clear_error();
    return of_tls(SSL_read(tls_.ssl.get(), into.data(), static_cast<int>(into.size())));
  }
  const auto n = ::recv(socket_.native_handle(), into.data(), into.size(), 0);
  if (n > 0) return {Status::done, static_cast<std::size_t>(n)};
  if (n == 0) return {Status::closed, 0};
  return {would_block() ? Status::wants_read : Status::failed, 0};
}

ByteStream::Result ByteStream::write(std::string_view bytes) {
  if (is_secured()) {
    ERR_clear_error();
    return of_tls(SSL_write(tls_.ssl.get(), bytes.data(), static_cast<int>(bytes.size())));
  }
  const auto n = ::send(socket_.native_handle(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
  if (n >= 0) return {Status::done, static_cast<std::size_t>(n)};
  return {would_block() ? Status::wants_write : Status::failed, 0};
}

void ByteStream::close() {
  if (!socket_.is_open()) return;
  if (is_secured() && SSL_is_init_finished(tls_.ssl.get())) {
    ERR_clear_error();
    SSL_shutdown(tls_.ssl.get());
    ERR_clear_error();
  }
  boost::system::error_code ignored;
  socket_.close(ignored);
}

X509* ByteStream::peer_certificate() const {
  if (!is_secured() || SSL_get_verify_result(tls_.ssl.get()) != X509_V_OK) return nullptr;
  return SSL_get0_peer_certificate(tls_.ssl.get());
}

}  // namespace sip::net
