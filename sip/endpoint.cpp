#include "sip/endpoint.hpp"

#include <algorithm>

#include "sip/endpoint_impl.hpp"
#include "sip/scan.hpp"

namespace sip {

std::string_view to_string(Cause cause) {
  switch (cause) {
    case Cause::answered:
      return "answered";
    case Cause::timeout:
      return "no answer in time";
    case Cause::transport:
      return "could not be sent";
    case Cause::overloaded:
      return "too much to do";
    case Cause::cancelled:
      return "cancelled";
    case Cause::invalid:
      return "impossible request";
  }
  return "?";
}

std::string_view to_string(EndedBy by) {
  switch (by) {
    case EndedBy::remote_bye:
      return "BYE from the peer";
    case EndedBy::remote_cancel:
      return "CANCEL from the peer";
    case EndedBy::local:
      return "hung up here";
    case EndedBy::no_answer:
      return "not answered here";
    case EndedBy::no_ack:
      return "no ACK to our 200";
    case EndedBy::session_expired:
      return "the session timer ran out";
    case EndedBy::dialog_lost:
      return "the peer does not know the call any more";
  }
  return "?";
}

std::string_view to_string(SoftStateNews news) {
  switch (news) {
    case SoftStateNews::active:
      return "active";
    case SoftStateNews::waiting:
      return "waiting";
    case SoftStateNews::refused:
      return "refused";
    case SoftStateNews::removed:
      return "removed";
  }
  return "?";
}

CountedMethod counted(Method method) {
  switch (method) {
    case Method::register_:
      return CountedMethod::register_;
    case Method::message:
      return CountedMethod::message;
    case Method::invite:
      return CountedMethod::invite;
    case Method::ack:
      return CountedMethod::ack;
    case Method::cancel:
      return CountedMethod::cancel;
    case Method::bye:
      return CountedMethod::bye;
    case Method::info:
      return CountedMethod::info;
    case Method::options:
      return CountedMethod::options;
    case Method::subscribe:
      return CountedMethod::subscribe;
    case Method::notify:
      return CountedMethod::notify;
    case Method::prack:
      return CountedMethod::prack;
    case Method::update:
      return CountedMethod::update;
    case Method::refer:
      return CountedMethod::refer;
    case Method::publish:
      return CountedMethod::publish;
    default:
      return CountedMethod::other;
  }
}

static std::uint64_t number_of(Random& random) {
  const std::uint64_t high = random.next();
  return high << 32 | random.next();
}

Endpoint::Impl::Impl(EndpointConfig configuration, const Seed& seed)
    : config(std::move(configuration)),
      random(seed),
      tag_key{number_of(random), number_of(random)},
      transactions(config.timers, config.limits.transactions,
                   number_of(random), counters),
      writer(config, random),
      overload(config.limits.overload, config.limits.transactions) {
  limits.message_bytes = static_cast<std::uint32_t>(
      std::min<std::size_t>(config.limits.message_bytes, ~std::uint32_t{0}));
  std::string_view rest = config.allow;
  while (!rest.empty()) {
    const auto comma = std::min(rest.find(','), rest.size());
    allowed |= 1u << static_cast<unsigned>(method_from(scan::trim(rest.substr(0, comma))));
    rest.remove_prefix(std::min(comma + 1, rest.size()));
  }
}

void Endpoint::Impl::on_deadline(TimePoint now, Output& out) {
  current = {};
  transactions.on_deadline(now, out, reports);
  on_reports(now, out);
  on_call_deadlines(now, out);
  on_subscription_deadlines(now, out);
  on_kept_deadlines(now, out);
}

TimePoint Endpoint::Impl::next_deadline() const {
  return std::min({transactions.next_deadline(), call_deadlines.next(),
                   subscription_deadlines.next(), kept_deadlines.next()});
}

// --- the face ------------------------------------------------------------------------------------

Endpoint::Endpoint(EndpointConfig config, const Seed& seed)
    : impl_(std::make_unique<Impl>(std::move(config), seed)) {}
Endpoint::~Endpoint() = default;

void Endpoint::on_listening(const Listener& listener) {
  impl_->writer.announce(listener);
}

void Endpoint::on_message(std::string_view bytes, const Flow& from, TimePoint now, Output& out) {
  impl_->writer.set_now(now);
  impl_->on_message(bytes, from, now, out);
}

void Endpoint::on_parsed(const MessageView& message, const Flow& from, TimePoint now, Output& out) {
  impl_->writer.set_now(now);
  impl_->on_parsed(message, from, now, out);
}

void Endpoint::on_connection_closed(const Flow& flow, TimePoint now, Output& out) {
  impl_->on_kept_flow_failed(flow, now, out);  // before its requests, which tell of themselves
  on_send_failed(flow, now, out);
  out.events.push_back(event::ConnectionClosed{flow});
}

void Endpoint::on_backlog(unsigned percent) {
  impl_->overload.on_backlog(percent);
}
void Endpoint::on_send_failed(const Flow& flow, TimePoint now, Output& out) {
  impl_->writer.set_now(now);
  impl_->on_flow_failed(flow, now, out);
}

void Endpoint::on_resolved(LookupId lookup, std::span<const Flow> targets, TimePoint now,
                           Output& out) {
  impl_->writer.set_now(now);
  impl_->current = {};
  Turn turn{now, out};
  impl_->on_resolved(lookup, targets, turn);
}

void Endpoint::on_deadline(TimePoint now, Output& out) {
  impl_->writer.set_now(now);
  impl_->on_deadline(now, out);
}

TimePoint Endpoint::next_deadline() const {
  return impl_->next_deadline();
}

RequestId Endpoint::send_request(const RequestSpec& spec, TimePoint now, Output& out) {
  impl_->writer.set_now(now);
  return impl_->send_request(spec, now, out);
}

bool Endpoint::respond(ServerTransactionId transaction, const ResponseSpec& spec, TimePoint now,
                       Output& out) {
  impl_->writer.set_now(now);
  return impl_->respond_for_user(transaction_of(transaction), spec, now, out);
}

CallId Endpoint::invite(const InviteSpec& spec, TimePoint now, Output& out) {
  impl_->writer.set_now(now);
  return impl_->invite(spec, now, out);
}

bool Endpoint::answer(CallId call, const ResponseSpec& spec, TimePoint now, Output& out) {
  impl_->writer.set_now(now);
  return impl_->answer(call, spec, now, out);
}

bool Endpoint::acknowledge(CallId call, const InCallRequestSpec& answer, TimePoint now,
                           Output& out) {
  impl_->writer.set_now(now);
  return impl_->acknowledge(call, answer, now, out);
}

bool Endpoint::hang_up(CallId call, TimePoint now, Output& out) {
  impl_->writer.set_now(now);
  return impl_->hang_up(call, now, out);
}

RequestId Endpoint::send_in_call(CallId call, const InCallRequestSpec& spec, TimePoint now,
                                 Output& out) {
  impl_->writer.set_now(now);
  return impl_->send_in_call(call, spec, now, out);
}

RequestId Endpoint::change_call(CallId call, const ChangeSpec& spec, TimePoint now, Output& out) {
  impl_->writer.set_now(now);
  return impl_->change(call, spec, false, now, out);
}

bool Endpoint::move_call(CallId call, const Flow& flow) {
  auto* found = impl_->calls.find(call);
  if (found) found->dialog.flow = flow, found->dialog.unresolved = false;
  return found != nullptr;
}

std::string_view Endpoint::call_id_header(CallId call) const {
  const auto* found = impl_->calls.find(call);
  return found ? std::string_view(found->dialog.call_id) : std::string_view();
}

SubscriptionId Endpoint::subscribe(const SubscribeSpec& spec, TimePoint now, Output& out,
                                   CallId call) {
  impl_->writer.set_now(now);
  return impl_->subscribe(spec, call, now, out);
}

bool Endpoint::unsubscribe(SubscriptionId subscription, TimePoint now, Output& out) {
  impl_->writer.set_now(now);
  return impl_->unsubscribe(subscription, now, out);
}

bool Endpoint::answer_subscription(SubscriptionId subscription, const ResponseSpec& spec,
                                   TimePoint now, Output& out) {
  impl_->writer.set_now(now);
  return impl_->answer_subscription(subscription, spec, now, out);
}

bool Endpoint::notify(SubscriptionId subscription, const NotifySpec& spec, TimePoint now,
                      Output& out) {
  impl_->writer.set_now(now);
  return impl_->notify(subscription, spec, now, out);
}

RegistrationId Endpoint::keep_registered(const RegistrationSpec& spec, TimePoint now, Output& out) {
  impl_->writer.set_now(now);
  return impl_->keep_registered(spec, now, out);
}

bool Endpoint::remove(RegistrationId registration, TimePoint now, Output& out) {
  impl_->writer.set_now(now);
  return impl_->remove(id_as<KeptId>(registration), now, out);
}

PublicationId Endpoint::publish(const PublicationSpec& spec, TimePoint now, Output& out) {
  impl_->writer.set_now(now);
  return impl_->publish(spec, now, out);
}

bool Endpoint::modify(PublicationId publication, std::string_view content_type,
                      std::string_view body, TimePoint now, Output& out) {
  impl_->writer.set_now(now);
  return impl_->modify(publication, content_type, body, now, out);
}

bool Endpoint::remove(PublicationId publication, TimePoint now, Output& out) {
  impl_->writer.set_now(now);
  return impl_->remove(id_as<KeptId>(publication), now, out);
}

void Endpoint::tell_time(WallTime wall, TimePoint now) {
  impl_->writer.tell_time(wall, now);
}

const Transactions& Endpoint::transactions() const {
  return impl_->transactions;
}
const Counters& Endpoint::counters() const {
  return impl_->counters;
}
const EndpointConfig& Endpoint::config() const {
  return impl_->config;
}
std::string Endpoint::random_token(std::size_t bytes) {
  return impl_->random.hex(bytes);
}

}  // namespace sip
