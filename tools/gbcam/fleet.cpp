#include "tools/gbcam/fleet.hpp"

#include <boost/asio/post.hpp>
#include <boost/system/system_error.hpp>

#include "gb28181/subject.hpp"

namespace gbcam {
namespace {

namespace manscdp = gb28181::manscdp;

constexpr auto leave_within = std::chrono::seconds(8);
constexpr auto leave_step = std::chrono::milliseconds(10);
constexpr std::uint32_t leave_at_once = 20;  // devices in one step

sip::EndpointConfig endpoint_config() {
  sip::EndpointConfig config;
  config.user_agent = "gbcam";
  config.allow = "INVITE, ACK, CANCEL, BYE, OPTIONS, MESSAGE";
  config.large_by_stream = false;  // as cameras do
  return config;
}

// Opens our SIP socket and finds the way to the platform.
sip::Flow open(sip::net::EndpointDriver& driver, const SipOptions& options) {
  const sip::Address at{options.local_ip.value_or(sip::IpAddress()), options.port};
  if (options.transport == sip::Transport::udp) {
    const auto local = driver.listen_udp(at);
    if (!local) throw boost::system::system_error(local.error(), "SIP port");
  } else if (const auto local = driver.listen_tcp(at); !local) {
    throw boost::system::system_error(local.error(), "SIP port");
  }
  return driver.flow_to(options.transport, options.server);
}

std::string_view target_id(const sip::MessageView& request) {
  const auto uri = request.request_uri();
  if (uri && !uri->user.empty()) return uri->user;
  const auto to = request.to();
  return to ? to->uri.user : std::string_view();
}

}  // namespace

Fleet::Fleet(const Ground& ground)
    : ground_(ground),
      driver_(ground.io, endpoint_config(), sip::net::random_seed(), *this),
      world_{ground.options, ground.roster, ground.media, ground.journal,
             ground.io,      ground.clock,  driver_,      open(driver_, ground.options.sip),
             ground.random},
      leave_alarm_(ground.clock, [this](sip::TimePoint) { leave_next(); }) {
  world_.journal.event("started", "devices={} channels={} first-device={} first-channel={} from={}",
                       ground.roster.devices(), ground.roster.channels(),
                       ground.roster.device_id(0), ground.roster.channel_id({0, 0}),
                       sip::to_string(world_.platform.local));
  const auto now = sip::Clock::now();
  const Seconds step(1 / ground.options.sip.register_rate);
  for (std::uint32_t i = 0; i < ground.roster.devices(); ++i) {
    devices_.emplace_back(world_, i);
    devices_.back().registration().start_at(now + in_clock(step * i));
  }
}

Fleet::~Fleet() {
  driver_.close();
}

void Fleet::on_event(const sip::Event& event) {
  std::visit([this](const auto& e) { on(e); }, event);
}

void Fleet::respond(sip::ServerTransactionId transaction, int status) {
  sip::ResponseSpec spec;
  spec.status = status;
  driver_.run(
      [&](auto& endpoint, auto now, auto& out) { endpoint.respond(transaction, spec, now, out); });
}

void Fleet::on(const sip::event::IncomingRequest& request) {
  if (request.message->method() == sip::Method::message) return on_message(request);
  const bool subscribe = request.message->method() == sip::Method::subscribe;
  respond(request.transaction, subscribe ? 489 : 405);
}

void Fleet::on_message(const sip::event::IncomingRequest& request) {
  ++world_.journal.counters.messages_received;
  const auto place = world_.roster.find_channel(target_id(*request.message));
  if (!place) return respond(request.transaction, 404);
  const auto message = manscdp::parse(request.message->body());
  if (!message) {
    ++world_.journal.counters.bad_bodies;
    world_.journal.event("bad-body", "reason=\"{}\"", message.error().message());
    return respond(request.transaction, 400);
  }
  respond(request.transaction, 200);
  if (message->root == manscdp::Root::query) devices_[place->device].on_query(*message);
  if (message->root == manscdp::Root::control) on_control(*message);
}

void Fleet::on_control(const manscdp::Message& control) {
  world_.journal.event("control", "channel={} cmd={} iframe={}", control.device_id,
                       control.cmd_type, control.get<manscdp::RequestKeyFrame>() != nullptr);
  const auto place = world_.roster.find_channel(control.device_id);
  if (!place || !control.get<manscdp::RequestKeyFrame>()) return;
  if (ground_.options.call.key_on_request == KeyOnRequest::ignored) return;
  for (const auto& [id, call] : calls_) {
    const Roster::Place& other = call->terms().place;
    if (other.device == place->device && other.channel == place->channel) call->request_key_frame();
  }
}

void Fleet::on(const sip::event::RequestDone& done) {
  const RequestTag tag = RequestTag::unpack(done.user_data);
  if (tag.device < devices_.size()) devices_[tag.device].on_done(tag.kind, done);
}

void Fleet::refuse(sip::CallId id, int status, const std::string& why) {
  sip::ResponseSpec spec;
  spec.status = status;
  driver_.run([&](auto& endpoint, auto now, auto& out) { endpoint.answer(id, spec, now, out); });
  ++world_.journal.counters.refused;
  world_.journal.event("refused", "status={} reason=\"{}\"", status, why);
}

void Fleet::on(const sip::event::IncomingCall& incoming) {
  const std::string target(target_id(*incoming.message));
  ++world_.journal.counters.invites;
  world_.journal.event("invited", "channel={} subject={} from={}", target,
                       incoming.message->subject(), sip::to_string(incoming.flow.remote));
  const CallOptions& options = ground_.options.call;
  if (options.no_answer) return;
  if (options.reject != 0) return refuse(incoming.call, options.reject, "as told");
  const auto place = world_.roster.find_channel(target);
  if (!place) return refuse(incoming.call, 404, "no such channel: " + target);
  take_call(incoming.call, *place, *incoming.message);
}

void Fleet::take_call(sip::CallId id, Roster::Place place, const sip::MessageView& invite) {
  auto offer = gb28181::parse_offer(invite.body());
  if (!offer) return refuse(id, 488, offer.error().message());
  if (offer->operation != gb28181::Operation::play) return refuse(id, 488, "live play only");
  if (calls_of(place.device) >= ground_.options.fleet.max_calls)
    return refuse(id, 486, "all calls of the device are in use");
  Call::Terms terms{id, place, {}, std::move(*offer)};
  if (const auto subject = gb28181::parse_subject(invite.subject()); subject)
    terms.source = subject->sender_id + ":" + subject->sender_sequence;
  end_same_source(terms);
  open_call(std::move(terms));
}

void Fleet::open_call(Call::Terms terms) {
  const sip::CallId id = terms.id;
  try {
    auto call = std::make_unique<Call>(world_, std::move(terms));
    Call& opened = *call;
    calls_.emplace(id, std::move(call));
    opened.answer();
  } catch (const boost::system::system_error& error) {
    refuse(id, 486, error.what());
  }
}

// Annex K c: a platform that asks for a stream which already runs for it has lost the old session.
void Fleet::end_same_source(const Call::Terms& terms) {
  if (terms.source.empty()) return;
  std::vector<sip::CallId> old;
  for (const auto& [id, call] : calls_)
    if (call->terms().source == terms.source && call->terms().place.device == terms.place.device)
      old.push_back(id);
  for (const sip::CallId id : old) {
    world_.journal.event("replaced", "{}", calls_.at(id)->describe());
    calls_.erase(id);
    driver_.run([&](auto& endpoint, auto now, auto& out) { endpoint.hang_up(id, now, out); });
  }
}

std::size_t Fleet::calls_of(std::uint32_t device) const {
  std::size_t count = 0;
  for (const auto& [id, call] : calls_) count += call->terms().place.device == device;
  return count;
}

void Fleet::on(const sip::event::CallConfirmed& confirmed) {
  const auto found = calls_.find(confirmed.call);
  if (found != calls_.end()) found->second->confirmed();
}

void Fleet::on(const sip::event::CallEnded& ended) {
  Counters& counters = world_.journal.counters;
  if (ended.by == sip::EndedBy::remote_bye) ++counters.byes_received;
  if (ended.by == sip::EndedBy::remote_cancel) ++counters.cancels;
  if (ended.by == sip::EndedBy::local) ++counters.byes_sent;
  if (ended.by == sip::EndedBy::no_ack) ++counters.unacknowledged;
  const auto found = calls_.find(ended.call);
  if (found == calls_.end()) return;
  const char* name = ended.by == sip::EndedBy::remote_bye ? "bye" : "ended";
  world_.journal.event(name, "{} by=\"{}\"", found->second->describe(), sip::to_string(ended.by));
  calls_.erase(found);
}

void Fleet::on(const sip::event::ConnectionClosed& closed) {
  if (closed.flow.remote != world_.platform.remote) return;
  world_.journal.event("connection-lost", "to={}", sip::to_string(closed.flow.remote));
  for (Device& device : devices_) device.registration().on_connection_lost();
}

void Fleet::leave(std::function<void()> done) {
  done_ = std::move(done);
  leave_until_ = sip::Clock::now() + leave_within;
  std::vector<sip::CallId> ids;
  for (const auto& [id, call] : calls_) ids.push_back(id);
  for (const sip::CallId id : ids)  // a call may go at once
    if (const auto found = calls_.find(id); found != calls_.end()) found->second->hang_up();
  leave_next();
}

// A few devices at a time: a thousand REGISTERs at once would only be lost.
void Fleet::leave_next() {
  for (std::uint32_t i = 0; i < leave_at_once && left_ < devices_.size(); ++i)
    devices_[left_++].registration().leave();
  bool over = left_ == devices_.size() && calls_.empty();
  for (Device& device : devices_) over = over && device.registration().over();
  const auto now = sip::Clock::now();
  if (over || now >= leave_until_) return boost::asio::post(ground_.io, std::move(done_));
  leave_alarm_.set(now + leave_step);
}

}  // namespace gbcam
