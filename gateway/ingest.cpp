#include "gateway/ingest.hpp"

#include <fmt/format.h>

#include <boost/asio/post.hpp>
#include <cstring>

#include "gateway/log.hpp"

namespace gateway {
namespace {

std::int64_t wall_now_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

sip::TimePoint time_point(std::int64_t steady_ns) {
  return sip::TimePoint(std::chrono::nanoseconds(steady_ns));
}

// As text, also of IPv4 in IPv6.
std::string text_of(const rtp::SourceAddress& address) {
  using namespace boost::asio::ip;
  const auto v6 = make_address_v6(address.ip);
  return v6.is_v4_mapped() ? text(udp::endpoint(make_address_v4(v4_mapped, v6), address.port))
                           : text(udp::endpoint(v6, address.port));
}

// The same stream's sender may go on as it was; others must not show their picture here.
std::vector<rtp::FormerSender> refused_by(const IngestOptions& options, const Stream& stream) {
  if (!options.former || options.former->stream == stream.name()) return {};
  return options.former->senders;
}

// As bytes, for each packet: the comparisons of addresses cost more.
bool are_same(const boost::asio::ip::udp::endpoint& a, const boost::asio::ip::udp::endpoint& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size()) == 0;
}

// A connection that has been silent for so long makes way for another.
constexpr std::int64_t takeover_ns = 5'000'000'000;

}  // namespace

Ingest::Ingest(boost::asio::io_context& io, AlarmClock& clock, Stream& stream,
               rtp::SsrcGenerator& ssrcs, IngestUser& user, IngestOptions options)
    : io_(io),
      user_(user),
      options_(std::move(options)),
      name_(stream.name()),
      pipeline_(stream, options_.pipeline, ssrcs),
      selector_({.expected = options_.expected_ssrcs,
                 .refused = refused_by(options_, stream),
                 .policy = options_.ssrc_policy}),
      rtcp_({.own_ssrc = ssrcs.next(), .cname = options_.cname}),
      alarm_(clock, [this](sip::TimePoint) { on_deadline(); }) {}

Ingest::~Ingest() {
  close();
}

rtp::Result<void> Ingest::open() {
  if (!options_.shared) return options_.transport == MediaTransport::udp ? open_udp() : open_tcp();
  session_ = options_.shared->add(*this, options_.expected_ssrcs);
  if (!session_) return boost::system::errc::make_error_code(boost::system::errc::address_in_use);
  return {};
}

rtp::Result<void> Ingest::open_udp() {
  udp_.emplace(io_.get_executor(), static_cast<rtp::net::UdpPortUser&>(*this),
               rtp::net::UdpPortOptions{.receive_buffer_bytes = options_.receive_buffer_bytes});
  return udp_->open(options_.listen_address, options_.lease.rtp_port());
}

rtp::Result<void> Ingest::open_tcp() {
  rtp::net::TcpPortOptions tcp;
  tcp.takeover_ns = takeover_ns;
  tcp.connection.receive_buffer_bytes = options_.receive_buffer_bytes;
  tcp.connect_attempts = options_.connect_attempts;
  if (!options_.expected_ssrcs.empty())
    tcp.connection.expected_ssrc = options_.expected_ssrcs.front();
  tcp_.emplace(io_.get_executor(), static_cast<rtp::net::TcpPortUser&>(*this), tcp);
  if (options_.transport == MediaTransport::tcp_active) return {};
  return tcp_->listen(options_.listen_address, options_.lease.rtp_port());
}

void Ingest::connect(const boost::asio::ip::tcp::endpoint& to) {
  if (tcp_) tcp_->connect(to);
}

void Ingest::expect(std::uint32_t ssrc) {
  selector_.expect(ssrc);
  if (session_) options_.shared->expect(*session_, ssrc);
}

void Ingest::expect_host(const std::string& host) {
  boost::system::error_code error;
  const auto address = boost::asio::ip::make_address(host, error);
  if (error || !session_) return;
  options_.shared->expect_host(
      *session_, rtp::net::source_address(boost::asio::ip::udp::endpoint(address, 0)).ip);
}

void Ingest::close() {
  if (closed_) return;
  closed_ = true;
  meters_.clear();
  if (packets_ > 0) {
    rtcp_out_.clear();
    rtcp_.bye(rtp::net::steady_now_ns(), rtcp_out_);
    send_rtcp();
  }
  if (udp_) udp_->close();
  if (tcp_) tcp_->close();
  if (link_) link_->close();
  if (session_) options_.shared->remove(*session_);
  alarm_.clear();
  leave_behind();
  options_.lease.give_back();
}

// Over TCP each attempt comes from a port of its own.
void Ingest::leave_behind() {
  if (!options_.former) return;
  auto senders = selector_.left_behind();
  for (auto& sender : senders)
    if (sender.from && options_.transport != MediaTransport::udp) sender.from->port = 0;
  *options_.former = {name_, std::move(senders)};
}

void Ingest::on_datagrams(std::span<rtp::net::Datagram> datagrams) {
  for (auto& datagram : datagrams) {
    if (rtp::is_rtcp(datagram.bytes.bytes())) {
      if (is_foreign_rtcp(datagram)) {
        ++refused_rtcp_;
        continue;
      }
      rtcp_from_ = datagram.from;
      take_rtcp(datagram.bytes.bytes(), datagram.arrival_ns);
      continue;
    }
    const auto before = packets_;
    if (!are_same(sender_endpoint_, datagram.from))
      sender_ = rtp::net::source_address(sender_endpoint_ = datagram.from);
    take(std::move(datagram.bytes), sender_, datagram.arrival_ns);
    if (packets_ != before && !(rtp_from_ && are_same(*rtp_from_, datagram.from)))
      rtp_from_ = datagram.from;
  }
  if (!datagrams.empty()) end_of_batch(datagrams.back().arrival_ns);
}

// Our reports go where RTCP comes from: nobody but the source shall say so.
bool Ingest::is_foreign_rtcp(const rtp::net::Datagram& datagram) const {
  const auto source = selector_.address();
  return source && source->ip != rtp::net::source_address(datagram.from).ip;
}

void Ingest::on_connected(const boost::asio::ip::tcp::endpoint& peer) {
  tcp_from_ = rtp::net::source_address(peer);
}

void Ingest::on_packets(std::span<rtp::Slice> packets, std::int64_t arrival_ns) {
  for (auto& packet : packets) {
    if (rtp::is_rtcp(packet.bytes())) {
      take_rtcp(packet.bytes(), arrival_ns);
    } else {
      take(std::move(packet), tcp_from_, arrival_ns);
    }
  }
  end_of_batch(arrival_ns);
}

void Ingest::on_end(const boost::system::error_code&, const std::string& reason) {
  user_.on_media_closed(reason);
}

void Ingest::on_packets(rtp::net::TcpConnection&, std::span<rtp::Slice> packets,
                        std::int64_t arrival_ns) {
  on_packets(packets, arrival_ns);
}

void Ingest::on_end(rtp::net::TcpConnection&, const boost::system::error_code& error,
                    const std::string& reason) {
  on_end(error, reason);
}

bool Ingest::take_connection(rtp::net::TcpConnection& connection, std::span<rtp::Slice> packets,
                             std::int64_t arrival_ns) {
  if (options_.transport != MediaTransport::tcp_passive) return false;
  if (link_ && link_->is_open() && arrival_ns - link_->heard_ns() < takeover_ns) {
    name_refused(selector_.ssrc().value_or(0), rtp::net::source_address(connection.peer()));
    return false;
  }
  link_ = std::move(connection);
  link_->set_user(*this);
  on_connected(link_->peer());
  on_packets(packets, arrival_ns);
  return true;
}

// Once: another sender to a port or stream that has its source.
void Ingest::name_refused(std::uint32_t ssrc, const rtp::SourceAddress& from) {
  if (std::exchange(refused_named_, true)) return;
  const auto source = selector_.address();
  log::warn("media", "refused a second sender to port {}: ssrc={:010} from={}; the source is {}",
            port(), ssrc, text_of(from), source ? text_of(*source) : std::string("not known yet"));
}

void Ingest::take(rtp::Slice&& bytes, const rtp::SourceAddress& from, std::int64_t arrival_ns) {
  const auto size = bytes.size;
  auto packet = rtp::parse_packet(std::move(bytes));
  if (!packet) {
    ++invalid_;
    return;
  }
  switch (selector_.on_packet(packet->ssrc, from, arrival_ns)) {
    case rtp::SourceSelector::Verdict::refused:
      return name_refused(packet->ssrc, from);
    case rtp::SourceSelector::Verdict::switched:
      if (packets_ > 0) pipeline_.on_source_switched();
      break;
    case rtp::SourceSelector::Verdict::accepted:
      break;
  }
  ++packets_;
  bytes_ += size;
  rtcp_.on_rtp(*packet, arrival_ns);
  pipeline_.on_packet(std::move(*packet), arrival_ns);
}

void Ingest::take_rtcp(std::span<const std::uint8_t> bytes, std::int64_t arrival_ns) {
  if (!rtcp_.on_rtcp(bytes, arrival_ns)) ++invalid_;
}

void Ingest::end_of_batch(std::int64_t now_ns) {
  pipeline_.end_of_batch(now_ns, wall_now_ns());
  arm();
  if (packets_ > 0 && !first_media_told_) {
    first_media_told_ = true;
    user_.on_first_media();
  }
}

void Ingest::on_deadline() {
  const auto now_ns = rtp::net::steady_now_ns();
  if (const auto due = pipeline_.next_deadline(); due && *due <= now_ns)
    pipeline_.on_deadline(now_ns, wall_now_ns());
  if (const auto due = rtcp_.next_deadline(); due && *due <= now_ns) {
    rtcp_out_.clear();
    rtcp_.on_deadline(now_ns, rtcp_out_);
    send_rtcp();
  }
  arm();
}

void Ingest::arm() {
  auto at = sip::never;
  if (const auto due = pipeline_.next_deadline()) at = std::min(at, time_point(*due));
  if (const auto due = rtcp_.next_deadline()) at = std::min(at, time_point(*due));
  alarm_.set(at);
}

// A report that cannot be sent is no loss: the next one says the same.
void Ingest::send_rtcp() {
  if (rtcp_out_.empty()) return;
  ++receiver_reports_;
  if (tcp_) {
    (void)tcp_->send(rtcp_out_);
  } else if (link_) {
    (void)link_->send(rtcp_out_);
  } else if (rtcp_from_) {
    send_rtcp_to(*rtcp_from_);
  } else if (rtp_from_ && rtp_from_->port() != 65535) {
    send_rtcp_to({rtp_from_->address(), static_cast<std::uint16_t>(rtp_from_->port() + 1)});
  }
}

void Ingest::send_rtcp_to(const boost::asio::ip::udp::endpoint& to) {
  if (udp_) (void)udp_->send_rtcp(rtcp_out_, to);
  if (session_) (void)options_.shared->send_rtcp(rtcp_out_, to);
}

void Ingest::tick(sip::TimePoint now) {
  const auto elapsed =
      std::chrono::duration_cast<std::chrono::milliseconds>(now - tick_at_).count();
  if (tick_at_ != sip::TimePoint{} && elapsed > 0)
    bitrate_bps_ = (bytes_ - tick_bytes_) * 8000 / static_cast<std::uint64_t>(elapsed);
  tick_bytes_ = bytes_;
  tick_at_ = now;
}

IngestFigures Ingest::figures() const {
  const auto& reorder = pipeline_.reorder_counters();
  IngestFigures figures;
  figures.packets = packets_;
  figures.bytes = bytes_;
  figures.lost = reorder.lost;
  figures.reordered = reorder.reordered;
  figures.duplicates = reorder.duplicates;
  figures.invalid = invalid_;
  figures.refused = selector_.refused() + refused_rtcp_;
  figures.timestamp_jumps = pipeline_.timestamp_jumps();
  figures.receiver_reports = receiver_reports_;
  figures.jitter_ms = rtcp_.stats().jitter_ms();
  figures.ssrc = selector_.ssrc().value_or(0);
  figures.bitrate_bps = bitrate_bps_;
  if (udp_) figures.kernel_drops = udp_->counters().kernel_drops;
  if (rtp_from_) figures.remote_address = text(*rtp_from_);
  if (tcp_ && tcp_->peer()) figures.remote_address = rtp::net::text(*tcp_->peer());
  if (link_ && link_->is_open()) figures.remote_address = rtp::net::text(link_->peer());
  const auto framer = tcp_    ? tcp_->framer_counters()
                      : link_ ? link_->framer().counters()
                              : rtp::TcpFramer::Counters{};
  figures.resyncs = framer.resyncs;
  figures.skipped_bytes = framer.skipped_bytes;
  figures.damaged_units = pipeline_.demuxer_counters().damaged_units;
  figures.elementary = pipeline_.is_elementary();
  return figures;
}

}  // namespace gateway
