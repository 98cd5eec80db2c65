// The table behind the SQLite location store. Blocking and single-threaded; the store runs it on
// its own thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "gateway/error.hpp"
#include "gateway/location_store.hpp"
#include "gateway/sqlite.hpp"

namespace gateway {

class LocationDatabase {
 public:
  static Result<std::unique_ptr<LocationDatabase>> open(const std::filesystem::path& file);

  // As LocationStore::load; false: error() tells why.
  bool load(const Instant& instant, const LocationStore::Take& take);
  // All or nothing.
  bool write(const std::vector<sip::BindingChange>& changes, const Instant& instant);
  std::string error() const;

 private:
  explicit LocationDatabase(sqlite::DatabaseHandle db);
  bool put(const std::string& aor, const sip::Binding& binding, const Instant& instant);
  bool remove(const std::string& aor, const sip::Binding& binding);

  sqlite::DatabaseHandle db_;  // first: statements must go before it
  sqlite::Statement begin_, commit_, rollback_, put_, remove_;
  std::int64_t last_change_ = 0;  // newer bindings have higher ones
  std::string local_, remote_;
};

}  // namespace gateway
