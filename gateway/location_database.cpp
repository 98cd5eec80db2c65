#include "gateway/location_database.hpp"

#include <algorithm>

#include "gateway/database_file.hpp"

namespace gateway {
namespace {

using std::chrono::milliseconds;

constexpr DatabaseSchema schema = {1, R"(
BEGIN;
CREATE TABLE binding (
  aor TEXT NOT NULL, contact TEXT NOT NULL, instance TEXT NOT NULL, reg_id INTEGER NOT NULL,
  change INTEGER NOT NULL, expires_ms INTEGER NOT NULL, q_1000 INTEGER NOT NULL,
  call_id TEXT NOT NULL, cseq INTEGER NOT NULL, path TEXT NOT NULL, user_agent TEXT NOT NULL,
  transport TEXT NOT NULL, local TEXT NOT NULL, remote TEXT NOT NULL,
  PRIMARY KEY (aor, contact, instance, reg_id)
) WITHOUT ROWID;
PRAGMA user_version = 1;
COMMIT;
)"};

// The primary key gives the addresses in order: only the bindings of one are sorted.
constexpr const char* select_bindings =
    "SELECT aor, contact, instance, reg_id, change, expires_ms, q_1000, call_id, cseq, path, "
    "user_agent, transport, local, remote FROM binding ORDER BY aor, change";

std::int64_t wall_ms(const Instant& instant, sip::TimePoint at) {
  const auto wall =
      instant.wall + std::chrono::duration_cast<sip::WallTime::duration>(at - instant.now);
  return std::chrono::floor<milliseconds>(wall.time_since_epoch()).count();
}

sip::TimePoint steady(const Instant& instant, std::int64_t ms) {
  return instant.now + (sip::WallTime(milliseconds(ms)) - instant.wall);
}

// Text columns in the order of the select; the views live until the next step.
std::string_view read(sqlite::Statement& row, const Instant& instant, sip::BindingView& b,
                      std::int64_t& change) {
  const auto aor = row.text_view();
  b.contact = row.text_view(), b.instance = row.text_view();
  b.reg_id = static_cast<std::uint32_t>(row.integer());
  change = row.integer();
  b.expires_at = steady(instant, row.integer());
  b.q_1000 = static_cast<std::uint16_t>(row.integer());
  b.call_id = row.text_view();
  b.cseq = static_cast<std::uint32_t>(row.integer());
  b.path = row.text_view(), b.user_agent = row.text_view();
  b.flow.transport = sip::transport_from(row.text_view()).value_or(sip::Transport::udp);
  b.flow.local = sip::Address::parse(row.text_view()).value_or(sip::Address());
  b.flow.remote = sip::Address::parse(row.text_view()).value_or(sip::Address());
  return aor;
}

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
  put_ = prepare("INSERT OR REPLACE INTO binding VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?)");
  remove_ =
      prepare("DELETE FROM binding WHERE aor = ? AND contact = ? AND instance = ? AND reg_id = ?");
}

bool LocationDatabase::load(const Instant& instant, const LocationStore::Take& take) {
  sqlite::Statement expired(db_.get(), "DELETE FROM binding WHERE expires_ms <= ?");
  if (expired.bind(wall_ms(instant, instant.now)).run() != SQLITE_DONE) return false;
  sqlite::Statement rows(db_.get(), select_bindings);
  sip::BindingView binding;
  while (rows.step()) {
    std::int64_t change = 0;
    const auto aor = read(rows, instant, binding, change);
    last_change_ = std::max(last_change_, change);
    take(aor, binding);
  }
  return rows.status() == SQLITE_DONE;
}

bool LocationDatabase::write(const std::vector<sip::BindingChange>& changes,
                             const Instant& instant) {
  bool ok = begin_.run() == SQLITE_DONE;
  for (const auto& change : changes) {
    if (!ok) break;
    ok = change.removed ? remove(change.aor, change.binding)
                        : put(change.aor, change.binding, instant);
  }
  if (ok && commit_.run() == SQLITE_DONE) return true;
  rollback_.run();
  return false;
}

bool LocationDatabase::put(const std::string& aor, const sip::Binding& b, const Instant& instant) {
  local_ = to_string(b.flow.local);
  remote_ = to_string(b.flow.remote);
  put_.bind(aor).bind(b.contact).bind(b.instance).bind(std::int64_t{b.reg_id});
  put_.bind(++last_change_).bind(wall_ms(instant, b.expires_at)).bind(std::int64_t{b.q_1000});
  put_.bind(b.call_id).bind(std::int64_t{b.cseq}).bind(b.path).bind(b.user_agent);
  put_.bind(sip::to_string(b.flow.transport)).bind(local_).bind(remote_);
  return put_.run() == SQLITE_DONE;
}

bool LocationDatabase::remove(const std::string& aor, const sip::Binding& b) {
  remove_.bind(aor).bind(b.contact).bind(b.instance).bind(std::int64_t{b.reg_id});
  return remove_.run() == SQLITE_DONE;
}

std::string LocationDatabase::error() const {
  return sqlite3_errmsg(db_.get());
}

}  // namespace gateway
