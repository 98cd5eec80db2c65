// The location store: what was registered is there again, after a restart, a kill, with time gone.
#include "gateway/location_store.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <map>
#include <thread>

#include "gateway/location_part.hpp"
#include "gateway/log.hpp"
#include "gateway/sqlite.hpp"
#include "tests/gateway/temporary_directory.hpp"

namespace gateway {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

// Two processes: their steady clocks have nothing to do with each other.
const Instant before{sip::TimePoint{} + hours(100), sip::WallTime(seconds(1'795'000'000))};
const Instant after{sip::TimePoint{} + hours(3), before.wall + seconds(60)};

sip::Binding binding(const std::string& contact, seconds lives = seconds(3600)) {
  sip::Binding b;
  b.contact = contact;
  b.q_1000 = 700;
  b.expires_at = before.now + lives;
  b.call_id = "call 'quoted'";
  b.cseq = 4'000'000'000;
  b.path = "<sip:p;lr>";
  b.instance = "<urn:uuid:1>";
  b.user_agent = "电话/1.0";
  b.flow.local = *sip::Address::parse("192.0.2.1:5060");
  b.flow.remote = *sip::Address::parse("[2001:db8::9]:40000");
  return b;
}

std::unique_ptr<LocationStore> open_store(const std::filesystem::path& file,
                                          LocationStoreLimits limits = {}) {
  auto store = open_sqlite_location_store(file, limits);
  REQUIRE(store.has_value());
  return std::move(*store);
}

std::size_t load_into(sip::Location& location, LocationStore& store, const Instant& instant) {
  const auto count = store.load(location, instant);
  REQUIRE(count.has_value());
  return *count;
}

std::string contacts(const sip::Location& location, const std::string& aor, sip::TimePoint now) {
  std::string out;
  location.visit(aor, now, [&](const sip::BindingView& b) { out.append(b.contact) += ' '; });
  return out;
}

std::size_t changes(sip::Location& location) {
  return location.take_changes([](std::string_view, std::span<const sip::BindingView>) {});
}

// Runs one process: loads, does, saves.
template <class Use>
void process(const std::filesystem::path& file, const Instant& instant, Use use) {
  auto store = open_store(file);
  sip::Location location;
  load_into(location, *store, instant);
  use(location);
  for (int i = 0; i < 10; ++i) store->save(location, instant);
  store->flush();
  CHECK(changes(location) == 0);
}

}  // namespace

TEST_CASE("location store: bindings come back whole, by the wall clock") {
  TemporaryDirectory directory;
  const auto file = directory.path() / "location.db";
  process(file, before, [](sip::Location& location) {
    REQUIRE(location.put("sip:a@h", binding("sip:a@1")));
    REQUIRE(location.put("sip:gone@h", binding("sip:gone@1", seconds(60))));
  });
  sip::Location location;
  auto store = open_store(file);
  CHECK(load_into(location, *store, after) == 1);
  std::vector<sip::Binding> found;
  location.find("sip:a@h", after.now, found);
  auto expected = binding("sip:a@1");
  expected.expires_at = after.now + seconds(3600 - 60);
  CHECK(found == std::vector{expected});
  CHECK(changes(location) == 0);  // what was loaded is not written again
}

TEST_CASE("location store: the last state counts") {
  struct Case {
    const char* name;
    std::vector<std::function<void(sip::Location&)>> processes;
    std::string contacts;
  };
  const auto put = [](const char* contact) {
    return [=](sip::Location& l) { REQUIRE(l.put("sip:a@h", binding(contact))); };
  };
  const Case cases[] = {
      {"the newest first, over restarts",
       {put("sip:1@h"), put("sip:2@h"), put("sip:3@h"), put("sip:1@h")},
       "sip:1@h sip:3@h sip:2@h "},
      {"several in one process",
       {[&](sip::Location& l) { put("sip:1@h")(l), put("sip:2@h")(l), put("sip:3@h")(l); }},
       "sip:3@h sip:2@h sip:1@h "},
      {"removed",
       {put("sip:1@h"), put("sip:2@h"), [](sip::Location& l) { l.remove("sip:a@h", "sip:1@h"); }},
       "sip:2@h "},
      {"all removed", {put("sip:1@h"), [](sip::Location& l) { l.remove_all("sip:a@h"); }}, ""},
      {"removed and back",
       {put("sip:1@h"),
        [&](sip::Location& l) { l.remove("sip:a@h", "sip:1@h"), put("sip:1@h")(l); }},
       "sip:1@h "},
      {"put and removed",
       {[&](sip::Location& l) { put("sip:1@h")(l), l.remove("sip:a@h", "sip:1@h"); }},
       ""},
      {"replaced by an equal URI", {put("sip:1@host"), put("sip:1@HOST")}, "sip:1@HOST "},
      {"expired while running",
       {put("sip:1@h"), [](sip::Location& l) { l.on_deadline(before.now + hours(2)); }},
       ""},
  };
  for (const auto& c : cases) {
    CAPTURE(c.name);
    TemporaryDirectory directory;
    const auto file = directory.path() / "location.db";
    for (const auto& use : c.processes) process(file, before, use);
    process(file, before, [&](sip::Location& location) {
      CHECK(contacts(location, "sip:a@h", before.now) == c.contacts);
    });
  }
}

TEST_CASE("location store: streams are gone after a restart") {
  struct Case {
    const char* name;
    sip::Transport transport;
    std::uint32_t reg_id;
    bool stays;
  };
  const Case cases[] = {
      {"UDP", sip::Transport::udp, 0, true},
      {"UDP, outbound: the address may still be open", sip::Transport::udp, 1, true},
      {"TCP has its contact", sip::Transport::tcp, 0, true},
      {"a flow of outbound over TLS", sip::Transport::tls, 1, false},
      {"WebSocket", sip::Transport::wss, 0, false},
  };
  for (const auto& c : cases) {
    CAPTURE(c.name);
    TemporaryDirectory directory;
    const auto file = directory.path() / "location.db";
    process(file, before, [&](sip::Location& location) {
      auto b = binding("sip:a@1");
      b.reg_id = c.reg_id;
      b.flow.transport = c.transport;
      if (sip::is_reliable(c.transport)) b.flow.connection = sip::ConnectionId(7);
      REQUIRE(location.put("sip:a@h", b));
    });
    process(file, before, [&](sip::Location& location) {
      CHECK(location.bindings() == (c.stays ? 1 : 0));
      location.visit("sip:a@h", before.now, [&](const sip::BindingView& b) {
        CHECK(b.flow.transport == c.transport);
        CHECK(b.flow.connection == sip::ConnectionId::none);
      });
    });
  }
}

TEST_CASE("location store: when it cannot keep up, changes wait and are merged") {
  TemporaryDirectory directory;
  const auto file = directory.path() / "location.db";
  auto store = open_store(file, {.queued_bytes = 0});
  sip::Location location;
  load_into(location, *store, before);
  sqlite3* other = nullptr;  // somebody who has the file for himself
  REQUIRE(sqlite3_open(file.c_str(), &other) == SQLITE_OK);
  const sqlite::DatabaseHandle owner(other);
  REQUIRE(sqlite::run(other, "BEGIN IMMEDIATE") == SQLITE_OK);
  REQUIRE(location.put("sip:b@h", binding("sip:b@1")));
  store->save(location, before);
  for (int i = 0; i < 1000; ++i) {
    REQUIRE(location.put("sip:a@h", binding("sip:a@1", seconds(100 + i))));
    store->save(location, before);
  }
  CHECK(store->counters().parts_written == 0);
  CHECK(changes(location) == 1);
  REQUIRE(sqlite::run(other, "ROLLBACK") == SQLITE_OK);
  store->flush();
  CHECK(store->counters().parts_written == 1);
}

TEST_CASE("location store: what is written again and again does not grow, and nobody is lost") {
  TemporaryDirectory directory;
  const auto file = directory.path() / "location.db";
  constexpr int addresses = 300;
  const auto name = [](int i) { return fmt::format("sip:{}@h", i); };
  LocationStore::Counters counters;
  {
    auto store = open_store(file, {.least_cleaned_bytes = 100'000, .parts = 100});
    sip::Location location;
    load_into(location, *store, before);
    for (int i = 0; i < addresses; ++i) REQUIRE(location.put(name(i), binding("sip:a@0")));
    REQUIRE(location.put("sip:gone@h", binding("sip:gone@1")));
    for (int round = 1; round <= 2000; ++round) {
      const auto contact = fmt::format("sip:a@{}", round);
      location.remove_all(name(round % 100));
      REQUIRE(location.put(name(round % 100), binding(contact)));  // two thirds are never refreshed
      if (round == 1000) location.remove_all("sip:gone@h");
      store->save(location, before);
      if (round % 50 == 0) store->flush();
    }
    store->flush();
    counters = store->counters();
  }
  CHECK(counters.addresses_carried > addresses);
  CHECK(counters.stored_parts < 250);
  CHECK(counters.stored_bytes < 400'000);
  CHECK(std::filesystem::file_size(file) < 1'500'000);
  process(file, before, [&](sip::Location& location) {
    CHECK(location.bindings() == addresses);
    for (int i = 0; i < 100; ++i)
      CHECK(contacts(location, name(i), before.now) ==
            fmt::format("sip:a@{} ", i == 0 ? 2000 : 1900 + i));
    for (int i = 100; i < addresses; ++i)
      CHECK(contacts(location, name(i), before.now) == "sip:a@0 ");
  });
}

TEST_CASE("location part: cut anywhere, it is read as damaged or as fewer addresses") {
  std::string part;
  const auto whole = binding("sip:a@1");
  write_address("sip:a@h", std::vector{sip::view_of(whole)}, before, part);
  const auto first = part.size();
  write_address("sip:b@h", {}, before, part);
  for (std::size_t size = 0; size <= part.size(); ++size) {
    CAPTURE(size);
    std::size_t given = 0;
    const bool read = read_addresses(std::string_view(part).substr(0, size), before,
                                     [&](std::string_view, auto) { ++given; });
    CHECK(read == (size == 0 || size == first || size == part.size()));
    CHECK(given == (size == part.size() ? 2 : size >= first ? 1 : 0));
  }
}

TEST_CASE("location store: a file of the version before is taken over, without what it knew") {
  TemporaryDirectory directory;
  const auto file = directory.path() / "location.db";
  sqlite3* old = nullptr;
  REQUIRE(sqlite3_open(file.c_str(), &old) == SQLITE_OK);
  REQUIRE(sqlite::run(old, "CREATE TABLE binding (aor TEXT); PRAGMA user_version = 1") ==
          SQLITE_OK);
  sqlite3_close(old);
  process(file, before,
          [](sip::Location& location) { REQUIRE(location.put("sip:a@h", binding("sip:a@1"))); });
  process(file, before, [](sip::Location& location) { CHECK(location.bindings() == 1); });
}

TEST_CASE("location store: a damaged file is moved aside") {
  std::string text;
  log::set_sink([&](log::Level, std::string_view, std::string_view line) { text += line; });
  TemporaryDirectory directory;
  const auto file = directory.path() / "location.db";
  process(file, before, [](sip::Location& location) {
    for (int i = 0; i < 500; ++i)
      REQUIRE(location.put(fmt::format("sip:{}@h", i), binding("sip:a@1")));
  });
  std::filesystem::resize_file(file, std::filesystem::file_size(file) / 2);
  process(file, before, [](sip::Location& location) {
    CHECK(location.bindings() == 0);
    REQUIRE(location.put("sip:a@h", binding("sip:a@1")));
  });
  process(file, before, [](sip::Location& location) { CHECK(location.bindings() == 1); });
  CHECK(text.find("damaged and has been moved aside") != std::string::npos);
  log::set_sink({});
}

namespace {

// Registers without end, generation after generation; says by a byte when the first are on disk.
[[noreturn]] void register_until_killed(const std::filesystem::path& file, int started) {
  auto store = std::move(*open_sqlite_location_store(file));
  sip::Location location;
  if (!store->load(location, before)) ::_exit(1);
  for (std::uint32_t generation = 1;; ++generation) {
    for (int i = 0; i < 200; ++i) {
      auto b = binding("sip:a@1");
      b.cseq = generation;
      location.put(fmt::format("sip:{}@h", i), b);
    }
    store->save(location, before);
    if (generation != 1) continue;
    store->flush();
    if (::write(started, "x", 1) != 1) ::_exit(1);
  }
}

}  // namespace

TEST_CASE("location store: killed at any moment, it forgets nobody") {
  TemporaryDirectory directory;
  const auto file = directory.path() / "location.db";
  for (int run = 0; run < 4; ++run) {
    int started[2];
    REQUIRE(::pipe(started) == 0);
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) register_until_killed(file, started[1]);
    ::close(started[1]);
    char byte = 0;
    CHECK(::read(started[0], &byte, 1) == 1);
    ::close(started[0]);
    std::this_thread::sleep_for(milliseconds(7 + 23 * run));
    REQUIRE(::kill(child, SIGKILL) == 0);
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);

    process(file, before, [](sip::Location& location) {
      CHECK(location.bindings() == 200);
      std::map<std::uint32_t, int> generations;  // a batch is written whole or not at all
      for (const auto& [aor, b] : location.list("", 1000, before.now)) ++generations[b.cseq];
      CHECK(generations.size() == 1);
    });
  }
}

// The figure is 2 s; here with sanitizers and a slow disk in mind.
TEST_CASE("location store: 100,000 registrations are soon there again") {
  TemporaryDirectory directory;
  const auto file = directory.path() / "location.db";
  {
    auto store = open_store(file, {.queued_bytes = 1u << 30});
    sip::Location location;
    load_into(location, *store, before);
    for (int i = 0; i < 100'000; ++i)
      REQUIRE(location.put(fmt::format("sip:3402000000132{:07}@3402000000", i),
                           binding(fmt::format("sip:3402000000132{:07}@192.0.2.9:5060", i))));
    for (int i = 0; i < 60; ++i) store->save(location, before);
    store->flush();
    CHECK(store->counters().addresses_saved == 100'000);
  }
  const auto begin = std::chrono::steady_clock::now();
  auto store = open_store(file);
  sip::Location location;
  CHECK(load_into(location, *store, after) == 100'000);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  MESSAGE("100,000 bindings opened, checked and loaded in " << took.count() << " s");
  CHECK(took < seconds(20));
}

}  // namespace gateway
