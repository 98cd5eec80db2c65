// Endpoint: what we keep at a peer: registrations (RFC 3261 10.2) and publications (RFC 3903 4).
#include <algorithm>

#include "sip/endpoint_impl.hpp"
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

}  // namespace

SoftState::Next Endpoint::Impl::settle(Kept& kept, const Outcome& outcome,
                                       std::optional<std::uint32_t> granted, TimePoint now) {
  SoftState::Reply reply{outcome.cause, outcome.status, granted, {}, {}};
  if (const auto* m = outcome.message) {
    if (const auto cseq = m->cseq()) kept.request.cseq = std::max(kept.request.cseq, cseq->number);
    if (const auto n = m->number(HeaderId::min_expires)) reply.min_expires = *n;
    if (const auto n = m->number(HeaderId::retry_after)) reply.retry_after = *n;
  } else {
    kept.request.cseq += 4;  // tries that nobody answered may have counted up
  }
  return kept.soft->on_reply(reply, chance(), now);
}

// --- registrations -------------------------------------------------------------------------------

RegistrationId Endpoint::Impl::keep_registered(const RegistrationSpec& spec, TimePoint now,
                                               Output& out) {
  const bool possible = is_possible(spec.request) && !spec.request.contact.empty();
  if (!possible || registrations.size() >= config.limits.registrations) {
    const RegistrationId id{~std::uint32_t{0}, ++dead_ids_};
    out.events.push_back(event::RegistrationChanged{id,
                                                    SoftStateNews::refused,
                                                    possible ? Cause::overloaded : Cause::invalid,
                                                    possible ? 503 : 400,
                                                    nullptr,
                                                    {},
                                                    spec.request.user_data});
    return id;
  }
  const auto id = registrations.take();
  auto& kept = registrations.at(id.index);
  kept = kept_from(spec, "REGISTER");
  // 10.2: all REGISTERs of one UA to one registrar share a Call-ID; From keeps its tag with it.
  if (kept.request.call_id.empty())
    kept.request.call_id = writer.make_call_id(kept.request.destination);
  kept.request.from = writer.with_tag(kept.request.from);
  send_register(id, now, out);
  return id;
}

void Endpoint::Impl::send_register(RegistrationId id, TimePoint now, Output& out) {
  auto& kept = registrations.at(id.index);
  registration_deadlines.remove(id.index);
  if (transactions.full())
    return registration_deadlines.set(id.index, now + std::chrono::seconds(1));
  kept.soft->asking();
  kept.leaving = kept.soft->removing();
  ++kept.request.cseq;
  auto request = kept.request;
  request.headers.push_back({"Expires", std::to_string(kept.soft->expires().count())});
  writer.write(request);
  const Owner owner{Purpose::registration, owner_id(id), 0};
  start_request("REGISTER", request.destination, owner, request.persistence, false, now, out);
}

bool Endpoint::Impl::remove(RegistrationId id, TimePoint now, Output& out) {
  auto* kept = registrations.find(id);
  if (!kept) return false;
  kept->soft->remove();
  if (!kept->soft->in_flight()) send_register(id, now, out);
  return true;
}

void Endpoint::Impl::on_register_done(RegistrationId id, const Outcome& outcome, Turn& turn) {
  auto* kept = registrations.find(id);
  if (!kept) return;
  const bool success = outcome.cause == Cause::answered && outcome.status < 300;
  std::optional<std::uint32_t> granted;
  if (success) granted = granted_to(kept->request.contact, *outcome.message);
  // remove() may have been called while a refresh was under way: that answer is not the last.
  const bool leave_next = kept->soft->removing() && success && !kept->leaving;
  const auto next = settle(*kept, outcome, granted, turn.now);
  if (next == SoftState::Next::ask_again || leave_next)
    return send_register(id, turn.now, turn.out);
  const auto due = kept->soft->next_deadline();
  turn.out.events.push_back(event::RegistrationChanged{
      id, news_of(next), outcome.cause, outcome.status, outcome.message,
      due == never ? Duration{} : due - turn.now, kept->request.user_data});
  if (next == SoftState::Next::removed || next == SoftState::Next::refused) {
    registration_deadlines.remove(id.index);
    *kept = Kept{};
    return registrations.release(id.index);
  }
  registration_deadlines.set(id.index, due);
}

// --- publications --------------------------------------------------------------------------------

PublicationId Endpoint::Impl::publish(const PublicationSpec& spec, TimePoint now, Output& out) {
  const bool possible = is_possible(spec.request) && !spec.event.empty();
  if (!possible || publications.size() >= config.limits.registrations) {
    const PublicationId id{~std::uint32_t{0}, ++dead_ids_};
    out.events.push_back(event::PublicationChanged{id,
                                                   SoftStateNews::refused,
                                                   possible ? Cause::overloaded : Cause::invalid,
                                                   possible ? 503 : 400,
                                                   nullptr,
                                                   {},
                                                   spec.request.user_data});
    return id;
  }
  const auto id = publications.take();
  auto& kept = publications.at(id.index);
  kept = kept_from(spec, "PUBLISH");
  kept.event = spec.event;
  kept.changed = true;
  send_publish(id, now, out);
  return id;
}

// RFC 3903 4.1: without an entity-tag the first; with one and no body a refresh, with a body a
// change, with Expires 0 a removal.
void Endpoint::Impl::send_publish(PublicationId id, TimePoint now, Output& out) {
  auto& kept = publications.at(id.index);
  publication_deadlines.remove(id.index);
  if (transactions.full())
    return publication_deadlines.set(id.index, now + std::chrono::seconds(1));
  kept.soft->asking();
  kept.leaving = kept.soft->removing();
  auto request = kept.request;
  request.call_id = writer.make_call_id(request.destination);  // no dialog: each may stand alone
  request.cseq = 1;
  request.headers.push_back({"Event", kept.event});
  request.headers.push_back({"Expires", std::to_string(kept.soft->expires().count())});
  if (!kept.etag.empty()) request.headers.push_back({"SIP-If-Match", kept.etag});
  if (!kept.changed && !kept.etag.empty()) {
    request.body.clear();
    request.content_type.clear();
  }
  if (kept.soft->removing()) request.body.clear();
  kept.changed = false;
  writer.write(request);
  const Owner owner{Purpose::publication, owner_id(id), 0};
  start_request("PUBLISH", request.destination, owner, request.persistence, false, now, out);
}

bool Endpoint::Impl::modify(PublicationId id, std::string_view type, std::string_view body,
                            TimePoint now, Output& out) {
  auto* kept = publications.find(id);
  if (!kept || kept->soft->removing()) return false;
  kept->request.content_type = type;
  kept->request.body = body;
  kept->changed = true;
  if (!kept->soft->in_flight()) send_publish(id, now, out);
  return true;
}

bool Endpoint::Impl::remove(PublicationId id, TimePoint now, Output& out) {
  auto* kept = publications.find(id);
  if (!kept) return false;
  kept->soft->remove();
  if (!kept->soft->in_flight()) send_publish(id, now, out);
  return true;
}

void Endpoint::Impl::on_publish_done(PublicationId id, const Outcome& outcome, Turn& turn) {
  auto* kept = publications.find(id);
  if (!kept) return;
  const bool success = outcome.cause == Cause::answered && outcome.status < 300;
  std::optional<std::uint32_t> granted;
  if (success) {
    kept->etag = outcome.message->text(HeaderId::sip_etag);
    if (const auto seconds = outcome.message->expires()) granted = *seconds;
  } else {
    // 412: our state is gone there; and after a failure nobody knows: publish afresh.
    kept->etag.clear();
    kept->changed = true;
  }
  const bool leave_next = kept->soft->removing() && success && !kept->leaving;
  const auto next = settle(*kept, outcome, granted, turn.now);
  const bool again = next == SoftState::Next::active && kept->changed;
  if (next == SoftState::Next::ask_again || leave_next) return send_publish(id, turn.now, turn.out);
  const auto due = kept->soft->next_deadline();
  turn.out.events.push_back(event::PublicationChanged{
      id, news_of(next), outcome.cause, outcome.status, outcome.message,
      due == never ? Duration{} : due - turn.now, kept->request.user_data});
  if (next == SoftState::Next::removed || next == SoftState::Next::refused) {
    publication_deadlines.remove(id.index);
    *kept = Kept{};
    return publications.release(id.index);
  }
  publication_deadlines.set(id.index, due);
  if (again) send_publish(id, turn.now, turn.out);
}

void Endpoint::Impl::on_kept_deadlines(TimePoint now, Output& out) {
  while (registration_deadlines.next() <= now)
    send_register(registrations.id_of(registration_deadlines.first()), now, out);
  while (publication_deadlines.next() <= now)
    send_publish(publications.id_of(publication_deadlines.first()), now, out);
}

}  // namespace sip
