// Who sends what from where, by a script of operations: the table of a shared port beside a model
// that looks at everything each time, and the rules that a stream's source is chosen by.
#include <algorithm>
#include <cstdlib>
#include <map>
#include <vector>

#include "rtp/source_table.hpp"
#include "rtp/ssrc.hpp"

namespace {

using rtp::SourceAddress, rtp::SourceSelector, rtp::SourceTable, rtp::SsrcPolicy;
using Session = SourceTable::Session;

void require(bool condition) {
  if (!condition) std::abort();
}

// Few values, so that they meet.
SourceAddress address(std::uint8_t byte) {
  SourceAddress a;
  a.ip[15] = byte & 3;
  a.port = byte >> 2 & 3;
  return a;
}
std::uint32_t ssrc(std::uint8_t byte) {
  return byte >> 4;
}

class Model {
 public:
  explicit Model(SsrcPolicy policy) : policy_(policy) {}

  bool add(Session session, const std::vector<std::uint32_t>& ssrcs) {
    for (const auto s : ssrcs)
      if (owner(s)) return false;
    entries_.try_emplace(session);
    for (const auto s : ssrcs) expect(session, s);
    return true;
  }
  bool expect(Session session, std::uint32_t s) {
    const auto entry = entries_.find(session);
    if (entry == entries_.end() || s == 0) return false;
    if (!owner(s)) entry->second.ssrcs.push_back(s);
    return owner(s) == session;
  }
  void expect_host(Session session, const SourceTable::Host& host) {
    if (const auto e = entries_.find(session); e != entries_.end() && e->second.newest != host) {
      e->second.older = e->second.newest;
      e->second.newest = host;
    }
  }
  void remove(Session session) { entries_.erase(session); }
  void bind(Session session, const SourceAddress& from) {
    if (const auto e = entries_.find(session); e != entries_.end()) e->second.source = from;
  }
  std::optional<Session> find(std::uint32_t s, const SourceAddress& from) const {
    if (const auto known = owner(s)) return known;
    if (policy_ == SsrcPolicy::strict) return std::nullopt;
    const auto sends = [&](const Entry& e) { return e.source == from; };
    if (count(sends) > 0) return only(sends);
    const auto waits = [](const Entry& e) { return !e.source; };
    const auto here = [&](const Entry& e) {
      return waits(e) && (e.newest == from.ip || e.older == from.ip);
    };
    if (const auto found = only(here)) return found;
    return policy_ == SsrcPolicy::any ? only(waits) : std::nullopt;
  }
  std::size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    std::vector<std::uint32_t> ssrcs;
    std::optional<SourceTable::Host> newest, older;
    std::optional<SourceAddress> source;
  };
  std::optional<Session> owner(std::uint32_t s) const {
    for (const auto& [session, e] : entries_)
      if (std::ranges::count(e.ssrcs, s) > 0) return session;
    return std::nullopt;
  }
  template <class Is>
  long count(Is is) const {
    return std::ranges::count_if(entries_, [&](const auto& entry) { return is(entry.second); });
  }
  template <class Is>
  std::optional<Session> only(Is is) const {
    if (count(is) != 1) return std::nullopt;
    return std::ranges::find_if(entries_, [&](const auto& e) { return is(e.second); })->first;
  }

  SsrcPolicy policy_;
  std::map<Session, Entry> entries_;
};

void table(std::span<const std::uint8_t> script, SsrcPolicy policy) {
  SourceTable table(policy);
  Model model(policy);
  Session newest = 0;
  for (std::size_t i = 0; i + 3 <= script.size(); i += 3) {
    const std::uint8_t what = script[i] % 6, a = script[i + 1], b = script[i + 2];
    const Session session = newest == 0 ? 1 : 1 + a % newest;
    if (what == 0) {
      const std::vector<std::uint32_t> ssrcs(1, ssrc(b));
      ++newest;
      require(table.add(newest, ssrcs) == model.add(newest, ssrcs));
    }
    if (what == 1) require(table.expect(session, ssrc(b)) == model.expect(session, ssrc(b)));
    if (what == 2)
      table.expect_host(session, address(b).ip), model.expect_host(session, address(b).ip);
    if (what == 3) table.bind(session, address(b)), model.bind(session, address(b));
    if (what == 4) table.remove(session), model.remove(session);
    require(table.find(ssrc(a), address(b)) == model.find(ssrc(a), address(b)));
    require(table.size() == model.size());
  }
}

void selector(std::span<const std::uint8_t> script, SsrcPolicy policy) {
  constexpr std::int64_t takeover_ns = 100;
  const std::vector<std::uint32_t> expected{1, 2};
  SourceSelector selector({.expected = expected,
                           .refused = {{5, address(1)}, {6}},
                           .takeover_ns = takeover_ns,
                           .policy = policy});
  const auto agreed = [&](std::uint32_t s) { return std::ranges::count(expected, s) > 0; };
  std::int64_t now_ns = 0, heard_ns = 0;
  std::uint64_t refused = 0;
  for (std::size_t i = 0; i + 2 <= script.size(); i += 2) {
    const auto s = ssrc(script[i]);
    const auto from = address(script[i]);
    now_ns += script[i + 1] % 64;
    const auto old_ssrc = selector.ssrc();
    const auto old_from = selector.address();
    const auto verdict = selector.on_packet(s, from, now_ns);
    if (verdict == SourceSelector::Verdict::refused) {
      require(selector.refused() == ++refused);
      require(selector.ssrc() == old_ssrc && selector.address() == old_from);
      require(!(old_ssrc == s && old_from == from));
      continue;
    }
    require(selector.ssrc() == s && selector.address() == from);
    const bool known = old_ssrc == s && old_from == from;
    require((verdict == SourceSelector::Verdict::switched) == (old_ssrc != s));
    if (!known && policy == SsrcPolicy::strict) require(agreed(s));
    if (!known && policy == SsrcPolicy::learn) require(s != 6 && (s != 5 || from != address(1)));
    // Who is heard gives way to another sender only if that one was agreed on and it was not.
    if (old_from && *old_from != from && now_ns - heard_ns < takeover_ns)
      require(policy != SsrcPolicy::any && agreed(s) && !agreed(*old_ssrc));
    heard_ns = now_ns;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span script(data, std::min<std::size_t>(size, 3000));
  for (const auto policy : {SsrcPolicy::strict, SsrcPolicy::learn, SsrcPolicy::any}) {
    table(script, policy);
    selector(script, policy);
  }
  return 0;
}
