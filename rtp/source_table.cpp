#include "rtp/source_table.hpp"

#include <algorithm>
#include <string_view>

namespace rtp {

std::size_t SourceTable::Hash::operator()(const SourceAddress& address) const {
  const std::string_view ip(reinterpret_cast<const char*>(address.ip.data()), address.ip.size());
  return std::hash<std::string_view>()(ip) * 31 + address.port;
}

bool SourceTable::add(Session session, std::span<const std::uint32_t> ssrcs) {
  const auto taken = [&](std::uint32_t ssrc) { return by_ssrc_.contains(ssrc); };
  if (std::ranges::any_of(ssrcs, taken)) return false;
  if (entries_.try_emplace(session).second) waiting_.push_back(session);
  for (const auto ssrc : ssrcs) expect(session, ssrc);
  return true;
}

bool SourceTable::expect(Session session, std::uint32_t ssrc) {
  const auto entry = entries_.find(session);
  if (entry == entries_.end() || ssrc == 0) return false;
  const auto [known, added] = by_ssrc_.try_emplace(ssrc, session);
  if (added) entry->second.ssrcs.push_back(ssrc);
  return known->second == session;
}

void SourceTable::expect_host(Session session, const Host& host) {
  const auto entry = entries_.find(session);
  if (entry == entries_.end()) return;
  auto& hosts = entry->second.hosts;
  if (hosts[0] == host) return;
  hosts[1] = hosts[0];
  hosts[0] = host;
}

void SourceTable::remove(Session session) {
  const auto entry = entries_.find(session);
  if (entry == entries_.end()) return;
  for (const auto ssrc : entry->second.ssrcs) by_ssrc_.erase(ssrc);
  if (!entry->second.source) std::erase(waiting_, session);
  unbind(entry->second);
  entries_.erase(entry);
}

std::optional<SourceTable::Session> SourceTable::find(std::uint32_t ssrc,
                                                      const SourceAddress& from) const {
  if (const auto known = by_ssrc_.find(ssrc); known != by_ssrc_.end()) return known->second;
  if (policy_ == SsrcPolicy::strict) return std::nullopt;
  if (const auto bound = by_source_.find(from); bound != by_source_.end())
    return bound->second.count == 1 ? std::optional(bound->second.session) : std::nullopt;
  return find_waiting(from);
}

// Strangers may be many.
std::optional<SourceTable::Session> SourceTable::find_waiting(const SourceAddress& from) const {
  std::optional<Session> here;
  std::size_t here_count = 0;
  for (const auto session : waiting_) {
    const auto& hosts = entries_.at(session).hosts;
    if (std::ranges::find(hosts, std::optional(from.ip)) == hosts.end()) continue;
    here = session;
    ++here_count;
  }
  if (here_count == 1) return here;
  if (policy_ != SsrcPolicy::any || waiting_.size() != 1) return std::nullopt;
  return waiting_.front();
}

void SourceTable::bind(Session session, const SourceAddress& from) {
  const auto entry = entries_.find(session);
  if (entry == entries_.end() || entry->second.source == from) return;
  if (!entry->second.source) std::erase(waiting_, session);
  unbind(entry->second);
  entry->second.source = from;
  auto& bound = by_source_[from];
  bound.session = session;
  ++bound.count;
}

// Of several sessions from one address the one that stays is not known: none is found by it then,
// until all are gone.
void SourceTable::unbind(Entry& entry) {
  if (!entry.source) return;
  const auto bound = by_source_.find(*entry.source);
  entry.source.reset();
  if (bound == by_source_.end()) return;
  if (--bound->second.count == 0) {
    by_source_.erase(bound);
  } else if (bound->second.count == 1) {
    for (const auto& [session, other] : entries_)
      if (other.source == bound->first) bound->second.session = session;
  }
}

}  // namespace rtp
