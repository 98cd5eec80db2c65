#include "sip/location.hpp"

#include <algorithm>

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

Binding key_of(const BindingView& b) {
  Binding key;
  key.contact = b.contact, key.instance = b.instance, key.reg_id = b.reg_id;
  return key;
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

struct Location::Impl {
  struct Record {
    PackedBindings bindings;
    std::uint32_t hash = 0, next = no_entry;
    WheelLinks wheel;
    bool listed = false;  // in changed
  };
  struct Records {
    Slab<Record> slab;
    std::uint32_t hash_of(std::uint32_t index) const { return slab.at(index).hash; }
    std::uint32_t& next_of(std::uint32_t index) { return slab.at(index).next; }
    WheelLinks& links_of(std::uint32_t index) { return slab.at(index).wheel; }
  };

  Impl(LocationLimits l, std::uint64_t s) : limits(l), seed(s) {
    limits.text_bytes = std::min<std::size_t>(limits.text_bytes, PackedBindings::max_size - 256);
  }

  std::uint32_t find(std::string_view aor) const {
    return index.find(keyed_hash(aor, seed),
                      [&](std::uint32_t i) { return records.slab.at(i).bindings.aor() == aor; });
  }
  Record& at(std::uint32_t i) { return records.slab.at(i); }

  bool put(std::string_view aor, const BindingView& binding);
  bool fits(std::uint32_t i, std::string_view aor, const BindingView& binding) const;
  std::uint32_t add_record(std::string_view aor);
  std::uint32_t replaced_by(std::uint32_t i, const BindingView& binding) const;
  void erase(std::uint32_t i, std::uint32_t offset, const BindingView* instead_of_it);
  void drop_when_empty(std::uint32_t i);
  void expire(std::uint32_t i, TimePoint now);
  void close(std::uint32_t i, ConnectionId connection);
  void note_put(std::uint32_t i);
  void take_puts(std::uint32_t i, std::vector<BindingChange>& out);
  void list_chain(std::uint32_t hash, std::uint32_t beyond, std::string_view after,
                  std::vector<std::uint32_t>& out) const;

  LocationLimits limits;
  std::uint64_t seed;
  Records records;
  GrowingIndex<Records> index{records};
  DeadlineWheel<Records> wheel{records};
  ConnectionIndex connections;
  std::size_t binding_count = 0, record_count = 0;

  bool keep = false;
  std::vector<std::uint32_t> changed;  // records with dirty bindings
  std::vector<BindingChange> removed;
};

bool Location::Impl::fits(std::uint32_t i, std::string_view aor, const BindingView& b) const {
  if (text_size(b) > limits.text_bytes || aor.size() > limits.text_bytes) return false;
  if (i != no_entry && replaced_by(i, b) != 0) return true;
  if (binding_count >= limits.bindings) return false;
  return i == no_entry ? limits.bindings_per_aor > 0
                       : records.slab.at(i).bindings.count() < limits.bindings_per_aor;
}

std::uint32_t Location::Impl::add_record(std::string_view aor) {
  const auto i = records.slab.take();
  at(i).bindings = PackedBindings(aor);
  at(i).hash = keyed_hash(aor, seed);
  index.insert(i);
  ++record_count;
  return i;
}

// Offset of the binding that this one takes the place of; 0 when there is none. Equal texts first:
// a refresh parses nothing.
std::uint32_t Location::Impl::replaced_by(std::uint32_t i, const BindingView& b) const {
  const auto& all = records.slab.at(i).bindings;
  if (b.reg_id == 0 || b.instance.empty())
    for (auto o = all.first(); o != all.end(); o = all.next(o))
      if (all.contact(o) == b.contact) return o;
  for (auto o = all.first(); o != all.end(); o = all.next(o))
    if (same_binding(all.read(o), b)) return o;
  return 0;
}

bool Location::Impl::put(std::string_view aor, const BindingView& b) {
  auto i = find(aor);
  if (!fits(i, aor, b)) return false;
  if (i == no_entry) i = add_record(aor);
  while (const auto old = replaced_by(i, b)) erase(i, old, &b);
  PackedBindings::Marks marks{0, keep};
  if (b.flow.connection != ConnectionId::none) marks.link = connections.add(b.flow.connection, i);
  at(i).bindings.insert(b, marks);
  ++binding_count;
  wheel.schedule(i, b.expires_at);
  if (keep) note_put(i);
  return true;
}

// Leaves a record without bindings behind when it was the last. What is stored under the same key
// as `instead_of_it` is overwritten, anything else must be removed from the store.
void Location::Impl::erase(std::uint32_t i, std::uint32_t offset,
                           const BindingView* instead_of_it) {
  auto& bindings = at(i).bindings;
  if (const auto link = bindings.marks(offset).link) connections.remove(link);
  if (keep) {
    const auto old = bindings.read(offset);
    const auto* b = instead_of_it;
    if (!b || b->contact != old.contact || b->reg_id != old.reg_id || b->instance != old.instance)
      removed.push_back({std::string(bindings.aor()), key_of(old), true});
  }
  bindings.erase(offset);
  --binding_count;
}

void Location::Impl::drop_when_empty(std::uint32_t i) {
  if (at(i).bindings.count() > 0) return;
  index.erase(i);
  wheel.remove(i);
  records.slab.release(i);
  --record_count;
}

void Location::Impl::expire(std::uint32_t i, TimePoint now) {
  auto& bindings = at(i).bindings;
  auto earliest = never;
  for (auto o = bindings.first(); o != bindings.end();) {
    const auto expires_at = bindings.expires_at(o);
    if (expires_at <= now) {
      erase(i, o, nullptr);
    } else {
      earliest = std::min(earliest, expires_at);
      o = bindings.next(o);
    }
  }
  if (earliest != never) wheel.schedule(i, earliest);
  drop_when_empty(i);
}

void Location::Impl::close(std::uint32_t i, ConnectionId connection) {
  auto& bindings = at(i).bindings;
  for (auto o = bindings.first(); o != bindings.end();) {
    const auto b = bindings.read(o);
    if (b.flow.connection == connection && lives_by_its_connection(b)) {
      erase(i, o, nullptr);
      continue;
    }
    auto marks = bindings.marks(o);
    if (b.flow.connection == connection) {
      connections.remove(std::exchange(marks.link, 0));
      bindings.set_marks(o, marks);
      bindings.forget_connection(o);
    }
    o = bindings.next(o);
  }
  drop_when_empty(i);
}

void Location::Impl::note_put(std::uint32_t i) {
  if (std::exchange(at(i).listed, true)) return;
  changed.push_back(i);
}

// The oldest first, so that who applies them in their order has the newest last.
void Location::Impl::take_puts(std::uint32_t i, std::vector<BindingChange>& out) {
  at(i).listed = false;
  auto& bindings = at(i).bindings;
  if (!bindings) return;  // removed since
  const auto begin = static_cast<std::ptrdiff_t>(out.size());
  for (auto o = bindings.first(); o != bindings.end(); o = bindings.next(o)) {
    auto marks = bindings.marks(o);
    if (!std::exchange(marks.dirty, false)) continue;
    bindings.set_marks(o, marks);
    out.push_back({std::string(bindings.aor()), value_of(bindings.read(o)), false});
  }
  std::reverse(out.begin() + begin, out.end());
}

Location::Location(LocationLimits limits, std::uint64_t hash_seed)
    : impl_(std::make_unique<Impl>(limits, hash_seed)) {}
Location::~Location() = default;

Location::Walk Location::walk_of(std::string_view aor) const {
  const auto i = impl_->find(aor);
  if (i == no_entry) return {};
  const auto& bindings = impl_->at(i).bindings;
  return {bindings.data(bindings.first()), bindings.data(bindings.end())};
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
  const auto i = impl_->find(aor);
  if (i == no_entry) return false;
  bool found = false;
  for (; const auto offset = impl_->replaced_by(i, binding); found = true)
    impl_->erase(i, offset, nullptr);
  impl_->drop_when_empty(i);
  return found;
}

std::size_t Location::remove_all(std::string_view aor) {
  const auto i = impl_->find(aor);
  if (i == no_entry) return 0;
  auto& bindings = impl_->at(i).bindings;
  const auto count = bindings.count();
  while (bindings.count() > 0) impl_->erase(i, bindings.first(), nullptr);
  impl_->drop_when_empty(i);
  return count;
}

void Location::on_connection_closed(const Flow& flow) {
  if (flow.connection == ConnectionId::none) return;
  for (auto i = impl_->connections.first(flow.connection); i != no_entry;
       i = impl_->connections.first(flow.connection))
    impl_->close(i, flow.connection);
}

void Location::on_deadline(TimePoint now) {
  for (int n = 0; n < at_once; ++n) {
    const auto i = impl_->wheel.take_due(now);
    if (i == no_entry) return;
    impl_->expire(i, now);
  }
}

TimePoint Location::next_deadline() const {
  return impl_->wheel.next();
}
std::size_t Location::count(std::string_view aor) const {
  const auto i = impl_->find(aor);
  return i == no_entry ? 0 : impl_->at(i).bindings.count();
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
                                std::vector<std::uint32_t>& out) const {
  const auto place = [this](std::uint32_t i) {
    const auto& record = records.slab.at(i);
    return std::pair(reversed(record.hash), record.bindings.aor());
  };
  out.clear();
  for (auto i = index.chain(hash); i != no_entry; i = records.slab.at(i).next)
    if (after.empty() || place(i) > std::pair(beyond, after)) out.push_back(i);
  std::ranges::sort(out, {}, place);
}

std::vector<std::pair<std::string, Binding>> Location::list(std::string_view after,
                                                            std::size_t at_most,
                                                            TimePoint now) const {
  std::vector<std::pair<std::string, Binding>> out;
  std::vector<std::uint32_t> chain;
  std::uint64_t place = after.empty() ? 0 : reversed(keyed_hash(after, impl_->seed));
  for (; place <= 0xffffffff; after = {}) {
    const auto hash = reversed(static_cast<std::uint32_t>(place));
    impl_->list_chain(hash, static_cast<std::uint32_t>(place), after, chain);
    for (const auto i : chain) {
      if (out.size() >= at_most) return out;
      const std::string aor(impl_->at(i).bindings.aor());
      visit(aor, now, [&](const BindingView& view) { out.emplace_back(aor, value_of(view)); });
    }
    place = (place | (0xffffffffu >> impl_->index.common_bits(hash))) + 1;
  }
  return out;
}

void Location::keep_changes(bool keep) {
  impl_->keep = keep;
}

std::vector<BindingChange> Location::take_changes(std::size_t at_most) {
  std::vector<BindingChange> out;
  auto& removed = impl_->removed;
  for (; !removed.empty() && out.size() < at_most; removed.pop_back())
    out.push_back(std::move(removed.back()));
  auto& changed = impl_->changed;
  while (!changed.empty() && out.size() < at_most) {
    const auto i = changed.back();
    changed.pop_back();
    impl_->take_puts(i, out);
  }
  return out;
}

}  // namespace sip
