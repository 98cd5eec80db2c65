#include "sip/event_state.hpp"

#include <algorithm>

#include "sip/scan.hpp"

namespace sip {

EventState::EventState(EventStateOptions options, const Seed& seed)
    : options_(std::move(options)), random_(seed) {}

bool EventState::serves(std::string_view package) const {
  return std::ranges::any_of(options_.packages,
                             [&](const auto& p) { return scan::iequals(p, package); });
}

// The steps of RFC 3903 6, in their order.
EventState::Decision EventState::on_publish(const MessageView& request, TimePoint now) {
  const auto event = request.event();
  if (!event || !serves(event->package)) {
    std::string known;
    for (const auto& p : options_.packages) known += (known.empty() ? "" : ", ") + p;
    return refuse(489, {"Allow-Events", std::move(known)});
  }
  const auto asked = request.expires();
  const auto most = static_cast<std::uint32_t>(options_.max_expires.count());
  const auto expires =
      std::min(asked ? *asked : static_cast<std::uint32_t>(options_.default_expires.count()), most);
  if (expires != 0 && expires < options_.min_expires.count())
    return refuse(423, {"Min-Expires", std::to_string(options_.min_expires.count())});
  if (request.body().size() > options_.body_bytes) return refuse(413);
  const auto match = request.text(HeaderId::sip_if_match);
  if (match.empty()) {
    if (request.body().empty() || expires == 0) return refuse(400);
    if (all_.size() >= options_.publications) return refuse(503, {"Retry-After", "60"});
    return accept(publish(request, event->package), Change::published, expires, now);
  }
  const auto id = find_tag(match, request, event->package);
  if (!id) return refuse(412);
  auto& known = all_.at(id.index);
  if (expires == 0) {
    Decision decision = accept(id, Change::removed, 0, now);
    release(id);
    return decision;
  }
  if (request.body().empty()) return accept(id, Change::refreshed, expires, now);
  known.content_type = request.text(HeaderId::content_type);
  known.body = request.body();
  return accept(id, Change::modified, expires, now);
}

EventState::Decision EventState::refuse(int status, HeaderField field) const {
  Decision decision;
  decision.answer.status = status;
  if (!field.name.empty()) decision.answer.headers.push_back(std::move(field));
  return decision;
}

// Each success gives a new entity-tag: the old one is worth nothing any more.
EventState::Decision EventState::accept(PublishedId id, Change change, std::uint32_t expires,
                                        TimePoint now) {
  auto& p = all_.at(id.index);
  by_etag_.erase(p.etag);
  p.etag = random_.hex(8);
  by_etag_.emplace(p.etag, id);
  p.expires_at = now + std::chrono::seconds(expires);
  deadlines_.set(id.index, p.expires_at);
  Decision decision;
  decision.answer.headers = {{"SIP-ETag", p.etag}, {"Expires", std::to_string(expires)}};
  decision.change = change;
  decision.resource = p.resource;
  decision.event = p.event;
  return decision;
}

EventState::PublishedId EventState::find_tag(std::string_view etag, const MessageView& request,
                                             std::string_view event) {
  const auto known = by_etag_.find(std::string(etag));
  if (known == by_etag_.end()) return {};
  const auto& p = all_.at(known->second.index);
  const bool same = p.resource == request.request_uri_text() && scan::iequals(p.event, event);
  return same ? known->second : PublishedId{};
}

EventState::PublishedId EventState::publish(const MessageView& request, std::string_view event) {
  const auto id = all_.take();
  auto& p = all_.at(id.index);
  p = Publication{};
  p.resource = request.request_uri_text();
  p.event = event;
  p.content_type = request.text(HeaderId::content_type);
  p.body = request.body();
  by_resource_.emplace(p.resource, id);
  return id;
}

std::vector<const Publication*> EventState::find(std::string_view resource,
                                                 std::string_view event) const {
  std::vector<const Publication*> found;
  const auto [begin, end] = by_resource_.equal_range(std::string(resource));
  for (auto i = begin; i != end; ++i) {
    const auto& p = all_.at(i->second.index);
    if (scan::iequals(p.event, event)) found.push_back(&p);
  }
  std::ranges::sort(found, {}, &Publication::expires_at);
  return found;
}

void EventState::on_deadline(TimePoint now, std::vector<Publication>& gone) {
  while (deadlines_.next() <= now) {
    const auto id = all_.id_of(deadlines_.first());
    gone.push_back(all_.at(id.index));
    release(id);
  }
}

void EventState::release(PublishedId id) {
  auto& p = all_.at(id.index);
  by_etag_.erase(p.etag);
  const auto [begin, end] = by_resource_.equal_range(p.resource);
  for (auto i = begin; i != end; ++i) {
    if (i->second != id) continue;
    by_resource_.erase(i);
    break;
  }
  deadlines_.remove(id.index);
  p = Publication{};
  all_.release(id.index);
}

}  // namespace sip
