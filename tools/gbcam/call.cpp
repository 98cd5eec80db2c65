#include "tools/gbcam/call.hpp"

#include <algorithm>

namespace gbcam {
namespace {

constexpr std::uint32_t own_ssrc_base = 100'000'000;  // when the offer names none

std::uint32_t promised_ssrc(const World& world, const Call::Terms& terms) {
  if (world.options.media.ssrc == SsrcFault::zero) return 0;
  if (terms.offer.ssrc != 0) return terms.offer.ssrc;
  return own_ssrc_base + terms.id.index;
}

// f= codes of annex G: video codec, then the sizes that have a code.
std::string media_parameters(const Clip& clip) {
  if (clip.video == rtp::Codec::unknown) return "v/////a///";
  const int video = clip.video == rtp::Codec::h265 ? 5 : 2;
  const std::string size = clip.height == 1080  ? "6"
                           : clip.height == 720 ? "5"
                                                : fmt::format("{}x{}", clip.width, clip.height);
  const auto fps = 90000 / clip.frame_interval_90khz;
  const char* audio = clip.audio == rtp::Codec::unknown ? "///"
                      : clip.audio == rtp::Codec::aac   ? "/6//"
                                                        : "/1/8/1";
  return fmt::format("v/{}/{}/{}/2/a{}", video, size, std::min<std::int64_t>(fps, 99), audio);
}

}  // namespace

Call::Call(World& world, Terms terms)
    : world_(world),
      terms_(std::move(terms)),
      ssrc_(promised_ssrc(world, terms_)),
      channel_id_(world.roster.channel_id(terms_.place)),
      answer_alarm_(world.clock, [this](sip::TimePoint) { accept(); }),
      bye_alarm_(world.clock, [this](sip::TimePoint) { hang_up(); }) {
  LinkPlan plan{terms_.offer.transport, world.platform.local.ip, {}};
  plan.remote.ip = sip::IpAddress::parse(terms_.offer.host).value_or(world.platform.remote.ip);
  plan.remote.port = terms_.offer.port;
  link_ = make_link(world.io, world.clock, plan, *this, world.journal.counters);
}

std::string Call::describe() const {
  return fmt::format("channel={} transport={} to={}:{} ssrc={}", channel_id_,
                     gb28181::to_string(terms_.offer.transport), terms_.offer.host,
                     terms_.offer.port, gb28181::format_ssrc(ssrc_));
}

std::string Call::answer_sdp() const {
  gb28181::MediaAnswer answer;
  answer.owner_id = channel_id_;
  answer.host = sip::to_string(world_.platform.local.ip);
  answer.port = link_->port();
  answer.tcp = terms_.offer.transport != gb28181::MediaTransport::udp;
  // Seen from us: the platform's passive is our active.
  if (answer.tcp)
    answer.setup = terms_.offer.transport == gb28181::MediaTransport::tcp_passive
                       ? gb28181::Setup::active
                       : gb28181::Setup::passive;
  if (world_.options.media.ssrc != SsrcFault::missing) answer.ssrc = ssrc_;
  answer.formats = {{identity().payload_type, "PS", 90000}};
  answer.media_parameters = media_parameters(world_.media.clip);
  return gb28181::build_answer(terms_.offer, answer);
}

SenderIdentity Call::identity() const {
  SenderIdentity identity;
  identity.ssrc = ssrc_;
  if (world_.options.media.ssrc == SsrcFault::wrong) identity.ssrc = ssrc_ ^ 0x5a5a5a5a;
  for (const gb28181::PayloadFormat& format : terms_.offer.formats)
    if (format.encoding == "PS") identity.payload_type = format.payload_type;
  identity.cname = channel_id_;
  return identity;
}

void Call::answer() {
  const Seconds wait = world_.options.call.answer_after;
  if (wait.count() <= 0) return accept();
  sip::ResponseSpec ringing;
  ringing.status = 180;
  world_.driver.run(
      [&](auto& endpoint, auto now, auto& out) { endpoint.answer(terms_.id, ringing, now, out); });
  answer_alarm_.set(sip::Clock::now() + in_clock(wait));
}

void Call::accept() {
  sip::ResponseSpec ok;
  ok.contact = world_.contact(channel_id_);
  ok.content_type = "application/sdp";
  ok.body = answer_sdp();
  world_.driver.run(
      [&](auto& endpoint, auto now, auto& out) { endpoint.answer(terms_.id, ok, now, out); });
  ++world_.journal.counters.accepted;
  if (world_.options.media.early) start_media();
}

void Call::confirmed() {
  ++world_.journal.counters.confirmed;
  world_.journal.event("confirmed", "{}", describe());
  start_media();
  const Seconds bye_after = world_.options.call.bye_after;
  if (bye_after.count() > 0) bye_alarm_.set(sip::Clock::now() + in_clock(bye_after));
}

void Call::start_media() {
  if (std::exchange(started_, true) || world_.options.media.none) return;
  link_->start();
}

void Call::hang_up() {
  if (sender_) sender_->stop();
  world_.journal.event("hanging-up", "{}", describe());
  world_.driver.run(
      [&](auto& endpoint, auto now, auto& out) { endpoint.hang_up(terms_.id, now, out); });
}

void Call::on_link_open() {
  if (sender_) return;
  world_.journal.event("media-started", "{}", describe());
  sender_ =
      std::make_unique<MediaSender>(world_.clock, *link_, world_.media.feed(world_.options.media),
                                    world_.options.media, identity(), world_.journal.counters);
  sender_->start();
}

void Call::on_rtcp(std::span<const std::uint8_t> packet) {
  if (sender_) sender_->on_rtcp(packet);
}

void Call::on_link_lost(const std::string& reason) {
  world_.journal.event("media-lost", "{} reason=\"{}\"", describe(), reason);
  hang_up();
}

}  // namespace gbcam
