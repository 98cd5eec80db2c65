#include "gb28181/sdp_profile.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>
#include <string>

using namespace gb28181;
using namespace std::chrono_literals;

namespace {

// Line ends as on the wire.
std::string crlf(std::string text) {
  std::string out;
  for (const char c : text) out += c == '\n' ? std::string("\r\n") : std::string(1, c);
  return out;
}

MediaOffer live() {
  MediaOffer offer;
  offer.owner_id = "34020000002000000001";
  offer.host = "192.0.2.10";
  offer.port = 30000;
  offer.ssrc = 200000017;
  return offer;
}

MediaOffer history(Operation operation, MediaTransport transport) {
  auto offer = live();
  offer.operation = operation;
  offer.transport = transport;
  offer.port = 30002;
  offer.ssrc = 1200000018;
  offer.source_id = "34020000001320000001";
  offer.start_s = 1772323200;
  offer.end_s = 1772325000;
  return offer;
}

}  // namespace

TEST_CASE("offers are those of the protocol notes, line by line") {
  auto several = live();
  several.formats = {{96, "PS", 90000}, {98, "H264", 90000}, {100, "H265", 90000}};
  CHECK(
      build_offer(several) ==
      crlf("v=0\no=34020000002000000001 0 0 IN IP4 192.0.2.10\ns=Play\nc=IN IP4 192.0.2.10\nt=0 0\n"
           "m=video 30000 RTP/AVP 96 98 100\na=recvonly\na=rtpmap:96 PS/90000\n"
           "a=rtpmap:98 H264/90000\na=rtpmap:100 H265/90000\ny=0200000017\nf=v/////a///\n"));
  CHECK(build_offer(history(Operation::playback, MediaTransport::tcp_passive)) ==
        crlf("v=0\no=34020000002000000001 0 0 IN IP4 192.0.2.10\ns=Playback\n"
             "u=34020000001320000001:0\nc=IN IP4 192.0.2.10\nt=1772323200 1772325000\n"
             "m=video 30002 TCP/RTP/AVP 96\na=recvonly\na=rtpmap:96 PS/90000\na=setup:passive\n"
             "a=connection:new\ny=1200000018\nf=v/////a///\n"));
  auto download = history(Operation::download, MediaTransport::tcp_active);
  download.download_speed = 4;
  CHECK(build_offer(download).find(
            crlf("a=setup:active\na=connection:new\na=downloadspeed:4\ny=")) != std::string::npos);
}

TEST_CASE("a device reads back what the platform offers") {
  auto rich = live();
  rich.transport = MediaTransport::tcp_active;
  rich.stream_number = 1;
  rich.vendor = {"streamMode:MAIN", "streamprofile:0"};
  auto v6 = live();
  v6.host = "2001:db8::10";
  auto download = history(Operation::download, MediaTransport::udp);
  download.download_speed = 2;
  for (const auto& offer :
       {live(), rich, v6, download, history(Operation::playback, MediaTransport::tcp_passive)}) {
    const auto sdp = build_offer(offer);
    CAPTURE(sdp);
    const auto again = parse_offer(sdp);
    REQUIRE(again.has_value());
    CHECK(*again == offer);
  }
}

TEST_CASE("the platform reads back what a device answers") {
  MediaAnswer answer;
  answer.owner_id = "34020000001320000001";
  answer.host = "192.0.2.64";
  answer.port = 15060;
  answer.ssrc = 200000017;
  answer.formats = {{}};
  answer.media_parameters = "v/2/6/25/1/4096a/1/8/1";
  CHECK(
      build_answer(live(), answer) ==
      crlf("v=0\no=34020000001320000001 0 0 IN IP4 192.0.2.64\ns=Play\nc=IN IP4 192.0.2.64\nt=0 0\n"
           "m=video 15060 RTP/AVP 96\na=sendonly\na=rtpmap:96 PS/90000\ny=0200000017\n"
           "f=v/2/6/25/1/4096a/1/8/1\n"));
  CHECK(*parse_answer(build_answer(live(), answer)) == answer);

  answer.tcp = true;
  answer.setup = Setup::active;
  answer.session_name = "Download";
  answer.file_size_bytes = 262488064;
  CHECK(*parse_answer(build_answer(history(Operation::download, MediaTransport::tcp_passive),
                                   answer)) == answer);
}

TEST_CASE("answers as devices write them") {
  struct Case {
    const char* name;
    std::string lines;  // behind v= and o=
    std::string host;
    int port;
    std::optional<std::uint32_t> ssrc;
    Setup setup;
    bool tcp, vendor_private;
  };
  const Case cases[] = {
      {"no y=",
       "c=IN IP4 10.0.0.5\nm=video 9000 RTP/AVP 96\na=rtpmap:96 PS/90000\n",
       "10.0.0.5",
       9000,
       {},
       Setup::none,
       false,
       false},
      {"short y=", "c=IN IP4 10.0.0.5\nm=video 9000 RTP/AVP 96\ny=1002\n", "10.0.0.5", 9000, 1002u,
       Setup::none, false, false},
      {"y= with blanks", "c=IN IP4 10.0.0.5\nm=video 9000 RTP/AVP 96\ny= 0200000017 \n", "10.0.0.5",
       9000, 200000017u, Setup::none, false, false},
      {"zero y=",
       "c=IN IP4 10.0.0.5\nm=video 9000 RTP/AVP 96\ny=0000000000\n",
       "10.0.0.5",
       9000,
       {},
       Setup::none,
       false,
       false},
      {"y= in hex",
       "c=IN IP4 10.0.0.5\nm=video 9000 RTP/AVP 96\ny=0xBEBC211\n",
       "10.0.0.5",
       9000,
       {},
       Setup::none,
       false,
       false},
      {"y= above 32 bits",
       "c=IN IP4 10.0.0.5\nm=video 9000 RTP/AVP 96\ny=9999999999\n",
       "10.0.0.5",
       9000,
       {},
       Setup::none,
       false,
       false},
      {"y= before m=", "c=IN IP4 10.0.0.5\ny=0200000017\nm=video 9000 RTP/AVP 96\n", "10.0.0.5",
       9000, 200000017u, Setup::none, false, false},
      {"no rtpmap",
       "c=IN IP4 10.0.0.5\nm=video 9000 RTP/AVP 96\n",
       "10.0.0.5",
       9000,
       {},
       Setup::none,
       false,
       false},
      {"port 9, setup active",
       "c=IN IP4 10.0.0.5\nm=video 9 TCP/RTP/AVP 96\na=setup:active\na=connection:new\n",
       "10.0.0.5",
       9,
       {},
       Setup::active,
       true,
       false},
      {"setup in the session part",
       "c=IN IP4 10.0.0.5\na=setup:passive\nm=video 9000 TCP/RTP/AVP 96\n",
       "10.0.0.5",
       9000,
       {},
       Setup::passive,
       true,
       false},
      {"c= below m=",
       "m=video 9000 RTP/AVP 96\nc=IN IP4 10.0.0.6\n",
       "10.0.0.6",
       9000,
       {},
       Setup::none,
       false,
       false},
      {"no c=", "m=video 9000 RTP/AVP 96\n", "10.9.9.9", 9000, {}, Setup::none, false, false},
      {"several payload types, f= zeros, shifted t=",
       "s=Embedded Net DVR\nc=IN IP4 10.0.0.5\nt=28800 0\nm=video 9000 RTP/AVP 96 97 98\n"
       "a=rtpmap:96 PS/90000\na=rtpmap:97 MPEG4/90000\na=rtpmap:98 H264/90000\na=username:x\n"
       "a=password:y\na=filesize:-1\nf=v/0/0/0/0/0a/0/0/0\n",
       "10.0.0.5",
       9000,
       {},
       Setup::none,
       false,
       false},
      {"a private stream",
       "c=IN IP4 10.0.0.5\nm=video 9000 RTP/AVP 96\na=rtpmap:96 HIKVISION/90000\n",
       "10.0.0.5",
       9000,
       {},
       Setup::none,
       false,
       true},
      {"audio refused beside the video",
       "c=IN IP4 10.0.0.5\nm=audio 0 RTP/AVP 8\nm=video 9000 RTP/AVP 96\n",
       "10.0.0.5",
       9000,
       {},
       Setup::none,
       false,
       false},
  };
  for (const auto& c : cases) {
    CAPTURE(c.name);
    for (const bool bare_line_ends : {false, true}) {
      const auto text = "v=0\no=- 0 0 IN IP4 10.9.9.9\n" + c.lines;
      const auto answer = parse_answer(bare_line_ends ? text : crlf(text));
      REQUIRE(answer.has_value());
      CHECK(answer->host == c.host);
      CHECK(answer->port == c.port);
      CHECK(answer->ssrc == c.ssrc);
      CHECK(answer->setup == c.setup);
      CHECK(answer->tcp == c.tcp);
      CHECK(answer->vendor_private == c.vendor_private);
      CHECK_FALSE(answer->file_size_bytes);
      CHECK(answer->formats.front().payload_type == 96);
    }
  }
}

TEST_CASE("answers that are no use") {
  struct Case {
    const char* name;
    const char* sdp;
    Errc fault;
  };
  const Case cases[] = {
      {"nothing", "", Errc::malformed_sdp},
      {"not SDP", "hello", Errc::malformed_sdp},
      {"no media", "v=0\r\no=- 0 0 IN IP4 1.2.3.4\r\n", Errc::malformed_sdp},
      {"port 0", "v=0\r\nc=IN IP4 1.2.3.4\r\nm=video 0 RTP/AVP 96\r\n", Errc::media_refused},
      {"no format we know", "v=0\r\nc=IN IP4 1.2.3.4\r\nm=video 9000 RTP/AVP 120\r\n",
       Errc::unsupported_media},
  };
  for (const auto& c : cases) {
    CAPTURE(c.name);
    CHECK(parse_answer(c.sdp).error() == c.fault);
  }
}

TEST_CASE("a TCP offer without a role lets the device connect") {
  const auto offer =
      parse_offer("v=0\r\ns=play\r\nc=IN IP4 1.2.3.4\r\nm=video 9000 TCP/RTP/AVP 96\r\ny=1\r\n");
  REQUIRE(offer.has_value());
  CHECK(offer->transport == MediaTransport::tcp_passive);
  CHECK(offer->operation == Operation::play);
  CHECK(offer->ssrc == 1);
}

TEST_CASE("SSRCs carry kind and domain and rest before they come again") {
  const sip::TimePoint start{};
  SsrcAllocator allocator("34020000002000000001", 17, 10s);
  CHECK(format_ssrc(*allocator.allocate(Operation::play, start)) == "0200000017");
  CHECK(format_ssrc(*allocator.allocate(Operation::playback, start)) == "1200000017");
  CHECK(format_ssrc(*allocator.allocate(Operation::download, start)) == "1200000018");
  CHECK(allocator.in_use() == 3);

  std::set<std::uint32_t> live{200000017};
  for (int i = 0; i < 9998; ++i) live.insert(*allocator.allocate(Operation::play, start));
  CHECK(live.size() == 9999);
  CHECK(live.count(200000000) == 0);
  CHECK(allocator.allocate(Operation::play, start).error() == Errc::ssrc_exhausted);

  allocator.release(200004711, start);
  allocator.release(200004711, start);
  allocator.release(300000001, start);  // another domain's
  CHECK(allocator.in_use() == 10000);
  CHECK(allocator.allocate(Operation::play, start + 9s).error() == Errc::ssrc_exhausted);
  CHECK(*allocator.allocate(Operation::play, start + 10s) == 200004711);
}

TEST_CASE("an id that is not the standard's has domain digits 00000") {
  SsrcAllocator allocator("platform");
  CHECK(*allocator.allocate(Operation::play, {}) == 1);
  CHECK(*allocator.allocate(Operation::playback, {}) == 1000000001);
}

TEST_CASE("media transports by name") {
  for (const auto transport :
       {MediaTransport::udp, MediaTransport::tcp_passive, MediaTransport::tcp_active})
    CHECK(parse_media_transport(to_string(transport)) == transport);
  CHECK_FALSE(parse_media_transport("sctp"));
}
