// Keeps the bindings of sip::Location across restarts. An interface, so that another server's
// memory (Redis) can stand where SQLite does now.
//
//   auto store = open_sqlite_location_store(directory / "location.db");
//   load(**store, location, now, wall);          // at the start, before anybody registers
//   ... some times a second:  save(**store, location, now, wall);
//   ... at the end:           save(...); (*store)->flush();
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "gateway/error.hpp"
#include "sip/location.hpp"
#include "sip/time.hpp"

namespace gateway {

// Bindings live by the steady clock, files by the wall's: one instant on both.
struct Instant {
  sip::TimePoint now;
  sip::WallTime wall;
};

class LocationStore {
 public:
  virtual ~LocationStore() = default;

  // The views are valid during the call.
  using Take = std::function<void(std::string_view aor, const sip::BindingView& binding)>;
  // Gives all that has not expired, of one address the oldest first; forgets the others. Blocks;
  // for the start, before any apply().
  virtual Result<void> load(const Instant& instant, const Take& take) = 0;

  // Returns at once; what it takes is written soon, in its order. Not when it is not ready(): then
  // let the changes wait in the location, where newer ones take the place of older ones.
  virtual void apply(std::vector<sip::BindingChange> changes, const Instant& instant) = 0;
  virtual bool ready() const = 0;
  // Blocks until all that was applied before is safe.
  virtual void flush() = 0;

  struct Counters {
    std::uint64_t changes_written = 0, batches = 0, write_errors = 0;
    std::size_t queued_changes = 0;
  };
  virtual Counters counters() const = 0;
};

struct LocationStoreLimits {
  std::size_t queued_changes = 50'000;  // ready() below it
};

// Errors as open_database() has them.
Result<std::unique_ptr<LocationStore>> open_sqlite_location_store(const std::filesystem::path& file,
                                                                  LocationStoreLimits limits = {});

// Puts what is stored into the location and lets it keep its changes from now on. Streams are gone
// after a restart: as when a connection closes, what lived by one is left out, the rest has only
// its contact. The number of bindings.
Result<std::size_t> load(LocationStore& store, sip::Location& location, const Instant& instant);

// Hands on what has changed; at most some thousands, so that nobody waits: then more is left.
void save(LocationStore& store, sip::Location& location, const Instant& instant);

}  // namespace gateway
