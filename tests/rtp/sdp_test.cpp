#include "rtp/sdp.hpp"

#include <doctest/doctest.h>

#include <string>

namespace {

using namespace rtp;

const std::string offer =
    "v=0\r\n"
    "o=34020000002000000001 0 0 IN IP4 192.0.2.10\r\n"
    "s=Playback\r\n"
    "u=34020000001320000001:0\r\n"
    "c=IN IP4 192.0.2.10\r\n"
    "t=1772323200 1772325000\r\n"
    "m=video 30002 TCP/RTP/AVP 96 98\r\n"
    "a=recvonly\r\n"
    "a=rtpmap:96 PS/90000\r\n"
    "a=rtpmap:98 H264/90000\r\n"
    "a=setup:passive\r\n"
    "a=connection:new\r\n"
    "y=1200000018\r\n"
    "f=v/////a///\r\n";

SessionDescription parsed(const std::string& text) {
  auto d = parse_sdp(text);
  REQUIRE(d.has_value());
  return *d;
}

TEST_CASE("a description of GB/T 28181 is read") {
  const auto d = parsed(offer);
  CHECK(d.origin.username == "34020000002000000001");
  CHECK(d.origin.address == "192.0.2.10");
  CHECK(d.name == "Playback");
  CHECK(d.uri == "34020000001320000001:0");
  CHECK(d.times == std::vector<SdpTime>{{1772323200, 1772325000}});
  CHECK(d.y == "1200000018");
  CHECK(d.f == "v/////a///");
  REQUIRE(d.media.size() == 1);
  const auto& m = d.media[0];
  CHECK(m.type == "video");
  CHECK(m.port == 30002);
  CHECK(m.is_tcp());
  CHECK(m.formats == std::vector<std::string>{"96", "98"});
  CHECK(m.setup() == SdpSetup::passive);
  CHECK(m.value("connection") == "new");
  CHECK(m.rtpmap(96) == SdpRtpMap{96, "PS", 90000, 1});
  CHECK(m.rtpmap(98)->encoding == "H264");
  CHECK_FALSE(m.rtpmap(97));
  REQUIRE(d.connection_of(m));
  CHECK(d.connection_of(m)->host() == "192.0.2.10");
  CHECK(d.direction_of(m) == SdpDirection::recvonly);
}

TEST_CASE("what is printed is what was read, and stays so") {
  CHECK(print_sdp(parsed(offer)) == offer);
  const std::string rtsp =
      "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=x\r\ni=info\r\nc=IN IP4 0.0.0.0/127\r\nb=AS:500\r\n"
      "t=0 0\r\na=control:*\r\nk=clear:x\r\nm=video 0/2 RTP/AVP 96\r\ni=title\r\nc=IN IP6 ::1\r\n"
      "b=TIAS:1\r\na=fmtp:96 packetization-mode=1\r\nz=odd\r\nm=audio 0 RTP/AVP 8\r\n";
  const auto d = parsed(rtsp);
  CHECK(print_sdp(d) == rtsp);
  CHECK(parsed(print_sdp(d)) == d);
  CHECK(d.media[0].port_count == 2);
  CHECK(d.media[0].title == "title");
  CHECK(d.media[0].fmtp(96) == "packetization-mode=1");
  CHECK(d.connection_of(d.media[0])->host() == "::1");
  CHECK(d.connection_of(d.media[1])->host() == "0.0.0.0");
}

TEST_CASE("as devices write it") {
  struct Case {
    const char* name;
    const char* text;
    const char* printed;
  };
  const Case cases[] = {
      {"bare line feeds, no end of the last line",
       "v=0\no=a 0 0 IN IP4 1.2.3.4\ns=Play\nm=video 9 RTP/AVP 96\ny=01",
       "v=0\r\no=a 0 0 IN IP4 1.2.3.4\r\ns=Play\r\nt=0 0\r\nm=video 9 RTP/AVP 96\r\ny=01\r\n"},
      {"blanks everywhere",
       "v=0\r\ns= Play \r\n m=video  30000   RTP/AVP  96 \r\na= rtpmap : 96 PS/90000\r\n",
       "v=0\r\no=- 0 0 IN IP4 0.0.0.0\r\ns=Play\r\nt=0 0\r\nm=video 30000 RTP/AVP "
       "96\r\na=rtpmap:96 PS/90000\r\n"},
      {"empty lines and a NUL behind", "v=0\r\n\r\ns=P\r\nt=0 0\r\n\r\n",
       "v=0\r\no=- 0 0 IN IP4 0.0.0.0\r\ns=P\r\nt=0 0\r\n"},
      {"a short o= line", "v=0\r\no=340 0 0\r\ns=P\r\n",
       "v=0\r\no=340 0 0 IN IP4 0.0.0.0\r\ns=P\r\nt=0 0\r\n"},
      {"the first y= counts", "v=0\r\ns=P\r\ny=1\r\ny=2\r\n",
       "v=0\r\no=- 0 0 IN IP4 0.0.0.0\r\ns=P\r\nt=0 0\r\ny=1\r\n"},
      {"lines that are none", "v=0\r\nhello\r\ns=P\r\nxy=1\r\n",
       "v=0\r\no=- 0 0 IN IP4 0.0.0.0\r\ns=P\r\nt=0 0\r\n"},
      {"a t= line of words is kept", "v=0\r\ns=P\r\nt=now then\r\n",
       "v=0\r\no=- 0 0 IN IP4 0.0.0.0\r\ns=P\r\nt=0 0\r\nt=now then\r\n"},
  };
  for (const auto& c : cases) {
    CAPTURE(c.name);
    CHECK(print_sdp(parsed(c.text)) == c.printed);
  }
}

TEST_CASE("attributes are found in any letter case, a medium's before the session's") {
  const auto d = parsed(
      "v=0\r\na=SendOnly\r\nm=video 1 RTP/AVP 96\r\na=Setup:ACTIVE\r\n"
      "m=audio 3 rtp/avp 8\r\na=RTPMAP:8 PCMA/8000/2\r\na=inactive\r\n");
  CHECK(d.direction_of(d.media[0]) == SdpDirection::sendonly);
  CHECK(d.direction_of(d.media[1]) == SdpDirection::inactive);
  CHECK(d.media[0].setup() == SdpSetup::active);
  CHECK_FALSE(d.media[0].is_tcp());
  CHECK(d.media[1].rtpmap(8)->channels == 2);
  CHECK(d.connection_of(d.media[0]) == nullptr);
  CHECK_FALSE(d.media[1].value("inactive"));
  CHECK(d.media[1].has("INACTIVE"));
}

TEST_CASE("limits and nonsense") {
  const auto fault = [](const std::string& text) { return parse_sdp(text).error(); };
  CHECK(fault("") == Errc::bad_value);
  CHECK(fault("hello\r\nworld") == Errc::bad_value);
  CHECK(fault("v=0\r\nm=video\r\n") == Errc::bad_value);
  CHECK(fault("v=0\r\nm=video 70000 RTP/AVP 96\r\n") == Errc::bad_value);
  CHECK(fault(std::string(65537, 'v')) == Errc::too_large);
  std::string lines = "v=0\r\n", media = lines, formats = "v=0\r\nm=video 1 RTP/AVP";
  for (int n = 0; n < 1024; ++n) lines += "a=x\r\n";
  for (int n = 0; n < 33; ++n) media += "m=video 1 RTP/AVP 96\r\n";
  for (int n = 0; n < 257; ++n) formats += " 96";
  CHECK(fault(lines) == Errc::too_large);
  CHECK(fault(media) == Errc::too_large);
  CHECK(fault(formats) == Errc::too_large);
}

TEST_CASE("a line break inside a value cannot make a line") {
  SessionDescription d;
  d.name = "x\r\na=evil";
  CHECK(print_sdp(d).find("\r\na=evil") == std::string::npos);
}

TEST_CASE("fmtp parameters") {
  const std::string_view text = "packetization-mode=1; SPROP-parameter-sets=Z0==,aM4= ;x";
  CHECK(fmtp_parameter(text, "packetization-mode") == "1");
  CHECK(fmtp_parameter(text, "sprop-parameter-sets") == "Z0==,aM4=");
  CHECK(fmtp_parameter(text, "x") == "");
  CHECK_FALSE(fmtp_parameter(text, "mode"));
}

}  // namespace
