// The server with real sockets on loopback.
#include "gateway/rtsp/server.hpp"

#include <doctest/doctest.h>

#include <atomic>

#include "rtp/rtcp.hpp"
#include "tests/gateway/rtsp/loopback.hpp"

using namespace gateway;
using namespace gateway::rtsp;
using namespace gateway::rtsp::test;
using std::chrono::seconds;

namespace {

constexpr const char* tcp_0 = "RTP/AVP/TCP;unicast;interleaved=0-1";

std::string udp_to(const Port& rtp, const Port& rtcp) {
  return "RTP/AVP;unicast;client_port=" + std::to_string(rtp.number()) + "-" +
         std::to_string(rtcp.number());
}

// The types in a compound: "200 202 ".
std::string rtcp_types(std::span<const std::uint8_t> bytes) {
  std::string types;
  for (std::size_t at = 0; at + 4 <= bytes.size();
       at += 4u * static_cast<unsigned>((bytes[at + 2] << 8 | bytes[at + 3]) + 1))
    types += std::to_string(bytes[at + 1]) + ' ';
  return types;
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

std::vector<std::uint8_t> receiver_report() {
  std::vector<std::uint8_t> bytes;
  rtp::write_rtcp(rtp::RtcpReceiverReport{.ssrc = 99, .blocks = {}}, bytes);
  return bytes;
}

}  // namespace

TEST_CASE("interleaved: report, packets from the key frame on, answers in between, BYE") {
  Loopback loopback;
  loopback.publish("video", true, 3);   // 0 1 2
  loopback.publish("video", false, 2);  // 3 4
  loopback.publish("video", true, 3);   // 5 6 7
  Client client(loopback);
  CHECK(contains(client.request("DESCRIBE", "video"), "m=video"));
  CHECK(contains(client.set_up("video/trackID=0", tcp_0), "interleaved=0-1"));
  const auto played = client.request("PLAY", "video");
  CHECK(contains(played, "seq=5;rtptime=7200"));

  const auto report = client.next_frame();
  REQUIRE(report.has_value());
  CHECK(report->channel == 1);
  CHECK(rtcp_types(report->payload) == "200 202 ");
  for (std::uint16_t sequence = 5; sequence < 8; ++sequence) {
    const auto packet = client.next_frame();
    REQUIRE(packet.has_value());
    CHECK(packet->channel == 0);
    CHECK(packet->sequence() == sequence);
    CHECK(packet->payload.size() == 112);
  }
  loopback.publish("video", false);
  CHECK(client.next_frame()->sequence() == 8);
  CHECK(contains(client.request("GET_PARAMETER", "video"), "200 OK"));
  const auto figures = loopback.viewers();
  REQUIRE(figures.size() == 1);
  CHECK(figures[0].transport == "tcp");
  CHECK(figures[0].packets == 4);
  CHECK(figures[0].bytes == 4 * 112);

  loopback.end("video");
  const auto bye = client.next_frame();
  REQUIRE(bye.has_value());
  CHECK(rtcp_types(bye->payload) == "200 202 203 ");
  CHECK_FALSE(client.next_frame().has_value());
  CHECK(loopback.eventually([&] { return loopback.server().connections() == 0; }));
}

TEST_CASE("the client's own channels, and two sessions on one connection") {
  Loopback loopback;
  loopback.publish("cam", true);
  loopback.publish("video", true);
  Client client(loopback);
  client.set_up("cam/trackID=0", "RTP/AVP/TCP;interleaved=20-31");
  client.request("PLAY", "cam");
  client.session.clear();
  client.set_up("video/trackID=0", "RTP/AVP/TCP;interleaved=20-21");  // 20 is taken
  client.request("PLAY", "video");
  CHECK(client.next_frame()->channel == 31);
  const auto first = client.next_frame();
  CHECK(first->channel == 20);
  CHECK(first->sequence() == 0);
  CHECK(client.next_frame()->channel == 1);
  CHECK(client.next_frame()->channel == 0);
  CHECK(loopback.viewers().size() == 2);
}

TEST_CASE("PAUSE stops, PLAY goes on at the next key frame, TEARDOWN says BYE") {
  Loopback loopback;
  loopback.publish("video", true);
  Client client(loopback);
  client.set_up("video/trackID=0", tcp_0);
  client.request("PLAY", "video");
  CHECK(client.next_frame()->rtcp_type() == 200);
  CHECK(client.next_frame()->sequence() == 0);
  client.request("PAUSE", "video");
  loopback.publish("video", false);
  client.request("PLAY", "video");
  loopback.publish("video", false);
  loopback.publish("video", true);
  CHECK(client.next_frame()->sequence() == 3);
  CHECK(contains(client.request("TEARDOWN", "video"), "200 OK"));
  CHECK(rtcp_types(client.next_frame()->payload) == "200 202 203 ");
  CHECK(contains(client.request("PLAY", "video"), "454"));
  CHECK(loopback.viewers().empty());
  CHECK(loopback.on_server([&] { return loopback.stream("video").viewer_count(); }) == 0);
}

TEST_CASE("a viewer that does not read: whole units are left out, the others notice nothing") {
  ServerOptions options;
  options.tcp_send_buffer_bytes = 16 * 1024;
  options.viewer_limits = {
      .backlog_ns = 60'000'000'000, .backlog_bytes = 256 * 1024, .stall_ns = 60'000'000'000};
  Loopback loopback(options);
  loopback.publish("video", true, 4, 1200);
  Client fast(loopback), slow(loopback, 16 * 1024);
  for (auto* client : {&fast, &slow}) {
    client->set_up("video/trackID=0", tcp_0);
    client->request("PLAY", "video");
  }
  constexpr int units = 400;
  std::atomic<int> read = 0;
  std::thread reader([&] {
    int expected = 0;
    while (expected < 4 + units * 4) {
      const auto frame = fast.next_frame();
      if (!frame) break;
      if (!frame->is_rtp()) continue;
      CHECK(frame->sequence() == expected++);
      read = expected;
    }
    CHECK(expected == 4 + units * 4);
  });
  for (int i = 1; i <= units; ++i) {
    loopback.publish("video", i % 10 == 0, 4, 1200);
    // As fast as the fast one can read.
    for (int wait = 0; read < 4 * i - 16 && wait < 1000; ++wait)
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  reader.join();
  // The slow one wakes up: whole frames, whole units, each gap ends at a key frame.
  loopback.publish("video", true, 4, 1200);
  int last = -1, gaps = 0;
  while (last != 4 + units * 4 + 3) {
    const auto frame = slow.next_frame();
    REQUIRE(frame.has_value());
    if (!frame->is_rtp()) continue;
    const int sequence = frame->sequence();
    if (last >= 0 && sequence != last + 1) {
      ++gaps;
      CHECK(last % 4 == 3);                                      // a unit was finished
      CHECK((sequence % 40 == 0 || sequence == 4 + units * 4));  // a key unit begins
    }
    last = sequence;
  }
  CHECK(gaps >= 1);
  for (const auto& figures : loopback.viewers()) {
    if (figures.skips > 0) CHECK(figures.skipped_units > 100);
  }
  CHECK(loopback.on_server([&] { return loopback.server().counters().skipped_units; }) > 100);
}

TEST_CASE("a viewer that takes nothing for too long is disconnected") {
  ServerOptions options;
  options.tcp_send_buffer_bytes = 16 * 1024;
  options.viewer_limits.stall_ns = 300'000'000;
  Loopback loopback(options);
  loopback.publish("video", true);
  Client client(loopback, 16 * 1024);
  client.set_up("video/trackID=0", tcp_0);
  client.request("PLAY", "video");
  for (int i = 0; i < 50; ++i) loopback.publish("video", false, 20, 1200);
  CHECK(loopback.eventually([&] { return loopback.server().connections() == 0; }));
  CHECK(loopback.viewers().empty());
  CHECK(loopback.on_server([&] { return loopback.server().counters().slow_viewers; }) == 1);
  const auto departures = loopback.on_server([&] { return loopback.server().departures(); });
  REQUIRE(departures.size() == 1);
  CHECK(departures[0].too_slow);
  CHECK(contains(departures[0].reason, "too slow"));
  CHECK(departures[0].viewer.stream == "video");
}

namespace {

// A camera that can be asked for key frames.
struct Camera : KeySource {
  Camera(Loopback& world, Obedience obedience) : loopback(world) {
    loopback.on_server([&] {
      loopback.stream("video").set_key_source(this, {obedience, steady_ns()});
    });
  }
  ~Camera() {
    loopback.on_server([&] { loopback.stream("video").set_key_source(nullptr); });
  }
  void ask_key_frame() override { ++asked; }
  void on_key_memory(const KeyMemory&) override {}
  Loopback& loopback;
  std::atomic<int> asked = 0;
};

}  // namespace

TEST_CASE("PLAY with an old key frame: what is asked of the camera, and what is sent first") {
  struct Case {
    const char* name;
    Obedience obedience;
    int key_after_ms;  // PLAY; 0: never
    int asked;
    int first;      // sequence number of the first packet
    bool rtp_info;  // it is known when PLAY is answered
    int most_ms;    // until it comes
  };
  const Case cases[] = {
      {"obeys", Obedience::obeys, 60, 1, 6, false, 300},
      {"obeys, but not this time", Obedience::obeys, 0, 1, 0, false, 1000},
      {"not known", Obedience::unknown, 0, 1, 0, true, 100},
      {"ignores", Obedience::ignores, 0, 0, 0, true, 100},
  };
  for (const auto& c : cases) {
    CAPTURE(c.name);
    Loopback loopback;
    Camera camera(loopback, c.obedience);
    loopback.publish("video", true, 2);
    std::this_thread::sleep_for(std::chrono::milliseconds(350));
    loopback.publish("video", false, 4);
    Client client(loopback);
    client.set_up("video/trackID=0", tcp_0);
    const auto start = std::chrono::steady_clock::now();
    const auto answer = client.request("PLAY", "video");
    CHECK(contains(answer, "RTP-Info") == c.rtp_info);
    if (c.key_after_ms > 0) {
      std::this_thread::sleep_for(std::chrono::milliseconds(c.key_after_ms));
      loopback.publish("video", true, 2);
    }
    auto frame = client.next_frame();
    while (frame && !frame->is_rtp()) frame = client.next_frame();
    REQUIRE(frame.has_value());
    CHECK(frame->sequence() == c.first);
    CHECK(std::chrono::steady_clock::now() - start < std::chrono::milliseconds(c.most_ms + 400));
    CHECK(camera.asked == c.asked);
  }
}

TEST_CASE("UDP: reports on one port, packets on the other, at the announced addresses") {
  Loopback loopback;
  loopback.publish("video", true, 3);
  Client client(loopback);
  Port rtp, rtcp;
  const auto answer = client.set_up("video/trackID=0", udp_to(rtp, rtcp));
  CHECK(contains(answer, "server_port="));
  client.request("PLAY", "video");
  CHECK(rtcp_types(rtcp.receive()) == "200 202 ");
  for (int i = 0; i < 3; ++i) {
    const auto packet = rtp.receive();
    REQUIRE(packet.size() == 112);
    CHECK(packet[0] == 0x80);
    CHECK(packet[3] == i);
  }
  SUBCASE("NAT: where the player sends from is where it is reached") {
    Port other;
    other.send(static_cast<std::uint16_t>(number_after(answer, "server_port=")),
               {0xce, 0xfa, 0xed, 0xfe});
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    loopback.publish("video", false);
    CHECK(other.receive().size() == 112);
  }
  SUBCASE("the end") {
    loopback.end("video");
    CHECK(rtcp_types(rtcp.receive()) == "200 202 203 ");
    CHECK_FALSE(client.next_frame().has_value());
  }
  SUBCASE("from another connection") {
    Client second(loopback);
    second.session = client.session;
    CHECK(contains(second.request("TEARDOWN", "video"), "200 OK"));
    CHECK(rtcp_types(rtcp.receive()) == "200 202 203 ");
  }
}

TEST_CASE("UDP: a burst is paced, and nothing is lost") {
  Loopback loopback;
  loopback.publish("video", true, 400, 1200);
  Client client(loopback);
  Port rtp, rtcp;
  client.set_up("video/trackID=0", udp_to(rtp, rtcp));
  client.request("PLAY", "video");
  for (int i = 0; i < 400; ++i) {
    const auto packet = rtp.receive();
    REQUIRE(packet.size() == 1212);
    CHECK((packet[2] << 8 | packet[3]) == i);
  }
}

TEST_CASE("UDP: an old group of pictures comes at four times its speed") {
  Loopback loopback;
  constexpr int pictures = 50;
  loopback.on_server([&] {
    auto& stream = loopback.stream("video");
    const auto begin_ns = steady_ns() - pictures * 40'000'000ll;  // the last of them is new
    for (std::uint16_t i = 0; i < pictures; ++i)
      stream.publish(make_packet(i, i * 3600u,
                                 {.track = 0,
                                  .begin = true,
                                  .end = true,
                                  .key = i == 0,
                                  .arrival_ns = begin_ns + i * 40'000'000ll,
                                  .payload_bytes = 1000}));
    stream.flush();
  });
  Client client(loopback);
  Port rtp, rtcp;
  client.set_up("video/trackID=0", udp_to(rtp, rtcp));
  client.request("PLAY", "video");
  const auto first = std::chrono::steady_clock::now();
  for (int i = 0; i < pictures; ++i) {
    const auto packet = rtp.receive();
    REQUIRE(packet.size() == 1012);
    CHECK((packet[2] << 8 | packet[3]) == i);
  }
  const auto took = std::chrono::steady_clock::now() - first;
  CHECK(took > std::chrono::milliseconds(400));  // 2 s of pictures: 490 ms
  CHECK(took < std::chrono::milliseconds(1500));
}

TEST_CASE("UDP: receiver reports keep a session alive, silence ends it") {
  ServerOptions options;
  options.session_times = {.told = seconds(1), .grace = seconds(0), .orphan = seconds(1)};
  Loopback loopback(options);
  loopback.publish("video", true);
  Client client(loopback);
  Port rtp, rtcp;
  const auto answer = client.set_up("video/trackID=0", udp_to(rtp, rtcp));
  const auto server_rtcp = static_cast<std::uint16_t>(number_after(answer, "server_port=") + 1);
  client.request("PLAY", "video");
  for (int i = 0; i < 8; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(250));
    rtcp.send(server_rtcp, receiver_report());
  }
  CHECK(loopback.viewers().size() == 1);
  CHECK(loopback.eventually([&] { return loopback.server().sessions() == 0; }));
  CHECK(loopback.viewers().empty());
  CHECK_FALSE(client.next_frame().has_value());
}

TEST_CASE("interleaved: taking media keeps a session alive, nothing to take ends it") {
  ServerOptions options;
  options.session_times = {.told = seconds(1), .grace = seconds(0), .orphan = seconds(1)};
  Loopback loopback(options);
  loopback.publish("video", true);
  Client client(loopback);
  client.set_up("video/trackID=0", tcp_0);
  client.request("PLAY", "video");
  for (int i = 0; i < 8; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(250));
    loopback.publish("video", true);
  }
  CHECK(loopback.server().sessions() == 1);
  CHECK(loopback.eventually([&] { return loopback.server().sessions() == 0; }));
}

TEST_CASE("SAT>IP: MPEG-TS in RTP, whole cells") {
  Loopback loopback;
  Client client(loopback);
  Port rtp, rtcp;
  const auto answer = client.set_up("video", udp_to(rtp, rtcp));
  CHECK(contains(answer, "com.ses.streamID: 1\r\n"));
  client.request("PLAY", "stream=1");
  loopback.publish("video", true, 3, 1000);
  CHECK(rtcp_types(rtcp.receive()) == "200 202 ");
  std::size_t cells = 0;
  for (int i = 0; i < 2; ++i) {
    const auto packet = rtp.receive();
    REQUIRE(packet.size() > 12);
    CHECK((packet[1] & 0x7f) == 33);
    CHECK((packet.size() - 12) % 188 == 0);
    for (std::size_t at = 12; at < packet.size(); at += 188) CHECK(packet[at] == 0x47);
    cells += (packet.size() - 12) / 188;
  }
  CHECK(cells > 7);
  CHECK(loopback.viewers()[0].transport == "udp-ts");
  CHECK(contains(client.request("TEARDOWN", "stream=1"), "200 OK"));
}

TEST_CASE("SAT>IP interleaved") {
  Loopback loopback;
  loopback.publish("video", true, 3, 1000);
  Client client(loopback);
  client.set_up("video", "RTP/AVP/TCP;interleaved=4-5");
  client.request("PLAY", "stream=1");
  CHECK(client.next_frame()->channel == 5);
  const auto frame = client.next_frame();
  CHECK(frame->channel == 4);
  CHECK((frame->payload[1] & 0x7f) == 33);
}

TEST_CASE("while one client waits for a camera, others are served") {
  Loopback loopback;
  Client waiting(loopback), other(loopback);
  waiting.send(
      "DESCRIBE rtsp://h/slow RTSP/1.0\r\nCSeq: 1\r\n\r\n"
      "OPTIONS * RTSP/1.0\r\nCSeq: 2\r\n\r\n");
  const auto begun = Clock::now();
  CHECK(contains(other.request("OPTIONS", "x"), "200 OK"));
  CHECK(Clock::now() - begun < std::chrono::milliseconds(300));
  CHECK(contains(waiting.receive()->answer, "CSeq: 1\r\n"));  // answers keep their order
  CHECK(contains(waiting.receive()->answer, "CSeq: 2\r\n"));
}

TEST_CASE("a client that leaves frees the stream") {
  Loopback loopback;
  loopback.publish("video", true);
  {
    Client client(loopback);
    client.set_up("video/trackID=0", tcp_0);
    client.request("PLAY", "video");
    CHECK(loopback.viewers().size() == 1);
  }
  CHECK(loopback.eventually([&] { return loopback.server().sessions() == 0; }));
  CHECK(loopback.on_server([&] { return loopback.stream("video").viewer_count(); }) == 0);
}

TEST_CASE("limits on connections") {
  ServerOptions options;
  options.connections_max = 1;
  options.idle_timeout = seconds(1);
  Loopback loopback(options);
  Client first(loopback);
  CHECK(contains(first.request("OPTIONS", "x"), "200 OK"));
  Client second(loopback);
  CHECK_FALSE(second.next_frame().has_value());
  CHECK_FALSE(first.next_frame().has_value());  // idle for too long
}

TEST_CASE("a password, when even loopback is not trusted") {
  ServerOptions options;
  options.trust_loopback = false;
  SUBCASE("no user") {
    Loopback loopback(options);
    Client client(loopback);
    CHECK(contains(client.request("DESCRIBE", "video"), "403"));
  }
  SUBCASE("a user") {
    options.users = {{"viewer", "secret"}};
    Loopback loopback(options);
    Client client(loopback);
    const auto refused = client.request("DESCRIBE", "video");
    CHECK(contains(refused, "401 Unauthorized"));
    const auto at = refused.find("Digest ");
    const auto challenge = refused.substr(at, refused.find('\r', at) - at);
    sip::DigestClient digest("viewer", "secret");
    const std::vector<std::string_view> challenges{challenge};
    REQUIRE(digest.on_challenges(challenges).has_value());
    const auto authorization = digest.authorization({.method = "DESCRIBE", .body = {}},
                                                    "rtsp://127.0.0.1/video", "abcdef");
    CHECK(contains(client.request("DESCRIBE", "video", "Authorization: " + authorization + "\r\n"),
                   "200 OK"));
  }
}

TEST_CASE("lost framing closes the connection") {
  Loopback loopback;
  Client client(loopback);
  client.send(std::string(70000, '\x80'));
  CHECK_FALSE(client.receive().has_value());
}
