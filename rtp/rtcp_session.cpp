#include "rtp/rtcp_session.hpp"

#include <algorithm>

namespace rtp {
namespace {

// The next deadline, 90 to 110 % of the interval away. A small generator seeded by the SSRC: the
// same session always varies the same way.
std::int64_t varied(std::int64_t interval_ns, std::uint32_t& state) {
  state = state * 1'664'525u + 1'013'904'223u;
  return interval_ns / 10 * 9 + interval_ns / 5 * (state >> 16) / 0xffff;
}

RtcpSourceDescription description(std::uint32_t ssrc, const std::string& cname) {
  SdesChunk chunk{ssrc, {{SdesItem::cname, cname}}};
  RtcpSourceDescription sdes;
  sdes.chunks.push_back(std::move(chunk));
  return sdes;
}

}  // namespace

// ---- receiver ----

RtcpReceiver::RtcpReceiver(RtcpReceiverOptions options)
    : options_(std::move(options)), stats_(options_.clock_rate_hz), variation_(options_.own_ssrc) {}

void RtcpReceiver::on_rtp(const Packet& packet, std::int64_t now_ns) {
  if (media_seen_ && packet.ssrc != media_ssrc_) {
    stats_.reset();
    sender_info_.reset();
  }
  media_ssrc_ = packet.ssrc;
  if (!media_seen_) {  // an SR may have come before
    media_seen_ = true;
    deadline_ns_ = now_ns + varied(options_.interval_ns, variation_);
  }
  stats_.on_packet(packet.sequence, packet.timestamp, now_ns);
}

void RtcpReceiver::on_report(const RtcpSenderReport& report, std::int64_t now_ns) {
  ++sender_reports_;
  sender_info_ = report.sender;
  sender_report_ns_ = now_ns;
}

Result<RtcpNews> RtcpReceiver::on_rtcp(std::span<const std::uint8_t> bytes, std::int64_t now_ns) {
  const auto compound = parse_rtcp(bytes);
  if (!compound) {
    ++malformed_;
    return compound.error();
  }
  RtcpNews news;
  for (const auto& packet : compound->packets) {
    if (const auto* report = std::get_if<RtcpSenderReport>(&packet)) {
      on_report(*report, now_ns);
      news.sender_report = true;
    } else if (const auto* bye = std::get_if<RtcpBye>(&packet)) {
      const bool ours = bye->ssrcs.empty() || std::ranges::count(bye->ssrcs, media_ssrc_) > 0;
      if (!ours && media_seen_) continue;
      news.bye = true;
      news.bye_reason = bye->reason;
    }
  }
  return news;
}

void RtcpReceiver::report(std::int64_t now_ns, std::vector<std::uint8_t>& out) {
  RtcpReceiverReport report{options_.own_ssrc, {}};
  if (stats_.started()) {
    auto block = stats_.report(media_ssrc_);
    if (sender_info_) {
      block.last_sr = sender_info_->ntp.middle();
      block.delay_since_last_sr = ns_to_65536ths(now_ns - sender_report_ns_);
    }
    report.blocks.push_back(block);
  }
  write_rtcp(report, out);
  write_rtcp(description(options_.own_ssrc, options_.cname), out);
}

void RtcpReceiver::on_deadline(std::int64_t now_ns, std::vector<std::uint8_t>& out) {
  if (!deadline_ns_ || now_ns < *deadline_ns_) return;
  deadline_ns_ = now_ns + varied(options_.interval_ns, variation_);
  if (options_.only_after_sender_report && sender_reports_ == 0) return;
  report(now_ns, out);
}

void RtcpReceiver::bye(std::int64_t now_ns, std::vector<std::uint8_t>& out) {
  report(now_ns, out);
  write_rtcp(RtcpBye{{options_.own_ssrc}, {}}, out);
  deadline_ns_.reset();
}

// ---- sender ----

void write_sender_compound(std::uint32_t ssrc, const std::string& cname, const SenderInfo& info,
                           std::vector<std::uint8_t>& out) {
  write_rtcp(RtcpSenderReport{ssrc, info, {}}, out);
  write_rtcp(description(ssrc, cname), out);
}

RtcpSender::RtcpSender(RtcpSenderOptions options)
    : options_(std::move(options)), variation_(options_.ssrc) {}

void RtcpSender::report(const SenderInfo& info, std::int64_t now_ns,
                        std::vector<std::uint8_t>& out) {
  write_sender_compound(options_.ssrc, options_.cname, info, out);
  last_sr_ = info.ntp.middle();
  last_sr_ns_ = now_ns;
  deadline_ns_ = now_ns + varied(options_.interval_ns, variation_);
}

void RtcpSender::bye(const SenderInfo& info, const std::string& reason,
                     std::vector<std::uint8_t>& out) {
  write_sender_compound(options_.ssrc, options_.cname, info, out);
  write_rtcp(RtcpBye{{options_.ssrc}, reason}, out);
  deadline_ns_.reset();
}

void RtcpSender::on_block(const ReportBlock& block, std::int64_t now_ns) {
  ViewerReport report{block.fraction_lost, block.cumulative_lost, block.jitter, std::nullopt};
  // 6.4.1: now - LSR - DLSR. Our LSR names an instant of capture, so the time of sending serves.
  if (block.last_sr != 0 && block.last_sr == last_sr_) {
    const auto held_ns = block.delay_since_last_sr * ns_per_second / 65536;
    report.round_trip_ns = std::max<std::int64_t>(0, now_ns - last_sr_ns_ - held_ns);
  }
  viewer_report_ = report;
}

Result<ViewerNews> RtcpSender::on_rtcp(std::span<const std::uint8_t> bytes, std::int64_t now_ns) {
  const auto compound = parse_rtcp(bytes);
  if (!compound) return compound.error();
  ViewerNews news;
  const auto read_blocks = [&](const std::vector<ReportBlock>& blocks) {
    for (const auto& block : blocks) {
      if (block.ssrc != options_.ssrc) continue;
      news.report = true;
      on_block(block, now_ns);
    }
  };
  for (const auto& packet : compound->packets) {
    if (const auto* rr = std::get_if<RtcpReceiverReport>(&packet)) read_blocks(rr->blocks);
    if (const auto* sr = std::get_if<RtcpSenderReport>(&packet)) read_blocks(sr->blocks);
    if (std::holds_alternative<RtcpBye>(packet)) news.bye = true;
  }
  return news;
}

}  // namespace rtp
