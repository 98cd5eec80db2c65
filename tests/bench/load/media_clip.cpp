#include "tests/bench/load/media_clip.hpp"

#include <algorithm>
#include <iterator>
#include <random>

namespace load {
namespace {

using Bytes = std::vector<std::uint8_t>;

// Bytes before the first stamp of a frame, so that no packet boundary falls into it: NAL and slice
// header, and more than an FU header takes.
constexpr std::size_t stamp_at = 32;

// As an encoder's: every byte as likely as any other, but no start code, and none that says
// "stamp".
Bytes picture(bool key, std::size_t size, std::mt19937& random) {
  static const std::uint8_t sets[] = {0,    0, 0, 1, 0x67, 0x64, 0,    0x1f, 0xac, 0xd9,
                                      0x40, 0, 0, 0, 1,    0x68, 0xef, 0xbc, 0xb0};
  Bytes bytes;
  if (key) bytes.assign(std::begin(sets), std::end(sets));
  bytes.insert(bytes.end(), {0, 0, 0, 1, static_cast<std::uint8_t>(key ? 0x65 : 0x41), 0x9a});
  while (bytes.size() < size) {
    auto byte = static_cast<std::uint8_t>(random());
    const bool zeros = bytes.back() == 0 && bytes[bytes.size() - 2] == 0;
    if (zeros && byte < 4) byte = 0x80;
    if (byte == stamp_sign) byte = 0x7f;
    bytes.push_back(byte);
  }
  return bytes;
}

// The slice's begin in the pack: behind the last start code of a NAL unit.
std::size_t slice_begin(const Bytes& pack) {
  for (std::size_t i = 0; i + 5 < pack.size(); ++i) {
    const bool code = pack[i] == 0 && pack[i + 1] == 0 && pack[i + 2] == 1;
    if (code && (pack[i + 3] == 0x65 || pack[i + 3] == 0x41) && pack[i + 4] == 0x9a) return i + 3;
  }
  return 0;
}

// A header inside, of the pack's next PES, must stay as it is.
bool has_header(const Bytes& pack, std::size_t begin, std::size_t end) {
  for (std::size_t i = begin < 32 ? 0 : begin - 32; i < end + 8 && i + 3 < pack.size(); ++i)
    if (pack[i] == 0 && pack[i + 1] == 0 && pack[i + 2] == 1 && pack[i + 3] >= 0xba) return true;
  return false;
}

std::vector<std::uint32_t> places(const Bytes& pack, std::size_t payload_bytes) {
  std::vector<std::uint32_t> found;
  const auto first = slice_begin(pack) + stamp_at;
  for (std::size_t packet = 0; packet < pack.size(); packet += payload_bytes) {
    const auto at = std::max(packet + stamp_at, first), end = at + stamp_bytes;
    if (end > std::min(pack.size(), packet + payload_bytes)) continue;
    if (found.empty() || !has_header(pack, at, end))
      found.push_back(static_cast<std::uint32_t>(at));
  }
  return found;
}

}  // namespace

MediaClip::MediaClip(const ClipOptions& options) : options_(options) {
  std::mt19937 random(1);
  rtp::ps::Muxer muxer;
  const std::size_t unit =
      options.kbit_per_s * 125ULL * options.gop / options.fps / (options.gop + 9);
  std::uniform_real_distribution<double> size(0.75, 1.25);
  for (std::uint32_t i = 0; i < options.gop; ++i) {
    ClipFrame frame{.key = i == 0, .annex_b = {}, .stamps = {}};
    const double scale = frame.key ? 10 : size(random);
    frame.annex_b = picture(frame.key, static_cast<std::size_t>(scale * double(unit)), random);
    Bytes pack;
    muxer.write_video(frame.annex_b, 0, frame.key, pack);
    frame.stamps = places(pack, options.payload_bytes);
    frames_.push_back(std::move(frame));
  }
}

void MediaClip::write(std::uint32_t n, FrameStamp stamp, std::int64_t pts_90khz,
                      rtp::ps::Muxer& muxer, Bytes& out) const {
  const auto& source = frame(n);
  out.clear();
  muxer.write_video(source.annex_b, pts_90khz, source.key, out);
  for (const auto at : source.stamps) {
    write_stamp(stamp, &out[at]);
    stamp.first = false;
  }
}

}  // namespace load
