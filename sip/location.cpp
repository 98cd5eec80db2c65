#include "sip/location.hpp"

#include <algorithm>
#include <utility>

#include "sip/connection_index.hpp"
#include "sip/deadline_wheel.hpp"
#include "sip/growing_index.hpp"
#include "sip/mixed_hash.hpp"
#include "sip/packed_bindings.hpp"

namespace sip {
namespace {

// How many addresses one on_deadline() looks at: about a millisecond's work.
constexpr int at_once = 1000;

// Keyed, so that an attacker who may choose names cannot fill one chain.
std::uint32_t keyed_hash(std::string_view aor, std::uint64_t seed) {
  return static_cast<std::uint32_t>(mixed_hash(aor, seed) >> 32);
}

// Order of the walk of list(): chains keep it when they split.
std::uint32_t reversed(std::uint32_t bits) {
  std::uint32_t out = 0;
  for (int i = 0; i < 32; ++i, bits >>= 1) out = out << 1 | (bits & 1);
  return out;
}

bool lives_by_its_connection(const BindingView& b) {
  return b.reg_id != 0 || b.flow.transport == Transport::ws || b.flow.transport == Transport::wss;
}

}  // namespace

BindingView view_of(const Binding& b) {
  return {b.contact, b.q_1000,   b.expires_at, b.call_id,    b.cseq,
          b.path,    b.instance, b.reg_id,     b.user_agent, b.flow};
}

Binding value_of(const BindingView& b) {
  return {std::string(b.contact),
          b.q_1000,
          b.expires_at,
          std::string(b.call_id),
          b.cseq,
          std::string(b.path),
          std::string(b.instance),
          b.reg_id,
          std::string(b.user_agent),
          b.flow};
}

std::size_t text_size(const BindingView& b) {
  return b.contact.size() + b.call_id.size() + b.path.size() + b.instance.size() +
         b.user_agent.size();
}

bool same_binding(const BindingView& old, const BindingView& fresh) {
  const bool old_outbound = old.reg_id != 0 && !old.instance.empty();
  const bool outbound = fresh.reg_id != 0 && !fresh.instance.empty();
  if (old_outbound && outbound) return old.reg_id == fresh.reg_id && old.instance == fresh.instance;
  if (old.contact == fresh.contact) return true;
  Uri a, b;
  return !parse_uri(old.contact, a) && !parse_uri(fresh.contact, b) && equivalent(a, b);
}

constexpr std::chrono::seconds saved_precision(10);

struct Location::Impl {
  struct Record {
    PackedBindings::Block block;
    WheelLinks wheel;
  };
  // The index chains the blocks themselves: what a look-up does not need, it does not touch.
  struct Records {
    using Handle = char*;
    static constexpr Handle none = nullptr;
    Slab<Record> slab;
    static std::uint32_t hash_of(Handle block) { return PackedBindings(block).head().hash; }
    static Handle& next_of(Handle block) { return PackedBindings(block).head().next; }
    WheelLinks& links_of(std::uint32_t record) { return slab.at(record).wheel; }
  };

  Impl(LocationLimits l, std::uint64_t s) : limits(l), seed(s) {
    limits.text_bytes = std::min<std::size_t>(limits.text_bytes, PackedBindings::max_size - 256);
    limits.bindings_per_aor = std::min<std::size_t>(limits.bindings_per_aor, 10'000);
  }

  PackedBindings find(std::string_view aor) const {
    return PackedBindings(index.find(
        keyed_hash(aor, seed), [&](char* block) { return PackedBindings(block).aor() == aor; }));
  }
  PackedBindings at(std::uint32_t record) const {
    return PackedBindings(records.slab.at(record).block);
  }

  bool put(std::string_view aor, const BindingView& b);
  bool fits(PackedBindings all, bool replaces, std::string_view aor, const BindingView& b) const;
  PackedBindings add_record(std::string_view aor);
  bool is_news(PackedBindings all, std::uint32_t old, const BindingView& b) const;
  void insert(PackedBindings all, const BindingView& b);
  void schedule(PackedBindings all, TimePoint expires_at);
  static std::uint32_t replaced_by(PackedBindings all, const BindingView& b);
  void erase(PackedBindings all, std::uint32_t offset);
  void note_change(PackedBindings all);
  void drop_when_empty(PackedBindings all);
  void expire(PackedBindings all, TimePoint now);
  void close(PackedBindings all, ConnectionId connection);
  void lapse(PackedBindings all);
  void give(PackedBindings all, const KeepBindings& use) const;
  void list_chain(std::uint32_t hash, std::uint32_t beyond, std::string_view after,
                  std::vector<char*>& out) const;

  LocationLimits limits;
  std::uint64_t seed;
  Records records;
  GrowingIndex<Records> index{records};
  DeadlineWheel<Records> wheel{records};
  ConnectionIndex connections;
  std::size_t binding_count = 0, record_count = 0;

  bool keep = false;
  std::vector<std::uint32_t> changed;  // records that are `listed`; others among them went away
  std::vector<std::string> gone;       // addresses that had no binding any more
  mutable std::vector<BindingView> given;

  bool keep_lapses = false;
  std::vector<std::string> lapses;
};

bool Location::Impl::fits(PackedBindings all, bool replaces, std::string_view aor,
                          const BindingView& b) const {
  if (text_size(b) > limits.text_bytes || aor.size() > limits.text_bytes) return false;
  if (replaces) return true;
  return binding_count < limits.bindings && (all ? all.count() : 0) < limits.bindings_per_aor;
}

PackedBindings Location::Impl::add_record(std::string_view aor) {
  const auto record = records.slab.take();
  auto& block = records.slab.at(record).block;
  block = PackedBindings::make(aor, keyed_hash(aor, seed), record);
  index.insert(block.get());
  ++record_count;
  return PackedBindings(block);
}

// Offset of the binding that this one takes the place of; 0 when there is none. Equal texts first:
// a refresh parses nothing.
std::uint32_t Location::Impl::replaced_by(PackedBindings all, const BindingView& b) {
  if (b.reg_id == 0 || b.instance.empty())
    for (auto o = all.first(); o != all.end(); o = all.next(o))
      if (all.contact(o) == b.contact) return o;
  for (auto o = all.first(); o != all.end(); o = all.next(o))
    if (same_binding(all.read(o), b)) return o;
  return 0;
}

// Whether the store must hear of a binding that takes the place of another. Not when only its time
// has moved, and by less than a restart may be wrong about: a storm of refreshes writes little.
bool Location::Impl::is_news(PackedBindings all, std::uint32_t old, const BindingView& b) const {
  if (all.count() > 1) return true;  // one of several becomes the newest
  auto before = all.read(old);
  const auto step = [](TimePoint t) { return t.time_since_epoch() / saved_precision; };
  if (step(before.expires_at) != step(b.expires_at)) return true;
  before.expires_at = b.expires_at;
  before.cseq = b.cseq;
  return before != b;
}

bool Location::Impl::put(std::string_view aor, const BindingView& b) {
  auto all = find(aor);
  auto old = all ? replaced_by(all, b) : 0;
  if (!fits(all, old != 0, aor, b)) return false;
  const bool news = keep && (old == 0 || is_news(all, old, b));
  if (!all) all = add_record(aor);
  const auto record = all.head().record;
  for (; old != 0; old = all.count() > 0 ? replaced_by(all, b) : 0) erase(all, old);
  insert(all, b);
  if (news) note_change(at(record));
  return true;
}

void Location::Impl::insert(PackedBindings all, const BindingView& b) {
  const auto record = all.head().record;
  if (const auto size = PackedBindings::size_of(b); !all.has_room(size)) {
    auto larger = all.grown_by(size);
    index.replace(all.block(), larger.get());
    records.slab.at(record).block = std::move(larger);
    all = at(record);
  }
  std::uint32_t link = 0;
  if (b.flow.connection != ConnectionId::none) link = connections.add(b.flow.connection, record);
  all.insert(b, link);
  ++binding_count;
  schedule(all, b.expires_at);
}

void Location::Impl::note_change(PackedBindings all) {
  if (!keep || all.head().listed) return;
  all.head().listed = 1;
  changed.push_back(all.head().record);
}

void Location::Impl::schedule(PackedBindings all, TimePoint expires_at) {
  auto& head = all.head();
  if (head.scheduled == 0 || wheel.is_before(expires_at, head.scheduled))
    head.scheduled = wheel.schedule(head.record, expires_at);
}

// Leaves a record without bindings behind when it was the last.
void Location::Impl::erase(PackedBindings all, std::uint32_t offset) {
  if (const auto link = all.link(offset)) connections.remove(link);
  all.erase(offset);
  --binding_count;
}

// After something was erased.
void Location::Impl::drop_when_empty(PackedBindings all) {
  if (all.count() > 0) return note_change(all);
  if (keep) gone.emplace_back(all.aor());
  const auto record = all.head().record;
  index.erase(all.block());
  wheel.remove(record);
  records.slab.release(record);
  --record_count;
}

void Location::Impl::expire(PackedBindings all, TimePoint now) {
  all.head().scheduled = 0;  // the wheel has let go of it
  const auto count = all.count();
  auto earliest = never;
  for (auto o = all.first(); o != all.end();) {
    const auto expires_at = all.expires_at(o);
    if (expires_at <= now) {
      erase(all, o);
    } else {
      earliest = std::min(earliest, expires_at);
      o = all.next(o);
    }
  }
  if (earliest != never) schedule(all, earliest);
  if (all.count() < count) lapse(all);
}

void Location::Impl::close(PackedBindings all, ConnectionId connection) {
  const auto count = all.count();
  for (auto o = all.first(); o != all.end();) {
    const auto b = all.read(o);
    if (b.flow.connection == connection && lives_by_its_connection(b)) {
      erase(all, o);
      continue;
    }
    if (b.flow.connection == connection) {
      connections.remove(all.link(o));
      all.forget_connection(o);
    }
    o = all.next(o);
  }
  if (all.count() < count) lapse(all);
}

void Location::Impl::lapse(PackedBindings all) {
  if (keep_lapses) lapses.emplace_back(all.aor());
  drop_when_empty(all);
}

// Backwards: what is put later becomes the newest.
void Location::Impl::give(PackedBindings all, const KeepBindings& use) const {
  given.clear();
  for (auto o = all.first(); o != all.end(); o = all.next(o)) given.push_back(all.read(o));
  std::ranges::reverse(given);
  use(all.aor(), given);
}

Location::Location(LocationLimits limits, std::uint64_t hash_seed)
    : impl_(std::make_unique<Impl>(limits, hash_seed)) {}
Location::~Location() = default;

Location::Walk Location::walk_of(std::string_view aor) const {
  const auto all = impl_->find(aor);
  if (!all) return {};
  return {all.data(all.first()), all.data(all.end())};
}

void Location::expect(std::string_view aor) const {
  __builtin_prefetch(impl_->index.chain_at(keyed_hash(aor, impl_->seed)));
}

void Location::expect_soon(std::string_view aor) const {
  const char* const block = *impl_->index.chain_at(keyed_hash(aor, impl_->seed));
  if (!block) return;
  for (int line = 0; line < 4; ++line) __builtin_prefetch(block + 64 * line);
}

const char* Location::read(const char* at, BindingView& out) {
  return PackedBindings::read(at, out);
}

std::size_t Location::find(std::string_view aor, TimePoint now, std::vector<Binding>& out) const {
  return visit(aor, now, [&out](const BindingView& view) { out.push_back(value_of(view)); });
}

bool Location::put(std::string_view aor, const BindingView& binding) {
  return impl_->put(aor, binding);
}

bool Location::remove(std::string_view aor, std::string_view contact) {
  BindingView key;
  key.contact = contact;
  return remove_same(aor, key);
}

bool Location::remove_same(std::string_view aor, const BindingView& binding) {
  const auto all = impl_->find(aor);
  if (!all) return false;
  bool found = false;
  for (; const auto offset = Impl::replaced_by(all, binding); found = true)
    impl_->erase(all, offset);
  if (found) impl_->drop_when_empty(all);
  return found;
}

std::size_t Location::remove_all(std::string_view aor) {
  const auto all = impl_->find(aor);
  if (!all) return 0;
  const auto count = all.count();
  while (all.count() > 0) impl_->erase(all, all.first());
  impl_->drop_when_empty(all);
  return count;
}

void Location::on_connection_closed(const Flow& flow) {
  if (flow.connection == ConnectionId::none) return;
  for (auto i = impl_->connections.first(flow.connection); i != no_entry;
       i = impl_->connections.first(flow.connection))
    impl_->close(impl_->at(i), flow.connection);
}

void Location::on_deadline(TimePoint now) {
  for (int n = 0; n < at_once; ++n) {
    const auto i = impl_->wheel.take_due(now);
    if (i == no_entry) return;
    impl_->expire(impl_->at(i), now);
  }
}

TimePoint Location::next_deadline() const {
  return impl_->wheel.next();
}
std::size_t Location::count(std::string_view aor) const {
  const auto all = impl_->find(aor);
  return all ? all.count() : 0;
}
std::size_t Location::bindings() const {
  return impl_->binding_count;
}
std::size_t Location::addresses() const {
  return impl_->record_count;
}
const LocationLimits& Location::limits() const {
  return impl_->limits;
}

// Of one chain, those behind (beyond, after), in the order of the walk.
void Location::Impl::list_chain(std::uint32_t hash, std::uint32_t beyond, std::string_view after,
                                std::vector<char*>& out) const {
  const auto place = [](char* block) {
    return std::pair(reversed(Records::hash_of(block)), PackedBindings(block).aor());
  };
  out.clear();
  for (auto* block = index.chain(hash); block; block = Records::next_of(block))
    if (after.empty() || place(block) > std::pair(beyond, after)) out.push_back(block);
  std::ranges::sort(out, {}, place);
}

std::vector<std::pair<std::string, Binding>> Location::list(std::string_view after,
                                                            std::size_t at_most,
                                                            TimePoint now) const {
  std::vector<std::pair<std::string, Binding>> out;
  std::vector<char*> chain;
  std::uint64_t place = after.empty() ? 0 : reversed(keyed_hash(after, impl_->seed));
  for (; place <= 0xffffffff; after = {}) {
    const auto hash = reversed(static_cast<std::uint32_t>(place));
    impl_->list_chain(hash, static_cast<std::uint32_t>(place), after, chain);
    for (auto* const block : chain) {
      if (out.size() >= at_most) return out;
      const std::string aor(PackedBindings(block).aor());
      visit(aor, now, [&](const BindingView& view) { out.emplace_back(aor, value_of(view)); });
    }
    place = (place | (0xffffffffu >> impl_->index.common_bits(hash))) + 1;
  }
  return out;
}

void Location::keep_changes(bool keep) {
  impl_->keep = keep;
}

void Location::keep_lapses(bool keep) {
  impl_->keep_lapses = keep;
  if (!keep) impl_->lapses.clear();
}

bool Location::has_lapses() const {
  return !impl_->lapses.empty();
}

std::vector<std::string> Location::take_lapses() {
  return std::exchange(impl_->lapses, {});
}

std::size_t Location::take_changes(const KeepBindings& use, std::size_t at_most) {
  std::size_t taken = 0;
  auto& gone = impl_->gone;
  for (; !gone.empty() && taken < at_most; gone.pop_back(), ++taken) use(gone.back(), {});
  auto& changed = impl_->changed;
  while (!changed.empty() && taken < at_most) {
    const auto all = impl_->at(changed.back());
    changed.pop_back();
    if (!all || !all.head().listed) continue;  // gone since, perhaps another's place now
    all.head().listed = 0;
    impl_->give(all, use);
    ++taken;
  }
  return taken;
}

std::optional<std::uint32_t> Location::walk(std::uint32_t place, std::size_t at_most,
                                            const KeepBindings& use) const {
  std::vector<char*> chain;
  for (std::uint64_t at = place, seen = 0; at <= 0xffffffff;) {
    if (seen >= at_most) return static_cast<std::uint32_t>(at);
    const auto hash = reversed(static_cast<std::uint32_t>(at));
    impl_->list_chain(hash, 0, {}, chain);
    for (auto* const block : chain) impl_->give(PackedBindings(block), use);
    seen += chain.size();
    at = (at | (0xffffffffu >> impl_->index.common_bits(hash))) + 1;
  }
  return std::nullopt;
}

}  // namespace sip
