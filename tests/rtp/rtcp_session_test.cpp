#include "rtp/rtcp_session.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace {

using namespace rtp;
using Bytes = std::vector<std::uint8_t>;

Packet media(std::uint32_t ssrc, int sequence) {
  Packet p;
  p.ssrc = ssrc;
  p.sequence = static_cast<std::uint16_t>(sequence);
  p.timestamp = static_cast<std::uint32_t>(sequence) * 3600;
  return p;
}

Bytes device_report(std::uint32_t ssrc, NtpTime ntp) {
  Bytes out;
  write_rtcp(RtcpSenderReport{ssrc, {ntp, 1000, 5, 500}, {}}, out);
  return out;
}

RtcpCompound parsed(const Bytes& bytes) {
  auto compound = parse_rtcp(bytes);
  REQUIRE(compound.has_value());
  return *compound;
}

TEST_CASE("a receiver reports every five seconds or so, RR and SDES in one compound") {
  RtcpReceiver receiver({.own_ssrc = 99, .cname = "gbgate"});
  CHECK_FALSE(receiver.next_deadline());
  receiver.on_rtp(media(7, 0), 0);
  std::int64_t last_ns = 0;
  for (int n = 0; n < 20; ++n) {
    const auto due = receiver.next_deadline();
    REQUIRE(due);
    CHECK(*due - last_ns >= 4500 * ns_per_ms);
    CHECK(*due - last_ns <= 5500 * ns_per_ms);
    Bytes out;
    receiver.on_deadline(*due - 1, out);
    CHECK(out.empty());
    receiver.on_deadline(*due, out);
    const auto compound = parsed(out);
    REQUIRE(compound.packets.size() == 2);
    CHECK(std::get<RtcpReceiverReport>(compound.packets[0]).ssrc == 99);
    CHECK(std::get<RtcpSourceDescription>(compound.packets[1]).chunks[0].items[0].text == "gbgate");
    last_ns = *due;
  }
}

TEST_CASE("the report block tells loss and answers the last SR") {
  RtcpReceiver receiver({.own_ssrc = 99, .cname = "gbgate"});
  for (const int n : {1, 2, 4}) receiver.on_rtp(media(7, n), n * 40 * ns_per_ms);
  const auto ntp = NtpTime::from_wall_ns(1'774'000'000'000'000'000);
  const auto news = receiver.on_rtcp(device_report(7, ntp), ns_per_second);
  REQUIRE(news.has_value());
  CHECK(news->sender_report);
  REQUIRE(receiver.sender_info());
  CHECK(receiver.sender_info()->ntp == ntp);

  Bytes out;
  receiver.on_deadline(7 * ns_per_second, out);
  const auto report = std::get<RtcpReceiverReport>(parsed(out).packets[0]);
  REQUIRE(report.blocks.size() == 1);
  CHECK(report.blocks[0].ssrc == 7);
  CHECK(report.blocks[0].cumulative_lost == 1);
  CHECK(report.blocks[0].last_sr == ntp.middle());
  CHECK(report.blocks[0].delay_since_last_sr == 6 * 65536);
}

TEST_CASE("a device that sends no SR hears nothing when asked to be quiet") {
  RtcpReceiver receiver({.own_ssrc = 99, .cname = "g", .only_after_sender_report = true});
  receiver.on_rtp(media(7, 1), 0);
  Bytes out;
  receiver.on_deadline(6 * ns_per_second, out);
  CHECK(out.empty());
  REQUIRE(receiver.on_rtcp(device_report(7, {}), 7 * ns_per_second).has_value());
  receiver.on_deadline(12 * ns_per_second, out);
  CHECK_FALSE(out.empty());
}

TEST_CASE("another SSRC starts the statistics over") {
  RtcpReceiver receiver({.own_ssrc = 99, .cname = "g"});
  receiver.on_rtp(media(7, 1), 0);
  receiver.on_rtp(media(7, 100), 0);
  CHECK(receiver.stats().lost() == 98);
  receiver.on_rtp(media(8, 5000), 0);
  CHECK(receiver.stats().lost() == 0);
  Bytes out;
  receiver.bye(0, out);
  const auto compound = parsed(out);
  REQUIRE(compound.packets.size() == 3);
  CHECK(std::get<RtcpReceiverReport>(compound.packets[0]).blocks[0].ssrc == 8);
  CHECK(std::get<RtcpBye>(compound.packets[2]).ssrcs == std::vector<std::uint32_t>{99});
  CHECK_FALSE(receiver.next_deadline());
}

TEST_CASE("BYE of the device, of a stranger, and rubbish") {
  RtcpReceiver receiver({.own_ssrc = 99, .cname = "g"});
  receiver.on_rtp(media(7, 1), 0);
  Bytes stranger, device;
  write_rtcp(RtcpBye{{8}, "no"}, stranger);
  write_rtcp(RtcpBye{{7}, "power off"}, device);
  CHECK_FALSE(receiver.on_rtcp(stranger, 0)->bye);
  const auto news = receiver.on_rtcp(device, 0);
  CHECK(news->bye);
  CHECK(news->bye_reason == "power off");
  CHECK_FALSE(receiver.on_rtcp(Bytes{1, 2, 3}, 0).has_value());
  CHECK(receiver.malformed() == 1);
}

TEST_CASE("a sender reports before its first packet, and says good-bye") {
  RtcpSender sender({.ssrc = 5, .cname = "stream"});
  CHECK_FALSE(sender.due(0));
  sender.start(100);
  CHECK(sender.due(100));
  Bytes out;
  const SenderInfo info{NtpTime::from_wall_ns(1'774'000'000'000'000'000), 900, 0, 0};
  sender.report(info, 100, out);
  auto compound = parsed(out);
  REQUIRE(compound.packets.size() == 2);
  CHECK(std::get<RtcpSenderReport>(compound.packets[0]).sender == info);
  CHECK(std::get<RtcpSourceDescription>(compound.packets[1]).chunks[0].items[0].text == "stream");
  CHECK_FALSE(sender.due(100 + 4 * ns_per_second));
  CHECK(sender.due(100 + 6 * ns_per_second));

  out.clear();
  sender.bye(info, "the camera left", out);
  compound = parsed(out);
  REQUIRE(compound.packets.size() == 3);
  CHECK(std::get<RtcpBye>(compound.packets[2]) == RtcpBye{{5}, "the camera left"});
  CHECK_FALSE(sender.next_deadline());
}

TEST_CASE("a viewer's report gives loss and round trip") {
  RtcpSender sender({.ssrc = 5, .cname = "stream"});
  const auto ntp = NtpTime::from_wall_ns(1'774'000'000'000'000'000);
  Bytes out;
  sender.report({ntp, 900, 0, 0}, 0, out);

  ReportBlock block{5, 26, 12, 500, 40, ntp.middle(), 65536 / 2};
  Bytes reply;
  write_rtcp(RtcpReceiverReport{1, {block}}, reply);
  const auto news = sender.on_rtcp(reply, 530 * ns_per_ms);
  REQUIRE(news.has_value());
  CHECK(news->report);
  REQUIRE(sender.viewer_report());
  CHECK(sender.viewer_report()->cumulative_lost == 12);
  CHECK(sender.viewer_report()->round_trip_ns == 30 * ns_per_ms);

  Bytes other;
  write_rtcp(RtcpReceiverReport{1, {ReportBlock{6, 0, 0, 0, 0, 0, 0}}}, other);
  CHECK_FALSE(sender.on_rtcp(other, 0)->report);
  CHECK_FALSE(sender.on_rtcp(Bytes{0x80}, 0).has_value());
}

}  // namespace
