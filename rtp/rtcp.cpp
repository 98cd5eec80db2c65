#include "rtp/rtcp.hpp"

#include <algorithm>

#include "rtp/bytes.hpp"

namespace rtp {
namespace {

constexpr std::uint8_t type_sr = 200, type_rr = 201, type_sdes = 202, type_bye = 203;
constexpr std::size_t max_packets = 64;
constexpr std::size_t max_count = 31;  // the 5-bit field of the header
constexpr std::size_t block_size = 24;

// ---- reading ----

ReportBlock read_block(ByteReader& in) {
  ReportBlock block;
  block.ssrc = in.u32();
  block.fraction_lost = in.u8();
  const auto lost = in.u24();
  block.cumulative_lost = static_cast<std::int32_t>(lost << 8) >> 8;  // the sign is in bit 23
  block.highest_sequence = in.u32();
  block.jitter = in.u32();
  block.last_sr = in.u32();
  block.delay_since_last_sr = in.u32();
  return block;
}

// Devices announce blocks that they do not send: as many as there are bytes for.
std::vector<ReportBlock> read_blocks(ByteReader& in, std::size_t count) {
  std::vector<ReportBlock> blocks(std::min(count, in.remaining() / block_size));
  for (auto& block : blocks) block = read_block(in);
  return blocks;
}

bool read_sr(ByteReader& in, std::size_t count, RtcpCompound& out) {
  RtcpSenderReport report;
  report.ssrc = in.u32();
  report.sender.ntp.value = in.u64();
  report.sender.rtp_timestamp = in.u32();
  report.sender.packet_count = in.u32();
  report.sender.octet_count = in.u32();
  if (!in.ok()) return false;
  report.blocks = read_blocks(in, count);
  out.packets.emplace_back(std::move(report));
  return true;
}

bool read_rr(ByteReader& in, std::size_t count, RtcpCompound& out) {
  RtcpReceiverReport report;
  report.ssrc = in.u32();
  if (!in.ok()) return false;
  report.blocks = read_blocks(in, count);
  out.packets.emplace_back(std::move(report));
  return true;
}

std::string read_text(ByteReader& in, std::size_t size) {
  const auto bytes = in.bytes(size);
  return std::string(bytes.begin(), bytes.end());
}

// A chunk is a list of items that a 0 ends, padded to 32 bits from the start of the chunk (6.5).
bool read_chunk(ByteReader& in, SdesChunk& chunk) {
  const auto start = in.remaining();
  chunk.ssrc = in.u32();
  while (in.ok() && !in.empty()) {
    const auto type = in.u8();
    if (type == 0) break;
    const auto size = in.u8();
    chunk.items.push_back({type, read_text(in, size)});
  }
  const auto used = start - in.remaining();
  in.skip(std::min(in.remaining(), (4 - used % 4) % 4));
  return in.ok();
}

bool read_sdes(ByteReader& in, std::size_t count, RtcpCompound& out) {
  RtcpSourceDescription description;
  for (; count > 0 && !in.empty(); --count) {
    SdesChunk chunk;
    if (!read_chunk(in, chunk)) return false;
    description.chunks.push_back(std::move(chunk));
  }
  out.packets.emplace_back(std::move(description));
  return true;
}

bool read_bye(ByteReader& in, std::size_t count, RtcpCompound& out) {
  RtcpBye bye;
  for (; count > 0; --count) bye.ssrcs.push_back(in.u32());
  if (!in.ok()) return false;
  if (!in.empty()) {
    const std::size_t size = in.u8();
    bye.reason = read_text(in, std::min(size, in.remaining()));
  }
  out.packets.emplace_back(std::move(bye));
  return true;
}

bool read_body(std::uint8_t type, std::size_t count, ByteReader in, RtcpCompound& out) {
  switch (type) {
    case type_sr:
      return read_sr(in, count, out);
    case type_rr:
      return read_rr(in, count, out);
    case type_sdes:
      return read_sdes(in, count, out);
    case type_bye:
      return read_bye(in, count, out);
    default:
      ++out.skipped;
      return true;
  }
}

// Reads one packet from the front of `rest` and moves `rest` behind it.
Result<void> read_packet(std::span<const std::uint8_t>& rest, RtcpCompound& out) {
  if (rest.size() < 4) return Errc::truncated;
  const auto first = rest[0];
  const auto type = rest[1];
  if (first >> 6 != 2) return Errc::bad_version;
  const std::size_t size = (load_be16(&rest[2]) + 1u) * 4;
  if (size > rest.size()) return Errc::truncated;
  auto body = rest.subspan(4, size - 4);
  if (first & 0x20) {
    const std::size_t padding = body.empty() ? 0 : body.back();
    if (padding == 0 || padding > body.size()) return Errc::bad_padding;
    body = body.first(body.size() - padding);
  }
  if (!read_body(type, first & 0x1f, ByteReader(body), out)) return Errc::bad_length;
  rest = rest.subspan(size);
  return {};
}

// ---- writing ----

// Appends to a vector; each packet's length is filled in when it is complete.
class Writer {
 public:
  Writer(std::vector<std::uint8_t>& out, std::uint8_t type, std::size_t count)
      : out_(out), start_(out.size()) {
    u8(static_cast<std::uint8_t>(0x80 | count));
    u8(type);
    u16(0);
  }
  void u8(std::uint8_t v) { out_.push_back(v); }
  void u16(std::uint16_t v) { store_be16(grow(2), v); }
  void u24(std::uint32_t v) { store_be24(grow(3), v); }
  void u32(std::uint32_t v) { store_be32(grow(4), v); }
  void u64(std::uint64_t v) { store_be64(grow(8), v); }
  void text(std::string_view s) {  // length and bytes
    s = s.substr(0, 255);
    u8(static_cast<std::uint8_t>(s.size()));
    out_.insert(out_.end(), s.begin(), s.end());
  }
  void pad() {
    while ((out_.size() - start_) % 4 != 0) u8(0);
  }
  void finish() {
    pad();
    const auto words = (out_.size() - start_) / 4 - 1;
    store_be16(&out_[start_ + 2], static_cast<std::uint16_t>(words));
  }

 private:
  std::uint8_t* grow(std::size_t n) {
    out_.resize(out_.size() + n);
    return &out_[out_.size() - n];
  }
  std::vector<std::uint8_t>& out_;
  std::size_t start_;
};

void write_blocks(const std::vector<ReportBlock>& blocks, Writer& writer) {
  for (std::size_t i = 0; i < std::min(blocks.size(), max_count); ++i) {
    const auto& block = blocks[i];
    writer.u32(block.ssrc);
    writer.u8(block.fraction_lost);
    writer.u24(static_cast<std::uint32_t>(block.cumulative_lost) & 0xff'ffff);
    writer.u32(block.highest_sequence);
    writer.u32(block.jitter);
    writer.u32(block.last_sr);
    writer.u32(block.delay_since_last_sr);
  }
}

void write_chunk(const SdesChunk& chunk, Writer& writer) {
  writer.u32(chunk.ssrc);
  for (const auto& item : chunk.items) {
    if (item.type == 0) continue;
    writer.u8(item.type);
    writer.text(item.text);
  }
  writer.u8(0);
  writer.pad();
}

}  // namespace

Result<RtcpCompound> parse_rtcp(std::span<const std::uint8_t> bytes) {
  RtcpCompound compound;
  auto rest = bytes;
  for (std::size_t n = 0; n < max_packets && (n == 0 || !rest.empty()); ++n) {
    const auto read = read_packet(rest, compound);
    if (!read && n == 0) return read.error();
    if (!read) break;
  }
  return compound;
}

void write_rtcp(const RtcpSenderReport& report, std::vector<std::uint8_t>& out) {
  Writer writer(out, type_sr, std::min(report.blocks.size(), max_count));
  writer.u32(report.ssrc);
  writer.u64(report.sender.ntp.value);
  writer.u32(report.sender.rtp_timestamp);
  writer.u32(report.sender.packet_count);
  writer.u32(report.sender.octet_count);
  write_blocks(report.blocks, writer);
  writer.finish();
}

void write_rtcp(const RtcpReceiverReport& report, std::vector<std::uint8_t>& out) {
  Writer writer(out, type_rr, std::min(report.blocks.size(), max_count));
  writer.u32(report.ssrc);
  write_blocks(report.blocks, writer);
  writer.finish();
}

void write_rtcp(const RtcpSourceDescription& description, std::vector<std::uint8_t>& out) {
  const auto count = std::min(description.chunks.size(), max_count);
  Writer writer(out, type_sdes, count);
  for (std::size_t i = 0; i < count; ++i) write_chunk(description.chunks[i], writer);
  writer.finish();
}

void write_rtcp(const RtcpBye& bye, std::vector<std::uint8_t>& out) {
  const auto count = std::min(bye.ssrcs.size(), max_count);
  Writer writer(out, type_bye, count);
  for (std::size_t i = 0; i < count; ++i) writer.u32(bye.ssrcs[i]);
  if (!bye.reason.empty()) writer.text(bye.reason);
  writer.finish();
}

void write_rtcp(const RtcpCompound& compound, std::vector<std::uint8_t>& out) {
  for (const auto& packet : compound.packets)
    std::visit([&](const auto& p) { write_rtcp(p, out); }, packet);
}

}  // namespace rtp
