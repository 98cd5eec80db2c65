#include "gateway/rtsp/track_reports.hpp"

#include <doctest/doctest.h>

#include "rtp/rtcp.hpp"
#include "tests/gateway/rtsp/talk.hpp"

using namespace gateway;
using namespace gateway::rtsp;

namespace {

constexpr std::int64_t ms = 1'000'000, s = 1000 * ms;

struct World {
  World()
      : stream(test::make_stream("s", true)),
        session("S", 1, *parse_target("rtsp://h/s"), std::make_shared<test::Hold>(stream)) {
    session.set_up(0, {});
    session.set_up(1, {});
    reports.emplace(session);
  }
  // As a viewer does before a track's first packet.
  void begin(std::size_t track) {
    REQUIRE(reports->first_due(track));
    out.clear();
    reports->report(track, now_ns, out);
    told += std::to_string(track);
  }
  // As a viewer does four times a second; the tracks that reported.
  void pass(std::int64_t duration_ns) {
    for (const auto until = now_ns + duration_ns; now_ns < until;) {
      now_ns += 250 * ms;
      const auto before = told.size();
      for (std::size_t track = 0; track < 2; ++track) {
        if (!reports->due(track, now_ns)) continue;
        out.clear();
        reports->report(track, now_ns, out);
        told += std::to_string(track);
      }
      if (told.size() != before) told += ' ';
    }
  }
  std::shared_ptr<Stream> stream;
  Session session;
  std::optional<TrackReports> reports;
  std::int64_t now_ns = 100 * s;
  std::vector<std::uint8_t> out;
  std::string told;
};

}  // namespace

TEST_CASE("all tracks report at the same time, every second at first, then every five") {
  World w;
  w.begin(0);
  w.begin(1);
  w.told.clear();
  w.pass(500 * ms);
  CHECK(w.told == "01 ");  // the first ones were told one after the other
  w.told.clear();
  w.pass(4 * s);
  CHECK(w.told == "01 01 01 ");
  w.told.clear();
  w.pass(29 * s);  // the last one was 1.5 s before
  CHECK((w.told == "01 01 01 01 01 " || w.told == "01 01 01 01 01 01 "));
}

TEST_CASE("a track that begins later brings the others up to date") {
  World w;
  w.begin(0);
  w.pass(4 * s);
  w.told.clear();
  w.begin(1);
  w.pass(500 * ms);
  CHECK(w.told == "101 ");
}

TEST_CASE("a track that has said good-bye reports no more") {
  World w;
  w.begin(0);
  w.begin(1);
  w.pass(4 * s);
  w.told.clear();
  CHECK(w.reports->bye(1, "over", w.out));
  w.pass(12 * s);
  CHECK(w.told == "0 0 ");
}

TEST_CASE(
    "tracks that report at one time tell one relation of picture and sound to the wall clock") {
  World w;
  const auto publish = [&](std::size_t track, std::uint32_t timestamp, std::int64_t pts_90khz) {
    auto packet = test::make_packet(1, timestamp, {.track = static_cast<std::uint8_t>(track)});
    packet.pts_90khz = pts_90khz;
    w.stream->publish(std::move(packet));
  };
  publish(0, 900'000, 90'000);
  publish(1, 8'000, 90'000 + 9'000);  // a tenth of a second later
  const auto ntp_of = [&](std::size_t track) {
    w.out.clear();
    w.reports->report(track, w.now_ns, w.out);
    const auto compound = rtp::parse_rtcp(w.out);
    return std::get<rtp::RtcpSenderReport>(compound->packets.front()).sender.ntp.value;
  };
  for (const std::int64_t moved_ns : {0 * ms, -30 * ms, 20 * ms}) {
    CAPTURE(moved_ns);
    w.stream->set_clock(90'000, 1'000'000 * s + moved_ns);
    const auto apart = static_cast<double>(ntp_of(1) - ntp_of(0)) / 4294967296.0;
    CHECK(apart == doctest::Approx(0.1));
  }
}
