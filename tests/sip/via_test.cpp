#include "sip/via.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <string>

namespace {

std::string parts(std::string_view text) {
  const auto v = sip::parse_via(text);
  if (!v) return v.error().message();
  return fmt::format("{} {}:{} branch={} received={} rport={}/{}{}", v->transport_text,
                     v->sent_by.host, v->sent_by.port, v->branch, v->received, v->has_rport,
                     v->rport, v->has_magic_cookie() ? " cookie" : "") +
         (v->sound ? "" : " unsound");
}

}  // namespace

TEST_CASE("Via values (RFC 3261 20.42, RFC 3581)") {
  const struct {
    const char* text;
    const char* expected;
  } cases[] = {
      {"SIP/2.0/UDP 192.0.2.64:5060;rport;branch=z9hG4bK1103",
       "UDP 192.0.2.64:5060 branch=z9hG4bK1103 received= rport=true/0 cookie"},
      {"SIP/2.0/TCP host", "TCP host:0 branch= received= rport=false/0"},
      {"SIP / 2.0 / UDP first.example.com: 4000;ttl=16\r\n ;maddr=224.2.0.1 ;branch=z9hG4bKa7c6",
       "UDP first.example.com:4000 branch=z9hG4bKa7c6 received= rport=false/0 cookie"},
      {"sip/2.0/tls [2001:db8::9]:5061;branch=1;received=[2001:db8::7];rport=99",
       "tls 2001:db8::9:5061 branch=1 received=2001:db8::7 rport=true/99"},
      {"SIP/2.0/UDP 0.0.0.0:5060;BRANCH=Z9HG4BKx;RPORT=",
       "UDP 0.0.0.0:5060 branch=Z9HG4BKx received= rport=true/0 cookie"},
      {"SIP/2.0/SCTP h_1;branch=z9hG4bK", "SCTP h_1:0 branch=z9hG4bK received= rport=false/0"},
      {"SIP/2.0/UDP 2001:db8::1;branch=b", "UDP 2001:db8::1:0 branch=b received= rport=false/0"},
      {"", "bad Via"},
      {"SIP/2.0/UDP", "bad Via"},
      {"SIP/2.0/UDP ;branch=x", "bad Via"},
      {"SIP/3.0/UDP h;branch=x", "UDP h:0 branch=x received= rport=false/0 unsound"},
      {"SIP/x/UDP h;branch=x", "bad Via"},
      {"HTTP/2.0/UDP h;branch=x", "bad Via"},
      {"SIP/2.0 UDP h", "bad Via"},
      {"SIP/2.0/UDP a b;branch=x", "bad Via"},
      {"SIP/2.0/UDP h:99999", "bad Via"},
      {"SIP/2.0/UDP h;branch=a\r\n b", "bad Via"},
      {"SIP/2.0/UDP h;branch=b;", "UDP h:0 branch=b received= rport=false/0"},
      {"SIP/2.0/UDP h;", "UDP h:0 branch= received= rport=false/0"},
      {"SIP/2.0/UDP h;;branch=b", "UDP h:0 branch=b received= rport=false/0 unsound"},
      {"SIP/2.0/UDP h;branch=b;;", "UDP h:0 branch=b received= rport=false/0 unsound"},
  };
  for (const auto& c : cases) {
    CAPTURE(c.text);
    CHECK(parts(c.text) == c.expected);
  }
}

TEST_CASE("the other parameters") {
  const auto v = *sip::parse_via("SIP/2.0/TCP h;alias;ttl=16;maddr=[ff02::1];i=4b21;branch=x");
  CHECK(v.has_alias);
  CHECK(v.ttl == 16);
  CHECK(v.maddr == "ff02::1");
  CHECK(v.params.get("i") == "4b21");
  CHECK(v.transport == sip::Transport::tcp);
  CHECK(!sip::parse_via("SIP/2.0/UDP h;ttl=256")->ttl);
  CHECK(!sip::parse_via("SIP/2.0/SCTP h")->transport);
}

TEST_CASE("received and rport are filled in (RFC 3261 18.2.1, RFC 3581 4)") {
  const struct {
    const char* name;
    const char* text;
    const char* source;
    const char* expected;
  } rows[] = {
      {"same host, no rport", "SIP/2.0/UDP 192.0.2.1:5060;branch=b", "192.0.2.1:7000",
       "SIP/2.0/UDP 192.0.2.1:5060;branch=b"},
      {"other host, no rport", "SIP/2.0/UDP 10.0.0.1:5060;branch=b", "192.0.2.1:7000",
       "SIP/2.0/UDP 10.0.0.1:5060;branch=b;received=192.0.2.1"},
      {"same host, rport", "SIP/2.0/UDP 192.0.2.1;rport;branch=b", "192.0.2.1:7000",
       "SIP/2.0/UDP 192.0.2.1;branch=b;received=192.0.2.1;rport=7000"},
      {"peer filled them in", "SIP/2.0/UDP 0.0.0.0:5060;rport=5060;branch=b;received=9.9.9.9",
       "192.0.2.1:7000", "SIP/2.0/UDP 0.0.0.0:5060;branch=b;received=192.0.2.1;rport=7000"},
      {"name", "SIP/2.0/TCP cam.example.com;branch=b;x=\"y;z\"", "192.0.2.1:7000",
       "SIP/2.0/TCP cam.example.com;branch=b;x=\"y;z\";received=192.0.2.1"},
      {"IPv6", "SIP/2.0/UDP [2001:db8::1]:5060;rport;branch=b", "[2001:db8::2]:7000",
       "SIP/2.0/UDP [2001:db8::1]:5060;branch=b;received=2001:db8::2;rport=7000"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.name);
    std::string out;
    sip::append_received(out, *sip::parse_via(row.text), *sip::Address::parse(row.source));
    CHECK(out == row.expected);
  }
}

TEST_CASE("our own Via is printed from its fields") {
  sip::Via via;
  via.sent_by = {"2001:db8::1", 5060, sip::HostKind::ipv6};
  via.branch = "z9hG4bKx";
  via.has_rport = true;
  std::string out;
  append(out, via);
  CHECK(out == "SIP/2.0/UDP [2001:db8::1]:5060;branch=z9hG4bKx;rport");
}
