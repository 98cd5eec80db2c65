#include "gateway/camera_feed.hpp"

#include <fmt/format.h>

namespace gateway {
namespace {

using namespace gb28181;
using namespace std::chrono_literals;

constexpr auto tick_interval = 1s;

gb28181::MediaTransport profile_of(MediaTransport transport) {
  switch (transport) {
    case MediaTransport::tcp_passive:
      return gb28181::MediaTransport::tcp_passive;
    case MediaTransport::tcp_active:
      return gb28181::MediaTransport::tcp_active;
    case MediaTransport::udp:
      break;
  }
  return gb28181::MediaTransport::udp;
}

StreamConfig session_config(const MediaConfig& config) {
  const auto seconds = [](std::chrono::milliseconds t) {
    return std::chrono::ceil<std::chrono::seconds>(t);
  };
  return {.answer_timeout = seconds(config.invite_timeout),
          .first_media = seconds(config.first_media_timeout),
          .media_silence = seconds(config.silence_timeout)};
}

}  // namespace

CameraFeed::CameraFeed(Cameras& cameras, MediaPlane& plane, CameraTarget target, Stream& stream,
                       FeedUser& user)
    : plane_(plane),
      target_(std::move(target)),
      stream_(stream),
      user_(user),
      call_(cameras, plane.shard(), target_, *this),
      deadline_(plane.shard().clock(),
                [this](sip::TimePoint now) {
                  StreamActions actions;
                  lost_ = session_->state() == StreamSession::State::streaming;  // silence
                  session_->on_deadline(now, actions);
                  perform(std::move(actions));
                }),
      tick_(plane.shard().clock(), [this](sip::TimePoint now) { on_tick(now); }) {}

CameraFeed::~CameraFeed() {
  release();
}

void CameraFeed::start() {
  const auto now = sip::Clock::now();
  const auto ssrc = plane_.resources().take_ssrc(now);
  if (!ssrc) return perform(stream_action::Failed{503, ssrc.error().message()});
  ssrc_ = *ssrc;
  auto opened = plane_.open(stream_, plane_.config().media.transport, {ssrc_}, *this, 1);
  if (!opened.ingest) return perform(stream_action::Failed{503, opened.error});
  ingest_ = std::move(opened.ingest);
  ingest_->expect_host(target_.host);
  session_ = std::make_unique<StreamSession>(request(), session_config(plane_.config().media));
  StreamActions actions;
  session_->start(now, actions);
  tick_.set(now + tick_interval);
  perform(std::move(actions));
}

StreamRequest CameraFeed::request() const {
  StreamRequest request;
  request.channel_id = target_.channel_id;
  request.platform_id = plane_.config().sip.id;
  request.signalling_host = target_.host;
  request.offer.transport = profile_of(ingest_->transport());
  request.offer.owner_id = plane_.config().sip.id;
  request.offer.host = target_.media_host;
  request.offer.port = ingest_->port();
  request.offer.ssrc = ssrc_;
  return request;
}

Feed::Source CameraFeed::source() const {
  Source source;
  source.device_id = target_.device_id;
  source.channel_id = target_.channel_id;
  if (ingest_) {
    source.transport = ingest_->transport();
    source.local_address = fmt::format("{}:{}", target_.media_host, ingest_->port());
  }
  return source;
}

void CameraFeed::stop(const std::string& reason) {
  lost_ = false;
  end(reason);
}

void CameraFeed::lose(const std::string& reason) {
  lost_ = true;
  end(reason);
}

void CameraFeed::end(const std::string& reason) {
  if (over_ || !session_) return;
  StreamActions actions;
  session_->stop(reason, sip::Clock::now(), actions);
  perform(std::move(actions));
}

// ---- what happens ----

void CameraFeed::on_call_progress(int status) {
  session_->on_progress(status, sip::Clock::now());
}

void CameraFeed::on_call_answered(std::string_view sdp) {
  StreamActions actions;
  session_->on_answer(sdp, sip::Clock::now(), actions);
  perform(std::move(actions));
}

void CameraFeed::on_call_failed(int status, const std::string& phrase) {
  StreamActions actions;
  session_->on_call_failed(status, phrase, sip::Clock::now(), actions);
  perform(std::move(actions));
}

void CameraFeed::on_call_over(bool by_device) {
  if (!by_device) return;
  lost_ = false;
  StreamActions actions;
  session_->on_call_ended(sip::Clock::now(), actions);
  perform(std::move(actions));
}

void CameraFeed::on_first_media() {
  const auto now = sip::Clock::now();
  stream_.set_key_source(this, target_.key_memory);
  decodable_by_ = now + plane_.config().media.first_media_timeout;
  StreamActions actions;
  session_->on_media(ingest_->packets(), ingest_->bytes(), now, actions);
  perform(std::move(actions));
}

void CameraFeed::on_key_memory(const KeyMemory& memory) {
  log::info("media", "key frame requests: device={} channel={} {}", target_.device_id,
            target_.channel_id, to_string(memory.obedience));
  call_.remember(memory);
}

void CameraFeed::on_media_closed(const std::string& reason) {
  StreamActions actions;
  const auto now = sip::Clock::now();
  if (ingest_->packets() == 0 && ingest_->transport() == MediaTransport::tcp_active) {
    session_->on_connect_failed(reason, now, actions);
  } else {
    lost_ = true;
    session_->on_media_closed(reason, now, actions);
  }
  perform(std::move(actions));
}

void CameraFeed::on_tick(sip::TimePoint now) {
  ingest_->tick(now);
  tick_.set(now + tick_interval);
  if (!is_decodable(now)) return;
  StreamActions actions;
  session_->on_media(ingest_->packets(), ingest_->bytes(), now, actions);
  perform(std::move(actions));
}

// False when media has come for long enough and still gives no picture: the feed is over then.
bool CameraFeed::is_decodable(sip::TimePoint now) {
  if (stream_.ready() || now < decodable_by_) return true;
  const auto reason = fmt::format("{} sends media that gives no picture: {} packets, {}",
                                  target_.channel_id, ingest_->packets(), ingest_->diagnosis());
  StreamActions actions;
  session_->stop(reason, now, actions);
  for (auto& action : actions) {
    if (std::get_if<stream_action::Ended>(&action)) action = stream_action::Failed{502, reason};
  }
  perform(std::move(actions));
  return false;
}

// ---- what the session wants ----

void CameraFeed::perform(StreamActions actions) {
  for (const auto& action : actions) {
    if (over_) return;
    std::visit([this](const auto& a) { perform(a); }, action);
  }
  if (!over_) deadline_.set(session_->next_deadline());
}

void CameraFeed::perform(const stream_action::SendInvite& action) {
  session_->note_invite(target_.flow, 1);
  log::info("media", "INVITE device={} channel={} media={}:{}/{} ssrc={}", target_.device_id,
            target_.channel_id, target_.media_host, ingest_->port(),
            to_string(ingest_->transport()), format_ssrc(ssrc_));
  CallWish wish{target_.channel_id, action.sdp, action.subject, format_ssrc(ssrc_),
                ingest_->port()};
  call_.start(std::move(wish));
}

void CameraFeed::perform(const stream_action::Answered& action) {
  if (action.answer.ssrc) ingest_->expect(*action.answer.ssrc);
  ingest_->expect_host(action.answer.host);
  for (const auto& format : action.answer.formats)
    ingest_->declare(
        {format.payload_type, rtp::es::codec_of_encoding(format.encoding), format.clock_rate_hz});
}

void CameraFeed::perform(const stream_action::ConnectMedia& action) {
  boost::system::error_code ec;
  const auto address = boost::asio::ip::make_address(action.host, ec);
  if (!ec) return ingest_->connect({address, action.port});
  StreamActions actions;
  session_->on_connect_failed(fmt::format("{:?} is no IP address", action.host), sip::Clock::now(),
                              actions);
  perform(std::move(actions));
}

void CameraFeed::perform(const stream_action::Started&) {
  log::info("media", "media flows device={} channel={} from={}", target_.device_id,
            target_.channel_id, ingest_->figures().remote_address);
}

void CameraFeed::perform(const stream_action::Failed& action) {
  log::warn("media", "no stream device={} channel={} status={}: {}", target_.device_id,
            target_.channel_id, action.status, action.reason);
  release();
  user_.on_feed_failed(action.status, action.reason);
}

void CameraFeed::perform(const stream_action::Ended& action) {
  log::info("media", "stream over device={} channel={}: {}", target_.device_id, target_.channel_id,
            action.reason);
  release();
  user_.on_feed_ended(action.reason);
}

void CameraFeed::release() {
  if (over_) return;
  over_ = true;
  deadline_.clear();
  tick_.clear();
  stream_.set_key_source(nullptr);
  call_.forget();
  if (ingest_) {
    plane_.account(ingest_->figures());
    ingest_->close();
  }
  if (ssrc_ != 0) plane_.resources().give_back_ssrc(ssrc_, sip::Clock::now());
}

}  // namespace gateway
