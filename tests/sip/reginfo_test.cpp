// reginfo documents (RFC 3680): each address and what its watchers are told.
#include "sip/reginfo.hpp"

#include <doctest/doctest.h>

#include <functional>
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
      {"sip:gone@h", "<registration aor=\"sip:gone@h\" id=\"X\" state=\"init\"/>"},
      {"sip:nobody@h", "<registration aor=\"sip:nobody@h\" id=\"X\" state=\"init\"/>"},
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

namespace {

// "+sip:1@h registered" for each contact of a document, after its version and the state.
std::string gist(const std::string& document) {
  const std::regex head("version=\"(\\d+)\" state=\"(\\w+)\".* state=\"(\\w+)\"");
  const std::regex contact("<contact[^>]* state=\"(\\w+)\" event=\"(\\w+)\"[^>]*><uri>([^<]*)");
  const auto body = document.substr(document.find("<reginfo"));
  std::smatch found;
  std::string out = "unreadable";
  const auto first = body.substr(0, body.find("<contact"));
  if (std::regex_search(first, found, head))
    out = found[1].str() + " " + found[2].str() + " " + found[3].str();
  for (std::sregex_iterator i(body.begin(), body.end(), contact), end; i != end; ++i)
    out += ((*i)[1] == "active" ? " +" : " -") + (*i)[3].str() + " " + (*i)[2].str();
  return out;
}

}  // namespace

TEST_CASE("reginfo: a history tells what is news") {
  using enum ReginfoHistory::Removal;
  constexpr auto aor = "sip:a@h";
  const auto put = [](const char* contact, int lives_s, std::uint32_t cseq = 12) {
    return [=](Location& l) {
      auto b = binding(contact, 1000, lives_s);
      b.cseq = cseq;
      REQUIRE(l.put(aor, b));
    };
  };
  const auto remove = [](const char* contact) {
    return [=](Location& l) { REQUIRE(l.remove(aor, contact)); };
  };
  const struct {
    const char* name;
    std::function<void(Location&)> before, meanwhile;
    ReginfoHistory::Removal removal;
    int later_s;
    const char* first;
    const char* second;
  } cases[] = {
      {"nothing", put("sip:1@h", 60), [](Location&) {}, by_user, 1,
       "0 full active +sip:1@h registered", ""},
      {"one comes", [](Location&) {}, put("sip:1@h", 60), by_user, 1, "0 full init",
       "1 partial active +sip:1@h registered"},
      {"another comes", put("sip:1@h", 60), put("sip:2@h", 60), by_user, 1,
       "0 full active +sip:1@h registered", "1 partial active +sip:2@h registered"},
      {"it is refreshed", put("sip:1@h", 60), put("sip:1@h", 90, 13), by_user, 1,
       "0 full active +sip:1@h registered", "1 partial active +sip:1@h refreshed"},
      {"it expires", put("sip:1@h", 60), [](Location&) {}, by_server, 61,
       "0 full active +sip:1@h registered", "1 partial terminated -sip:1@h expired"},
      {"it is refreshed, and expires", put("sip:1@h", 60), put("sip:1@h", 90), by_server, 91,
       "0 full active +sip:1@h registered", "1 partial terminated -sip:1@h expired"},
      {"it goes", put("sip:1@h", 60), remove("sip:1@h"), by_user, 1,
       "0 full active +sip:1@h registered", "1 partial terminated -sip:1@h unregistered"},
      {"it is lost", put("sip:1@h", 60), remove("sip:1@h"), by_server, 1,
       "0 full active +sip:1@h registered", "1 partial terminated -sip:1@h deactivated"},
      {"it comes and goes unseen", [](Location&) {},
       [&](Location& l) { put("sip:1@h", 60)(l), remove("sip:1@h")(l); }, by_user, 1, "0 full init",
       ""},
  };
  for (const auto& c : cases) {
    CAPTURE(c.name);
    Location location;
    ReginfoHistory history;
    std::string out;
    c.before(location);
    history.write_full(location, aor, start, out);
    CHECK(gist(out) == c.first);
    c.meanwhile(location);
    const auto later = start + std::chrono::seconds(c.later_s);
    const bool news = history.write_news(location, aor, c.removal, later, out);
    CHECK((news ? gist(out) : "") == c.second);
    CHECK_FALSE(history.write_news(location, aor, c.removal, later, out));
    history.write_full(location, aor, later, out);
    CHECK(out.find(news ? "version=\"2\"" : "version=\"1\"") != out.npos);
  }
}

}  // namespace sip
