#include "gateway/device_database.hpp"

#include "gateway/database_file.hpp"
#include "gateway/log.hpp"

namespace gateway {
namespace {

constexpr int schema_version = 1;

constexpr const char* schema = R"(
BEGIN;
CREATE TABLE device (
  id TEXT PRIMARY KEY, name TEXT NOT NULL, manufacturer TEXT NOT NULL, model TEXT NOT NULL,
  firmware TEXT NOT NULL, transport TEXT NOT NULL, remote_address TEXT NOT NULL,
  contact TEXT NOT NULL, gb_version TEXT NOT NULL,
  registered_until_ms INTEGER NOT NULL, last_seen_ms INTEGER NOT NULL,
  keepalive_interval_s INTEGER NOT NULL, online INTEGER NOT NULL, offline_reason TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE channel (
  device_id TEXT NOT NULL, id TEXT NOT NULL, position INTEGER NOT NULL, name TEXT NOT NULL,
  manufacturer TEXT NOT NULL, model TEXT NOT NULL, owner TEXT NOT NULL, civil_code TEXT NOT NULL,
  address TEXT NOT NULL, parent_id TEXT NOT NULL, block TEXT NOT NULL, online INTEGER NOT NULL,
  parental INTEGER NOT NULL, ptz_type INTEGER NOT NULL, longitude_deg REAL, latitude_deg REAL,
  PRIMARY KEY (device_id, id)
) WITHOUT ROWID;
CREATE TABLE call (
  call_id TEXT PRIMARY KEY, device_id TEXT NOT NULL, channel_id TEXT NOT NULL,
  local_uri TEXT NOT NULL, local_tag TEXT NOT NULL, remote_uri TEXT NOT NULL,
  remote_tag TEXT NOT NULL, remote_target TEXT NOT NULL, route_set TEXT NOT NULL,
  transport TEXT NOT NULL, remote_address TEXT NOT NULL, local_cseq INTEGER NOT NULL,
  ssrc TEXT NOT NULL, local_port INTEGER NOT NULL, since_ms INTEGER NOT NULL
) WITHOUT ROWID;
PRAGMA user_version = 1;
COMMIT;
)";

// Came later; an older gbgate does not look at it, so that the version stays.
constexpr const char* stream_schema =
    "CREATE TABLE IF NOT EXISTS stream (name TEXT PRIMARY KEY, tracks TEXT NOT NULL) WITHOUT ROWID";

constexpr const char* select_devices =
    "SELECT id, name, manufacturer, model, firmware, transport, remote_address, contact, "
    "gb_version, registered_until_ms, last_seen_ms, keepalive_interval_s, online, offline_reason "
    "FROM device ORDER BY id";
constexpr const char* select_channels =
    "SELECT device_id, id, name, manufacturer, model, owner, civil_code, address, parent_id, "
    "block, online, parental, ptz_type, longitude_deg, latitude_deg "
    "FROM channel ORDER BY device_id, position";
constexpr const char* select_calls =
    "SELECT call_id, device_id, channel_id, local_uri, local_tag, remote_uri, remote_tag, "
    "remote_target, route_set, transport, remote_address, local_cseq, ssrc, local_port, since_ms "
    "FROM call ORDER BY call_id";

std::int64_t to_ms(WallTime time) {
  return time.time_since_epoch().count();
}
WallTime from_ms(std::int64_t ms) {
  return WallTime(std::chrono::milliseconds(ms));
}

}  // namespace

Result<std::unique_ptr<DeviceDatabase>> DeviceDatabase::open(const std::filesystem::path& file) {
  auto db = open_database(file, {schema_version, schema});
  if (!db) return db.error();
  return std::unique_ptr<DeviceDatabase>(new DeviceDatabase(std::move(*db)));
}

DeviceDatabase::DeviceDatabase(sqlite::DatabaseHandle db) : db_(std::move(db)) {
  sqlite::run(db_.get(), stream_schema);
  auto prepare = [this](const char* sql) { return sqlite::Statement(db_.get(), sql); };
  begin_ = prepare("BEGIN IMMEDIATE");
  commit_ = prepare("COMMIT");
  rollback_ = prepare("ROLLBACK");
  put_device_ = prepare("INSERT OR REPLACE INTO device VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?)");
  remove_device_ = prepare("DELETE FROM device WHERE id = ?");
  touch_device_ =
      prepare("UPDATE device SET last_seen_ms = ?, online = 1, offline_reason = '' WHERE id = ?");
  remove_channels_ = prepare("DELETE FROM channel WHERE device_id = ?");
  put_channel_ = prepare("INSERT OR REPLACE INTO channel VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)");
  put_call_ = prepare("INSERT OR REPLACE INTO call VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)");
  remove_call_ = prepare("DELETE FROM call WHERE call_id = ?");
  put_stream_ = prepare("INSERT OR REPLACE INTO stream VALUES (?,?)");
  remove_streams_ = prepare("DELETE FROM stream WHERE name >= ? || '/' AND name < ? || '0'");
  remove_device_calls_ = prepare("DELETE FROM call WHERE device_id = ?");
}

Result<DeviceStore::Content> DeviceDatabase::load() {
  DeviceStore::Content content;
  sqlite::Statement devices(db_.get(), select_devices);
  while (devices.step()) {
    DeviceRow& row = content.devices.emplace_back();
    for (std::string* text : {&row.id, &row.name, &row.manufacturer, &row.model, &row.firmware,
                              &row.transport, &row.remote_address, &row.contact, &row.gb_version})
      *text = devices.text();
    row.registered_until = from_ms(devices.integer());
    row.last_seen = from_ms(devices.integer());
    row.keepalive_interval_s = static_cast<std::uint32_t>(devices.integer());
    row.online = devices.integer() != 0;
    row.offline_reason = devices.text();
  }
  sqlite::Statement channels(db_.get(), select_channels);
  auto degrees = [&channels]() -> std::optional<double> {
    const bool null = channels.next_is_null();
    const double value = channels.real();
    return null ? std::nullopt : std::optional(value);
  };
  while (channels.step()) {
    ChannelRow& row = content.channels.emplace_back();
    for (std::string* text :
         {&row.device_id, &row.id, &row.name, &row.manufacturer, &row.model, &row.owner,
          &row.civil_code, &row.address, &row.parent_id, &row.block})
      *text = channels.text();
    row.online = channels.integer() != 0;
    row.parental = channels.integer() != 0;
    row.ptz_type = static_cast<std::int32_t>(channels.integer());
    row.longitude_deg = degrees();
    row.latitude_deg = degrees();
  }
  sqlite::Statement calls(db_.get(), select_calls);
  while (calls.step()) {
    CallRow& row = content.calls.emplace_back();
    for (std::string* text : {&row.call_id, &row.device_id, &row.channel_id, &row.local_uri,
                              &row.local_tag, &row.remote_uri, &row.remote_tag, &row.remote_target,
                              &row.route_set, &row.transport, &row.remote_address})
      *text = calls.text();
    row.local_cseq = static_cast<std::uint32_t>(calls.integer());
    row.ssrc = calls.text();
    row.local_port = static_cast<std::uint16_t>(calls.integer());
    row.since = from_ms(calls.integer());
  }
  sqlite::Statement streams(db_.get(), "SELECT name, tracks FROM stream ORDER BY name");
  while (streams.step()) {
    StreamRow& row = content.streams.emplace_back();
    row.name = streams.text();
    row.tracks = streams.text();
  }
  for (const sqlite::Statement* query : {&devices, &channels, &calls, &streams}) {
    if (query->status() == SQLITE_DONE) continue;
    log::error("store", "the database cannot be read error={:?}", error());
    return Errc::store_unusable;
  }
  return content;
}

bool DeviceDatabase::begin() {
  return begin_.run() == SQLITE_DONE;
}
bool DeviceDatabase::commit() {
  return commit_.run() == SQLITE_DONE;
}
void DeviceDatabase::rollback() {
  rollback_.run();
}

bool DeviceDatabase::put_device(const DeviceRow& row) {
  for (const std::string* text :
       {&row.id, &row.name, &row.manufacturer, &row.model, &row.firmware, &row.transport,
        &row.remote_address, &row.contact, &row.gb_version})
    put_device_.bind(*text);
  put_device_.bind(to_ms(row.registered_until)).bind(to_ms(row.last_seen));
  put_device_.bind(std::int64_t{row.keepalive_interval_s}).bind(std::int64_t{row.online});
  return put_device_.bind(row.offline_reason).run() == SQLITE_DONE;
}

bool DeviceDatabase::remove_device(const std::string& device_id) {
  return remove_device_.bind(device_id).run() == SQLITE_DONE &&
         remove_channels_.bind(device_id).run() == SQLITE_DONE &&
         remove_device_calls_.bind(device_id).run() == SQLITE_DONE &&
         remove_streams_.bind(device_id).bind(device_id).run() == SQLITE_DONE;
}

bool DeviceDatabase::touch_device(const std::string& device_id, WallTime last_seen) {
  return touch_device_.bind(to_ms(last_seen)).bind(device_id).run() == SQLITE_DONE;
}

bool DeviceDatabase::replace_channels(const std::string& device_id,
                                      const std::vector<ChannelRow>& rows) {
  if (remove_channels_.bind(device_id).run() != SQLITE_DONE) return false;
  std::int64_t position = 0;
  for (const ChannelRow& row : rows)
    if (!put_channel(row, position++)) return false;
  return true;
}

bool DeviceDatabase::put_channel(const ChannelRow& row, std::int64_t position) {
  put_channel_.bind(row.device_id).bind(row.id).bind(position);
  for (const std::string* text : {&row.name, &row.manufacturer, &row.model, &row.owner,
                                  &row.civil_code, &row.address, &row.parent_id, &row.block})
    put_channel_.bind(*text);
  put_channel_.bind(std::int64_t{row.online}).bind(std::int64_t{row.parental});
  put_channel_.bind(std::int64_t{row.ptz_type});
  for (const auto& degrees : {row.longitude_deg, row.latitude_deg})
    degrees ? put_channel_.bind(*degrees) : put_channel_.bind_null();
  return put_channel_.run() == SQLITE_DONE;
}

bool DeviceDatabase::put_stream(const StreamRow& row) {
  return put_stream_.bind(row.name).bind(row.tracks).run() == SQLITE_DONE;
}

bool DeviceDatabase::put_call(const CallRow& row) {
  for (const std::string* text :
       {&row.call_id, &row.device_id, &row.channel_id, &row.local_uri, &row.local_tag,
        &row.remote_uri, &row.remote_tag, &row.remote_target, &row.route_set, &row.transport,
        &row.remote_address})
    put_call_.bind(*text);
  put_call_.bind(std::int64_t{row.local_cseq}).bind(row.ssrc);
  return put_call_.bind(std::int64_t{row.local_port}).bind(to_ms(row.since)).run() == SQLITE_DONE;
}

bool DeviceDatabase::remove_call(const std::string& call_id) {
  return remove_call_.bind(call_id).run() == SQLITE_DONE;
}

std::string DeviceDatabase::error() const {
  return sqlite3_errmsg(db_.get());
}

}  // namespace gateway
