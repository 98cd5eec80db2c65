// Location: what happens to the bindings of one address.
#include <algorithm>

#include "sip/location_impl.hpp"

namespace sip {
namespace {

constexpr std::chrono::seconds saved_precision(10);

bool lives_by_its_connection(const BindingView& b) {
  return b.reg_id != 0 || b.flow.transport == Transport::ws || b.flow.transport == Transport::wss;
}

}  // namespace

bool Location::Impl::fits(PackedBindings all, bool replaces, std::string_view aor,
                          const BindingView& b) const {
  if (text_size(b) > limits.text_bytes || aor.size() > limits.text_bytes) return false;
  if (replaces) return true;
  return binding_count < limits.bindings && (all ? all.count() : 0) < limits.bindings_per_aor;
}

PackedBindings Location::Impl::add_record(std::string_view aor, std::uint32_t hash,
                                          const BindingView& first) {
  const auto record = records.slab.take();
  auto& block = records.slab.at(record).block;
  block = PackedBindings::make(aor, hash, record, PackedBindings::size_of(first));
  index.insert(hash, block.get());
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

bool Location::Impl::put(std::string_view aor, std::uint32_t hash, PackedBindings& all,
                         const BindingView& b) {
  auto old = all ? replaced_by(all, b) : 0;
  if (!fits(all, old != 0, aor, b)) return false;
  const bool news = keep && (old == 0 || is_news(all, old, b));
  if (!all) all = add_record(aor, hash, b);
  for (; old != 0; old = all.count() > 0 ? replaced_by(all, b) : 0) erase(all, old);
  insert(all, b);
  if (news) note_change(all);
  return true;
}

void Location::Impl::insert(PackedBindings& all, const BindingView& b) {
  const auto record = all.head().record;
  if (const auto size = PackedBindings::size_of(b); !all.has_room(size)) {
    auto larger = all.grown_by(size);
    index.replace(all.head().hash, all.block(), larger.get());
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

// After something was erased. True when it was the last, and all is gone.
bool Location::Impl::drop_when_empty(PackedBindings all) {
  if (all.count() > 0) return note_change(all), false;
  if (keep) gone.emplace_back(all.aor());
  const auto record = all.head().record;
  index.erase(all.head().hash, all.block());
  wheel.remove(record);
  records.slab.release(record);
  --record_count;
  return true;
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

}  // namespace sip
