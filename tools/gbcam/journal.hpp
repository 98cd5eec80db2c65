// What happened: one line per event on standard output ("registered device=... expires=3600"), and
// counters that end up as JSON.
#pragma once

#include <fmt/format.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>

namespace gbcam {

struct Counters {
  std::uint64_t registered = 0, register_failures = 0, unregistered = 0;
  std::uint64_t keepalives_answered = 0, keepalives_failed = 0;
  std::uint64_t messages_received = 0, messages_sent = 0, messages_failed = 0, bad_bodies = 0;
  std::uint64_t invites = 0, accepted = 0, refused = 0, confirmed = 0;
  std::uint64_t byes_received = 0, byes_sent = 0, cancels = 0, unacknowledged = 0;
  std::uint64_t frames = 0, rtp_packets = 0, rtp_bytes = 0, sender_reports = 0;
  std::uint64_t receiver_reports = 0, bad_rtcp = 0;
  std::uint64_t lost = 0, reordered = 0, duplicated = 0;  // on purpose
  std::uint64_t send_errors = 0, frames_dropped = 0;      // not on purpose
  std::uint64_t media_connections = 0, media_connections_failed = 0, media_connections_lost = 0;
  std::uint64_t latest_frame_us = 0;  // behind its time, at most
  std::uint64_t frames_5ms_late = 0;
};

std::string to_json(const Counters& counters, double seconds);

class Journal {
 public:
  explicit Journal(bool quiet) : quiet_(quiet) {}
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;

  // `name` and the fields: "registered", "device={} expires={}". Fields must be free of secrets.
  template <class... Args>
  void event(const char* name, fmt::format_string<Args...> fields, Args&&... args) {
    if (quiet_) return;
    fmt::print("{:.3f} {} {}\n", seconds(), name, fmt::format(fields, std::forward<Args>(args)...));
    std::fflush(stdout);
  }

  double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count();
  }
  // False when the file cannot be written.
  bool write(const std::string& path) const;

  Counters counters;

 private:
  bool quiet_;
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

}  // namespace gbcam
