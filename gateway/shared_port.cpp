#include "gateway/shared_port.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "gateway/log.hpp"
#include "rtp/bytes.hpp"
#include "rtp/packet.hpp"

namespace gateway {

namespace asio = boost::asio;
using asio::ip::tcp;

namespace {

constexpr std::size_t most_named = 32;

// Nothing: too short to have one.
std::optional<std::uint32_t> ssrc_of(std::span<const std::uint8_t> packet) {
  if (packet.size() >= 8 && rtp::is_rtcp(packet)) return rtp::load_be32(packet.data() + 4);
  if (packet.size() < rtp::rtp_header_size || packet[0] >> 6 != 2) return std::nullopt;
  return rtp::load_be32(packet.data() + 8);
}

// RTCP comes from the port above the one that RTP comes from.
rtp::SourceAddress rtp_source(const rtp::net::Datagram& datagram) {
  auto from = rtp::net::source_address(datagram.from);
  if (datagram.on_rtcp_port && from.port > 0) --from.port;
  return from;
}

}  // namespace

std::string text(const asio::ip::udp::endpoint& endpoint) {
  const auto address = endpoint.address();
  if (address.is_v6()) return fmt::format("[{}]:{}", address.to_string(), endpoint.port());
  return fmt::format("{}:{}", address.to_string(), endpoint.port());
}

SharedPort::SharedPort(asio::io_context& io, AlarmClock& clock, SharedPortOptions options)
    : options_(std::move(options)),
      table_(options_.policy),
      udp_(io.get_executor(), static_cast<rtp::net::UdpPortUser&>(*this),
           {.receive_buffer_bytes = options_.receive_buffer_bytes}),
      acceptor_(io),
      pause_(io),
      silence_(clock, [this](sip::TimePoint now) { drop_silent(now); }) {}

SharedPort::~SharedPort() {
  open_ = false;
  udp_.close();
  boost::system::error_code ignored;
  acceptor_.close(ignored);
  pause_.cancel();
}

rtp::Result<void> SharedPort::open() {
  if (open_) return {};
  if (const auto opened = udp_.open(options_.address, options_.port); !opened) return opened;
  if (const auto listening = listen(); !listening) {
    udp_.close();
    return listening;
  }
  open_ = true;
  accept();
  return {};
}

rtp::Result<void> SharedPort::listen() {
  boost::system::error_code error;
  const tcp::endpoint at(options_.address, options_.port);
  acceptor_.open(at.protocol(), error);
  if (!error) acceptor_.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor_.bind(at, error);
  if (!error) acceptor_.listen(asio::socket_base::max_listen_connections, error);
  if (!error) return {};
  boost::system::error_code ignored;
  acceptor_.close(ignored);
  return error;
}

// ---- sessions ----

std::optional<SharedPort::Session> SharedPort::add(Receiver& receiver,
                                                   std::span<const std::uint32_t> ssrcs) {
  const auto session = next_session_++;
  if (!table_.add(session, ssrcs)) return std::nullopt;
  receivers_[session] = &receiver;
  return session;
}

void SharedPort::remove(Session session) {
  table_.remove(session);
  receivers_.erase(session);
}

std::optional<SharedPort::Session> SharedPort::find(std::span<const std::uint8_t> packet,
                                                    const rtp::SourceAddress& from) const {
  const auto ssrc = ssrc_of(packet);
  return ssrc ? table_.find(*ssrc, from) : std::nullopt;
}

// ---- UDP ----

// Runs of packets of one session are handed over together.
void SharedPort::on_datagrams(std::span<rtp::net::Datagram> datagrams) {
  const auto whose = [&](std::size_t i) {
    return i < datagrams.size() ? find(datagrams[i].bytes.bytes(), rtp_source(datagrams[i]))
                                : std::nullopt;
  };
  auto session = whose(0);
  for (std::size_t at = 0; at < datagrams.size();) {
    std::size_t end = at + 1;
    auto next = whose(end);
    while (end < datagrams.size() && next == session) next = whose(++end);
    hand_over(session, datagrams.subspan(at, end - at));
    at = end;
    session = next;
  }
}

void SharedPort::hand_over(std::optional<Session> session,
                           std::span<rtp::net::Datagram> datagrams) {
  const auto receiver = session ? receivers_.find(*session) : receivers_.end();
  if (receiver == receivers_.end()) {
    counters_.strangers += datagrams.size() - 1;
    return refuse(ssrc_of(datagrams[0].bytes.bytes()).value_or(0),
                  [&] { return text(datagrams[0].from); });
  }
  auto* taker = receiver->second;
  taker->take_datagrams(datagrams);
  if (!receivers_.contains(*session)) return;  // it has gone meanwhile
  if (const auto source = taker->source()) table_.bind(*session, *source);
}

// Named once; then counted.
template <class Text>
void SharedPort::refuse(std::uint32_t ssrc, const Text& from) {
  ++counters_.strangers;
  if (named_.size() >= most_named || std::ranges::find(named_, ssrc) != named_.end()) return;
  named_.push_back(ssrc);
  log::warn("media", "media of no stream on port {}: ssrc={:010} from={}", options_.port, ssrc,
            from());
}

// ---- TCP ----

void SharedPort::accept() {
  auto on_accept = [this](const boost::system::error_code& error, tcp::socket socket) {
    if (error == asio::error::operation_aborted) return;  // the port may be gone
    if (!error) {
      on_accepted(std::move(socket));
      return accept();
    }
    // Out of descriptors, most likely: asking again at once would be a loop.
    pause_.expires_after(std::chrono::milliseconds(100));
    pause_.async_wait([this](const boost::system::error_code& cancelled) {
      if (!cancelled) accept();
    });
  };
  acceptor_.async_accept(std::move(on_accept));
}

void SharedPort::on_accepted(tcp::socket&& socket) {
  boost::system::error_code error;
  socket.remote_endpoint(error);
  if (error) {
    ++counters_.refused_connections;
    return;  // closes it
  }
  if (waiting_.size() >= options_.waiting_connections) {
    ++counters_.refused_connections;
    waiting_.pop_front();
  }
  const auto now_ns = rtp::net::steady_now_ns();
  waiting_.push_back({rtp::net::TcpConnection(std::move(socket), *this, {}), now_ns});
  if (waiting_.size() == 1)
    silence_.set(sip::TimePoint(std::chrono::nanoseconds(now_ns + options_.waiting_ns)));
}

void SharedPort::forget(const rtp::net::TcpConnection& connection) {
  waiting_.remove_if([&](const Waiting& waiting) { return waiting.connection.is(connection); });
}

void SharedPort::drop_silent(sip::TimePoint) {
  const auto now_ns = rtp::net::steady_now_ns();
  while (!waiting_.empty() && waiting_.front().since_ns + options_.waiting_ns <= now_ns) {
    ++counters_.refused_connections;
    waiting_.pop_front();
  }
  if (waiting_.empty()) return;
  const auto due_ns = waiting_.front().since_ns + options_.waiting_ns;
  silence_.set(sip::TimePoint(std::chrono::nanoseconds(due_ns)));
}

// The first packets of a connection say whose it is. RTCP alone may come first: then it waits.
void SharedPort::on_packets(rtp::net::TcpConnection& connection, std::span<rtp::Slice> packets,
                            std::int64_t arrival_ns) {
  const auto is_media = [](const rtp::Slice& packet) { return !rtp::is_rtcp(packet.bytes()); };
  const auto media = std::ranges::find_if(packets, is_media);
  if (media == packets.end()) return;
  const auto from = rtp::net::source_address(connection.peer());
  const auto session = find(media->bytes(), from);
  const auto receiver = session ? receivers_.find(*session) : receivers_.end();
  const auto mine = std::ranges::find_if(
      waiting_, [&](const Waiting& waiting) { return waiting.connection.is(connection); });
  if (mine == waiting_.end()) return;
  auto owned = std::move(mine->connection);
  waiting_.erase(mine);
  if (receiver == receivers_.end()) {
    ++counters_.refused_connections;
    return refuse(ssrc_of(media->bytes()).value_or(0),
                  [&] { return rtp::net::text(owned.peer()); });
  }
  table_.bind(*session, from);
  if (!receiver->second->take_connection(owned, packets, arrival_ns))
    ++counters_.refused_connections;
}

void SharedPort::on_end(rtp::net::TcpConnection& connection, const boost::system::error_code&,
                        const std::string&) {
  forget(connection);
}

}  // namespace gateway
