// The inside of Location: its table of records and what is done with one of them. location_*.cpp
// implement it by subject. For nobody else to include.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "sip/connection_index.hpp"
#include "sip/deadline_wheel.hpp"
#include "sip/growing_index.hpp"
#include "sip/line_index.hpp"
#include "sip/location.hpp"
#include "sip/mixed_hash.hpp"
#include "sip/packed_bindings.hpp"

namespace sip {

// Keyed, so that an attacker who may choose names cannot fill one bucket.
inline std::uint32_t keyed_hash(std::string_view aor, std::uint64_t seed) {
  return static_cast<std::uint32_t>(mixed_hash(aor, seed) >> 32);
}

struct Location::Impl {
  struct Record {
    PackedBindings::Block block;
    WheelLinks wheel;
  };
  struct Records {
    Slab<Record> slab;
    WheelLinks& links_of(std::uint32_t record) { return slab.at(record).wheel; }
  };

  Impl(LocationLimits l, std::uint64_t s) : limits(l), seed(s) {
    limits.text_bytes = std::min<std::size_t>(limits.text_bytes, PackedBindings::max_size - 256);
    limits.bindings_per_aor = std::min<std::size_t>(limits.bindings_per_aor, 10'000);
  }

  PackedBindings find(std::string_view aor, std::uint32_t hash) const {
    return PackedBindings(
        index.find(hash, [&](char* block) { return PackedBindings(block).aor() == aor; }));
  }
  PackedBindings at(std::uint32_t record) const {
    return PackedBindings(records.slab.at(record).block);
  }

  // `all`: what is bound to it, before and after; none: nothing.
  bool put(std::string_view aor, std::uint32_t hash, PackedBindings& all, const BindingView& b);
  bool fits(PackedBindings all, bool replaces, std::string_view aor, const BindingView& b) const;
  PackedBindings add_record(std::string_view aor, std::uint32_t hash, const BindingView& first);
  bool is_news(PackedBindings all, std::uint32_t old, const BindingView& b) const;
  void insert(PackedBindings& all, const BindingView& b);
  void schedule(PackedBindings all, TimePoint expires_at);
  static std::uint32_t replaced_by(PackedBindings all, const BindingView& b);
  void erase(PackedBindings all, std::uint32_t offset);
  void note_change(PackedBindings all);
  bool drop_when_empty(PackedBindings all);
  void expire(PackedBindings all, TimePoint now);
  void close(PackedBindings all, ConnectionId connection);
  void lapse(PackedBindings all);
  void give(PackedBindings all, const KeepBindings& use) const;
  void list_bucket(std::uint32_t hash, std::uint32_t beyond, std::string_view after,
                   std::vector<char*>& out) const;

  LocationLimits limits;
  std::uint64_t seed;
  Records records;
  LineIndex<char> index;  // of the blocks
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

}  // namespace sip
