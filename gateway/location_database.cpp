#include "gateway/location_database.hpp"

#include "gateway/database_file.hpp"

namespace gateway {
namespace {

// Version 1 had a row for each binding; devices that it knew register again within their hour.
constexpr DatabaseSchema schema = {2, R"(
BEGIN;
DROP TABLE IF EXISTS binding;
CREATE TABLE part (number INTEGER PRIMARY KEY, content BLOB NOT NULL);
PRAGMA user_version = 2;
COMMIT;
)",
                                   16384};  // parts are large; each page is a system call

}  // namespace

Result<std::unique_ptr<LocationDatabase>> LocationDatabase::open(
    const std::filesystem::path& file) {
  auto db = open_database(file, schema);
  if (!db) return db.error();
  return std::unique_ptr<LocationDatabase>(new LocationDatabase(std::move(*db)));
}

LocationDatabase::LocationDatabase(sqlite::DatabaseHandle db) : db_(std::move(db)) {
  const auto prepare = [this](const char* sql) { return sqlite::Statement(db_.get(), sql); };
  begin_ = prepare("BEGIN IMMEDIATE");
  commit_ = prepare("COMMIT");
  rollback_ = prepare("ROLLBACK");
  add_ = prepare("INSERT INTO part VALUES (?, ?)");
  drop_ = prepare("DELETE FROM part WHERE number < ?");
}

bool LocationDatabase::load(const Use& use) {
  sqlite::Statement parts(db_.get(), "SELECT number, content FROM part ORDER BY number");
  while (parts.step()) {
    const auto number = parts.integer();
    if (!use(number, parts.blob_view())) return false;
  }
  return parts.status() == SQLITE_DONE;
}

bool LocationDatabase::write(std::int64_t number, std::string_view part, std::int64_t first_kept) {
  bool ok = begin_.run() == SQLITE_DONE;
  if (ok && !part.empty()) ok = add_.bind(number).bind_blob(part).run() == SQLITE_DONE;
  if (ok) ok = drop_.bind(first_kept).run() == SQLITE_DONE;
  if (ok && commit_.run() == SQLITE_DONE) return true;
  rollback_.run();
  return false;
}

std::string LocationDatabase::error() const {
  return sqlite3_errmsg(db_.get());
}

}  // namespace gateway
