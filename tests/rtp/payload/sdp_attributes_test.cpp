#include "rtp/payload/sdp_attributes.hpp"

#include <doctest/doctest.h>

#include "rtp/payload/aac.hpp"
#include "rtp/payload/h264.hpp"
#include "rtp/payload/h265.hpp"
#include "tests/rtp/payload/coded_media.hpp"

namespace rtp::payload {

TEST_CASE("rtpmap and fmtp of each codec") {
  using namespace testing;
  struct Case {
    std::string name;
    Track track;
    std::string rtpmap, fmtp;
  };
  const Case cases[] = {
      {"H.264",
       {.codec = Codec::h264, .sets = {{}, h264_sps, h264_pps, {}}},
       "96 H264/90000",
       "96 packetization-mode=1;profile-level-id=64000B;"
       "sprop-parameter-sets=Z2QAC6zZQoR+XARAAAADAEAAAAyDxQplgA==,aO+8sA=="},
      {"H.264, sets not known yet",
       {.codec = Codec::h264, .sets = {}},
       "96 H264/90000",
       "96 packetization-mode=1"},
      {"H.265",
       {.codec = Codec::h265, .payload_type = 98, .sets = {h265_vps, h265_sps, h265_pps, {}}},
       "98 H265/90000",
       "98 profile-space=0;profile-id=1;tier-flag=0;level-id=30;interop-constraints=900000000000;"
       "sprop-vps=QAEMAf//AWAAAAMAkAAAAwAAAwAeugJA;"
       "sprop-sps=QgEBAWAAAAMAkAAAAwAAAwAeoBQgeWW6kkyvAWgIAAADAAgAAAMAyEA=;sprop-pps=RAHBcrRiQA=="},
      {"AAC",
       {.codec = Codec::aac,
        .clock_rate_hz = 16000,
        .payload_type = 97,
        .sets = {{}, {}, {}, {0x14, 0x08}}},
       "97 MPEG4-GENERIC/16000/1",
       "97 streamtype=5;profile-level-id=1;mode=AAC-hbr;sizelength=13;indexlength=3;"
       "indexdeltalength=3;config=1408"},
      {"G.711 A",
       {.codec = Codec::g711a, .clock_rate_hz = 8000, .payload_type = 8, .sets = {}},
       "8 PCMA/8000/1",
       ""},
      {"G.711 mu",
       {.codec = Codec::g711u, .clock_rate_hz = 8000, .payload_type = 0, .sets = {}},
       "0 PCMU/8000/1",
       ""},
      {"no payload format", {.codec = Codec::svac, .sets = {}}, "", ""},
  };
  for (const auto& c : cases) {
    CAPTURE(c.name);
    const auto attributes = sdp_attributes(c.track);
    CHECK(attributes.rtpmap == c.rtpmap);
    CHECK(attributes.fmtp == c.fmtp);
  }
}

TEST_CASE("sequence parameter sets") {
  const auto avc = h264::parse_sps(testing::h264_sps);
  REQUIRE(avc);
  CHECK(avc->width == 160);
  CHECK(avc->height == 120);
  CHECK(avc->profile_idc == 100);
  CHECK(avc->frames_per_second == doctest::Approx(25));
  CHECK(avc->frame_mbs_only);
  const auto hevc = h265::parse_sps(testing::h265_sps);
  REQUIRE(hevc);
  CHECK(hevc->width == 160);
  CHECK(hevc->height == 120);
  // Cut short anywhere: no size, but no harm.
  for (std::size_t n = 0; n < 10; ++n)
    CHECK_FALSE(h264::parse_sps(std::span(testing::h264_sps).first(n)));
  for (std::size_t n = 0; n < 20; ++n)
    CHECK_FALSE(h265::parse_sps(std::span(testing::h265_sps).first(n)));
  CHECK(video_size({.codec = Codec::h264, .sets = {{}, testing::h264_sps, {}, {}}})->width == 160);
  CHECK_FALSE(video_size({.codec = Codec::g711a, .sets = {}}));
}

TEST_CASE("ADTS and AudioSpecificConfig say the same") {
  for (std::uint8_t index = 0; index < 13; ++index) {
    for (std::uint8_t channels = 1; channels < 8; ++channels) {
      const AdtsHeader header{.sampling_index = index, .channels = channels};
      const auto parsed = parse_adts(write_adts(header, 1000));
      REQUIRE(parsed);
      CHECK(parsed->frame_bytes == 1007);
      CHECK(audio_specific_config(*parsed) == audio_specific_config(header));
      const auto again = parse_audio_specific_config(audio_specific_config(header));
      REQUIRE(again);
      CHECK(again->sample_rate_hz() == header.sample_rate_hz());
      CHECK(again->channels == channels);
    }
  }
  CHECK(audio_specific_config({.sampling_index = 11, .channels = 1}) ==
        std::array<std::uint8_t, 2>{0x15, 0x88});  // the standard's example for 8 kHz
}

}  // namespace rtp::payload
