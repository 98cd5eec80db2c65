#include "sip/net/connection.hpp"

#include <algorithm>
#include <utility>

#include "sip/net/connection_table.hpp"
#include "sip/net/socket_address.hpp"

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

namespace sip::net {
namespace {
constexpr auto pong_within = std::chrono::seconds(10);  // RFC 5626 4.4.1
}

Connection::Connection(std::shared_ptr<ConnectionTable> table, ByteStream stream, const Flow& flow,
                       Origin origin)
    : table_(std::move(table)),
      stream_(std::move(stream)),
      flow_(flow),
      wanted_(flow),
      accepted_(origin == Origin::accepted) {
  if (!accepted_) ping_every_ = table_->limits.ping_every;
  wanted_.connection = ConnectionId::none;
}

void Connection::start_accepted(TlsSession session) {
  first_by_ = Clock::now() + std::min(table_->limits.silent, table_->limits.idle);
  const bool secured = session.ssl != nullptr;
  if (secured && !stream_.secure(std::move(session))) return fail();
  if (secured) first_by_ = std::min(first_by_, Clock::now() + table_->limits.connect_within);
  state_ = State::handshaking;
  shake_hands();
}

void Connection::start_connecting(TlsSession session, const std::string& domain, bool verify) {
  first_by_ = Clock::now() + table_->limits.connect_within;
  must_verify_ = verify;
  domain_ = domain;
  auto self = shared_from_this();
  auto held = std::make_shared<TlsSession>(std::move(session));
  stream_.socket().async_connect(to_tcp(flow_.remote), [self, held](error_code ec) {
    if (self->is_closed()) return;
    if (ec) return self->fail();
    error_code ignored;
    self->stream_.socket().non_blocking(true, ignored);
    self->flow_.local = from_endpoint(self->stream_.socket().local_endpoint(ignored));
    if (held->ssl && !self->stream_.secure(std::move(*held))) return self->fail();
    self->state_ = State::handshaking;
    self->shake_hands();
  });
}

void Connection::shake_hands() {
  const auto result = stream_.handshake();
  const auto again = [this] { shake_hands(); };
  switch (result.status) {
    case ByteStream::Status::wants_read:
      return when_ready(tcp::socket::wait_read, again);
    case ByteStream::Status::wants_write:
      return when_ready(tcp::socket::wait_write, again);
    case ByteStream::Status::done:
      if (is_believed()) return begin();
      [[fallthrough]];
    default:
      ++table_->counters->tls_failures;
      return fail();
  }
}

bool Connection::is_believed() const {
  return !must_verify_ || !stream_.is_secured() ||
         is_certificate_of(stream_.peer_certificate(), domain_, flow_.remote.ip);
}

void Connection::begin() {
  error_code ignored;
  stream_.socket().set_option(tcp::no_delay(true), ignored);
  opened();
}

void Connection::ready() {
  const auto now = Clock::now();
  state_ = State::open;
  first_by_ = accepted_ ? now + std::min(table_->limits.silent, table_->limits.idle) : never;
  idle_at_ = now + table_->limits.idle;
  if (!accepted_) ++table_->counters->connections_opened;
}

TimePoint Connection::deadline() const {
  return std::min({idle_at_, first_by_, whole_by_, written_by_, pong_by_});
}

void Connection::keep_alive(TimePoint now) {
  if (!is_open() || !is_pinged()) return;
  if (ping_at_ == never) ping_at_ = now + ping_every_;
  if (ping_at_ > now) return;
  ping_at_ = now + ping_every_;
  pong_by_ = now + pong_within;
  ++table_->counters->keep_alives_sent;
  ping();
}

void Connection::ping_each(Duration every) {
  ping_every_ = every;
  if (ping_at_ != never) ping_at_ = std::min(ping_at_, Clock::now() + every);
}

void Connection::heard(TimePoint now) {
  idle_at_ = now + table_->limits.idle;
  pong_by_ = never;
}
void Connection::understood(TimePoint now) {
  first_by_ = never;
  whole_by_ = never;
  heard(now);
}
void Connection::incomplete(TimePoint now) {
  if (whole_by_ == never) whole_by_ = now + table_->limits.message_within;
}
void Connection::writes_wait(TimePoint now) {
  if (written_by_ == never) written_by_ = now + table_->limits.written_within;
}
void Connection::writes_went(TimePoint now) {
  written_by_ = never;
  idle_at_ = now + table_->limits.idle;
}

void Connection::fail() {
  table_->remove(*this);
}

}  // namespace sip::net
