// Server: who watches our users' registrations (RFC 3680), in dialogs of our own.
#include <utility>

#include "sip/scan.hpp"
#include "sip/server_impl.hpp"

namespace sip {
namespace {

// RFC 3261 20.1; without Accept it is the package's own type (RFC 3680 4.5).
bool accepts_reginfo(const MessageView& request) {
  if (!request.has(HeaderId::accept)) return true;
  for (const auto value : request.values(HeaderId::accept)) {
    const auto type = scan::trim(value.substr(0, value.find(';')));
    if (type == "*/*" || scan::iequals(type, "application/*") || scan::iequals(type, reginfo_type))
      return true;
  }
  return false;
}

bool is_about_registrations(const MessageView& request) {
  const auto event = request.event();
  return event && scan::iequals(event->package, reg_event);
}

bool in_dialog(const MessageView& request) {
  const auto to = request.to();
  return to && !to->tag().empty();
}

}  // namespace

// To the server itself: all of them. To a user: what is not about registrations is for the user.
bool Server::Impl::takes_subscription(const Turn& turn) const {
  if (turn.message->method() != Method::subscribe) return false;
  if (!config.registrar || !config.serve_reg_event) return false;
  return is_self(turn.uri) || is_about_registrations(*turn.message);
}

int Server::Impl::fault_of_subscribe(const Turn& turn, WatcherId inside) const {
  const auto& request = *turn.message;
  if (request.has(HeaderId::require)) return 420;
  if (in_dialog(request) && !inside) return 481;
  if (!is_about_registrations(request)) return 489;
  if (!inside && turn.uri.user.empty()) return 404;
  return accepts_reginfo(request) ? 0 : 406;
}

void Server::Impl::subscribe_here(Turn& turn) {
  const auto& request = *turn.message;
  if (overload.sheds(request, transactions.size(), turn.now)) return answer_overloaded(turn);
  const auto inside = in_dialog(request) ? watchers.find(request) : WatcherId{};
  if (const int status = fault_of_subscribe(turn, inside)) return refuse_subscribe(status, turn);
  const auto who = config.authenticate_register
                       ? authenticated(turn, Authenticator::Kind::registrar)
                       : std::string_view();
  if (!who) return;
  std::string whom;
  if (inside)
    whom = watchers.aor_of(inside);
  else if (!canonical_aor(turn.uri, whom))
    return answer(404, turn);
  if (!may_watch(turn, *who, whom)) return answer(403, turn);
  if (transactions.full()) return answer_overloaded(turn);
  const auto done =
      inside ? watchers.refresh(inside, request, turn.flow, turn.now)
             : watchers.subscribe(request, whom, tag_of(request, turn.via), turn.flow, turn.now);
  if (done.status != 200) return refuse_subscribe(done.status, turn);
  accept_subscribe(done.expires, turn);
  tell_watchers(turn.now, turn.out);
}

// As with REGISTER: where nobody is asked who they are, From must say it.
bool Server::Impl::may_watch(const Turn& turn, std::string_view who, std::string_view whom) {
  if (!who.empty()) return accounts->may_act_for(who, whom);
  const auto from = turn.message->from();
  return config.registration.third_party || (from && canonical_aor(from->uri, aor) && aor == whom);
}

void Server::Impl::refuse_subscribe(int status, Turn& turn) {
  if (status == 420) return answer_unsupported(HeaderId::require, turn);
  if (status == 503) return answer_overloaded(turn);
  auto message = begin_answer(status, turn);
  if (status == 406) message.header(HeaderId::accept, reginfo_type);
  if (status == 423)
    message.header(HeaderId::min_expires,
                   static_cast<std::uint32_t>(config.reg_event.min_expires.count()));
  if (status == 489) message.header(HeaderId::allow_events, reg_event);
  send_answer(message.finish(), turn);
}

void Server::Impl::accept_subscribe(std::uint32_t expires, Turn& turn) {
  auto message = begin_answer(200, turn);
  message.header(HeaderId::contact, contact_at(turn.flow)).header(HeaderId::expires, expires);
  respond_remembered(message, 200, turn);
}

// Without a user: a refresh comes to the server itself.
std::string Server::Impl::contact_at(const Flow& flow) const {
  const auto* const here = interfaces.of(flow);
  if (!here) return {};
  std::string_view uri = here->record_route;
  uri.remove_suffix(std::string_view(";lr>").size());
  return "<sip:" + std::string(uri) + '>';
}

void Server::Impl::on_bindings_changed(const Registrar::Outcome& done, TimePoint now, Output& out) {
  const bool told =
      done.added + done.removed > 0 || (done.refreshed > 0 && config.reg_event.tell_refreshes);
  if (told) watchers.on_change(done.aor, ReginfoHistory::Removal::by_user, now);
  tell_watchers(now, out);
}

bool Server::Impl::remove(std::string_view whose, std::string_view contact, TimePoint now,
                          Output& out) {
  const bool found =
      contact.empty() ? location.remove_all(whose) > 0 : location.remove(whose, contact);
  if (!found) return false;
  watchers.on_change(whose, ReginfoHistory::Removal::by_server, now);
  tell_watchers(now, out);
  return true;
}

void Server::Impl::tell_watchers(TimePoint now, Output& out) {
  if (location.has_lapses())
    for (const auto& lapsed : location.take_lapses())
      watchers.on_change(lapsed, ReginfoHistory::Removal::by_server, now);
  for (auto id = watchers.due(now); id; id = watchers.due(now)) send_notify(id, now, out);
  counters.subscriptions = watchers.size();
}

void Server::Impl::send_notify(WatcherId id, TimePoint now, Output& out) {
  const auto flow = watchers.flow_of(id);
  const auto* const here = interfaces.of(flow);
  branch.clear();
  const auto number = std::uint64_t{random.next()} << 32;
  branches.append(branch, {BranchKind::stateful, number | random.next(), 0});
  std::string via(here ? std::string_view(here->via) : std::string_view());
  via.erase(0, std::string_view("Via: ").size()).append(branch);
  if (!watchers.write(id, via, contact_at(flow), now, scratch)) return;
  counters.count_request_sent(CountedMethod::notify, flow.transport);
  const Owner owner{Purpose::notify, {id.index, id.generation}, 0};
  if (!transactions.full()) {
    transactions.start_client(false, transactions.response_key(branch, "NOTIFY"), scratch, flow,
                              owner, now, out);
    return;
  }
  out.send(flow, scratch);  // once, without waiting for its answer
  watchers.on_answer(id, 200, now);
}

void Server::Impl::on_notify_answer(const Owner& owner, int status, TimePoint now, Output& out) {
  if (status < 200) return;
  watchers.on_answer({owner.call.index, owner.call.generation}, status, now);
  tell_watchers(now, out);
}

}  // namespace sip
