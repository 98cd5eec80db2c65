#include "gb28181/stream_session.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace gb28181 {
namespace {

using namespace stream_action;

std::string place(std::string_view host, std::uint16_t port, bool tcp) {
  const bool v6 = host.find(':') != std::string_view::npos;
  return fmt::format("{}{}{}:{}/{}", v6 ? "[" : "", host, v6 ? "]" : "", port, tcp ? "tcp" : "udp");
}

// 9 is the discard port: RFC 4145 writes it where there is nothing to connect to.
bool can_be_dialled(std::uint16_t port) {
  return port != 0 && port != 9;
}

bool is_wildcard(std::string_view host) {
  return host.empty() || host == "0.0.0.0" || host == "::";
}

}  // namespace

int viewer_status(int sip_status) {
  switch (sip_status) {
    case 401:
    case 403:
    case 407:
    case 603:
      return 403;
    case 404:
    case 410:
    case 604:
      return 404;
    case 408:
    case 504:
      return 504;
    case 480:  // off line
    case 486:  // no more calls
    case 487:
    case 491:
    case 503:
    case 600:
      return 503;
    default:
      return 502;
  }
}

StreamSession::StreamSession(StreamRequest request, StreamConfig config)
    : request_(std::move(request)), config_(config) {}

void StreamSession::start(sip::TimePoint now, StreamActions& out) {
  if (state_ != State::idle) return;
  state_ = State::inviting;
  answer_by_ = now + config_.answer_timeout;
  const Subject subject{request_.channel_id, format_ssrc(request_.offer.ssrc), request_.platform_id,
                        "0"};
  out.emplace_back(SendInvite{build_offer(request_.offer), to_string(subject)});
}

void StreamSession::note_invite(std::string destination, unsigned transmissions) {
  destination_ = std::move(destination);
  transmissions_ = transmissions;
}

void StreamSession::on_progress(int status, sip::TimePoint) {
  if (state_ == State::inviting) progress_ = status;
}

void StreamSession::on_answer(std::string_view sdp, sip::TimePoint now, StreamActions& out) {
  // We gave up while the 200 was on its way: it is a call that nobody wants.
  if (state_ == State::ended) {
    out.emplace_back(SendBye{});
    return;
  }
  if (state_ != State::inviting) return;
  auto answer = parse_answer(sdp);
  state_ = State::answered;
  if (!answer) {
    return fail(502,
                fmt::format("{} answered 200 to INVITE, but its SDP is unusable: {}",
                            request_.channel_id, answer.error().message()),
                out);
  }
  answer_ = std::move(*answer);
  answer_by_ = sip::never;
  media_by_ = now + config_.first_media;
  out.emplace_back(Answered{*answer_});
  if (must_connect()) connect(out);
  if (packets_ > 0) begin_streaming(out);
}

void StreamSession::on_call_failed(int status, std::string_view phrase, sip::TimePoint,
                                   StreamActions& out) {
  if (state_ != State::inviting) return;
  const auto reason = fmt::format("{} answered {}{}{} to INVITE", request_.channel_id, status,
                                  phrase.empty() ? "" : " ", phrase);
  state_ = State::ended;
  finish();
  out.emplace_back(Failed{viewer_status(status), reason});
}

void StreamSession::on_call_ended(sip::TimePoint, StreamActions& out) {
  const bool started = state_ == State::streaming;
  if (!started && state_ != State::answered) return;
  state_ = State::ended;
  finish();
  if (started)
    out.emplace_back(Ended{fmt::format("{} ended the call (BYE)", request_.channel_id)});
  else
    out.emplace_back(Failed{502, fmt::format("{} answered 200 to INVITE and ended the call (BYE) "
                                             "before it sent RTP",
                                             request_.channel_id)});
}

void StreamSession::on_media(std::uint64_t packets, std::uint64_t bytes, sip::TimePoint now,
                             StreamActions& out) {
  if (state_ == State::idle || state_ == State::ended || packets <= packets_) return;
  packets_ = packets;
  bytes_ = bytes;
  if (state_ == State::inviting) return;
  if (!paused_) media_by_ = now + config_.media_silence;
  if (state_ == State::answered) begin_streaming(out);
}

void StreamSession::begin_streaming(StreamActions& out) {
  state_ = State::streaming;
  connect_at_ = sip::never;
  out.emplace_back(Started{});
}

bool StreamSession::must_connect() const {
  // An answer with the offer's own role: both would listen, or both connect. Trying does no harm.
  const bool both_listen = request_.offer.transport == MediaTransport::tcp_passive &&
                           answer_->tcp && answer_->setup == Setup::passive;
  const bool wanted = request_.offer.transport == MediaTransport::tcp_active || both_listen;
  return wanted && can_be_dialled(answer_->port);
}

void StreamSession::connect(StreamActions& out) {
  // A private address in the SDP of a device behind NAT leads nowhere: every second attempt goes
  // where its signalling comes from.
  const auto& alternative = request_.signalling_host;
  const bool other = !alternative.empty() && (is_wildcard(answer_->host) || connects_ % 2 == 1);
  ++connects_;
  connect_at_ = sip::never;
  out.emplace_back(ConnectMedia{other ? alternative : answer_->host, answer_->port});
}

void StreamSession::on_connect_failed(std::string_view why, sip::TimePoint now,
                                      StreamActions& out) {
  if (state_ != State::answered || connects_ == 0) return;
  connect_fault_ = why;
  if (connects_ <= config_.connect_retries) {
    connect_at_ = now + config_.connect_pause;
    return;
  }
  // Where the device may still connect to us, the wait for media decides.
  if (request_.offer.transport != MediaTransport::tcp_active) return;
  fail(502,
       fmt::format("could not connect to {} at {} for its media in {} attempts: {}",
                   request_.channel_id, media_place(), connects_, why),
       out);
}

void StreamSession::on_media_closed(std::string_view why, sip::TimePoint now, StreamActions& out) {
  if (state_ == State::answered) return on_connect_failed(why, now, out);
  // Some devices close the connection while a playback is paused.
  if (state_ != State::streaming || paused_) return;
  end(fmt::format("{} closed the media connection after {} packets: {}", request_.channel_id,
                  packets_, why),
      out);
}

void StreamSession::set_paused(bool paused, sip::TimePoint now) {
  if (state_ != State::streaming || paused_ == paused) return;
  paused_ = paused;
  media_by_ = now + (paused ? config_.paused_limit : config_.media_silence);
}

void StreamSession::on_file_sent(sip::TimePoint, StreamActions& out) {
  if (request_.offer.operation == Operation::play) return;
  if (state_ == State::streaming)
    end(fmt::format("{} has sent the whole recording", request_.channel_id), out);
  else if (state_ == State::answered)
    fail(404,
         fmt::format("{} has no recording for this time (MediaStatus 121 without media)",
                     request_.channel_id),
         out);
}

void StreamSession::stop(std::string_view reason, sip::TimePoint, StreamActions& out) {
  if (state_ == State::streaming) return end(std::string(reason), out);
  if (state_ == State::ended) return;
  fail(503, std::string(reason), out);
}

void StreamSession::on_deadline(sip::TimePoint now, StreamActions& out) {
  if (state_ == State::inviting && answer_by_ <= now) return fail(504, no_answer_reason(), out);
  if (state_ == State::answered && media_by_ <= now) return fail(504, no_media_reason(), out);
  if (state_ == State::streaming && media_by_ <= now) return end(silence_reason(), out);
  if (state_ == State::answered && connect_at_ <= now) connect(out);
}

sip::TimePoint StreamSession::next_deadline() const {
  return std::min({answer_by_, media_by_, connect_at_});
}

void StreamSession::fail(int status, std::string reason, StreamActions& out) {
  if (state_ == State::inviting) out.emplace_back(SendCancel{});
  if (state_ == State::answered) out.emplace_back(SendBye{});
  state_ = State::ended;
  finish();
  out.emplace_back(Failed{status, std::move(reason)});
}

void StreamSession::end(std::string reason, StreamActions& out) {
  state_ = State::ended;
  finish();
  out.emplace_back(SendBye{});
  out.emplace_back(Ended{std::move(reason)});
}

void StreamSession::finish() {
  answer_by_ = media_by_ = connect_at_ = sip::never;
}

std::string StreamSession::media_place() const {
  return place(answer_->host, answer_->port, answer_->tcp);
}

std::string StreamSession::no_answer_reason() const {
  const auto limit = config_.answer_timeout.count();
  if (progress_ != 0)
    return fmt::format("{} answered {} to INVITE, but gave no final answer within {} s",
                       request_.channel_id, progress_, limit);
  auto reason = fmt::format("{} did not answer INVITE within {} s", request_.channel_id, limit);
  if (transmissions_ > 0)
    reason += fmt::format(" (sent {} time{} to {})", transmissions_, transmissions_ == 1 ? "" : "s",
                          destination_);
  return reason;
}

std::string StreamSession::no_media_reason() const {
  auto reason =
      fmt::format("{} sent no RTP within {} s after 200 OK: SDP said {}, {} packets seen",
                  request_.channel_id, config_.first_media.count(), media_place(), packets_);
  const auto& offer = request_.offer;
  const bool offered_tcp = offer.transport != MediaTransport::udp;
  if (offered_tcp != answer_->tcp)
    reason += fmt::format(", {} was offered", to_string(offer.transport));
  else if (offer.transport == MediaTransport::tcp_passive)
    reason += fmt::format(", it was to connect to {}", place(offer.host, offer.port, true));
  if (!connect_fault_.empty())
    reason += fmt::format(", connecting failed {} times: {}", connects_, connect_fault_);
  return reason;
}

std::string StreamSession::silence_reason() const {
  if (paused_) return fmt::format("paused for more than {} s", config_.paused_limit.count());
  return fmt::format("{} sent no RTP for {} s: media lost after {} packets, {} bytes",
                     request_.channel_id, config_.media_silence.count(), packets_, bytes_);
}

std::string StreamSession::describe() const {
  static constexpr const char* names[] = {"idle", "inviting", "answered", "streaming", "ended"};
  return fmt::format("{} of {} by {}: {}, {} packets", to_string(request_.offer.operation),
                     request_.channel_id, to_string(request_.offer.transport),
                     names[static_cast<std::size_t>(state_)], packets_);
}

}  // namespace gb28181
