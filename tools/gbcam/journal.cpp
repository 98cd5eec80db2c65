#include "tools/gbcam/journal.hpp"

#include <fstream>
#include <iterator>
#include <utility>

namespace gbcam {

std::string to_json(const Counters& c, double seconds) {
  const std::pair<const char*, std::uint64_t> fields[] = {
      {"registered", c.registered},
      {"register_failures", c.register_failures},
      {"unregistered", c.unregistered},
      {"keepalives_answered", c.keepalives_answered},
      {"keepalives_failed", c.keepalives_failed},
      {"messages_received", c.messages_received},
      {"messages_sent", c.messages_sent},
      {"messages_failed", c.messages_failed},
      {"bad_bodies", c.bad_bodies},
      {"invites", c.invites},
      {"accepted", c.accepted},
      {"refused", c.refused},
      {"confirmed", c.confirmed},
      {"byes_received", c.byes_received},
      {"byes_sent", c.byes_sent},
      {"cancels", c.cancels},
      {"unacknowledged", c.unacknowledged},
      {"frames", c.frames},
      {"rtp_packets", c.rtp_packets},
      {"rtp_bytes", c.rtp_bytes},
      {"sender_reports", c.sender_reports},
      {"receiver_reports", c.receiver_reports},
      {"bad_rtcp", c.bad_rtcp},
      {"lost_on_purpose", c.lost},
      {"reordered_on_purpose", c.reordered},
      {"duplicated_on_purpose", c.duplicated},
      {"send_errors", c.send_errors},
      {"frames_dropped", c.frames_dropped},
      {"media_connections", c.media_connections},
      {"media_connections_failed", c.media_connections_failed},
      {"media_connections_lost", c.media_connections_lost},
      {"latest_frame_us", c.latest_frame_us},
      {"frames_5ms_late", c.frames_5ms_late},
  };
  std::string json = fmt::format("{{\n  \"seconds\": {:.3f}", seconds);
  for (const auto& [name, value] : fields)
    fmt::format_to(std::back_inserter(json), ",\n  \"{}\": {}", name, value);
  return json + "\n}\n";
}

bool Journal::write(const std::string& path) const {
  std::ofstream out(path);
  out << to_json(counters, seconds());
  return static_cast<bool>(out.flush());
}

}  // namespace gbcam
