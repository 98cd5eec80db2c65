#include "rtp/ssrc.hpp"

#include <doctest/doctest.h>

#include <set>
#include <sstream>
#include <string>

#include "rtp/time.hpp"

namespace {

using namespace rtp;

SourceAddress address(int host, int port) {
  SourceAddress a;
  a.ip[15] = static_cast<std::uint8_t>(host);
  a.port = static_cast<std::uint16_t>(port);
  return a;
}

// Script of "ssrc@host:port" packets and "+ms"; trace: A accepted, S switched, r refused.
std::string run(const std::string& script, SourceSelectorOptions options) {
  SourceSelector selector(std::move(options));
  std::string trace;
  std::int64_t now_ns = 0;
  std::istringstream in(script);
  for (std::string word; in >> word;) {
    if (word[0] == '+') {
      now_ns += std::stoll(word.substr(1)) * ns_per_ms;
      continue;
    }
    const auto at = word.find('@'), colon = word.find(':');
    const auto from = address(std::stoi(word.substr(at + 1)), std::stoi(word.substr(colon + 1)));
    const auto verdict =
        selector.on_packet(static_cast<std::uint32_t>(std::stoul(word)), from, now_ns);
    trace += verdict == SourceSelector::Verdict::accepted   ? 'A'
             : verdict == SourceSelector::Verdict::switched ? 'S'
                                                            : 'r';
  }
  return trace;
}

TEST_CASE("how far the SSRC counts") {
  struct Case {
    const char* name;
    const char* script;
    const char *strict, *learn, *any;
  };
  const Case cases[] = {
      // 7 is expected, 5 was the last session's
      {"the agreed one", "7@1:5 7@1:5", "SA", "SA", "SA"},
      {"another one", "9@1:5 7@1:5", "rS", "SS", "SS"},
      {"0", "0@1:5 0@1:5", "rr", "SA", "SA"},
      {"the last session's", "5@1:5 7@1:5", "rS", "rS", "SS"},
      {"the agreed one behind a stranger", "9@2:5 7@1:5", "rS", "SS", "Sr"},
      {"a second sender with the agreed one", "7@1:5 7@2:5", "Sr", "Sr", "Sr"},
      {"a change in mid-stream", "7@1:5 9@1:5", "Sr", "SS", "SS"},
  };
  for (const auto& c : cases) {
    CAPTURE(c.name);
    const auto with = [&](SsrcPolicy policy) {
      return run(c.script, {.expected = {7}, .refused = {{5}}, .policy = policy});
    };
    CHECK(with(SsrcPolicy::strict) == c.strict);
    CHECK(with(SsrcPolicy::learn) == c.learn);
    CHECK(with(SsrcPolicy::any) == c.any);
  }
}

TEST_CASE("whose packets belong to a stream") {
  struct Case {
    const char* name;
    const char* script;
    const char* expected;
  };
  const Case cases[] = {
      {"the invited one", "7@1:5 7@1:5 7@1:5", "SAA"},
      {"another SSRC than agreed", "9@1:5 9@1:5", "SA"},
      {"SSRC 0", "0@1:5 0@1:5", "SA"},
      {"a second sender is refused", "7@1:5 8@2:5 7@2:5 7@1:5", "SrrA"},
      {"the invited one displaces a stranger", "9@2:5 7@1:5 9@2:5 7@1:5", "SSrA"},
      {"a stranger does not displace a stranger", "9@2:5 8@1:5 9@2:5", "SrA"},
      {"the SSRC changes in mid-stream", "7@1:5 7@1:5 8@1:5 8@1:5", "SASA"},
      {"late packets of the old SSRC do not change it back", "7@1:5 8@1:5 7@1:5 8@1:5", "SSrA"},
      {"a NAT moves the source after a silence", "7@1:5 +1000 7@1:6 +1500 7@1:6 7@1:6", "SrAA"},
      {"another may take over from a dead one", "7@1:5 +2500 9@2:5 9@2:5", "SSA"},
      {"the last session's sender is kept out", "66@3:5 7@1:5 66@3:5 7@1:5", "rSrA"},
      {"also when nobody else sends", "66@3:5 +9000 66@3:5", "rr"},
  };
  for (const auto& c : cases) {
    CAPTURE(c.name);
    CHECK(run(c.script, {.expected = {7}, .refused = {{66}}}) == c.expected);
  }
}

TEST_CASE("who sent to this port before is refused, and nobody else") {
  struct Case {
    const char* name;
    std::vector<FormerSender> former;
    const char* script;
    const char* expected;
  };
  const Case cases[] = {
      {"it never came", {{66}}, "66@3:5 66@4:6", "rr"},
      {"it sends on", {{66, address(3, 5)}}, "66@3:5 66@3:5", "rr"},
      {"another with its SSRC", {{66, address(3, 5)}}, "66@3:6 66@3:6", "SA"},
      {"on another host", {{66, address(3, 5)}}, "66@4:5", "S"},
      {"it connects again", {{66, address(3, 0)}}, "66@3:9 66@4:9", "rS"},
      {"it sends what is agreed now", {{7, address(3, 5)}}, "7@3:5", "S"},
  };
  for (const auto& c : cases) {
    CAPTURE(c.name);
    CHECK(run(c.script, {.expected = {7}, .refused = c.former}) == c.expected);
  }
}

TEST_CASE("what a session leaves behind") {
  SourceSelector never({.expected = {7, 8}});
  CHECK(never.left_behind() == std::vector<FormerSender>{{7}, {8}});
  SourceSelector agreed({.expected = {7, 8}});
  agreed.on_packet(8, address(1, 5), 0);
  CHECK(agreed.left_behind() == std::vector<FormerSender>{{8, address(1, 5)}});
  SourceSelector own({.expected = {7}});
  own.on_packet(9, address(1, 5), 0);
  CHECK(own.left_behind().empty());
}

TEST_CASE("what an answer names is expected from then on") {
  SourceSelector selector({.expected = {7}});
  selector.on_packet(9, address(1, 5), 0);
  CHECK(selector.ssrc() == 9u);
  CHECK(selector.on_packet(8, address(2, 5), 0) == SourceSelector::Verdict::refused);
  selector.expect(8);
  CHECK(selector.on_packet(8, address(2, 5), 0) == SourceSelector::Verdict::switched);
  CHECK(selector.address() == address(2, 5));
  CHECK(selector.refused() == 1);
  CHECK(selector.switches() == 1);
}

TEST_CASE("made-up SSRCs differ and are never 0") {
  SsrcGenerator generator(1), same(1), other(2);
  std::set<std::uint32_t> seen;
  for (int n = 0; n < 1000; ++n) {
    const auto ssrc = generator.next();
    CHECK(ssrc != 0);
    CHECK(ssrc == same.next());
    seen.insert(ssrc);
  }
  CHECK(seen.size() == 1000);
  CHECK_FALSE(seen.contains(other.next()));
}

}  // namespace
