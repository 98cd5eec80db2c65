#include "rtp/reorder_buffer.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "rtp/time.hpp"

namespace {

rtp::Packet packet(int sequence) {
  rtp::Packet p;
  p.sequence = static_cast<std::uint16_t>(sequence);
  return p;
}

// "7" in order, "7-2" two lost before it, "7!" the sequence began anew.
std::string show(const std::vector<rtp::Ordered>& out) {
  std::string text;
  for (const auto& o : out) {
    text += std::to_string(o.packet.sequence);
    if (o.lost_before) text += "-" + std::to_string(o.lost_before);
    if (o.restarted) text += "!";
    text += ' ';
  }
  return text;
}

// Script: "5" packet 5 comes in, "+50" 50 ms pass (deadlines are kept). Trace: what left, with a
// "|" wherever something of the script ended.
std::string run(const std::string& script, rtp::ReorderLimits limits = {}) {
  rtp::ReorderBuffer buffer(limits);
  std::vector<rtp::Ordered> out;
  std::string trace;
  std::int64_t now_ns = 0;
  std::istringstream in(script);
  for (std::string word; in >> word;) {
    out.clear();
    if (word[0] == '+') {
      const auto until = now_ns + std::stoll(word.substr(1)) * rtp::ns_per_ms;
      for (auto due = buffer.next_deadline(); due && *due <= until; due = buffer.next_deadline()) {
        now_ns = *due;
        buffer.on_deadline(now_ns, out);
      }
      now_ns = until;
    } else {
      buffer.push(packet(std::stoi(word)), now_ns, out);
    }
    trace += show(out) + "| ";
  }
  return trace;
}

TEST_CASE("order, gaps, duplicates, wraps and restarts") {
  struct Case {
    const char* name;
    const char* script;
    const char* expected;
  };
  const Case cases[] = {
      {"in order leaves at once", "1 2 3", "1 | 2 | 3 | "},
      {"swapped", "1 3 2 4", "1 | | 2 3 | 4 | "},
      {"three turned round", "1 4 3 2 5", "1 | | | 2 3 4 | 5 | "},
      {"a lost one is waited for, then reported", "1 3 +199 4 +1", "1 | | | | 3-1 4 | "},
      {"each gap has its own time", "1 3 +100 5 +100 +100", "1 | | | | 3-1 | 5-1 | "},
      {"what comes too late is dropped", "1 3 +200 2 4", "1 | | 3-1 | | 4 | "},
      {"duplicate of one that left", "1 2 2 1 3", "1 | 2 | | | 3 | "},
      {"duplicate of one that waits", "1 3 3 2", "1 | | | 2 3 | "},
      {"over the wrap", "65534 0 65535 1", "65534 | | 65535 0 | 1 | "},
      {"a burst lost with nothing held does not wait", "1 500 501", "1 | 500-498 | 501 | "},
      {"a stray is dropped", "1 20000 2 3", "1 | | 2 | 3 | "},
      {"two in a row are a restart", "1 20000 20001 20002", "1 | | 20000! 20001 | 20002 | "},
      {"a restart at 0 with packets held", "40000 40002 0 1 2", "40000 | | | 40002-1 0! 1 | 2 | "},
      {"strays that do not follow each other", "1 20000 30000 2", "1 | | | 2 | "},
      {"a jump ahead below the limit is a loss", "1 2999 3000", "1 | 2999-2997 | 3000 | "},
  };
  for (const auto& c : cases) {
    CAPTURE(c.name);
    CHECK(run(c.script) == c.expected);
  }
}

TEST_CASE("the window bounds what is held") {
  rtp::ReorderLimits limits;
  limits.window = 4;
  // 2 is missing; 3, 4, 5 wait; 6 would be the fifth place after 2.
  CHECK(run("1 3 4 5 6 7", limits) == "1 | | | | 3-1 4 5 6 | 7 | ");
  // A packet far ahead gives up the old gaps, and the rest of the way to it as well.
  CHECK(run("1 3 30 31", limits) == "1 | | 3-1 30-26 | 31 | ");
}

TEST_CASE("counters say what happened") {
  rtp::ReorderBuffer buffer;
  std::vector<rtp::Ordered> out;
  for (const int sequence : {1, 3, 2, 2, 5, 5, 6}) buffer.push(packet(sequence), 0, out);
  buffer.on_deadline(*buffer.next_deadline(), out);
  buffer.push(packet(4), 0, out);
  const auto& c = buffer.counters();
  CHECK(c.received == 8);
  CHECK(c.reordered == 1);
  CHECK(c.duplicates == 2);
  CHECK(c.late == 1);
  CHECK(c.lost == 1);
  CHECK(show(out) == "1 2 3 5-1 6 ");
  CHECK(buffer.held() == 0);
  CHECK_FALSE(buffer.next_deadline());
}

TEST_CASE("flush lets everything out and reset forgets the sequence") {
  rtp::ReorderBuffer buffer;
  std::vector<rtp::Ordered> out;
  for (const int sequence : {1, 3, 6}) buffer.push(packet(sequence), 0, out);
  buffer.flush(out);
  CHECK(show(out) == "1 3-1 6-2 ");
  buffer.reset();
  out.clear();
  buffer.push(packet(30000), 0, out);
  CHECK(show(out) == "30000 ");
}

TEST_CASE("a shuffled stream with duplicates comes out whole and in order") {
  std::mt19937 random(7);
  for (int round = 0; round < 20; ++round) {
    // Each packet is delayed by up to 30 places, one in ten is sent twice.
    std::vector<std::pair<int, int>> arrivals;
    for (int n = 0; n < 3000; ++n) {
      arrivals.emplace_back(n + static_cast<int>(random() % 30), n);
      if (random() % 10 == 0) arrivals.emplace_back(n + static_cast<int>(random() % 30), n);
    }
    arrivals.front().first = -1;  // the buffer begins with the first that it sees
    std::ranges::stable_sort(arrivals, {}, &std::pair<int, int>::first);
    rtp::ReorderBuffer buffer;
    std::vector<rtp::Ordered> out;
    std::int64_t now_ns = 0;
    for (const auto& [place, n] : arrivals) buffer.push(packet(64000 + n), now_ns += 1000, out);
    REQUIRE(out.size() == 3000);
    for (int n = 0; n < 3000; ++n) {
      REQUIRE(out[static_cast<std::size_t>(n)].packet.sequence == (64000 + n) % 65536);
      REQUIRE(out[static_cast<std::size_t>(n)].lost_before == 0);
    }
    CHECK(buffer.counters().lost == 0);
  }
}

TEST_CASE("every packet is passed, lost, late, a duplicate or a stray") {
  std::mt19937 random(11);
  rtp::ReorderBuffer buffer;
  std::vector<rtp::Ordered> out;
  std::int64_t now_ns = 0;
  std::uint64_t passed = 0;
  for (int n = 0; n < 50'000; ++n) {
    now_ns += static_cast<std::int64_t>(random() % 20) * rtp::ns_per_ms;
    const int jump = random() % 500 == 0 ? static_cast<int>(random() % 65536) : 0;
    const int sequence = n + static_cast<int>(random() % 150) - 75 + jump;
    out.clear();
    if (const auto due = buffer.next_deadline(); due && *due <= now_ns)
      buffer.on_deadline(now_ns, out);
    buffer.push(packet(sequence & 0xffff), now_ns, out);
    passed += out.size();
    REQUIRE(buffer.held() < 100);
  }
  out.clear();
  buffer.flush(out);
  passed += out.size();
  const auto& c = buffer.counters();
  const auto accounted = passed + c.duplicates + c.late + c.strays;
  CHECK(accounted <= c.received);
  CHECK(accounted + 1 >= c.received);  // one stray may still be held back
}

}  // namespace
