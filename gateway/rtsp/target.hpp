// What a request's URI names: a presentation, and perhaps one track of it or a SAT>IP stream. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace gateway::rtsp {

// The control URL of a track is the presentation's with "trackID=N" appended. Where the
// presentation's URL has a query, clients append differently, and all of these name the same
// track: /a/b/trackID=1?q (as we print it), /a/b?q/trackID=1 (ffmpeg), /a/b/?q/trackID=1.
struct Target {
  bool server = false;   // "*", or no path at all: the server itself
  std::string origin;    // "rtsp://host:port" as the client wrote it; empty for a bare path
  std::string raw_path;  // "/a/b" as the client wrote it, without track and trailing slash
  std::string path;      // "a/b", percent-decoded
  std::string query;     // not decoded
  std::optional<unsigned> track;
  std::optional<unsigned> stream_id;  // path is "stream=N": SAT>IP

  std::string presentation_url() const;  // without a track
  std::string track_url(unsigned number) const;
  bool same_presentation(const Target& other) const { return path == other.path; }
};

// Empty: not a URI that this server can serve (400).
std::optional<Target> parse_target(std::string_view uri);

}  // namespace gateway::rtsp
