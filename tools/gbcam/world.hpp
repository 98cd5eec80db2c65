// What every simulated device and call needs around it. All of it outlives them.
#pragma once

#include <boost/asio/io_context.hpp>
#include <memory>
#include <random>
#include <string>

#include "gateway/alarm_clock.hpp"
#include "sip/net/endpoint_driver.hpp"
#include "tools/gbcam/clip_feed.hpp"
#include "tools/gbcam/journal.hpp"
#include "tools/gbcam/options.hpp"
#include "tools/gbcam/ps_file.hpp"
#include "tools/gbcam/roster.hpp"

namespace gbcam {

// The one file that all calls play, each from its begin.
struct Media {
  Clip clip;
  PsFile ps_file;

  std::unique_ptr<Feed> feed(const MediaOptions& options) {
    if (options.raw_ps) return std::make_unique<PsFileFeed>(ps_file, options.pts_start_90khz);
    return std::make_unique<ClipFeed>(clip, options);
  }
};

struct World {
  const Options& options;
  const Roster& roster;
  Media& media;
  Journal& journal;
  boost::asio::io_context& io;
  gateway::AlarmClock& clock;
  sip::net::EndpointDriver& driver;
  sip::Flow platform;  // how the platform is reached
  std::mt19937_64& random;

  // Of a part of `span`, so that thousands of devices do not act in step.
  sip::Duration some_of(Seconds span) const {
    std::uniform_real_distribution<double> part(0, span.count());
    return std::chrono::duration_cast<sip::Duration>(Seconds(part(random)));
  }
  std::string uri(std::string_view id) const {
    return fmt::format("sip:{}@{}", id, options.sip.domain);
  }
  std::string contact(std::string_view id) const {
    const char* transport = platform.transport == sip::Transport::udp ? "" : ";transport=tcp";
    return fmt::format("<sip:{}@{}{}>", id, sip::to_string(platform.local), transport);
  }
};

inline sip::Duration in_clock(Seconds span) {
  return std::chrono::duration_cast<sip::Duration>(span);
}

}  // namespace gbcam
