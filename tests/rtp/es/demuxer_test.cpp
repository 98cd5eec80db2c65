#include "rtp/es/demuxer.hpp"

#include <doctest/doctest.h>

#include <functional>
#include <string>

#include "rtp/payload/aac.hpp"
#include "tests/rtp/es/sender.hpp"

namespace rtp::es {
namespace {

using testing::Bytes;
using testing::CodedUnit;
using testing::EsSender;
using testing::ReceivedUnit;

constexpr std::int64_t ms = 1'000'000;
constexpr Format h264{98, Codec::h264, 90000}, h265{100, Codec::h265, 90000};

Format format_of(Codec codec) {
  return codec == Codec::h265 ? h265 : h264;
}

std::vector<CodedUnit> film(Codec codec, int count, std::size_t slices) {
  std::mt19937 random(3);
  std::vector<CodedUnit> units;
  for (int i = 0; i < count; ++i)
    units.push_back(testing::coded_unit(codec, i % 10 == 0, i % 10 ? 4000 : 20000, slices, random));
  return units;
}

// Feeds a film through sender and demuxer; what comes out.
struct Run {
  std::vector<ReceivedUnit> units;
  Demuxer demuxer;
  std::int64_t now_ns = 0;

  void push(const Packet& packet, const Format& format, bool lost_before = false) {
    std::vector<EsChunk> chunks;
    demuxer.push(packet.payload, format,
                 {.marker = packet.marker,
                  .lost_before = lost_before,
                  .rtp_timestamp = packet.timestamp,
                  .arrival_ns = now_ns},
                 chunks);
    testing::collect(chunks, units);
  }
  void wait(std::int64_t for_ns) {
    const auto end = now_ns + for_ns;
    while (demuxer.next_deadline() && *demuxer.next_deadline() <= end) {
      now_ns = *demuxer.next_deadline();
      std::vector<EsChunk> chunks;
      demuxer.on_deadline(now_ns, chunks);
      testing::collect(chunks, units);
    }
    now_ns = end;
  }
};

bool same_nals(const ReceivedUnit& unit, const CodedUnit& sent) {
  return testing::split_annex_b(unit.bytes) == sent.nals;
}

}  // namespace

TEST_CASE("units come out as they went in, however the sender marks their ends") {
  struct Case {
    const char* name;
    std::function<bool(bool last, bool marker)> marker;
    int late_units;  // learnt only from the next one
  };
  const Case cases[] = {
      {"right", [](bool, bool marker) { return marker; }, 0},
      {"never", [](bool, bool) { return false; }, 3},
      {"on every packet", [](bool, bool) { return true; }, 12},
  };
  for (const auto codec : {Codec::h264, Codec::h265}) {
    for (const auto& c : cases) {
      for (const std::size_t slices : {1, 3}) {
        for (const std::uint32_t payload : {200u, 1400u}) {
          CAPTURE(c.name);
          CAPTURE(slices);
          CAPTURE(payload);
          const auto units = film(codec, 60, slices);
          EsSender sender(codec, 98, payload);
          Run run;
          int late = 0;
          for (std::size_t i = 0; i < units.size(); ++i) {
            auto packets = sender.send(units[i].annex_b(), static_cast<std::int64_t>(i) * 3600);
            for (auto& packet : packets) {
              packet.marker = c.marker(&packet == &packets.back(), packet.marker);
              run.push(packet, format_of(codec));
            }
            run.wait(40 * ms);
            late += run.units.empty() || !run.units.back().ended;
          }
          CHECK(run.demuxer.tracks().size() == 1);
          CHECK(run.demuxer.tracks()[0].codec == codec);
          // While it learns that markers lie, a unit may be cut in two; never after that.
          std::size_t wrong = 0, at = run.units.size();
          for (std::size_t i = units.size(); i-- > 20 && at > 0;) {
            --at;
            wrong += !same_nals(run.units[at], units[i]);
            CHECK(run.units[at].pts_90khz == static_cast<std::int64_t>(i) * 3600);
          }
          CHECK(wrong == 0);
          CHECK(late <= c.late_units);
        }
      }
    }
  }
}

TEST_CASE("only units that lost a packet suffer") {
  for (const auto codec : {Codec::h264, Codec::h265}) {
    const auto units = film(codec, 8, 2);
    std::vector<std::pair<std::size_t, Packet>> packets;  // with the unit's number
    EsSender sender(codec, 98);
    for (std::size_t i = 0; i < units.size(); ++i)
      for (auto& packet : sender.send(units[i].annex_b(), static_cast<std::int64_t>(i) * 3600))
        packets.emplace_back(i, packet);
    for (std::size_t lost = 1; lost + 1 < packets.size(); ++lost) {
      CAPTURE(lost);
      Run run;
      for (std::size_t i = 0; i < packets.size(); ++i)
        if (i != lost) run.push(packets[i].second, format_of(codec), i == lost + 1);
      for (std::size_t i = 0; i < units.size(); ++i) {
        const bool hit = packets[lost].first == i;
        std::size_t whole = 0;
        for (const auto& unit : run.units)
          whole += unit.ended && !unit.damaged && same_nals(unit, units[i]);
        CHECK(whole == (hit ? 0 : 1));
      }
    }
  }
}

TEST_CASE("aggregates, start codes and other payloads") {
  struct Case {
    const char* name;
    Codec codec;
    Bytes payload;
    std::vector<Bytes> nals;
    std::uint64_t bad;
  };
  const Bytes idr = {0x65, 0x88, 0x80, 0x41};
  const Bytes irap = {0x26, 0x01, 0xaf, 0x08};
  const Case cases[] = {
      {"single", Codec::h264, idr, {idr}, 0},
      {"STAP-A",
       Codec::h264,
       {0x78, 0, 2, 0x09, 0xf0, 0, 4, 0x65, 0x88, 0x80, 0x41},
       {{0x09, 0xf0}, idr},
       0},
      {"STAP-B", Codec::h264, {0x79, 0x12, 0x34, 0, 4, 0x65, 0x88, 0x80, 0x41}, {idr}, 0},
      {"AP",
       Codec::h265,
       {0x60, 0x01, 0, 3, 0x46, 0x01, 0x50, 0, 4, 0x26, 0x01, 0xaf, 0x08},
       {{0x46, 0x01, 0x50}, irap},
       0},
      {"with a start code", Codec::h264, {0, 0, 0, 1, 0x65, 0x88, 0x80, 0x41}, {idr}, 0},
      {"STAP-A cut off", Codec::h264, {0x78, 0, 4, 0x65, 0x88, 0x80, 0x41, 0, 9, 1}, {idr}, 1},
      {"STAP-A of nothing", Codec::h264, {0x78, 0, 0, 0, 0}, {}, 1},
      {"a whole unit in one fragment", Codec::h264, {0x7c, 0xc5, 0x88, 0x80, 0x41}, {idr}, 0},
      {"a fragment without its beginning", Codec::h264, {0x7c, 0x45, 0x88, 0x80}, {}, 0},
      {"MTAP16", Codec::h264, {0x7a, 0, 0, 0, 4, 0, 0, 0, 0x65, 0x88}, {}, 1},
      {"PACI", Codec::h265, {0x64, 0x01, 0x26, 0x01, 0, 1}, {}, 1},
      {"too short", Codec::h265, {0x26, 0x01}, {}, 1},
      {"nothing", Codec::h264, {}, {}, 1},
  };
  for (const auto& c : cases) {
    CAPTURE(c.name);
    Run run;
    Packet packet;
    packet.payload = Slice::copy_of(c.payload);
    packet.marker = true;
    run.push(packet, format_of(c.codec));
    Bytes all;
    for (const auto& unit : run.units) all.insert(all.end(), unit.bytes.begin(), unit.bytes.end());
    CHECK(testing::split_annex_b(all) == c.nals);
    CHECK(run.demuxer.counters().bad_headers == c.bad);
  }
}

TEST_CASE("a sender that declares H.264 and sends H.265 is believed by its parameter sets") {
  EsSender sender(Codec::h265, 98);
  const auto units = film(Codec::h265, 12, 1);
  Run run;
  for (std::size_t i = 0; i < units.size(); ++i)
    for (const auto& packet : sender.send(units[i].annex_b(), static_cast<std::int64_t>(i) * 3600))
      run.push(packet, h264);
  REQUIRE(run.demuxer.tracks().size() == 1);
  CHECK(run.demuxer.tracks()[0].codec == Codec::h265);
  CHECK(same_nals(run.units.back(), units.back()));
}

TEST_CASE("not a byte of a picture is copied") {
  EsSender sender(Codec::h265, 98);
  Demuxer demuxer;
  std::size_t own = 0, total = 0;
  const auto units = film(Codec::h265, 20, 2);
  for (std::size_t i = 0; i < units.size(); ++i) {
    for (const auto& packet :
         sender.send(units[i].annex_b(), static_cast<std::int64_t>(i) * 3600)) {
      std::vector<EsChunk> chunks;
      demuxer.push(packet.payload, h265,
                   {.marker = packet.marker, .rtp_timestamp = packet.timestamp}, chunks);
      for (const auto& chunk : chunks) {
        total += chunk.bytes.size;
        const bool inside =
            &*chunk.bytes.owner == &*packet.payload.owner &&
            chunk.bytes.data >= packet.payload.data &&
            chunk.bytes.data + chunk.bytes.size <= packet.payload.data + packet.payload.size;
        if (!chunk.bytes.empty() && !inside) own += chunk.bytes.size;
      }
    }
  }
  // Start codes, and a byte of header that fragmentation took apart.
  CHECK(own <= 4 * demuxer.counters().pes);
  CHECK(total > 100'000);
}

TEST_CASE("G.711 and AAC beside video, each with its clock") {
  EsSender video(Codec::h264, 98), sound(Codec::g711a, 8), aac(Codec::aac, 102);
  const auto units = film(Codec::h264, 10, 1);
  SUBCASE("G.711") {
    Run run;
    for (std::size_t i = 0; i < units.size(); ++i) {
      const auto pts = static_cast<std::int64_t>(i) * 3600;
      for (const auto& packet : video.send(units[i].annex_b(), pts)) run.push(packet, h264);
      for (const auto& packet : sound.send(Bytes(320, 0x55), pts))
        run.push(packet, {8, Codec::g711a, 8000});
    }
    REQUIRE(run.demuxer.tracks().size() == 2);
    CHECK(run.demuxer.tracks()[1].codec == Codec::g711a);
    std::size_t sounds = 0;
    for (const auto& unit : run.units) {
      if (unit.track != 1) continue;
      CHECK(unit.bytes == Bytes(320, 0x55));
      CHECK(unit.pts_90khz == static_cast<std::int64_t>(sounds++) * 3600);
    }
    CHECK(sounds == 10);
  }
  SUBCASE("AAC") {
    Run run;
    const payload::AdtsHeader format{.sampling_index = 8, .channels = 1};  // 16 kHz
    std::mt19937 random(5);
    std::vector<Bytes> frames;
    for (int i = 0; i < 10; ++i) {
      // Every third does not fit into one packet.
      const Bytes raw = testing::noise(random, i % 3 == 2 ? 4000 : 200);
      const auto header = payload::write_adts(format, raw.size());
      Bytes frame(header.begin(), header.end());
      frame.insert(frame.end(), raw.begin(), raw.end());
      frames.push_back(frame);
      for (const auto& packet : aac.send(frame, i * 5760))
        run.push(packet, {102, Codec::aac, 16000});
    }
    REQUIRE(run.units.size() == frames.size());
    for (std::size_t i = 0; i < frames.size(); ++i) {
      CHECK(run.units[i].bytes == frames[i]);
      CHECK(run.units[i].pts_90khz == static_cast<std::int64_t>(i) * 5760);
    }
    CHECK(run.demuxer.tracks()[0].clock_rate_hz == 16000);
  }
}

TEST_CASE("what is not relayed is named") {
  Run run;
  Packet packet;
  packet.payload = Slice::copy_of(Bytes(100, 0x11));
  run.push(packet, {4, Codec::g723_1, 8000});
  CHECK(run.demuxer.tracks().empty());
  CHECK(run.demuxer.diagnosis().find("payload type 4") != std::string::npos);
}

}  // namespace rtp::es
