// The table behind the SQLite location store: numbered parts. Blocking and single-threaded; the
// store runs it on its own thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "gateway/error.hpp"
#include "gateway/sqlite.hpp"

namespace gateway {

class LocationDatabase {
 public:
  static Result<std::unique_ptr<LocationDatabase>> open(const std::filesystem::path& file);

  // All parts, by their numbers; false: error() tells why, or `use` said so.
  using Use = std::function<bool(std::int64_t number, std::string_view part)>;
  bool load(const Use& use);
  // Adds one (an empty one is not added) and drops those below `first_kept`; all or nothing.
  bool write(std::int64_t number, std::string_view part, std::int64_t first_kept);
  std::string error() const;

 private:
  explicit LocationDatabase(sqlite::DatabaseHandle db);

  sqlite::DatabaseHandle db_;  // first: statements must go before it
  sqlite::Statement begin_, commit_, rollback_, add_, drop_;
};

}  // namespace gateway
