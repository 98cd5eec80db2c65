#include "gateway/ingest.hpp"

#include <fmt/format.h>

#include <boost/asio/post.hpp>

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

template <class Endpoint>
std::string text(const Endpoint& endpoint) {
  const auto address = endpoint.address();
  if (address.is_v6()) return fmt::format("[{}]:{}", address.to_string(), endpoint.port());
  return fmt::format("{}:{}", address.to_string(), endpoint.port());
}

}  // namespace

Ingest::Ingest(boost::asio::io_context& io, AlarmClock& clock, Stream& stream,
               rtp::SsrcGenerator& ssrcs, IngestUser& user, IngestOptions options)
    : io_(io),
      user_(user),
      options_(std::move(options)),
      pipeline_(stream, options_.pipeline, ssrcs),
      selector_({.expected = options_.expected_ssrcs, .refused = options_.refused_ssrcs}),
      rtcp_({.own_ssrc = ssrcs.next(), .cname = options_.cname}),
      alarm_(clock, [this](sip::TimePoint) { on_deadline(); }) {}

Ingest::~Ingest() {
  close();
}

rtp::Result<void> Ingest::open() {
  if (options_.transport == MediaTransport::udp) {
    udp_.emplace(io_.get_executor(), static_cast<rtp::net::UdpPortUser&>(*this),
                 rtp::net::UdpPortOptions{.receive_buffer_bytes = options_.receive_buffer_bytes});
    return udp_->open(options_.listen_address, options_.lease.rtp_port());
  }
  rtp::net::TcpPortOptions tcp;
  tcp.receive_buffer_bytes = options_.receive_buffer_bytes;
  tcp.connect_attempts = options_.connect_attempts;
  if (!options_.expected_ssrcs.empty()) tcp.expected_ssrc = options_.expected_ssrcs.front();
  tcp_.emplace(io_.get_executor(), static_cast<rtp::net::TcpPortUser&>(*this), tcp);
  if (options_.transport == MediaTransport::tcp_active) return {};
  return tcp_->listen(options_.listen_address, options_.lease.rtp_port());
}

void Ingest::connect(const boost::asio::ip::tcp::endpoint& to) {
  if (tcp_) tcp_->connect(to);
}

void Ingest::expect(std::uint32_t ssrc) {
  selector_.expect(ssrc);
}

void Ingest::close() {
  if (closed_) return;
  closed_ = true;
  if (packets_ > 0) {
    rtcp_out_.clear();
    rtcp_.bye(rtp::net::steady_now_ns(), rtcp_out_);
    send_rtcp();
  }
  if (udp_) udp_->close();
  if (tcp_) tcp_->close();
  alarm_.clear();
  options_.lease.give_back();
}

void Ingest::on_datagrams(std::span<rtp::net::Datagram> datagrams) {
  for (auto& datagram : datagrams) {
    if (rtp::is_rtcp(datagram.bytes.bytes())) {
      rtcp_from_ = datagram.from;
      take_rtcp(datagram.bytes.bytes(), datagram.arrival_ns);
      continue;
    }
    const auto before = packets_;
    take(std::move(datagram.bytes), rtp::net::source_address(datagram.from), datagram.arrival_ns);
    if (packets_ != before) rtp_from_ = datagram.from;
  }
  if (!datagrams.empty()) end_of_batch(datagrams.back().arrival_ns);
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

void Ingest::take(rtp::Slice&& bytes, const rtp::SourceAddress& from, std::int64_t arrival_ns) {
  const auto size = bytes.size;
  auto packet = rtp::parse_packet(std::move(bytes));
  if (!packet) {
    ++invalid_;
    return;
  }
  switch (selector_.on_packet(packet->ssrc, from, arrival_ns)) {
    case rtp::SourceSelector::Verdict::refused:
      return;
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
  } else if (udp_ && rtcp_from_) {
    (void)udp_->send_rtcp(rtcp_out_, *rtcp_from_);
  } else if (udp_ && rtp_from_ && rtp_from_->port() != 65535) {
    const auto port = static_cast<std::uint16_t>(rtp_from_->port() + 1);
    (void)udp_->send_rtcp(rtcp_out_, {rtp_from_->address(), port});
  }
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
  figures.refused = selector_.refused();
  figures.timestamp_jumps = pipeline_.timestamp_jumps();
  figures.receiver_reports = receiver_reports_;
  figures.jitter_ms = rtcp_.stats().jitter_ms();
  figures.ssrc = selector_.ssrc().value_or(0);
  figures.bitrate_bps = bitrate_bps_;
  if (udp_) figures.kernel_drops = udp_->counters().kernel_drops;
  if (rtp_from_) figures.remote_address = text(*rtp_from_);
  if (tcp_ && tcp_->peer()) figures.remote_address = text(*tcp_->peer());
  return figures;
}

}  // namespace gateway
