#include "gateway/rtsp/dialogue.hpp"

#include <algorithm>
#include <tuple>

#include "gateway/rtsp/rtp_info.hpp"
#include "gateway/rtsp/scan.hpp"
#include "gateway/rtsp/sdp_description.hpp"
#include "gateway/stream_source.hpp"

namespace gateway::rtsp {
namespace {

constexpr const char* public_methods =
    "OPTIONS, DESCRIBE, SETUP, PLAY, PAUSE, GET_PARAMETER, SET_PARAMETER, TEARDOWN";

Response answer(int status, std::string text = {}) {
  Response response{.status = status, .reason = {}, .headers = {}, .body = {}};
  if (text.empty()) return response;
  response.add("X-Reason", text).add("Content-Type", "text/plain; charset=utf-8");
  response.body = std::move(text) + "\r\n";
  return response;
}

bool accepts_sdp(std::string_view accept) {
  if (accept.empty()) return true;
  while (!accept.empty()) {
    auto type = take_element(accept, ',');
    type = take_element(type, ';');
    if (iequals(type, "application/sdp") || type == "*/*" || iequals(type, "application/*"))
      return true;
  }
  return false;
}

bool known(const Session& session, const Target& target) {
  return target.server || session.target().same_presentation(target) ||
         (session.satip_stream() && target.stream_id == session.satip_stream());
}

std::uint64_t first_of_track(const Stream& stream, std::uint64_t from, std::size_t track) {
  auto i = std::max(from, stream.begin());
  while (i < stream.end() && stream.packet(i).track != track) ++i;
  return i;
}

}  // namespace

Dialogue::Reply Dialogue::on_request(const Request& request, TimePoint now) {
  Reply reply;
  reply.cseq = request.header("CSeq");
  session_.reset();
  if (auto refused = check(request, now, reply.close)) {
    reply.response = std::move(*refused);
    return reply;
  }
  if (session_) session_->touch(now);
  dispatch(request, now, reply);
  if (session_ && !reply.open && reply.response.status == 200) {
    const auto has_session =
        std::any_of(reply.response.headers.begin(), reply.response.headers.end(),
                    [](const auto& h) { return h.first == "Session"; });
    if (!has_session) reply.response.add("Session", session_->id());
  }
  return reply;
}

std::optional<Response> Dialogue::check(const Request& request, TimePoint now, bool& close) {
  if (request.method == Method::unknown) return answer(501).add("Public", public_methods);
  if (auto refused = find_session(request, session_)) return refused;
  // VLC's SAT>IP module leaves CSeq out of its TEARDOWN.
  const bool satip = session_ && session_->satip_stream();
  if (!satip && !parse_number<std::uint32_t>(request.header("CSeq")))
    return answer(400, "CSeq is missing or not a number");
  auto unsupported = request.joined("Require");
  if (const auto proxy = request.joined("Proxy-Require"); !proxy.empty())
    unsupported += (unsupported.empty() ? "" : ", ") + proxy;
  if (!unsupported.empty()) return answer(551).add("Unsupported", unsupported);
  if (request.method == Method::announce || request.method == Method::record ||
      request.method == Method::redirect)
    return answer(405).add("Allow", public_methods);
  const auto target = parse_target(request.uri);
  if (!target) return answer(400, "URI is not rtsp://host/path");
  target_ = *target;
  // OPTIONS tells nothing, and players send it before they have asked for a password.
  if (request.method == Method::options) return {};
  return authorize(request, now, close);
}

std::optional<Response> Dialogue::find_session(const Request& request,
                                               std::shared_ptr<Session>& session) {
  auto header = request.header("Session");
  if (header.empty()) return {};
  const auto found = context_.sessions.find(unquote(take_element(header, ';')));
  if (!found) return answer(454);
  // What is sent over another connection cannot be controlled from here.
  const bool elsewhere = found->connection() != connection_;
  if (elsewhere && !found->setups().empty() && found->lower() == Transport::Lower::tcp)
    return answer(454, "the session belongs to another connection");
  session = found;
  return {};
}

std::optional<Response> Dialogue::authorize(const Request& request, TimePoint now, bool& close) {
  if (!authenticate_) return {};
  if (!context_.authenticator) return answer(403, "no user may watch from this address");
  const auto verdict = context_.authenticator->check(request, now);
  if (verdict == Authenticator::Verdict::ok) {
    wrong_passwords_ = 0;
    return {};
  }
  if (verdict == Authenticator::Verdict::wrong)
    close = ++wrong_passwords_ >= context_.wrong_passwords;
  return context_.authenticator->challenge(verdict, now);
}

void Dialogue::dispatch(const Request& request, TimePoint now, Reply& reply) {
  switch (request.method) {
    case Method::options:
      return options(reply);
    case Method::describe:
      return describe(request, now, reply);
    case Method::setup:
      return set_up(request, now, reply);
    case Method::play:
      return play(request, now, reply);
    case Method::pause:
      return pause(reply);
    case Method::get_parameter:
    case Method::set_parameter:
      return parameter(request, reply);
    case Method::teardown:
      return teardown(reply);
    default:
      reply.response = answer(501);
  }
}

void Dialogue::options(Reply& reply) const {
  reply.response.add("Public", public_methods);
}

// ---- DESCRIBE ----

void Dialogue::describe(const Request& request, TimePoint now, Reply& reply) {
  if (!accepts_sdp(request.joined("Accept"))) {
    reply.response = answer(406, "only application/sdp can be answered");
    return;
  }
  if (target_.server) {
    reply.response = answer(404, "the URL names no stream");
    return;
  }
  if (is_described(target_)) {
    const OpenResult again{.hold = hold_, .status = 200, .reason = {}};
    reply = on_opened(request, again, now);
    return;
  }
  reply.open = true;
  reply.open_path = target_.path;
  reply.open_query = target_.query;
}

bool Dialogue::is_described(const Target& target) const {
  return hold_ && opened_ && opened_->path == target.path && opened_->query == target.query &&
         !hold_->stream().ended();
}

Dialogue::Reply Dialogue::on_opened(const Request& request, const OpenResult& opened,
                                    TimePoint now) {
  Reply reply;
  reply.cseq = request.header("CSeq");
  if (!opened.hold) {
    reply.response = answer(opened.status >= 300 ? opened.status : 500, opened.reason);
    return reply;
  }
  // A second presentation on the connection replaces what the first DESCRIBE held; sessions have
  // holds of their own.
  if (!opened_ || !opened_->same_presentation(target_)) described_ = false;
  hold_ = opened.hold;
  opened_ = target_;
  opened_at_ = now;
  if (request.method == Method::setup) {
    set_up_opened(request, now, reply);
    return reply;
  }
  described_ = true;
  described_layout_ = hold_->stream().layout();
  reply.response.add("Content-Base", target_.presentation_url() + '/')
      .add("Content-Type", "application/sdp");
  reply.response.body = rtsp::describe(hold_->stream(), target_);
  return reply;
}

// ---- SETUP ----

void Dialogue::set_up(const Request& request, TimePoint now, Reply& reply) {
  if (session_ && session_->state() == Session::State::playing) {
    reply.response =
        answer(455).add("Allow", "PAUSE, PLAY, TEARDOWN, OPTIONS, GET_PARAMETER, SET_PARAMETER");
  } else if (target_.server) {
    reply.response = answer(404, "the URL names no stream");
  } else if (!request.has("Transport")) {
    reply.response = answer(400, "Transport is missing");
  } else if (session_ && !session_->target().same_presentation(target_)) {
    reply.response = answer(459, "the session is of another presentation");
  } else if (session_ || is_described(target_)) {
    set_up_opened(request, now, reply);
  } else {
    reply.open = true;
    reply.open_path = target_.path;
    reply.open_query = target_.query;
  }
}

void Dialogue::set_up_opened(const Request& request, TimePoint now, Reply& reply) {
  auto transport = choose_transport(request.joined("Transport"), context_.transports);
  if (!transport) {
    reply.response = answer(461);
    return;
  }
  const Stream& stream = session_ ? session_->stream() : hold_->stream();
  const auto tracks = stream.tracks().size();
  const bool satip = session_ ? session_->satip_stream().has_value() : !described_;
  if (!target_.track && satip) {
    set_up_satip(std::move(*transport), now, reply);
  } else if (!target_.track && tracks != 1) {
    reply.response = answer(459, "set up each track by its control URL");
  } else if (target_.track.value_or(0) >= tracks) {
    reply.response = answer(404, "the stream has no such track");
  } else {
    set_up_track(target_.track.value_or(0), std::move(*transport), now, reply);
  }
}

void Dialogue::set_up_track(std::size_t track, Transport transport, TimePoint now, Reply& reply) {
  if (session_ && !session_->setups().empty() && session_->lower() != transport.lower &&
      (session_->setups().size() > 1 || session_->setups().front().track != track)) {
    reply.response = answer(461, "all tracks of a session take the same lower transport");
    return;
  }
  if (!session_) {
    if (context_.sessions.full() ||
        context_.sessions.of_connection(connection_).size() >= context_.sessions_per_connection) {
      reply.response = answer(453, "too many sessions");
      return;
    }
    if (hold_->stream().viewer_count() >= context_.viewers_per_stream) {
      reply.response = answer(453, "the stream has as many viewers as it may have");
      return;
    }
    session_ = context_.sessions.create(connection_, target_, hold_, now);
    if (described_) session_->set_layout(described_layout_);
  }
  if (transport.lower == Transport::Lower::tcp)
    choose_channels(track, transport);
  else
    add_server_ports(track, transport);
  session_->set_up(track, transport);
  const auto& tracks = session_->stream().tracks();
  reply.response.add("Transport", transport.print(tracks[track].ssrc))
      .add("Session",
           session_->id() + ";timeout=" + std::to_string(context_.sessions.times().told.count()));
}

// The SAT>IP dialect (SAT>IP specification 1.2.2, 3.5): one SETUP for everything, MPEG-TS over RTP.
void Dialogue::set_up_satip(Transport transport, TimePoint now, Reply& reply) {
  set_up_track(0, std::move(transport), now, reply);
  if (reply.response.status != 200) return;
  if (!session_->satip_stream()) session_->set_satip_stream(context_.sessions.next_satip_stream());
  reply.response.add("com.ses.streamID", std::to_string(*session_->satip_stream()));
}

void Dialogue::add_server_ports(std::size_t track, Transport& transport) const {
  const auto& ports = context_.udp_ports;
  if (ports.empty()) return;
  std::tie(transport.server_rtp_port, transport.server_rtcp_port) = ports[track % ports.size()];
}

// The client's channels are kept when nothing else on the connection has them.
void Dialogue::choose_channels(std::size_t track, Transport& transport) const {
  if (transport.rtp_channel && !channel_taken(*transport.rtp_channel, track) &&
      !channel_taken(*transport.rtcp_channel, track))
    return;
  unsigned channel = static_cast<unsigned>(2 * track) & 0xfe;
  for (unsigned tries = 0; tries < 128; ++tries, channel = (channel + 2) & 0xfe) {
    const auto rtp = static_cast<std::uint8_t>(channel),
               rtcp = static_cast<std::uint8_t>(channel + 1);
    if (channel_taken(rtp, track) || channel_taken(rtcp, track)) continue;
    transport.rtp_channel = rtp;
    transport.rtcp_channel = rtcp;
    return;
  }
}

bool Dialogue::channel_taken(std::uint8_t channel, std::size_t track) const {
  for (const auto& session : context_.sessions.of_connection(connection_)) {
    for (const auto& setup : session->setups()) {
      if (session == session_ && setup.track == track) continue;  // is being replaced
      if (setup.transport.rtp_channel == channel || setup.transport.rtcp_channel == channel)
        return true;
    }
  }
  return false;
}

// ---- PLAY, PAUSE, TEARDOWN ----

std::optional<Response> Dialogue::check_aggregate(bool one_track_is_enough) const {
  if (!session_) return answer(454, "the request names no session");
  if (!known(*session_, target_)) return answer(404, "the session is of another presentation");
  if (!target_.track) return {};
  if (!session_->setup_of(*target_.track)) return answer(404, "the track was not set up");
  if (!one_track_is_enough && session_->setups().size() > 1) return answer(460);
  return {};
}

void Dialogue::play(const Request& request, TimePoint now, Reply& reply) {
  if (auto refused = check_aggregate(false)) {
    reply.response = std::move(*refused);
    return;
  }
  if (session_->stream().ended()) {
    reply.response = answer(404, "the stream has ended: " + session_->stream().end_reason());
    return;
  }
  if (session_->outdated()) {
    reply.response = answer(404, "the stream's tracks are not what they were: describe it again");
    return;
  }
  // Live: whatever Range, Scale and Speed ask for, it plays from now on and at its own pace.
  reply.response.add("Range", "npt=now-");
  if (request.has("Scale")) reply.response.add("Scale", "1.0");
  if (session_->state() == Session::State::playing) return;
  reply.start = session_;
  reply.start_from = plan_start(*session_, now);
  if (const auto info = rtp_info(*session_, reply.start_from); !info.empty())
    reply.response.add("RTP-Info", info);
  session_->play();
}

PlayStart Dialogue::plan_start(const Session& session, TimePoint now) const {
  const auto now_ns =
      std::chrono::duration_cast<std::chrono::nanoseconds>(now.time_since_epoch()).count();
  const auto& stream = session.stream();
  const auto& requests = stream.key_requests();
  const auto newest = session.start_position();
  PlaySituation situation{.video = session.has_video(),
                          .askable = requests.askable(now_ns),
                          .obedience = requests.obedience(now_ns),
                          .ask_in_ns = requests.ask_in_ns(now_ns)};
  if (situation.video && newest) situation.key_age_ns = now_ns - stream.packet(*newest).arrival_ns;
  const auto plan = plan_play(situation, context_.play_times);
  PlayStart start{.at = newest, .ask = plan.ask, .patience_ns = plan.patience_ns};
  if (plan.from == PlayPlan::From::next_key) start.at.reset();
  return start;
}

std::string Dialogue::rtp_info(const Session& session, PlayStart& start) const {
  if (!start.at || session.satip_stream()) return {};
  std::vector<RtpInfo> infos;
  for (const auto& setup : session.setups()) {
    const auto& stream = session.stream();
    const auto index = first_of_track(stream, *start.at, setup.track);
    if (index == stream.end()) continue;
    start.promised = std::max(start.promised, index + 1);
    infos.push_back({session.target().track_url(static_cast<unsigned>(setup.track)),
                     stream.packet(index).sequence, stream.packet(index).timestamp});
  }
  return print_rtp_info(infos);
}

void Dialogue::pause(Reply& reply) {
  if (auto refused = check_aggregate(false)) {
    reply.response = std::move(*refused);
  } else if (session_->state() != Session::State::playing) {
    reply.response =
        answer(455).add("Allow", "PLAY, SETUP, TEARDOWN, OPTIONS, GET_PARAMETER, SET_PARAMETER");
  } else {
    reply.stop = session_;
    session_->pause(session_->stream().end());
  }
}

void Dialogue::teardown(Reply& reply) {
  if (auto refused = check_aggregate(true)) {
    reply.response = std::move(*refused);
    return;
  }
  // One track of several: sending goes on with the others.
  if (target_.track && session_->setups().size() > 1) {
    session_->remove(*target_.track);
    return;
  }
  reply.stop = session_;
  context_.sessions.erase(*session_);
  reply.ended = true;
  reply.response.add("Session", session_->id());
  if (hold_ && &hold_->stream() == &session_->stream()) {
    hold_.reset();
    described_ = false;
  }
}

// Empty ones are signs of life. We have no parameters, so none can be understood.
void Dialogue::parameter(const Request& request, Reply& reply) const {
  if (trim(request.body).empty()) return;
  reply.response = answer(451);
  reply.response.add("Content-Type", "text/parameters");
  reply.response.body = std::string(request.body);
}

// ---- the rest ----

Dialogue::Reply Dialogue::on_refused(std::string_view head, Refusal refusal) const {
  Reply reply;
  const auto cseq = find_header(head, "CSeq").value_or("");
  if (parse_number<std::uint32_t>(cseq)) reply.cseq = cseq;
  reply.response = answer(refusal.status, refusal.reason);
  return reply;
}

void Dialogue::on_interleaved(std::uint8_t channel, TimePoint now) {
  for (const auto& session : context_.sessions.of_connection(connection_))
    for (const auto& setup : session->setups())
      if (setup.transport.rtp_channel == channel || setup.transport.rtcp_channel == channel)
        session->touch(now);
}

void Dialogue::on_tick(TimePoint now) {
  if (hold_ && now - opened_at_ > context_.describe_linger) hold_.reset();
}

}  // namespace gateway::rtsp
