#include "tools/gbcam/registration.hpp"

#include <vector>

#include "gb28181/manscdp/message.hpp"
#include "tools/gbcam/bodies.hpp"

namespace gbcam {
namespace {

constexpr int most_challenges = 2;  // the second for a nonce that has become stale

std::vector<std::string_view> challenges(const sip::MessageView& message) {
  std::vector<std::string_view> values;
  for (std::size_t i = 0; i < message.header_count(); ++i) {
    const sip::HeaderView header = message.header(i);
    const bool challenge = header.id == sip::HeaderId::www_authenticate ||
                           header.id == sip::HeaderId::proxy_authenticate;
    if (challenge) values.push_back(header.value);
  }
  return values;
}

std::string why(const sip::event::RequestDone& done) {
  std::string text = fmt::format("cause={} status={}", sip::to_string(done.cause), done.status);
  if (done.message) text += fmt::format(" reason=\"{}\"", done.message->reason());
  return text;
}

}  // namespace

Registration::Registration(World& world, std::uint32_t device)
    : world_(world),
      device_(device),
      id_(world.roster.device_id(device)),
      expires_(world.options.sip.expires),
      digest_(world.options.sip.user.empty() ? id_ : world.options.sip.user,
              world.options.sip.password),
      register_alarm_(world.clock, [this](sip::TimePoint) { begin(); }),
      keepalive_alarm_(world.clock, [this](sip::TimePoint) { send_keepalive(); }) {}

void Registration::begin() {
  if (state_ != State::registered && state_ != State::leaving) state_ = State::registering;
  challenges_ = 0;
  send_register({});
}

void Registration::leave() {
  keepalive_alarm_.clear();
  register_alarm_.clear();
  if (state_ != State::registered) {
    state_ = State::absent;
    return;
  }
  state_ = State::leaving;
  begin();
}

void Registration::send_register(std::optional<std::string> authorization) {
  const SipOptions& sip = world_.options.sip;
  sip::RequestSpec spec;
  spec.method = "REGISTER";
  spec.request_uri = world_.uri(sip.server_id);
  spec.from = spec.to = fmt::format("<{}>", world_.uri(id_));
  spec.destination = world_.platform;
  spec.contact = world_.contact(id_);
  if (call_id_.empty()) call_id_ = world_.driver.endpoint().random_token(16);
  spec.call_id = call_id_;
  spec.cseq = ++cseq_;
  const auto expires = state_ == State::leaving ? std::chrono::seconds(0) : sip.expires;
  spec.headers.push_back({"Expires", std::to_string(expires.count())});
  if (sip.send_version)
    spec.headers.push_back({"X-GB-Ver", std::string(gb28181::gb_version(sip.edition))});
  if (authorization) spec.headers.push_back({"Authorization", std::move(*authorization)});
  spec.user_data = RequestTag{RequestKind::register_, device_}.pack();
  world_.driver.run(
      [&](auto& endpoint, auto now, auto& out) { endpoint.send_request(spec, now, out); });
}

bool Registration::answer_challenge(const sip::MessageView& message) {
  if (challenges_ >= most_challenges || world_.options.sip.password.empty()) return false;
  if (!digest_.on_challenges(challenges(message))) return false;
  if (challenges_ > 0 && !digest_.stale()) return false;
  ++challenges_;
  const std::string uri = world_.uri(world_.options.sip.server_id);
  const std::string cnonce = world_.driver.endpoint().random_token(8);
  send_register(digest_.authorization({"REGISTER", ""}, uri, cnonce));
  return true;
}

void Registration::on_register_done(const sip::event::RequestDone& done) {
  if (state_ == State::absent) return;
  const bool challenged = done.message && (done.status == 401 || done.status == 407);
  if (challenged && answer_challenge(*done.message)) return;
  if (state_ == State::leaving) return on_left(done);
  if (done.message && done.status / 100 == 2) return on_accepted(*done.message);
  on_refused(done);
}

std::chrono::seconds Registration::granted(const sip::MessageView& message) const {
  if (const auto contact = message.contact(); contact)
    if (const auto expires = contact->expires()) return std::chrono::seconds(*expires);
  if (const auto expires = message.expires(); expires) return std::chrono::seconds(*expires);
  return world_.options.sip.expires;
}

void Registration::on_accepted(const sip::MessageView& message) {
  const bool refresh = state_ == State::registered;
  state_ = State::registered;
  misses_ = 0;
  expires_ = granted(message);
  const auto now = sip::Clock::now();
  // 3.1: early enough to leave the server time; not all devices in step.
  const Seconds expires(expires_);
  register_alarm_.set(now + in_clock(expires * 0.6) + world_.some_of(expires * 0.2));
  const Seconds keepalive = world_.options.sip.keepalive;
  const bool many = world_.roster.devices() > 1;
  if (!refresh && keepalive.count() > 0)
    keepalive_alarm_.set(now + (many ? world_.some_of(keepalive) : in_clock(keepalive)));
  ++world_.journal.counters.registered;
  world_.journal.event(refresh ? "refreshed" : "registered",
                       "device={} expires={} date={} gb-ver={}", id_, expires_.count(),
                       message.text(sip::HeaderId::date), message.find("X-GB-Ver").value_or("-"));
}

void Registration::on_refused(const sip::event::RequestDone& done) {
  state_ = State::registering;
  keepalive_alarm_.clear();
  ++world_.journal.counters.register_failures;
  world_.journal.event("register-failed", "device={} {}", id_, why(done));
  const Seconds retry = world_.options.sip.retry;
  register_alarm_.set(sip::Clock::now() + in_clock(retry) + world_.some_of(retry * 0.2));
}

void Registration::on_left(const sip::event::RequestDone& done) {
  state_ = State::absent;
  if (done.status / 100 != 2) {
    ++world_.journal.counters.register_failures;
    world_.journal.event("unregister-failed", "device={} {}", id_, why(done));
    return;
  }
  ++world_.journal.counters.unregistered;
  world_.journal.event("unregistered", "device={}", id_);
}

void Registration::send_keepalive() {
  if (state_ != State::registered) return;
  keepalive_alarm_.set(sip::Clock::now() + in_clock(world_.options.sip.keepalive));
  const auto message =
      gb28181::manscdp::make_message(next_sn(), id_, gb28181::manscdp::Keepalive{});
  send_body(world_, device_, message, RequestKind::keepalive);
}

void Registration::on_keepalive_done(const sip::event::RequestDone& done) {
  if (state_ != State::registered) return;
  if (done.status / 100 == 2) {
    ++world_.journal.counters.keepalives_answered;
    misses_ = 0;
    return;
  }
  ++world_.journal.counters.keepalives_failed;
  ++misses_;
  world_.journal.event("keepalive-failed", "device={} {} misses={}", id_, why(done), misses_);
  if (misses_ < world_.options.sip.keepalive_misses) return;
  world_.journal.event("keepalive-lost", "device={} misses={}: registers again", id_, misses_);
  state_ = State::registering;
  keepalive_alarm_.clear();
  register_alarm_.set(sip::Clock::now());
}

// 9.1.1 f: a device whose connection is gone must register again after the retry pause.
void Registration::on_connection_lost() {
  if (state_ == State::leaving) state_ = State::absent;
  if (state_ == State::absent) return;
  state_ = State::registering;
  keepalive_alarm_.clear();
  const Seconds retry = world_.options.sip.retry;
  register_alarm_.set(sip::Clock::now() + in_clock(retry) + world_.some_of(retry * 0.5));
}

}  // namespace gbcam
