// What each camera's stream was made of when it last ran, so that DESCRIBE of a sleeping one can be
// answered at once. One row of the store per stream. Thread-safe: all shards share it, and ask it
// when a stream begins or ends.
#pragma once

#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/device_store.hpp"
#include "rtp/media.hpp"

namespace gateway {

// One line per track: codec, clock, channels, payload type, SSRC, parameter sets in hexadecimal.
std::string print_tracks(const std::vector<rtp::Track>& tracks);
// Empty when any of it cannot be read.
std::vector<rtp::Track> parse_tracks(std::string_view text);

class RememberedTracks {
 public:
  // Beyond it no further stream is remembered.
  static constexpr std::size_t capacity = 100'000;

  // `store` may be null: forgotten at the end of the process then.
  void open(DeviceStore* store, const std::vector<StreamRow>& rows);
  // Empty: none are known, or the last call failed, so that a viewer should be told the truth.
  std::vector<rtp::Track> find(const std::string& stream) const;
  // The stream is live with these.
  void note(const std::string& stream, const std::vector<rtp::Track>& tracks);
  // A call failed.
  void doubt(const std::string& stream);

 private:
  struct Known {
    std::string tracks;  // as print_tracks() writes them
    bool doubted = false;
  };
  DeviceStore* store_ = nullptr;
  mutable std::mutex mutex_;
  std::map<std::string, Known, std::less<>> known_;
};

}  // namespace gateway
