#include "gb28181/catalog.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace gb28181;
using namespace std::chrono_literals;
using manscdp::CatalogEvent;
using manscdp::CatalogItem;
using manscdp::CatalogPage;
using Verdict = CatalogCollector::Verdict;

namespace {

const sip::TimePoint start{};

CatalogItem item(const std::string& id, const std::string& parent = {}) {
  CatalogItem made;
  made.device_id = id;
  made.parent_id = parent;
  return made;
}

CatalogPage page(std::uint32_t sum_num, std::initializer_list<const char*> ids) {
  CatalogPage made;
  made.sum_num = sum_num;
  for (const auto* id : ids) made.items.push_back(item(id));
  return made;
}

std::string ids(const std::vector<CatalogItem>& items) {
  std::string text;
  for (const auto& one : items) text += one.device_id + ' ';
  return text;
}

struct Arrival {
  std::chrono::seconds at;
  std::optional<std::uint64_t> sn;
  CatalogPage page;
};

// Runs one collection of SN 7 (after an earlier one of SN 6) to its end.
std::string run(const std::vector<Arrival>& arrivals) {
  CatalogLimits limits;
  limits.total = 60s;
  limits.items = 5;
  CatalogCollector collector(limits);
  collector.start(6, start);
  collector.take();
  collector.start(7, start);
  sip::TimePoint now = start;
  for (const auto& arrival : arrivals) {
    if (collector.next_deadline() <= start + arrival.at) break;
    now = start + arrival.at;
    if (collector.on_page(arrival.sn, arrival.page, now) == Verdict::complete) break;
  }
  if (collector.running()) {
    now = collector.next_deadline();
    CHECK_FALSE(collector.on_deadline(now - 1ms));
    CHECK(collector.on_deadline(now));
  }
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(now - start).count();
  const auto result = collector.take();
  CHECK(result.complete == result.reason.empty());
  CHECK(collector.next_deadline() == sip::never);
  return std::to_string(seconds) + "s: " + ids(result.items) +
         (result.complete ? "complete" : "(" + result.reason + ")");
}

}  // namespace

TEST_CASE("pages become a catalog") {
  struct Case {
    const char* name;
    std::vector<Arrival> arrivals;
    const char* result;
  };
  const Case cases[] = {
      {"one page", {{1s, 7, page(2, {"a", "b"})}}, "1s: a b complete"},
      {"one item a message",
       {{1s, 7, page(3, {"a"})}, {2s, 7, page(3, {"b"})}, {3s, 7, page(3, {"c"})}},
       "3s: a b c complete"},
      {"nothing there", {{1s, 7, page(0, {})}}, "1s: complete"},
      {"repeated items count once",
       {{1s, 7, page(2, {"a", "a"})}, {2s, 7, page(2, {"a", "b"})}},
       "2s: a b complete"},
      {"more than announced", {{1s, 7, page(1, {"a", "b", "c"})}}, "1s: a b c complete"},
      {"SumNum grows", {{1s, 7, page(3, {"a"})}, {2s, 7, page(2, {"b"})}}, "2s: a b complete"},
      {"a part is lost",
       {{1s, 7, page(4, {"a"})}, {9s, 7, page(4, {"b"})}},
       "19s: a b (2 of 4 channels in 2 messages, then nothing for 10 s)"},
      {"no answer", {}, "30s: (no answer to the Catalog query within 30 s)"},
      {"a device that never ends",
       {{8s, 7, page(9, {"a"})},
        {16s, 7, page(9, {"a"})},
        {24s, 7, page(9, {"a"})},
        {32s, 7, page(9, {"a"})},
        {40s, 7, page(9, {"a"})},
        {48s, 7, page(9, {"a"})},
        {56s, 7, page(9, {"a"})}},
       "60s: a (1 of 9 channels in 7 messages, then 60 s were over)"},
      {"the answer to an earlier query is mixed in",
       {{1s, 7, page(2, {"a"})}, {2s, 6, page(2, {"x"})}, {3s, 7, page(2, {"b"})}},
       "3s: a b complete"},
      {"constant SN", {{1s, 1, page(2, {"a"})}, {2s, 1, page(2, {"b"})}}, "2s: a b complete"},
      {"no SN", {{1s, {}, page(1, {"a"})}}, "1s: a complete"},
      {"a strange SN before the right one",
       {{1s, 99, page(3, {"x"})},
        {2s, 7, page(2, {"a"})},
        {3s, 99, page(3, {"y"})},
        {4s, 7, page(2, {"b"})}},
       "4s: a b complete"},
      {"unreadable items do not come again",
       {{1s, 7, {3, {item("a"), item("b")}, 1}}},
       "1s: a b (1 of 3 channels could not be read)"},
      {"more than we keep",
       {{1s, 7, page(7, {"a", "b", "c", "d"})}, {2s, 7, page(7, {"e", "f", "g"})}},
       "2s: a b c d e (7 channels, of which the first 5 are kept)"},
  };
  for (const auto& c : cases) {
    CAPTURE(c.name);
    CHECK(run(c.arrivals) == c.result);
  }
}

TEST_CASE("twenty thousand channels, one a message") {
  CatalogCollector collector;
  collector.start(1, start);
  auto verdict = Verdict::taken;
  for (int i = 0; i < 20'000; ++i)
    verdict = collector.on_page(1, {20'000, {item("3402000000132" + std::to_string(i))}, 0},
                                start + std::chrono::milliseconds(10 * i));
  CHECK(verdict == Verdict::complete);
  CHECK(collector.take().items.size() == 20'000);
}

TEST_CASE("an idle collector ignores pages") {
  CatalogCollector collector;
  CHECK(collector.on_page(0, page(1, {"a"}), start) == Verdict::ignored);
  CHECK_FALSE(collector.on_deadline(start + 1h));
}

TEST_CASE("the list knows who is below whom") {
  const ChannelList list({item("34020000002150000001"), item("v", "34020000002150000001"),
                          item("c1", "v/34020000002150000001"), item("c2", "gone"),
                          item("c3", "c3")});
  CHECK(list.find("c1") != nullptr);
  CHECK(list.find("nobody") == nullptr);
  using Ids = std::vector<std::string_view>;
  CHECK(list.children("") == Ids{"34020000002150000001", "c2", "c3"});
  CHECK(list.children("34020000002150000001") == Ids{"v", "c1"});
  CHECK(list.children("v") == Ids{"c1"});
  CHECK_FALSE(may_be_playable(*list.find("34020000002150000001")));
  CHECK(may_be_playable(*list.find("c1")));
}

TEST_CASE("notifications change the list") {
  ChannelList list({item("a"), item("b")});
  const auto event = [](const char* id, CatalogEvent what) {
    auto made = item(id);
    made.event = what;
    return made;
  };
  CHECK(is_on(*list.find("a")));
  CHECK(list.apply(event("a", CatalogEvent::off)));
  CHECK_FALSE(is_on(*list.find("a")));
  CHECK_FALSE(list.apply(event("a", CatalogEvent::vlost)));
  CHECK(list.apply(event("a", CatalogEvent::on)));
  CHECK(is_on(*list.find("a")));
  CHECK_FALSE(list.apply(event("x", CatalogEvent::on)));
  CHECK(list.apply(event("x", CatalogEvent::add)));
  CHECK(list.find("x") != nullptr);
  CHECK(list.apply(event("a", CatalogEvent::del)));
  CHECK(list.find("a") == nullptr);
  CHECK(list.find("b") != nullptr);
  CHECK_FALSE(list.apply(event("a", CatalogEvent::del)));
  CHECK_FALSE(list.apply(item("b")));

  const auto copy = list;
  list = ChannelList{};
  CHECK(copy.find("b")->device_id == "b");
}
