// RTCP packets, RFC 3550 6: reading and writing of compounds of SR, RR, SDES and BYE. APP, the
// feedback types of RFC 4585 and unknown types are skipped by their length and counted. Pure.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "rtp/error.hpp"
#include "rtp/time.hpp"

namespace rtp {

struct ReportBlock {
  std::uint32_t ssrc = 0;                 // whom it is about
  std::uint8_t fraction_lost = 0;         // of 256, since the last report
  std::int32_t cumulative_lost = 0;       // 24 bits on the wire; may be negative
  std::uint32_t highest_sequence = 0;     // extended
  std::uint32_t jitter = 0;               // RTP timestamp units
  std::uint32_t last_sr = 0;              // NtpTime::middle() of the last SR; 0: none came
  std::uint32_t delay_since_last_sr = 0;  // 1/65536 s
  bool operator==(const ReportBlock&) const = default;
};

// An RTP timestamp, the wall clock of the same instant, and what was sent so far.
struct SenderInfo {
  NtpTime ntp;
  std::uint32_t rtp_timestamp = 0;
  std::uint32_t packet_count = 0;
  std::uint32_t octet_count = 0;  // payload only
  bool operator==(const SenderInfo&) const = default;
};

struct RtcpSenderReport {
  std::uint32_t ssrc = 0;
  SenderInfo sender;
  std::vector<ReportBlock> blocks;  // 31 at most
  bool operator==(const RtcpSenderReport&) const = default;
};

struct RtcpReceiverReport {
  std::uint32_t ssrc = 0;
  std::vector<ReportBlock> blocks;
  bool operator==(const RtcpReceiverReport&) const = default;
};

struct SdesItem {
  static constexpr std::uint8_t cname = 1, name = 2, tool = 6, note = 7;
  std::uint8_t type = cname;
  std::string text;  // 255 bytes at most; as it came, not checked for UTF-8
  bool operator==(const SdesItem&) const = default;
};

struct SdesChunk {
  std::uint32_t ssrc = 0;
  std::vector<SdesItem> items;
  bool operator==(const SdesChunk&) const = default;
};

struct RtcpSourceDescription {
  std::vector<SdesChunk> chunks;
  bool operator==(const RtcpSourceDescription&) const = default;
};

struct RtcpBye {
  std::vector<std::uint32_t> ssrcs;
  std::string reason;
  bool operator==(const RtcpBye&) const = default;
};

using RtcpPacket =
    std::variant<RtcpSenderReport, RtcpReceiverReport, RtcpSourceDescription, RtcpBye>;

struct RtcpCompound {
  std::vector<RtcpPacket> packets;
  std::uint32_t skipped = 0;  // packets of other types
  bool operator==(const RtcpCompound&) const = default;
};

// Tolerant: the first packet may be of any type (reduced size, RFC 5506), SDES may be missing, and
// when a later packet is damaged, those before it are returned. 64 packets are read at most.
// Errc::truncated, bad_version, bad_length, bad_padding when the first packet is unusable.
Result<RtcpCompound> parse_rtcp(std::span<const std::uint8_t> bytes);

// Append one packet to `out`; several calls make a compound. What does not fit its field (32nd
// block or chunk, 256th byte of a text) is cut off.
void write_rtcp(const RtcpSenderReport& report, std::vector<std::uint8_t>& out);
void write_rtcp(const RtcpReceiverReport& report, std::vector<std::uint8_t>& out);
void write_rtcp(const RtcpSourceDescription& description, std::vector<std::uint8_t>& out);
void write_rtcp(const RtcpBye& bye, std::vector<std::uint8_t>& out);
void write_rtcp(const RtcpCompound& compound, std::vector<std::uint8_t>& out);

}  // namespace rtp
