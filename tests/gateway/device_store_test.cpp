// The device store: what is put comes back, in any order of writes, after a kill, after damage.
#include "gateway/device_store.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <map>
#include <set>
#include <thread>

#include "gateway/log.hpp"
#include "gateway/sqlite.hpp"
#include "tests/gateway/temporary_directory.hpp"

namespace gateway {
namespace {

using std::chrono::milliseconds;

std::unique_ptr<DeviceStore> open_store(const std::filesystem::path& file,
                                        StoreLimits limits = {}) {
  auto store = DeviceStore::open(file, limits);
  REQUIRE(store.has_value());
  return std::move(*store);
}

DeviceStore::Content load_from(const std::filesystem::path& file) {
  auto content = open_store(file)->load();
  REQUIRE(content.has_value());
  return std::move(*content);
}

std::string device_id(int n) {
  return fmt::format("3402000000132{:07}", n);
}

DeviceRow device(int n, std::int64_t seen_ms = 1000) {
  DeviceRow row;
  row.id = device_id(n);
  row.name = "摄像机 " + std::to_string(n);
  row.manufacturer = "O'Neill \"quoted\"";
  row.transport = "udp";
  row.remote_address = "10.0.0.5:5060";
  row.contact = "<sip:" + row.id + "@10.0.0.5:5060>";
  row.registered_until = WallTime(milliseconds(1795000000000));
  row.last_seen = WallTime(milliseconds(seen_ms));
  row.online = true;
  return row;
}

ChannelRow channel(int device_number, int n, std::string name = "gate") {
  ChannelRow row;
  row.device_id = device_id(device_number);
  row.id = fmt::format("3402000000131{:07}", n);
  row.name = std::move(name);
  row.online = true;
  row.ptz_type = 1;
  if (n % 2 == 0) row.longitude_deg = 121.4737, row.latitude_deg = -31.25;
  return row;
}

CallRow call(const std::string& call_id, int device_number) {
  CallRow row;
  row.call_id = call_id;
  row.device_id = device_id(device_number);
  row.local_tag = "lt";
  row.remote_tag = "rt";
  row.remote_target = "sip:x@10.0.0.5:5060";
  row.local_cseq = 4000000000U;
  row.ssrc = "0200000001";
  row.local_port = 65534;
  row.since = WallTime(milliseconds(1795000000123));
  return row;
}

std::string integrity(const std::filesystem::path& file) {
  sqlite3* db = nullptr;
  REQUIRE(sqlite3_open(file.c_str(), &db) == SQLITE_OK);
  sqlite::DatabaseHandle owner(db);
  return sqlite::query_text(db, "PRAGMA integrity_check", "no answer");
}

struct QuietLog {
  QuietLog() {
    log::set_sink([this](log::Level, std::string_view, std::string_view text) {
      text_ += std::string(text) + "\n";
    });
  }
  ~QuietLog() { log::set_sink({}); }
  std::string text_;
};

}  // namespace

TEST_CASE("device store: rows come back as they were put") {
  TemporaryDirectory directory;
  const auto file = directory.path() / "gbgate.db";
  {
    auto store = open_store(file);
    store->put_device(device(1));
    store->replace_channels(device_id(1), {channel(1, 9), channel(1, 2), channel(1, 5)});
    store->put_call(call("c1", 1));
  }
  auto content = load_from(file);
  CHECK(content.devices == std::vector{device(1)});
  CHECK(content.channels == std::vector{channel(1, 9), channel(1, 2), channel(1, 5)});
  CHECK(content.calls == std::vector{call("c1", 1)});
}

TEST_CASE("device store: the last of several writes counts, whether or not they were merged") {
  struct {
    const char* name;
    void (*writes)(DeviceStore&);
    std::map<std::string, std::int64_t> last_seen_ms;  // by id
    std::size_t channels, calls;
  } const cases[] = {
      {"row twice",
       [](DeviceStore& s) { s.put_device(device(1)), s.put_device(device(1, 7)); },
       {{device_id(1), 7}},
       0,
       0},
      {"touch after row",
       [](DeviceStore& s) {
         s.put_device(device(1));
         s.touch_device(device_id(1), WallTime(milliseconds(8)));
         s.touch_device(device_id(1), WallTime(milliseconds(9)));
       },
       {{device_id(1), 9}},
       0,
       0},
      {"row after touch after row",
       [](DeviceStore& s) {
         s.put_device(device(1, 1));
         s.touch_device(device_id(1), WallTime(milliseconds(2)));
         s.put_device(device(1, 3));
       },
       {{device_id(1), 3}},
       0,
       0},
      {"touch of an unknown device makes none",
       [](DeviceStore& s) { s.touch_device(device_id(1), WallTime(milliseconds(2))); },
       {},
       0,
       0},
      {"removal takes channels and calls",
       [](DeviceStore& s) {
         s.put_device(device(1));
         s.replace_channels(device_id(1), {channel(1, 1)});
         s.put_call(call("c", 1));
         s.put_device(device(2));
         s.remove_device(device_id(1));
       },
       {{device_id(2), 1000}},
       0,
       0},
      {"back after removal",
       [](DeviceStore& s) {
         s.put_device(device(1, 1));
         s.remove_device(device_id(1));
         s.put_device(device(1, 2));
       },
       {{device_id(1), 2}},
       0,
       0},
      {"a new catalog replaces the old one",
       [](DeviceStore& s) {
         s.replace_channels(device_id(1), {channel(1, 1), channel(1, 2), channel(1, 3)});
         s.replace_channels(device_id(1), {channel(1, 4)});
         s.replace_channels(device_id(2), {channel(2, 1), channel(2, 1, "twice")});
       },
       {},
       2,
       0},
      {"calls come and go",
       [](DeviceStore& s) {
         s.put_call(call("a", 1));
         s.put_call(call("b", 1));
         s.remove_call("a");
         s.remove_call("never");
       },
       {},
       0,
       1},
  };
  for (const auto& c : cases) {
    for (bool flush_between : {false, true}) {
      CAPTURE(c.name);
      TemporaryDirectory directory;
      const auto file = directory.path() / "gbgate.db";
      {
        auto store = open_store(file);
        c.writes(*store);
        if (flush_between) store->flush();
      }
      auto content = load_from(file);
      std::map<std::string, std::int64_t> seen;
      for (const DeviceRow& row : content.devices)
        seen[row.id] = row.last_seen.time_since_epoch().count();
      CHECK(seen == c.last_seen_ms);
      CHECK(content.channels.size() == c.channels);
      CHECK(content.calls.size() == c.calls);
    }
  }
}

TEST_CASE("device store: a full queue drops and counts") {
  QuietLog quiet;
  TemporaryDirectory directory;
  auto store = open_store(directory.path() / "gbgate.db", {.queued_rows = 10});
  std::vector<ChannelRow> many;
  for (int i = 0; i < 10; ++i) many.push_back(channel(1, i));
  store->replace_channels(device_id(1), many);  // 11 rows
  store->flush();
  CHECK(store->counters().rows_dropped == 11);
  CHECK(quiet.text_.find("too many unwritten rows") != std::string::npos);
  store->put_device(device(1));
  store->flush();
  CHECK(store->counters().rows_written == 1);
}

TEST_CASE("device store: a damaged file is moved aside and a new one begun") {
  struct {
    const char* name;
    void (*damage)(const std::filesystem::path&);
  } const cases[] = {
      {"not a database",
       [](const std::filesystem::path& file) { std::ofstream(file) << std::string(8192, 'x'); }},
      {"a page overwritten",
       [](const std::filesystem::path& file) {
         std::fstream f(file, std::ios::in | std::ios::out | std::ios::binary);
         f.seekp(4096);
         f << std::string(16384, '\xee');
       }},
      {"cut short",
       [](const std::filesystem::path& file) {
         std::filesystem::resize_file(file, std::filesystem::file_size(file) / 2);
       }},
  };
  for (const auto& c : cases) {
    CAPTURE(c.name);
    QuietLog quiet;
    TemporaryDirectory directory;
    const auto file = directory.path() / "gbgate.db";
    {
      auto store = open_store(file);
      for (int i = 0; i < 200; ++i) store->put_device(device(i));
    }
    c.damage(file);
    auto store = open_store(file);
    auto content = store->load();
    REQUIRE(content.has_value());
    CHECK(content->devices.empty());
    CHECK(quiet.text_.find("damaged and has been moved aside") != std::string::npos);
    std::size_t aside = 0;
    for (const auto& entry : std::filesystem::directory_iterator(directory.path()))
      aside += entry.path().filename().string().starts_with("gbgate.db.damaged-");
    CHECK(aside >= 1);
    store->put_device(device(1));
    store->flush();
    CHECK(store->counters().write_errors == 0);
  }
}

TEST_CASE("device store: a newer database is left alone, an impossible path is an error") {
  QuietLog quiet;
  TemporaryDirectory directory;
  const auto file = directory.path() / "gbgate.db";
  {
    sqlite3* db = nullptr;
    REQUIRE(sqlite3_open(file.c_str(), &db) == SQLITE_OK);
    sqlite::DatabaseHandle owner(db);
    REQUIRE(sqlite::run(db, "PRAGMA user_version = 99; CREATE TABLE future (x)") == SQLITE_OK);
  }
  auto newer = DeviceStore::open(file);
  CHECK(newer.error() == Errc::store_newer);
  CHECK(std::filesystem::exists(file));
  auto impossible = DeviceStore::open(directory.path() / "no" / "such" / "gbgate.db");
  CHECK(impossible.error() == Errc::store_unusable);
}

namespace {

// Writes without end: generation g of a device names its g in the row and in all its channels.
// Says by a byte to `started` that the first is on disk.
[[noreturn]] void write_until_killed(const std::filesystem::path& file, int started) {
  auto store = std::move(*DeviceStore::open(file));
  for (int generation = 1;; ++generation) {
    const int n = generation % 50;
    DeviceRow row = device(n, generation);
    std::vector<ChannelRow> channels;
    for (int i = 0; i < 20; ++i) channels.push_back(channel(n, i, std::to_string(generation)));
    store->replace_channels(row.id, std::move(channels));
    store->put_device(std::move(row));
    if (generation % 7 != 0) continue;
    store->flush();
    if (generation == 7 && ::write(started, "x", 1) != 1) ::_exit(1);
  }
}

}  // namespace

TEST_CASE("device store: a process killed at any moment leaves a whole database") {
  TemporaryDirectory directory;
  const auto file = directory.path() / "gbgate.db";
  for (int run = 0; run < 6; ++run) {
    int started[2];
    REQUIRE(::pipe(started) == 0);
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) write_until_killed(file, started[1]);
    ::close(started[1]);
    char byte = 0;
    CHECK(::read(started[0], &byte, 1) == 1);
    ::close(started[0]);
    std::this_thread::sleep_for(milliseconds(10 + 37 * run));
    REQUIRE(::kill(child, SIGKILL) == 0);
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    REQUIRE(WIFSIGNALED(status));

    CHECK(integrity(file) == "ok");
    auto content = load_from(file);
    CHECK(content.devices.size() >= 7);
    std::map<std::string, std::set<std::string>> generations;
    std::map<std::string, int> counts;
    for (const ChannelRow& row : content.channels) {
      generations[row.device_id].insert(row.name);
      ++counts[row.device_id];
    }
    // A catalog is replaced as a whole or not at all.
    for (const auto& [id, names] : generations) CHECK(names.size() == 1);
    for (const auto& [id, count] : counts) CHECK(count == 20);
  }
  for (const auto& entry : std::filesystem::directory_iterator(directory.path()))
    CHECK(entry.path().string().find("damaged") == std::string::npos);
}

TEST_CASE("device store: 10,000 devices with channels are written and loaded in a moment") {
  TemporaryDirectory directory;
  const auto file = directory.path() / "gbgate.db";
  constexpr int count = 10000;
  {
    auto store = open_store(file);
    for (int n = 0; n < count; ++n) {
      store->put_device(device(n));
      store->replace_channels(device_id(n), {channel(n, 1), channel(n, 2)});
    }
  }
  const auto start = std::chrono::steady_clock::now();
  auto content = load_from(file);
  const auto took = std::chrono::steady_clock::now() - start;
  CHECK(content.devices.size() == count);
  CHECK(content.channels.size() == 2 * count);
  const auto took_ms = std::chrono::duration_cast<milliseconds>(took).count();
  MESSAGE("open and load of 10,000 devices: ", took_ms, " ms");
  CHECK(took_ms < 5000);  // 1 s in a release build; sanitizers and a busy machine need more
}

}  // namespace gateway
