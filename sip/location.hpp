// The location service (RFC 3261 10): which contacts an address of record is bound to. Behind the
// registrar (which writes), the proxy and the redirect server (which read).
//
// Pure: bindings live in memory with their deadlines; what changes is handed to whoever keeps it on
// disk (gateway/location_store; Redis later).
//
// A binding costs its texts and about 150 bytes. Nothing grows in one step: with a million of them
// no single call takes longer than with a thousand.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sip/address.hpp"
#include "sip/time.hpp"
#include "sip/uri.hpp"

namespace sip {

// One contact of an address of record, as it is given out: a value.
struct Binding {
  std::string contact;          // the URI, without <> and header parameters
  std::uint16_t q_1000 = 1000;  // preference, 0..1000 (q=0.7: 700)
  TimePoint expires_at{};
  std::string call_id;       // of the REGISTER that made it, with
  std::uint32_t cseq = 0;    // its CSeq: older ones do not change it (10.3 step 7)
  std::string path;          // RFC 3327: values of Path, joined with ", ", topmost first; or empty
  std::string instance;      // +sip.instance (RFC 5626), quotes removed; may be empty
  std::uint32_t reg_id = 0;  // RFC 5626; 0: none
  std::string user_agent;
  // Where the REGISTER came from: the way back through NAT. A stream's `connection` becomes none
  // when it closes: the contact is then to be reached by its URI.
  Flow flow;

  bool operator==(const Binding&) const = default;
};

// The same without owning: views into the location, valid until it is changed.
struct BindingView {
  std::string_view contact;
  std::uint16_t q_1000 = 1000;
  TimePoint expires_at{};
  std::string_view call_id;
  std::uint32_t cseq = 0;
  std::string_view path, instance;
  std::uint32_t reg_id = 0;
  std::string_view user_agent;
  Flow flow;

  bool operator==(const BindingView&) const = default;
};
[[nodiscard]] BindingView view_of(const Binding& binding);
[[nodiscard]] Binding value_of(const BindingView& view);
// What LocationLimits::text_bytes is about.
[[nodiscard]] std::size_t text_size(const BindingView& view);

// Whether a REGISTER of `fresh` replaces `old`: with an instance and a reg-id these decide (RFC
// 5626 6), else the contact URI does (RFC 3261 19.1.4).
[[nodiscard]] bool same_binding(const BindingView& old, const BindingView& fresh);

// How a store is told of one address: all its bindings as they are now, such that put() one after
// the other gives the same order again; none: nothing is bound to it any more. The views are valid
// during the call, which must not change the location.
using KeepBindings = std::function<void(std::string_view aor, std::span<const BindingView>)>;

struct LocationLimits {
  std::size_t bindings = 2'000'000;
  std::size_t bindings_per_aor = 16;
  std::size_t text_bytes = 4096;  // of one binding, all its texts together
};

class Location {
 public:
  // `hash_seed`: random, so that nobody can choose addresses that collide.
  explicit Location(LocationLimits limits = {}, std::uint64_t hash_seed = 0);
  ~Location();
  Location(const Location&) = delete;
  Location& operator=(const Location&) = delete;

  // `aor`: canonical, as canonical_aor() makes it. Appends those that have not expired, by q, best
  // first (equal q: newest first). The number appended.
  std::size_t find(std::string_view aor, TimePoint now, std::vector<Binding>& out) const;
  // The same without copying: calls use(const BindingView&) for each; allocates nothing. `use` must
  // not change the location.
  template <class Use>
  std::size_t visit(std::string_view aor, TimePoint now, Use&& use) const {
    return visit(find(aor), now, use);
  }

  // One address, looked up once for several calls. Its name must live as long; the location must
  // not be changed but through it.
  class Place {
   public:
    Place() = default;

   private:
    friend class Location;
    Place(std::string_view aor, std::uint32_t hash) : aor_(aor), hash_(hash) {}
    std::string_view aor_;
    std::uint32_t hash_ = 0;
    char* block_ = nullptr;  // PackedBindings; null: nothing is bound, or not looked up
  };
  Place find(std::string_view aor) const;
  // The same in steps: memory that is not in the cache is fetched while the caller does something
  // else, a few hundred ns, between them. expect_soon() may be left out.
  Place expect(std::string_view aor) const;
  void expect_soon(const Place& place) const;
  void find(Place& place) const;

  template <class Use>
  std::size_t visit(const Place& place, TimePoint now, Use&& use) const {
    std::size_t found = 0;
    BindingView view;
    for (auto walk = walk_of(place); walk.at != walk.end;) {
      walk.at = read(walk.at, view);
      if (view.expires_at <= now) continue;
      use(std::as_const(view));
      ++found;
    }
    return found;
  }
  std::size_t count(const Place& place) const;
  bool put(Place& place, const BindingView& binding);
  bool remove_same(Place& place, const BindingView& binding);
  std::size_t remove_all(Place& place);

  // Inserts, or replaces the binding that is the same_binding(); it is then the newest. False: a
  // limit, nothing has changed. Texts must not be views into this location.
  bool put(std::string_view aor, const BindingView& binding);
  bool put(std::string_view aor, const Binding& binding) { return put(aor, view_of(binding)); }
  // False when there was none.
  bool remove(std::string_view aor, std::string_view contact);
  bool remove_same(std::string_view aor, const BindingView& binding);  // as put() would replace
  std::size_t remove_all(std::string_view aor);
  // A binding over WebSocket, or with a reg-id (RFC 5626), cannot be reached any more and goes;
  // others keep their contact and lose the connection.
  void on_connection_closed(const Flow& flow);

  // Drops what has expired: some at once, and next_deadline() is in the past while more is left.
  void on_deadline(TimePoint now);
  TimePoint next_deadline() const;

  std::size_t count(std::string_view aor) const;  // as bindings()
  std::size_t bindings() const;   // those that expired and are not dropped yet included
  std::size_t addresses() const;  // with at least one binding
  const LocationLimits& limits() const;
  // Walks all in pages: `after` is the last aor seen, "" to begin; empty at the end. In no special
  // order. Bindings of one aor are never cut apart, so that a page may be a few longer. What is
  // there during the whole walk is seen once.
  std::vector<std::pair<std::string, Binding>> list(std::string_view after, std::size_t at_most,
                                                    TimePoint now) const;

  // Addresses that lost a binding by themselves, because it expired or its connection closed, each
  // as often as that happened; recorded only after keep_lapses(true), which false forgets.
  void keep_lapses(bool keep);
  bool has_lapses() const;
  std::vector<std::string> take_lapses();

  // Gives the addresses whose bindings have changed since they were last given; recorded only after
  // keep_changes(true). Those that are gone come first. A refresh that moves only the expiry, and
  // by less than ten seconds, is no change: a restored binding may end so much earlier. Expired
  // bindings have changed when on_deadline() drops them. At most `at_most`: again while it is not 0
  // that comes back, their number.
  void keep_changes(bool keep);
  std::size_t take_changes(const KeepBindings& use, std::size_t at_most = SIZE_MAX);
  // Walks all, changed or not, in pieces of about `at_most` addresses, beginning at place 0. The
  // place to go on at; nullopt at the end. What is there during the whole walk is given at least
  // once.
  std::optional<std::uint32_t> walk(std::uint32_t place, std::size_t at_most,
                                    const KeepBindings& use) const;

 private:
  struct Walk {
    const char* at = nullptr;
    const char* end = nullptr;
  };
  static Walk walk_of(const Place& place);
  static const char* read(const char* at, BindingView& out);

  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// RFC 3261 10.3 step 5: the user and host of To's URI, host in lower case, escapes normalized,
// parameters and port gone: "sip:alice@example.org", for sips too (RFC 5630 5.1.1). nullopt when it
// is no SIP or SIPS URI.
std::optional<std::string> canonical_aor(std::string_view uri);
// The same into `out`, whose memory is used again. False: `out` is not to be used.
bool canonical_aor(const Uri& uri, std::string& out);
// "example.org" of "sip:alice@example.org"; of a canonical one only. IPv6 with brackets.
std::string_view host_of(std::string_view aor);

}  // namespace sip
