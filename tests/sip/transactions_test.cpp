// The table of transactions: many at once, found by key, ended in the order of their deadlines.
#include "sip/transactions.hpp"

#include <doctest/doctest.h>

#include <random>
#include <string>

#include "sip/deadline_heap.hpp"
#include "sip/transaction_key.hpp"

using namespace std::chrono_literals;
using namespace sip;

namespace {

const Flow camera{Transport::udp,
                  {IpAddress::loopback(), 5060},
                  {IpAddress::loopback(), 40000},
                  ConnectionId::none};
constexpr std::string_view message =
    "MESSAGE sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP c;branch=z9hG4bK1\r\nFrom: <sip:x@y>;tag=1\r\n"
    "To: <sip:a@b>\r\nCall-ID: 1\r\nCSeq: 1 MESSAGE\r\nContent-Length: 4\r\n\r\nbody";

constexpr std::uint64_t seed = 99;

TransactionKey key_of(int i) {
  return client_key("z9hG4bK" + std::to_string(i), "MESSAGE", seed);
}

}  // namespace

TEST_CASE("the deadline heap gives the earliest, whatever was moved or removed") {
  DeadlineHeap heap;
  std::mt19937 random(5);
  std::vector<TimePoint> expected(500, never);
  for (int step = 0; step < 20'000; ++step) {
    const auto item = static_cast<std::uint32_t>(random() % expected.size());
    const auto at = random() % 4 == 0 ? never : TimePoint{} + std::chrono::seconds(random() % 1000);
    expected[item] = at;
    heap.set(item, at);
    REQUIRE(heap.next() == *std::min_element(expected.begin(), expected.end()));
  }
  TimePoint last{};
  while (!heap.empty()) {
    CHECK(heap.next() >= last);
    last = heap.next();
    heap.remove(heap.first());
  }
}

TEST_CASE("a hundred thousand transactions are found, answered and gone") {
  Counters counters;
  Transactions table({}, 200'000, seed, counters);
  Output out;
  std::vector<TransactionReport> reports;
  constexpr int count = 100'000;
  for (int i = 0; i < count; ++i) {
    table.start_client(false, key_of(i), message, camera, {}, TimePoint{} + i * 1us, out);
    out.clear();
  }
  CHECK(counters.transactions == count);
  for (int i = 0; i < count; i += 1000) CHECK(table.find(key_of(i)));
  CHECK_FALSE(table.find(key_of(count)));
  table.on_deadline(TimePoint{} + 33s, out, reports);
  CHECK(reports.size() == count);
  CHECK(counters.transactions == 0);
  CHECK(counters.timeouts == count);
  CHECK(table.next_deadline() == never);
  CHECK_FALSE(table.find(key_of(0)));
}

TEST_CASE("the table says when it is full") {
  Counters counters;
  Transactions table({}, 1, seed, counters);
  Output out;
  CHECK_FALSE(table.full());
  table.start_client(false, key_of(0), message, camera, {}, {}, out);
  CHECK(table.full());
}

TEST_CASE("an id that outlived its transaction finds nothing") {
  Counters counters;
  Transactions table({}, 10, seed, counters);
  Output out;
  const auto first = table.start_client(false, key_of(0), message, camera, {}, {}, out);
  table.drop(first);
  const auto second = table.start_client(false, key_of(1), message, camera, {}, {}, out);
  CHECK(second.index == first.index);
  CHECK(table.get(first) == nullptr);
  CHECK(table.get(second) != nullptr);
}

TEST_CASE("a closed connection ends what waits on it, and nothing else") {
  Counters counters;
  Transactions table({}, 10, seed, counters);
  Output out;
  std::vector<TransactionReport> reports;
  auto on = [](std::uint64_t connection, std::uint16_t port) {
    return Flow{Transport::tcp, {}, {IpAddress::loopback(), port}, ConnectionId{connection}};
  };
  table.start_client(false, key_of(1), message, on(1, 40001), {Purpose::request, {}, 1}, {}, out);
  table.start_client(false, key_of(2), message, on(2, 40002), {Purpose::request, {}, 2}, {}, out);
  table.start_client(false, key_of(3), message, on(0, 40001), {Purpose::request, {}, 3}, {}, out);
  table.start_client(false, key_of(4), message, camera, {Purpose::request, {}, 4}, {}, out);
  table.on_flow_failed(on(1, 40001), reports);
  std::uint64_t failed = 0;
  for (const auto& report : reports) failed = failed * 10 + report.owner.user_data;
  CHECK((failed == 13 || failed == 31));
  CHECK(counters.transactions == 2);
}

TEST_CASE("keys") {
  auto key = [](std::string_view bytes, std::string_view method, const Flow& from) {
    MessageView view;
    REQUIRE(parse_message(bytes, view).has_value());
    return server_key(view, *view.via(), method, from, seed);
  };
  auto with = [](std::string_view method, std::string_view via, std::string_view to_tag = "") {
    return std::string(method) + " sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP " + std::string(via) +
           "\r\nFrom: <sip:x@y>;tag=1\r\nTo: <sip:a@b>" + std::string(to_tag) +
           "\r\nCall-ID: 1\r\nCSeq: 1 " + std::string(method) + "\r\nContent-Length: 0\r\n\r\n";
  };
  const std::string modern = "Camera.local:5060;branch=z9hG4bK1",
                    old = "camera.local:5060;branch=1";
  auto same = camera;
  same.local.port = 6000;
  auto other = camera;
  other.remote.port = 40001;
  const auto invite = key(with("INVITE", modern), "INVITE", camera);
  SUBCASE("of RFC 3261") {
    CHECK(key(with("ACK", modern, ";tag=9"), "INVITE", camera) == invite);
    CHECK(key(with("CANCEL", modern), "INVITE", camera) == invite);
    CHECK(key(with("CANCEL", modern), "CANCEL", camera) != invite);
    CHECK(key(with("INVITE", modern), "INVITE", same) == invite);
    CHECK(key(with("INVITE", modern), "INVITE", other) != invite);
    CHECK(key(with("INVITE", "CAMERA.LOCAL:5060;branch=z9hG4bK1"), "INVITE", camera) == invite);
    CHECK(key(with("INVITE", "camera.local:5061;branch=z9hG4bK1"), "INVITE", camera) != invite);
    CHECK(key(with("INVITE", "camera.local:5060;branch=z9hG4bK2"), "INVITE", camera) != invite);
    // sipp and some cameras: one branch for every request of a Call-ID
    auto next = with("INVITE", modern);
    next.replace(next.find("CSeq: 1"), 7, "CSeq: 2");
    CHECK(key(next, "INVITE", camera) != invite);
  }
  SUBCASE("of RFC 2543") {
    const auto before = key(with("INVITE", old), "INVITE", camera);
    CHECK(before != invite);
    CHECK(key(with("ACK", old, ";tag=9"), "INVITE", camera) == before);
    CHECK(key(with("CANCEL", old), "INVITE", camera) == before);
    auto next = with("INVITE", old);
    next.replace(next.find("CSeq: 1"), 7, "CSeq: 2");
    CHECK(key(next, "INVITE", camera) != before);
  }
}
