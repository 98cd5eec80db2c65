// reginfo documents (RFC 3680): each address and what its watchers are told.
#include "sip/reginfo.hpp"

#include <doctest/doctest.h>

#include <map>
#include <regex>

namespace sip {
namespace {

const TimePoint start = TimePoint{} + std::chrono::hours(100);

// Ids are hashes: only their being there matters here.
std::string told(const Location& location, std::string_view aor, std::uint32_t version = 0) {
  std::string out;
  write_reginfo(location, aor, version, start, out);
  return std::regex_replace(out, std::regex("id=\"[rc][0-9a-f]+\""), "id=\"X\"");
}

Binding binding(std::string contact, std::uint16_t q, int lives_s) {
  Binding b;
  b.contact = std::move(contact);
  b.q_1000 = q;
  b.expires_at = start + std::chrono::seconds(lives_s);
  b.call_id = "a\"b<c";
  b.cseq = 12;
  return b;
}

}  // namespace

TEST_CASE("reginfo") {
  Location location;
  REQUIRE(location.put("sip:a&b@h", binding("sip:a@h;x=\"<&>\"", 507, 60)));
  REQUIRE(location.put("sip:a&b@h", binding("sip:b@h", 1000, 3600)));
  REQUIRE(location.put("sip:gone@h", binding("sip:b@h", 1000, 0)));
  const struct {
    const char* aor;
    const char* registration;
  } cases[] = {
      {"sip:a&b@h",
       "<registration aor=\"sip:a&amp;b@h\" id=\"X\" state=\"active\">"
       "<contact id=\"X\" state=\"active\" event=\"registered\" expires=\"3600\" q=\"1.000\" "
       "callid=\"a&quot;b&lt;c\" cseq=\"12\"><uri>sip:b@h</uri></contact>"
       "<contact id=\"X\" state=\"active\" event=\"registered\" expires=\"60\" q=\"0.507\" "
       "callid=\"a&quot;b&lt;c\" cseq=\"12\"><uri>sip:a@h;x=&quot;&lt;&amp;&gt;&quot;</uri>"
       "</contact></registration>"},
      {"sip:gone@h", "<registration aor=\"sip:gone@h\" id=\"X\" state=\"terminated\"/>"},
      {"sip:nobody@h", "<registration aor=\"sip:nobody@h\" id=\"X\" state=\"terminated\"/>"},
  };
  for (const auto& c : cases)
    CHECK(told(location, c.aor, 7) ==
          std::string("<?xml version=\"1.0\"?>\n<reginfo "
                      "xmlns=\"urn:ietf:params:xml:ns:reginfo\" version=\"7\" state=\"full\">") +
              c.registration + "</reginfo>\n");
}

TEST_CASE("reginfo: ids stay, and differ") {
  Location location;
  REQUIRE(location.put("sip:a@h", binding("sip:1@h", 1000, 60)));
  REQUIRE(location.put("sip:a@h", binding("sip:2@h", 1000, 60)));
  std::string first, second;
  write_reginfo(location, "sip:a@h", 0, start, first);
  REQUIRE(location.put("sip:a@h", binding("sip:1@h", 1000, 90)));
  write_reginfo(location, "sip:a@h", 1, start, second);
  const std::regex id("<contact id=\"(c[0-9a-f]+)\"[^>]*><uri>([^<]*)");
  auto ids = [&](const std::string& text) {
    std::map<std::string, std::string> out;
    for (std::sregex_iterator i(text.begin(), text.end(), id), end; i != end; ++i)
      out[(*i)[2]] = (*i)[1];
    return out;
  };
  CHECK(ids(first).size() == 2);
  CHECK(ids(first) == ids(second));
  CHECK(ids(first)["sip:1@h"] != ids(first)["sip:2@h"]);
}

}  // namespace sip
