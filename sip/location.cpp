#include "sip/location.hpp"

#include <utility>

#include "sip/location_impl.hpp"

namespace sip {
namespace {

// How many addresses one on_deadline() looks at: about a millisecond's work.
constexpr int at_once = 1000;

}  // namespace

Location::Location(LocationLimits limits, std::uint64_t hash_seed)
    : impl_(std::make_unique<Impl>(limits, hash_seed)) {}
Location::~Location() = default;

Location::Walk Location::walk_of(const Place& place) {
  const PackedBindings all(place.block_);
  if (!all) return {};
  return {all.data(all.first()), all.data(all.end())};
}

Location::Place Location::expect(std::string_view aor) const {
  const Place place(aor, keyed_hash(aor, impl_->seed));
  __builtin_prefetch(impl_->index.line_of(place.hash_));
  return place;
}

void Location::expect_soon(const Place& place) const {
  const char* const block = impl_->index.find(place.hash_, [](char*) { return true; });
  if (!block) return;
  for (int line = 0; line < 4; ++line) __builtin_prefetch(block + 64 * line);
}

void Location::find(Place& place) const {
  place.block_ = impl_->find(place.aor_, place.hash_).block();
}

Location::Place Location::find(std::string_view aor) const {
  Place place(aor, keyed_hash(aor, impl_->seed));
  find(place);
  return place;
}

const char* Location::read(const char* at, BindingView& out) {
  return PackedBindings::read(at, out);
}

std::size_t Location::find(std::string_view aor, TimePoint now, std::vector<Binding>& out) const {
  return visit(aor, now, [&out](const BindingView& view) { out.push_back(value_of(view)); });
}

bool Location::put(Place& place, const BindingView& binding) {
  PackedBindings all(place.block_);
  const bool done = impl_->put(place.aor_, place.hash_, all, binding);
  place.block_ = all.block();
  return done;
}

bool Location::put(std::string_view aor, const BindingView& binding) {
  auto place = find(aor);
  return put(place, binding);
}

bool Location::remove(std::string_view aor, std::string_view contact) {
  BindingView key;
  key.contact = contact;
  return remove_same(aor, key);
}

bool Location::remove_same(std::string_view aor, const BindingView& binding) {
  auto place = find(aor);
  return remove_same(place, binding);
}

bool Location::remove_same(Place& place, const BindingView& binding) {
  const PackedBindings all(place.block_);
  if (!all) return false;
  bool found = false;
  for (; const auto offset = Impl::replaced_by(all, binding); found = true)
    impl_->erase(all, offset);
  if (found && impl_->drop_when_empty(all)) place.block_ = nullptr;
  return found;
}

std::size_t Location::remove_all(std::string_view aor) {
  auto place = find(aor);
  return remove_all(place);
}

std::size_t Location::remove_all(Place& place) {
  const PackedBindings all(std::exchange(place.block_, nullptr));
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
  return count(find(aor));
}
std::size_t Location::count(const Place& place) const {
  const PackedBindings all(place.block_);
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

}  // namespace sip
