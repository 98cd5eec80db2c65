#include "gateway/database_file.hpp"

#include <fmt/format.h>

#include <ctime>
#include <string>
#include <system_error>

#include "gateway/log.hpp"

namespace gateway {
namespace {

namespace fs = std::filesystem;

bool damaged(int code) {
  const int primary = code & 0xff;
  return primary == SQLITE_CORRUPT || primary == SQLITE_NOTADB;
}

struct Opened {
  sqlite::DatabaseHandle db;
  int code = SQLITE_OK;  // what SQLite said when db cannot be used
  bool newer = false;
};

int prepare_tables(sqlite3* db, const DatabaseSchema& schema, bool& newer) {
  const std::string version = sqlite::query_text(db, "PRAGMA user_version", "");
  if (version.empty()) return sqlite3_errcode(db);
  const int found = std::stoi(version);
  newer = found > schema.version;
  if (found < schema.version) return sqlite::run(db, schema.create);
  // Finds torn pages and broken indices; proportional to the size, about 0.1 s for 10,000 devices.
  const std::string verdict = sqlite::query_text(db, "PRAGMA quick_check(1)", "no answer");
  return verdict == "ok" ? SQLITE_OK : SQLITE_CORRUPT;
}

Opened try_open(const fs::path& file, const DatabaseSchema& schema) {
  Opened opened;
  sqlite3* db = nullptr;
  constexpr int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
  opened.code = sqlite3_open_v2(file.c_str(), &db, flags, nullptr);
  opened.db.reset(db);
  if (opened.code != SQLITE_OK) return opened;
  sqlite3_busy_timeout(db, 5000);
  // With WAL, NORMAL loses at most the last transactions on loss of power, and nothing on a crash.
  const auto pragmas =
      fmt::format("PRAGMA page_size={}; PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
                  schema.page_bytes);
  opened.code = sqlite::run(db, pragmas.c_str());
  if (opened.code == SQLITE_OK) opened.code = prepare_tables(db, schema, opened.newer);
  return opened;
}

// The file and what belongs to it, so that a write-ahead log is not applied to the new file.
bool move_aside(const fs::path& file) {
  const std::string suffix = ".damaged-" + std::to_string(std::time(nullptr));
  for (const char* part : {"", "-wal", "-shm"}) {
    std::error_code error;
    const fs::path from = file.string() + part;
    if (!fs::exists(from, error)) continue;
    fs::rename(from, file.string() + suffix + part, error);
    if (error) return false;
  }
  log::error(
      "store",
      "the database was damaged and has been moved aside; starting with an empty one file={:?}",
      file.string() + suffix);
  return true;
}

}  // namespace

Result<sqlite::DatabaseHandle> open_database(const fs::path& file, const DatabaseSchema& schema) {
  Opened opened = try_open(file, schema);
  if (!opened.newer && damaged(opened.code)) {
    opened.db.reset();
    if (!move_aside(file)) return Errc::store_unusable;
    opened = try_open(file, schema);
  }
  if (opened.newer) {
    log::error("store", "the database was written by a newer version file={:?}", file.string());
    return Errc::store_newer;
  }
  if (opened.code != SQLITE_OK) {
    log::error("store", "the database cannot be opened file={:?} error={:?}", file.string(),
               sqlite3_errstr(opened.code));
    return Errc::store_unusable;
  }
  return std::move(opened.db);
}

}  // namespace gateway
