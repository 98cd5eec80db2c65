// Location: all addresses in their order, and those that have changed.
#include <algorithm>
#include <utility>

#include "sip/location_impl.hpp"

namespace sip {
namespace {

// Order of the walk: buckets keep it when they split.
std::uint32_t reversed(std::uint32_t bits) {
  std::uint32_t out = 0;
  for (int i = 0; i < 32; ++i, bits >>= 1) out = out << 1 | (bits & 1);
  return out;
}

}  // namespace

// Of one bucket, those behind (beyond, after), in the order of the walk.
void Location::Impl::list_bucket(std::uint32_t hash, std::uint32_t beyond, std::string_view after,
                                 std::vector<char*>& out) const {
  const auto place = [](char* block) {
    const PackedBindings all(block);
    return std::pair(reversed(all.head().hash), all.aor());
  };
  out.clear();
  index.for_each_in_bucket(hash, [&](char* block) {
    if (after.empty() || place(block) > std::pair(beyond, after)) out.push_back(block);
  });
  std::ranges::sort(out, {}, place);
}

std::vector<std::pair<std::string, Binding>> Location::list(std::string_view after,
                                                            std::size_t at_most,
                                                            TimePoint now) const {
  std::vector<std::pair<std::string, Binding>> out;
  std::vector<char*> bucket;
  std::uint64_t place = after.empty() ? 0 : reversed(keyed_hash(after, impl_->seed));
  for (; place <= 0xffffffff; after = {}) {
    const auto hash = reversed(static_cast<std::uint32_t>(place));
    impl_->list_bucket(hash, static_cast<std::uint32_t>(place), after, bucket);
    for (auto* const block : bucket) {
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
  std::vector<char*> bucket;
  for (std::uint64_t at = place, seen = 0; at <= 0xffffffff;) {
    if (seen >= at_most) return static_cast<std::uint32_t>(at);
    const auto hash = reversed(static_cast<std::uint32_t>(at));
    impl_->list_bucket(hash, 0, {}, bucket);
    for (auto* const block : bucket) impl_->give(PackedBindings(block), use);
    seen += bucket.size();
    at = (at | (0xffffffffu >> impl_->index.common_bits(hash))) + 1;
  }
  return std::nullopt;
}

}  // namespace sip
