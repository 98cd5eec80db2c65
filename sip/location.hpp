// The location service (RFC 3261 10): which contacts an address of record is bound to. Behind the
// registrar (which writes), the proxy and the redirect server (which read).
//
// Pure: bindings live in memory with their deadlines; what changes is handed to whoever keeps it on
// disk as BindingChange (gateway/location_store; Redis later).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sip/address.hpp"
#include "sip/time.hpp"

namespace sip {

// One contact of an address of record, as it is given out: a value.
struct Binding {
  std::string contact;          // the URI, without <> and header parameters
  std::uint16_t q_1000 = 1000;  // preference, 0..1000 (q=0.7: 700)
  TimePoint expires_at{};
  std::string call_id;     // of the REGISTER that made it, with
  std::uint32_t cseq = 0;  // its CSeq: older ones do not change it (10.3 step 7)
  std::string path;      // RFC 3327: values of Path, joined with ", ", topmost first; may be empty
  std::string instance;  // +sip.instance (RFC 5626), quotes removed; may be empty
  std::uint32_t reg_id = 0;  // RFC 5626; 0: none
  std::string user_agent;
  Flow flow;  // where the REGISTER came from: the way back through NAT

  bool operator==(const Binding&) const = default;
};

// What must be kept so that a restart forgets nothing. A removed one has its contact only.
struct BindingChange {
  std::string aor;
  Binding binding;
  bool removed = false;
};

struct LocationLimits {
  std::size_t bindings = 2'000'000;
  std::size_t bindings_per_aor = 16;
};

class Location {
 public:
  explicit Location(LocationLimits limits = {}, std::uint64_t hash_seed = 0);
  ~Location();
  Location(const Location&) = delete;
  Location& operator=(const Location&) = delete;

  // `aor`: canonical, as canonical_aor() makes it. Appends those that have not expired, by q, best
  // first (equal q: newest first). The number appended.
  std::size_t find(std::string_view aor, TimePoint now, std::vector<Binding>& out) const;

  // Inserts, or replaces the binding with an equal contact (or instance and reg_id). False: a
  // limit.
  bool put(std::string_view aor, const Binding& binding);
  // False when there was none.
  bool remove(std::string_view aor, std::string_view contact);
  std::size_t remove_all(std::string_view aor);
  // Bindings whose connection is gone cannot be reached any more (RFC 5626 flows over streams).
  void on_connection_closed(const Flow& flow);

  void on_deadline(TimePoint now);  // drops what has expired
  TimePoint next_deadline() const;

  std::size_t bindings() const;
  std::size_t addresses() const;
  // Walks all in pages: `after` is the last aor seen, "" to begin. In no special order.
  std::vector<std::pair<std::string, Binding>> list(std::string_view after, std::size_t at_most,
                                                    TimePoint now) const;

  // What happened since the last call, oldest first; recorded only after keep_changes(true).
  void keep_changes(bool keep);
  std::vector<BindingChange> take_changes();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// RFC 3261 10.3 step 5: the user and host of To's URI, host in lower case, escapes normalized,
// parameters gone: "sip:alice@example.org". nullopt when it is no SIP or SIPS URI.
std::optional<std::string> canonical_aor(std::string_view uri);

}  // namespace sip
