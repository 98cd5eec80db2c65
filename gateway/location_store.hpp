// Keeps the bindings of sip::Location across restarts. An interface, so that another server's
// memory (Redis) can stand where SQLite does now.
//
//   auto store = open_sqlite_location_store(directory / "location.db");
//   (**store).load(location, instant);       // at the start, before anybody registers
//   ... some times a second:  (*store)->save(location, instant);
//   ... at the end:           save(...); (*store)->flush();
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>

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

  // Puts what is stored and has not expired into the location and lets it keep its changes from now
  // on. Streams are gone after a restart: as when a connection closes, what lived by one is left
  // out, the rest has only its contact. Blocks; for the start. The number of bindings.
  virtual Result<std::size_t> load(sip::Location& location, const Instant& instant) = 0;

  // Hands on what has changed, at most some thousands of addresses, so that nobody waits: then more
  // is left. Returns at once; it is written soon, each call's share all or nothing. While the disk
  // is behind, changes wait in the location, where newer ones take the place of older ones.
  virtual void save(sip::Location& location, const Instant& instant) = 0;
  // Blocks until all that was saved before is safe.
  virtual void flush() = 0;

  struct Counters {
    std::uint64_t addresses_saved = 0;    // that had changed
    std::uint64_t addresses_carried = 0;  // written again, so that old parts can go
    std::uint64_t parts_written = 0, write_errors = 0;
    std::size_t queued_bytes = 0, stored_bytes = 0, stored_parts = 0;
  };
  virtual Counters counters() const = 0;
};

struct LocationStoreLimits {
  std::size_t queued_bytes = 16 << 20;        // save() does nothing above it
  std::size_t least_cleaned_bytes = 1 << 20;  // below it no part is cleaned away
  std::size_t parts = 20'000;
};

// A log in one SQLite file: each save() appends a part, a row with the addresses that changed, as
// they are now. When the parts are more than three times what is live, all addresses are written
// once more, some with each save(), and what is older goes. So a registration costs a few hundred
// nanoseconds, a quarter of what a row of its own would. Errors as open_database() has them.
Result<std::unique_ptr<LocationStore>> open_sqlite_location_store(const std::filesystem::path& file,
                                                                  LocationStoreLimits limits = {});

}  // namespace gateway
