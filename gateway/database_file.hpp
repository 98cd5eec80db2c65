// Opening one SQLite file of ours: its tables made when it is new, itself moved aside when it is
// damaged. Blocking.
#pragma once

#include <filesystem>

#include "gateway/error.hpp"
#include "gateway/sqlite.hpp"

namespace gateway {

struct DatabaseSchema {
  int version;         // PRAGMA user_version; `create` must set it
  const char* create;  // one transaction, from nothing or from any older version
  int page_bytes = 4096;
};

// With WAL and synchronous=NORMAL: nothing is lost by a crash or kill -9, at most the last
// transactions by loss of power. A damaged file is moved aside to "<file>.damaged-<time>" (a log
// line says so) and a new one is begun. Errc::store_newer, Errc::store_unusable.
Result<sqlite::DatabaseHandle> open_database(const std::filesystem::path& file,
                                             const DatabaseSchema& schema);

}  // namespace gateway
