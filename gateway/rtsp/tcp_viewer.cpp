#include "gateway/rtsp/tcp_viewer.hpp"

namespace gateway::rtsp {
namespace {

void append_frame(std::uint8_t channel, std::span<const std::uint8_t> payload,
                  std::vector<std::uint8_t>& frames) {
  frames.insert(frames.end(), {'$', channel, static_cast<std::uint8_t>(payload.size() >> 8),
                               static_cast<std::uint8_t>(payload.size())});
  frames.insert(frames.end(), payload.begin(), payload.end());
}

}  // namespace

TcpViewer::TcpViewer(std::shared_ptr<Session> session, ViewerLimits limits,
                     std::shared_ptr<InterleavedWriter> writer, Over over)
    : LiveViewer(std::move(session), limits, std::move(over)), writer_(std::move(writer)) {
  writer_->add(*this);
}

TcpViewer::~TcpViewer() {
  writer_->remove(*this);
}

void TcpViewer::transmit(std::int64_t) {
  writer_->flush();
}

void TcpViewer::send_rtcp(std::size_t track, std::span<const std::uint8_t> bytes) {
  const auto* setup = session_->setup_of(track);
  if (!setup) return;
  writer_->queue_frame(setup->transport.rtcp_channel.value_or(1), bytes);
  writer_->flush();
}

bool TcpViewer::stalled(std::int64_t now_ns) const {
  return writer_->blocked_ns(now_ns) > limits_.stall_ns;
}

void TcpViewer::prepare(std::int64_t now_ns, std::vector<std::uint8_t>& frames) {
  if (!playing()) return;
  head_.refresh(now_ns);
  const auto* packet = next_packet();
  if (!packet) return;
  const std::size_t track = ts_ ? 0 : packet->track;
  if (reports_.first_due(track)) prepare_report(track, now_ns, frames);
  if (ts_) prepare_ts(frames);
}

void TcpViewer::prepare_report(std::size_t track, std::int64_t now_ns,
                               std::vector<std::uint8_t>& frames) {
  const auto* setup = session_->setup_of(track);
  report_.clear();
  reports_.report(track, now_ns, report_);
  if (setup && !report_.empty())
    append_frame(setup->transport.rtcp_channel.value_or(1), report_, frames);
}

// A transport stream is this viewer's own: its frames are made as the socket takes them.
void TcpViewer::prepare_ts(std::vector<std::uint8_t>& frames) {
  const auto* setup = session_->setup_of(0);
  while (setup && frames.size() < InterleavedWriter::frames_limit) {
    const auto index = head_.next(head_.position());
    if (index == stream().end()) return;
    datagrams_.clear();
    ts_->push(stream().packet(index), datagrams_);
    head_.sent(index);
    std::size_t at = 0;
    for (const auto size : datagrams_.sizes) {
      append_frame(setup->transport.rtp_channel.value_or(0), {datagrams_.bytes.data() + at, size},
                   frames);
      at += size;
      count(size);
    }
  }
}

bool TcpViewer::gather(GatherBatch& batch) {
  if (!playing()) return false;
  if (ts_) return next_packet() != nullptr;
  const auto end = stream().end();
  for (auto i = head_.next(head_.position()); i < end; i = head_.next(i + 1)) {
    const auto& packet = stream().packet(i);
    const auto* setup = session_->setup_of(packet.track);
    if (reports_.first_due(packet.track)) return true;
    if (!batch.add(*this, i, packet, setup->transport.rtp_channel.value_or(0))) return true;
  }
  return false;
}

void TcpViewer::sent(std::uint64_t index) {
  count(stream().packet(index).size_bytes);
  head_.sent(index);
}

}  // namespace gateway::rtsp
