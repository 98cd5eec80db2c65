#include "tools/gbcam/ps_file.hpp"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <optional>
#include <stdexcept>

namespace gbcam {
namespace {

constexpr std::size_t max_file_bytes = 1u << 30;
constexpr std::int64_t usual_frame_90khz = 3600;

// 33 bits in 5 bytes, each run closed by a marker bit: the form of PTS, DTS and MPEG-1 SCR.
std::int64_t marked_33_bits(const std::uint8_t* p) {
  return (std::int64_t{p[0]} >> 1 & 7) << 30 | std::int64_t{p[1]} << 22 |
         (std::int64_t{p[2]} >> 1) << 15 | std::int64_t{p[3]} << 7 | std::int64_t{p[4]} >> 1;
}

std::int64_t mpeg2_scr(const std::uint8_t* p) {
  return (std::int64_t{p[0]} >> 3 & 7) << 30 | (std::int64_t{p[0]} & 3) << 28 |
         std::int64_t{p[1]} << 20 | (std::int64_t{p[2]} >> 3) << 15 |
         (std::int64_t{p[2]} & 3) << 13 | std::int64_t{p[3]} << 5 | std::int64_t{p[4]} >> 3;
}

struct PesTimes {
  std::optional<std::int64_t> pts, dts;
};

PesTimes mpeg2_times(const std::uint8_t* pes, std::size_t size) {
  PesTimes times;
  if (size >= 14 && (pes[7] & 0x80) != 0) times.pts = marked_33_bits(pes + 9);
  if (size >= 19 && (pes[7] & 0x40) != 0) times.dts = marked_33_bits(pes + 14);
  return times;
}

// ISO 11172-1 2.4.3.3: stuffing bytes, an optional buffer size, then the times.
PesTimes mpeg1_times(const std::uint8_t* pes, std::size_t size) {
  std::size_t at = 6;
  while (at < size && pes[at] == 0xff) ++at;
  if (at + 2 < size && (pes[at] & 0xc0) == 0x40) at += 2;
  PesTimes times;
  if (at + 5 <= size && (pes[at] & 0xe0) == 0x20) times.pts = marked_33_bits(pes + at);
  if (at + 10 <= size && (pes[at] & 0xf0) == 0x30) times.dts = marked_33_bits(pes + at + 5);
  return times;
}

class Cutter {
 public:
  Cutter(PsFile& file, std::string name)
      : file_(file), bytes_(file.bytes), name_(std::move(name)) {}

  void cut() {
    if (is_transport_stream()) throw std::runtime_error(name_ + ": a transport stream");
    std::size_t at = next_code(0);
    while (at + 4 <= bytes_.size()) at = take(at);
    close(bytes_.size());
    if (file_.pieces.size() < 2)
      throw std::runtime_error(name_ + ": no program stream with times (PTS) in its video");
    file_.pieces.front().begin = 0;
    measure();
  }

 private:
  bool is_transport_stream() const {
    return bytes_.size() > 188 && bytes_[0] == 0x47 && bytes_[188] == 0x47;
  }

  std::size_t next_code(std::size_t from) const {
    for (std::size_t i = from; i + 4 <= bytes_.size(); ++i)
      if (bytes_[i] == 0 && bytes_[i + 1] == 0 && bytes_[i + 2] == 1 && bytes_[i + 3] >= 0xb9)
        return i;
    return bytes_.size();
  }

  // Takes the element at `at`; returns where the next begins.
  std::size_t take(std::size_t at) {
    const std::uint8_t id = bytes_[at + 3];
    if (id == 0xb9) return next_code(at + 4);
    if (id == 0xba) return take_pack(at);
    const std::size_t end = element_end(at);
    if (id >= 0xe0 && id <= 0xef) take_video(at, end);
    return next_code(end);
  }

  std::size_t element_end(std::size_t at) const {
    if (at + 6 > bytes_.size()) return bytes_.size();
    const std::size_t length = std::size_t{bytes_[at + 4]} << 8 | bytes_[at + 5];
    return length == 0 ? next_code(at + 6) : std::min(at + 6 + length, bytes_.size());
  }

  std::size_t take_pack(std::size_t at) {
    if (at + 14 > bytes_.size()) return bytes_.size();
    mpeg2_ = (bytes_[at + 4] & 0xc0) == 0x40;
    scr_ = mpeg2_ ? mpeg2_scr(&bytes_[at + 4]) : marked_33_bits(&bytes_[at + 4]);
    pack_ = at;
    return next_code(at + (mpeg2_ ? 14 + (bytes_[at + 13] & 7u) : 12));
  }

  void take_video(std::size_t at, std::size_t end) {
    const PesTimes times =
        mpeg2_ ? mpeg2_times(&bytes_[at], end - at) : mpeg1_times(&bytes_[at], end - at);
    if (!times.pts) return;
    // Several slices or parameter sets of one picture may each have a PES with the same time.
    if (open_ && times.pts == open_->pts_90khz) return;
    if (open_) open_->whole = begins_with_start_code(at, end);
    begin_piece(pack_ ? *pack_ : at, times);
  }

  // Whether the payload of a video PES does: then the frame before it is whole.
  bool begins_with_start_code(std::size_t at, std::size_t end) const {
    std::size_t payload = mpeg2_ && at + 8 < end ? at + 9 + bytes_[at + 8] : mpeg1_payload(at, end);
    std::size_t zeros = 0;
    while (payload < end && bytes_[payload] == 0) ++zeros, ++payload;
    return zeros >= 2 && payload < end && bytes_[payload] == 1;
  }

  std::size_t mpeg1_payload(std::size_t at, std::size_t end) const {
    std::size_t payload = at + 6;
    while (payload < end && bytes_[payload] == 0xff) ++payload;
    if (payload < end && (bytes_[payload] & 0xc0) == 0x40) payload += 2;
    if (payload < end && (bytes_[payload] & 0xf0) == 0x20) return payload + 5;
    if (payload < end && (bytes_[payload] & 0xf0) == 0x30) return payload + 10;
    return payload + 1;
  }

  void begin_piece(std::size_t begin, const PesTimes& times) {
    close(begin);
    const std::int64_t dts = times.dts.value_or(*times.pts);
    if (!first_dts_) first_dts_ = dts;
    if (!first_scr_) first_scr_ = scr_;
    // Muxers for discs write SCRs that hurry ahead to fill a buffer; a camera sends as it films.
    const std::int64_t due = std::max(scr_ - *first_scr_, dts - *first_dts_);
    open_ = PsFile::Piece{.begin = begin, .due_90khz = due, .pts_90khz = *times.pts};
    pack_.reset();
  }

  void close(std::size_t end) {
    if (open_) {
      open_->end = end;
      file_.pieces.push_back(*open_);
    }
    open_.reset();
  }

  void measure();

  PsFile& file_;
  const std::vector<std::uint8_t>& bytes_;
  std::string name_;
  bool mpeg2_ = true;
  std::int64_t scr_ = 0;
  std::optional<std::int64_t> first_scr_, first_dts_;
  std::optional<std::size_t> pack_;  // a pack header that no frame has claimed yet
  std::optional<PsFile::Piece> open_;
};

bool holds_key(std::span<const std::uint8_t> bytes) {
  for (std::size_t i = 0; i + 4 <= bytes.size(); ++i) {
    if (bytes[i] != 0 || bytes[i + 1] != 0 || bytes[i + 2] != 1) continue;
    const std::uint8_t code = bytes[i + 3];
    if (code == 0x67 || code == 0x27 || code == 0x47) return true;               // H.264 SPS
    if (code == 0x42 && i + 4 < bytes.size() && bytes[i + 4] == 1) return true;  // H.265 SPS
  }
  return false;
}

void Cutter::measure() {
  std::int64_t latest = 0;
  for (PsFile::Piece& piece : file_.pieces) {
    latest = piece.due_90khz = std::max(latest, piece.due_90khz);
    piece.key = holds_key(std::span(bytes_).subspan(piece.begin, piece.end - piece.begin));
  }
  const auto [low, high] =
      std::minmax_element(file_.pieces.begin(), file_.pieces.end(),
                          [](const auto& a, const auto& b) { return a.pts_90khz < b.pts_90khz; });
  const std::int64_t span = high->pts_90khz - low->pts_90khz;
  const auto steps = static_cast<std::int64_t>(file_.pieces.size()) - 1;
  const std::int64_t interval = span > 0 ? span / steps : usual_frame_90khz;
  file_.duration_90khz = std::max(span, latest) + interval;
}

}  // namespace

PsFile cut_ps(std::vector<std::uint8_t> bytes, const std::string& name) {
  PsFile file;
  file.bytes = std::move(bytes);
  Cutter(file, name).cut();
  return file;
}

PsFile load_ps_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary | std::ios::ate);
  if (!in) throw std::runtime_error(path + ": cannot be opened");
  const std::streamoff size = in.tellg();
  if (size < 0 || static_cast<std::size_t>(size) > max_file_bytes)
    throw std::runtime_error(path + ": longer than 1 GiB");
  std::vector<std::uint8_t> bytes(static_cast<std::size_t>(size));
  in.seekg(0);
  in.read(reinterpret_cast<char*>(bytes.data()), size);
  return cut_ps(std::move(bytes), path);
}

std::int64_t PsFileFeed::next_due_90khz() const {
  return file_->pieces[index_].due_90khz + offset_90khz_;
}

Frame PsFileFeed::next() {
  const PsFile::Piece& piece = file_->pieces[index_];
  Frame frame;
  frame.due_90khz = next_due_90khz();
  const std::int64_t first = file_->pieces.front().pts_90khz;
  frame.rtp_timestamp =
      static_cast<std::uint32_t>(start_90khz_ + piece.pts_90khz - first + offset_90khz_);
  frame.key = piece.key;
  frame.whole = piece.whole;
  frame.bytes = std::span(file_->bytes).subspan(piece.begin, piece.end - piece.begin);
  if (++index_ == file_->pieces.size()) {
    index_ = 0;
    offset_90khz_ += file_->duration_90khz;
  }
  return frame;
}

void PsFileFeed::request_key_frame() {
  const std::int64_t due = next_due_90khz();
  for (std::size_t tried = 0; tried < file_->pieces.size(); ++tried) {
    if (file_->pieces[index_].key) break;
    if (++index_ == file_->pieces.size()) index_ = 0;
  }
  offset_90khz_ += due - next_due_90khz();
}

}  // namespace gbcam
