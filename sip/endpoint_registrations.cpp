// Endpoint: what we keep at a peer: registrations (RFC 3261 10.2) and publications (RFC 3903 4).
#include <algorithm>

#include "sip/endpoint_impl.hpp"
#include "sip/scan.hpp"
#include "sip/uri.hpp"

namespace sip {
namespace {

SoftStateNews news_of(SoftState::Next next) {
  switch (next) {
    case SoftState::Next::active:
      return SoftStateNews::active;
    case SoftState::Next::refused:
      return SoftStateNews::refused;
    case SoftState::Next::removed:
      return SoftStateNews::removed;
    case SoftState::Next::waiting:
    case SoftState::Next::ask_again:
      break;
  }
  return SoftStateNews::waiting;
}

// What a 2xx to REGISTER grants our contact: its own expires, else Expires (10.2.4).
std::optional<std::uint32_t> granted_to(std::string_view contact, const MessageView& response) {
  const auto ours = parse_name_addr(contact);
  for (const auto value : response.contacts()) {
    const auto theirs = parse_name_addr(value);
    if (ours && theirs && !theirs->wildcard && equivalent(ours->uri, theirs->uri))
      if (const auto seconds = theirs->expires()) return seconds;
  }
  if (const auto seconds = response.expires()) return *seconds;
  return {};
}

// RFC 3903 4.1: without an entity-tag the first; with one and no body a refresh, with a body a
// change, with Expires 0 a removal.
void write_publication(RequestSpec& request, const Kept& kept) {
  request.headers.push_back({"Event", kept.event});
  if (!kept.etag.empty()) request.headers.push_back({"SIP-If-Match", kept.etag});
  if (!kept.changed && !kept.etag.empty()) {
    request.body.clear();
    request.content_type.clear();
  }
  if (kept.soft->removing()) request.body.clear();
}

// How often a flow is to be pinged at most (RFC 5626 4.4.1).
Duration flow_timer_of(const MessageView& response) {
  const auto said = response.find("Flow-Timer");
  const auto seconds = said ? scan::number(scan::trim(*said), 86'400) : std::nullopt;
  return std::chrono::seconds(seconds && *seconds != 0 ? *seconds : 120);
}

template <class Spec>
Kept kept_from(const Spec& spec, std::string_view method) {
  Kept kept;
  kept.request = spec.request;
  kept.request.method = method;
  kept.soft.emplace(SoftState::Terms{spec.expires, spec.retry_base, spec.retry_max});
  return kept;
}

bool is_possible(const RequestSpec& request) {
  return !request.request_uri.empty() && parse_name_addr(request.from) &&
         parse_name_addr(request.to);
}

// How it stands now, for the user.
void tell(KeptId id, const Kept& kept, SoftStateNews news, const Outcome& outcome, TimePoint now,
          Output& out) {
  const auto due = kept.soft ? kept.soft->next_deadline() : never;
  const auto next = due == never ? Duration{} : due - now;
  const auto user_data = kept.request.user_data;
  if (kept.publishes()) {
    out.events.push_back(event::PublicationChanged{id_as<PublicationId>(id), news, outcome.cause,
                                                   outcome.status, outcome.message, next,
                                                   user_data});
  } else {
    out.events.push_back(event::RegistrationChanged{id_as<RegistrationId>(id), news, outcome.cause,
                                                    outcome.status, outcome.message, next,
                                                    user_data});
  }
}

}  // namespace

RegistrationId Endpoint::Impl::keep_registered(const RegistrationSpec& spec, TimePoint now,
                                               Output& out) {
  auto fresh = kept_from(spec, "REGISTER");
  fresh.keep_flow = spec.keep_flow;
  // 10.2: all REGISTERs of one UA to one registrar share a Call-ID; From keeps its tag with it.
  if (fresh.request.call_id.empty())
    fresh.request.call_id = writer.make_call_id(fresh.request.destination);
  const bool possible = is_possible(fresh.request) && !fresh.request.contact.empty();
  if (possible) fresh.request.from = writer.with_tag(fresh.request.from);
  return id_as<RegistrationId>(keep(std::move(fresh), possible, now, out));
}

PublicationId Endpoint::Impl::publish(const PublicationSpec& spec, TimePoint now, Output& out) {
  auto fresh = kept_from(spec, "PUBLISH");
  const bool possible = is_possible(fresh.request) && !spec.event.empty();
  fresh.event = spec.event.empty() ? "?" : spec.event;
  fresh.changed = true;
  return id_as<PublicationId>(keep(std::move(fresh), possible, now, out));
}

KeptId Endpoint::Impl::keep(Kept fresh, bool possible, TimePoint now, Output& out) {
  const auto alike = fresh.publishes() ? kept_publications : kept.size() - kept_publications;
  if (!possible || alike >= config.limits.registrations) {
    const KeptId id{~std::uint32_t{0}, ++dead_ids_};
    const auto refused =
        possible ? Outcome{Cause::overloaded, 503, nullptr} : Outcome{Cause::invalid, 400, nullptr};
    tell(id, fresh, SoftStateNews::refused, refused, now, out);
    return id;
  }
  if (fresh.publishes()) ++kept_publications;
  const auto id = kept.take();
  kept.at(id.index) = std::move(fresh);
  send_kept(id, now, out);
  return id;
}

void Endpoint::Impl::send_kept(KeptId id, TimePoint now, Output& out) {
  auto& k = kept.at(id.index);
  kept_deadlines.remove(id.index);
  if (full()) return kept_deadlines.set(id.index, now + std::chrono::seconds(1));
  k.soft->asking();
  k.leaving = k.soft->removing();
  auto request = k.request;
  if (k.publishes()) {
    request.call_id = writer.make_call_id(request.destination);  // no dialog: each may stand alone
    request.cseq = 1;
    write_publication(request, k);
    k.changed = false;
  } else {
    request.cseq = ++k.request.cseq;
  }
  request.headers.push_back({"Expires", std::to_string(k.soft->expires().count())});
  add_credentials(request.headers, &k.login, request.method, request.body, request.request_uri);
  writer.write(request);
  start_request(request.method, request.destination, {Purpose::kept, owner_id(id), 0},
                request.persistence, false, now, out);
}

bool Endpoint::Impl::modify(PublicationId id, std::string_view type, std::string_view body,
                            TimePoint now, Output& out) {
  auto* k = kept.find(id_as<KeptId>(id));
  if (!k || !k->publishes() || k->soft->removing()) return false;
  k->request.content_type = type;
  k->request.body = body;
  k->changed = true;
  if (!k->soft->in_flight()) send_kept(id_as<KeptId>(id), now, out);
  return true;
}

bool Endpoint::Impl::remove(KeptId id, TimePoint now, Output& out) {
  auto* k = kept.find(id);
  if (!k) return false;
  k->soft->remove();
  if (!k->soft->in_flight()) send_kept(id, now, out);
  return true;
}

SoftState::Next Endpoint::Impl::settle(Kept& k, const Outcome& outcome, TimePoint now) {
  SoftState::Reply reply{outcome.cause, outcome.status, {}, {}, {}};
  const auto* m = outcome.message;
  const bool success = outcome.cause == Cause::answered && outcome.status < 300;
  if (m) {
    if (const auto cseq = m->cseq()) k.request.cseq = std::max(k.request.cseq, cseq->number);
    if (const auto n = m->number(HeaderId::min_expires)) reply.min_expires = *n;
    if (const auto n = m->number(HeaderId::retry_after)) reply.retry_after = *n;
  } else {
    k.request.cseq += 4;  // tries that nobody answered may have counted up
  }
  if (k.publishes()) {
    // 412: our state is gone there; and after a failure nobody knows: publish afresh.
    k.etag = success ? m->text(HeaderId::sip_etag) : std::string_view();
    k.changed = k.changed || !success;
  }
  if (success && !k.publishes()) {
    reply.expires = granted_to(k.request.contact, *m);
  } else if (success) {
    if (const auto seconds = m->expires()) reply.expires = *seconds;
  }
  return k.soft->on_reply(reply, chance(), now);
}

void Endpoint::Impl::on_kept_done(KeptId id, const Outcome& outcome, Turn& turn) {
  auto* k = kept.find(id);
  if (!k) return;
  const bool success = outcome.cause == Cause::answered && outcome.status < 300;
  // remove() may have been called while a request was under way: that answer is not the last.
  const bool leave_next = k->soft->removing() && success && !k->leaving;
  const auto next = settle(*k, outcome, turn.now);
  if (next == SoftState::Next::ask_again || leave_next) return send_kept(id, turn.now, turn.out);
  tell(id, *k, news_of(next), outcome, turn.now, turn.out);
  if (next == SoftState::Next::removed || next == SoftState::Next::refused) {
    if (k->publishes()) --kept_publications;
    kept_deadlines.remove(id.index);
    *k = Kept{};
    return kept.release(id.index);
  }
  kept_deadlines.set(id.index, k->soft->next_deadline());
  if (next != SoftState::Next::active) return;
  if (k->keep_flow) keep_flow(*k, *outcome.message, turn);
  if (k->publishes() && k->changed) send_kept(id, turn.now, turn.out);
}

// --- its flow (RFC 5626 4.4.1, 4.5) --------------------------------------------------------------

void Endpoint::Impl::keep_flow(Kept& k, const MessageView& response, Turn& turn) {
  if (turn.flow.connection == ConnectionId::none) return;
  k.flow = turn.flow;
  // Between 80 % and the whole of what is allowed, so that many do not ping at once.
  const auto at_most = flow_timer_of(response);
  const auto least = at_most / 5 * 4;
  turn.out.keep_alives.push_back(
      {k.flow, least + std::chrono::duration_cast<Duration>((at_most - least) * chance())});
}

// Who registered over it registers anew.
void Endpoint::Impl::on_kept_flow_failed(const Flow& flow, TimePoint now, Output& out) {
  if (flow.connection == ConnectionId::none) return;
  for (std::uint32_t i = 0; i < kept.slot_count(); ++i) {
    auto& k = kept.at(i);
    if (!kept.live(i) || k.flow.connection != flow.connection) continue;
    k.flow = {};
    if (k.soft->in_flight() || k.soft->removing()) continue;
    k.soft->lost(chance(), now);
    kept_deadlines.set(i, k.soft->next_deadline());
    tell(kept.id_of(i), k, SoftStateNews::waiting, {Cause::transport, 503, nullptr}, now, out);
  }
}

void Endpoint::Impl::on_kept_deadlines(TimePoint now, Output& out) {
  while (kept_deadlines.next() <= now) send_kept(kept.id_of(kept_deadlines.first()), now, out);
}

}  // namespace sip
