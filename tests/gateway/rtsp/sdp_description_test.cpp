#include "gateway/rtsp/sdp_description.hpp"

#include <doctest/doctest.h>

#include "rtp/payload/sdp_attributes.hpp"
#include "tests/gateway/rtsp/talk.hpp"

using namespace gateway::rtsp;

TEST_CASE("video and audio, relative control URLs") {
  const auto stream = test::make_stream("cam\r\nx", true);
  CHECK(describe(*stream, *parse_target("rtsp://h:8554/cam")) ==
        "v=0\r\n"
        "o=- 1 1 IN IP4 0.0.0.0\r\n"
        "s=cam  x\r\n"
        "c=IN IP4 0.0.0.0\r\n"
        "t=0 0\r\n"
        "a=control:*\r\n"
        "a=range:npt=now-\r\n"
        "m=video 0 RTP/AVP 96\r\n"
        "a=rtpmap:" +
            rtp::payload::sdp_attributes(test::video_track()).rtpmap +
            "\r\n"
            "a=fmtp:96 packetization-mode=1;profile-level-id=42C01E;"
            "sprop-parameter-sets=Z0LAHtkAoEf+yA==,aM48gA==\r\n"
            "a=control:trackID=0\r\n"
            "m=audio 0 RTP/AVP 8\r\n"
            "a=rtpmap:" +
            rtp::payload::sdp_attributes(test::audio_track()).rtpmap +
            "\r\n"
            "a=control:trackID=1\r\n");
}

TEST_CASE("with a query, control URLs are absolute; a codec without payload format is left out") {
  const auto stream = test::make_stream("cam", true);
  auto tracks = std::vector<rtp::Track>(stream->tracks().begin(), stream->tracks().end());
  tracks[0].codec = rtp::Codec::svac;
  stream->set_tracks(tracks, true);
  const auto sdp = describe(*stream, *parse_target("rtsp://h/cam?start=1&end=2"));
  CHECK(sdp.find("a=control:rtsp://h/cam?start=1&end=2\r\n") != std::string::npos);
  CHECK(sdp.find("m=video") == std::string::npos);
  CHECK(sdp.find("a=control:rtsp://h/cam/trackID=1?start=1&end=2\r\n") != std::string::npos);
}
