// An MPEG program stream made by somebody else (ffmpeg -f mpeg or -f vob, GStreamer mpegpsmux, a
// capture), cut at frame borders and otherwise untouched.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "tools/gbcam/feed.hpp"

namespace gbcam {

struct PsFile {
  // Bytes up to the next video frame's begin: its pack header, or its PES when a pack holds
  // several.
  struct Piece {
    std::size_t begin = 0, end = 0;
    std::int64_t due_90khz = 0;  // by SCR, but not before its DTS, from the file's begin
    std::int64_t pts_90khz = 0;
    bool whole = true;  // a frame ends here; muxers for discs put two frames into one PES
    bool key = false;   // holds a sequence parameter set
  };
  std::vector<std::uint8_t> bytes;
  std::vector<Piece> pieces;
  std::int64_t duration_90khz = 0;
};

// MPEG-1 and MPEG-2 packs. Throws std::runtime_error with a reason. Limit: 1 GiB.
PsFile load_ps_file(const std::string& path);
// The same of bytes in memory; `name` is for the reason.
PsFile cut_ps(std::vector<std::uint8_t> bytes, const std::string& name);

// The file's bytes as they are, over and over: SCR and PTS jump back at each repetition, the RTP
// clock goes on.
class PsFileFeed : public Feed {
 public:
  PsFileFeed(PsFile& file, std::int64_t start_90khz) : file_(&file), start_90khz_(start_90khz) {}
  std::int64_t next_due_90khz() const override;
  Frame next() override;
  void request_key_frame() override;

 private:
  PsFile* file_;
  std::int64_t start_90khz_;
  std::int64_t offset_90khz_ = 0;
  std::size_t index_ = 0;
};

}  // namespace gbcam
