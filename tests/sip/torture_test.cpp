// The torture tests of RFC 4475 and, for IPv6, of RFC 5118: what the parser finds in each message
// and what it calls wrong. What is answered over the wire is in torture_wire_test.cpp.
//
// Where the RFC leaves it to the element whether it is liberal, we are: lwsstart, trws, badaspec,
// baddn, baddate and the values (not the CSeq) of scalar02.
#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

#include "sip/message.hpp"
#include "tests/sip/corpus.hpp"
#include "tests/sip/torture_fields.hpp"

namespace {

using Expected = std::vector<std::pair<const char*, std::string>>;

struct Row {
  const char* section;
  const char* name;
  const char* parser;     // what parse_message() says
  const char* validator;  // what validate() says
  Expected fields;
};

std::string verdict(const sip::ParseResult<void>& result) {
  return result ? "ok" : std::string(sip::describe(result.error().code));
}

void check(const Row& row) {
  CAPTURE(row.section);
  CAPTURE(row.name);
  const auto bytes = sip_corpus::message(std::string("torture/") + row.name);
  REQUIRE(!bytes.empty());
  sip::MessageView message;
  CHECK(verdict(sip::parse_message(bytes, message)) == row.parser);
  CHECK(verdict(sip::validate(message)) == row.validator);
  for (const auto& [key, value] : row.fields) {
    CAPTURE(key);
    CHECK(sip::test::field(message, key) == value);
  }
}

template <std::size_t size>
void check_all(const Row (&rows)[size]) {
  for (const auto& row : rows) check(row);
}

std::string times(int count, const std::string& text) {
  std::string all;
  for (int i = 0; i < count; ++i) all += text;
  return all;
}

using namespace std::string_literals;

}  // namespace

TEST_CASE("RFC 4475 3.1.1: valid messages") {
  const std::string caller = times(5, "amazinglylongcallername");
  const Row rows[] = {
      {"3.1.1.1",
       "wsinv",
       "ok",
       "ok",
       {{"method", "INVITE"},
        {"request.user", "vivekg"},
        {"request.host", "chair-dnrc.example.com"},
        {"request.uri-params", ";unknownparam"},
        {"to.user", "vivekg"},
        {"to.tag", "1918181833n"},
        {"from.name", R"(J Rosenberg \\\")"},
        {"from.user", "jdrosen"},
        {"from.tag", "98asjd8"},
        {"max-forwards", "68"},
        {"call-id", "wsinv.ndaksdj@192.0.2.1"},
        {"cseq", "9 INVITE"},
        {"vias",
         "UDP 192.0.2.2 390skdjuw, TCP spindle.example.com z9hG4bK9ikj8, "
         "UDP 192.168.255.111 z9hG4bK30239"},
        {"=Subject", ""},
        {"=NewFangledHeader", "newfangled value continued newfangled value"},
        {"=UnknownHeaderWithUnusualValue", ";;,,;;,;"},
        {"content-type", "application/sdp"},
        {"route.host", "services.example.com"},
        {"route.uri-params", ";lr;unknownwith=value;unknown-no-value"},
        {"contacts", "1"},
        {"contact.name", R"(Quoted string \"\")"},
        {"contact.user", "jdrosen"},
        {"contact.params", "; newparam = newvalue ; secondparam ; q = 0.33"},
        {"contact.q", "330"},
        {"body", "150"}}},
      {"3.1.1.2",
       "intmeth",
       "ok",
       "ok",
       {{"method", "!interesting-Method0123456789_*+`.%indeed'~"},
        {"request.user", "1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*"},
        {"request.password", "&it+has=1,weird!*pas$wo~d_too.(doesn't-it)"},
        {"request.host", "example.com"},
        {"vias", "TCP host1.example.com z9hG4bK-.!%66*_+`'~"},
        {"to.name", "BEL:\\\a NUL:\\\0 DEL:\\\x7f"s},
        {"to.user", "1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*"},
        {"from.name", "token1~` token2'+_ token3*%!.-"},
        {"from.user", "mundane"},
        {"from.tag", "_token~1'+`*%!-."},
        {"call-id", R"(intmeth.word%ZK-!.*_+'@word`~)(><:\/"][?}{)"},
        {"cseq", "139122385 !interesting-Method0123456789_*+`.%indeed'~"},
        {"max-forwards", "255"},
        {"=extensionHeader-!.%*+_`'~", "\xef\xbb\xbf\xe5\xa4\xa7\xe5\x81\x9c\xe9\x9b\xbb"},
        {"body", "0"}}},
      {"3.1.1.3",
       "esc01",
       "ok",
       "ok",
       {{"request.user", "sips:user@example.com"},
        {"request.host", "example.net"},
        {"to.user", "user"},
        {"from.user", "I have spaces"},
        {"contact.user", "caller"},
        {"contact.host", "host5.example.net"},
        {"contact.uri-params", ";%6C%72;n%61me=v%61lue%25%34%31"},
        {"content-type", "application/sdp"},
        {"body", "150"}}},
      {"3.1.1.4",
       "escnull",
       "ok",
       "ok",
       {{"method", "REGISTER"},
        {"to.user", "null-\0-null"s},
        {"from.user", "null-\0-null"s},
        {"contacts", "2"},
        {"contact.user", "\0"s},
        {"body", "0"}}},
      {"3.1.1.5",
       "esc02",
       "ok",
       "ok",
       {{"method", "RE%47IST%45R"},
        {"cseq", "29344 RE%47IST%45R"},
        {"to.name", "%Z%45"},
        {"from.name", "%Z%45"},
        {"vias", "TCP host.example.com z9hG4bK209%fzsnel234"},
        {"contacts", "2"},
        {"=C%6Fntact", "<sip:alias2@host2.example.com>"}}},
      {"3.1.1.6",
       "lwsdisp",
       "ok",
       "ok",
       {{"from.name", "caller"}, {"from.user", "caller"}, {"from.tag", "323"}}},
      {"3.1.1.7",
       "longreq",
       "ok",
       "ok",
       {{"to.name", "I have a user name of " + times(10, "extreme") + " proportion"},
        {"to.port", "6000"},
        {"from.user", caller},
        {"from.tag", "12" + times(50, "982") + "424"},
        {"call-id", "longreq.one" + times(20, "really") + "longcallid"},
        {"contact.user", caller},
        {"max-forwards", "70"},
        {"body", "150"}}},
      {"3.1.1.8",
       "dblreq",
       "ok",
       "ok",
       {{"method", "REGISTER"},
        {"call-id", "dblreq.0ha0isndaksdj99sdfafnl3lk233412"},
        {"cseq", "8 REGISTER"},
        {"body", "0"}}},
      {"3.1.1.9",
       "semiuri",
       "ok",
       "ok",
       {{"request.user", "user;par=u@example.net"},
        {"request.host", "example.com"},
        {"request.uri-params", ""},
        {"=Accept",
         "application/sdp, application/pkcs7-mime, multipart/mixed, multipart/signed, "
         "message/sip, message/sipfrag"}}},
      {"3.1.1.10",
       "transports",
       "ok",
       "ok",
       {{"vias",
         "UDP t1.example.com z9hG4bKkdjuw, SCTP t2.example.com z9hG4bKklasjdhf, "
         "TLS t3.example.com z9hG4bK2980unddj, UNKNOWN t4.example.com z9hG4bKasd0f3en, "
         "TCP t5.example.com z9hG4bK0a9idfnee"},
        {"call-id", "transports.kijh4akdnaqjkwendsasfdj"}}},
      {"3.1.1.11",
       "mpart01",
       "ok",
       "ok",
       {{"content-type", "multipart/mixed"}, {"route.port", "5080"}, {"body", "553"}}},
      {"3.1.1.12",
       "unreason",
       "ok",
       "ok",
       {{"status", "200"},
        {"reason",
         "= 2**3 * 5**2 \u043d\u043e \u0441\u0442\u043e \u0434\u0435\u0432\u044f\u043d\u043e"
         "\u0441\u0442\u043e \u0434\u0435\u0432\u044f\u0442\u044c - \u043f\u0440\u043e\u0441"
         "\u0442\u043e\u0435"},
        {"body", "154"}}},
      {"3.1.1.13",
       "noreason",
       "ok",
       "ok",
       {{"status", "100"}, {"reason", ""}, {"contact.host", "host105.example.com"}}},
  };
  check_all(rows);
}

TEST_CASE("RFC 4475 3.1.1.7: the names of Via") {
  const auto bytes = sip_corpus::message("torture/longreq");
  const auto message = sip::parse_message(bytes);
  REQUIRE(message.has_value());
  std::string hosts, wanted;
  for (const auto element : message->values(sip::HeaderId::via))
    hosts += std::string(sip::parse_via(element)->sent_by.host) + " ";
  for (int i = 33; i > 0; --i) wanted += "sip" + std::to_string(i) + ".example.com ";
  CHECK(hosts == wanted + "host.example.com ");
  const auto name = "Unknown-" + times(20, "Long") + "-Name";
  CHECK(message->find(name)->starts_with("unknown-longlong"));
}

TEST_CASE("RFC 4475 3.1.2: invalid messages") {
  const Row rows[] = {
      {"3.1.2.1",
       "badinv01",
       "ok",
       "bad Via",
       {{"vias", "UDP 192.0.2.15, (bad Via)"}, {"contact.user", "joe"}}},
      {"3.1.2.2", "clerr", "body shorter than Content-Length", "ok", {{"cseq", "8 INVITE"}}},
      {"3.1.2.3", "ncl", "bad Content-Length", "ok", {{"cseq", "0 INVITE"}}},
      {"3.1.2.4",
       "scalar02",
       "ok",
       "bad CSeq",
       {{"max-forwards", "300"}, {"expires", "4294967295"}, {"contact.expires", "4294967295"}}},
      {"3.1.2.5", "scalarlg", "ok", "bad CSeq", {{"status", "503"}, {"retry-after", "4294967295"}}},
      {"3.1.2.6", "quotbal", "ok", "bad address", {{"to.user", "(bad address)"}}},
      {"3.1.2.7", "ltgtruri", "ok", "bad URI", {{"request.user", "(bad URI)"}}},
      {"3.1.2.8", "lwsruri", "bad start line", "bad URI", {{"method", "INVITE"}}},
      {"3.1.2.9", "lwsstart", "ok", "ok", {{"method", "INVITE"}, {"request.user", "user"}}},
      {"3.1.2.10", "trws", "ok", "ok", {{"request.user", "remote-target"}}},
      {"3.1.2.11",
       "escruri",
       "ok",
       "bad URI",
       {{"request.uri-headers", "Route=%3Csip:example.com%3E"}}},
      {"3.1.2.12", "baddate", "ok", "ok", {{"date", "(bad date)"}}},
      {"3.1.2.13", "regbadct", "ok", "ok", {{"contact.user", "(bad address)"}}},
      {"3.1.2.14",
       "badaspec",
       "ok",
       "ok",
       {{"to.name", "Watson, Thomas"}, {"to.user", "t.watson"}, {"to.host", "example.org"}}},
      {"3.1.2.15",
       "baddn",
       "ok",
       "ok",
       {{"from.name", "Bell, Alexander"}, {"from.user", "a.g.bell"}, {"from.tag", "43"}}},
      {"3.1.2.16", "badvers", "SIP version is not 2.0", "bad Via", {{"method", "OPTIONS"}}},
      {"3.1.2.17", "mismatch01", "ok", "method differs from CSeq", {{"cseq", "8 INVITE"}}},
      {"3.1.2.18", "mismatch02", "ok", "method differs from CSeq", {{"method", "NEWMETHOD"}}},
      {"3.1.2.19", "bigcode", "bad start line", "bad URI", {{"status", "0"}}},
  };
  check_all(rows);
}

TEST_CASE("RFC 4475 3.2 to 3.4: transactions, application, RFC 2543") {
  const Row rows[] = {
      {"3.2.1", "badbranch", "ok", "ok", {{"vias", "UDP 192.0.2.1 z9hG4bK"}}},
      {"3.3.1", "insuf", "ok", "missing header", {{"call-id", ""}, {"cseq", "193942 INVITE"}}},
      {"3.3.2", "unkscm", "ok", "unsupported URI scheme", {{"to.user", "user"}}},
      {"3.3.3", "novelsc", "ok", "unsupported URI scheme", {{"to.user", "user"}}},
      {"3.3.4",
       "unksm2",
       "ok",
       "ok",
       {{"to.uri", "isbn:2983792873"},
        {"from.uri", "http://www.example.com"},
        {"from.tag", "3234233"},
        {"contact.uri", "name:John_Smith"}}},
      {"3.3.5",
       "bext01",
       "ok",
       "ok",
       {{"=Require", "nothingSupportsThis, nothingSupportsThisEither"},
        {"=Proxy-Require", "noProxiesSupportThis, norDoAnyProxiesSupportThis"}}},
      {"3.3.6",
       "invut",
       "ok",
       "ok",
       {{"content-type", "application/unknownformat"}, {"body", "40"}}},
      {"3.3.7",
       "regaut01",
       "ok",
       "ok",
       {{"=Authorization", "NoOneKnowsThisScheme opaque-data=here"}, {"body", "0"}}},
      {"3.3.8", "multi01", "ok", "repeated header", {{"contacts", "2"}}},
      {"3.3.9", "mcl01", "bad Content-Length", "ok", {{"content-type", "text/plain"}}},
      {"3.3.10",
       "bcast",
       "ok",
       "ok",
       {{"vias", "UDP 192.0.2.198 z9hG4bK1324923, UDP 255.255.255.255 z9hG4bK1saber23"}}},
      {"3.3.11", "zeromf", "ok", "ok", {{"max-forwards", "0"}}},
      {"3.3.12",
       "cparam01",
       "ok",
       "ok",
       {{"contact.uri", "sip:+19725552222@gw1.example.net"},
        {"contact.params", ";unknownparam"},
        {"contact.uri-params", ""}}},
      {"3.3.13",
       "cparam02",
       "ok",
       "ok",
       {{"contact.uri-params", ";unknownparam"}, {"contact.params", ""}}},
      {"3.3.14",
       "regescrt",
       "ok",
       "ok",
       {{"contact.uri-headers", "Route=%3Csip:sip.example.com%3E"}, {"contact.params", ""}}},
      {"3.3.15", "sdp01", "ok", "ok", {{"=Accept", "text/nobodyKnowsThis"}, {"body", "150"}}},
      {"3.4.1",
       "inv2543",
       "ok",
       "ok",
       {{"vias", "UDP iftgw.example.com"},
        {"from.user", "+13035551111"},
        {"from.tag", ""},
        {"to.user", "+16505552222"},
        {"to.params", ";user=phone"},
        {"max-forwards", "(missing header)"},
        {"body", "105"}}},
  };
  check_all(rows);
}

TEST_CASE("RFC 4475 3.2.1: a cookie alone is no branch of RFC 3261") {
  const auto bytes = sip_corpus::message("torture/badbranch");
  CHECK(!sip::parse_message(bytes)->via()->has_magic_cookie());
}

TEST_CASE("RFC 5118: IPv6") {
  const Row rows[] = {
      {"4.1",
       "ipv6-good",
       "ok",
       "ok",
       {{"request.host", "2001:db8::10"},
        {"request.port", "0"},
        {"vias", "UDP [2001:db8::9:1] z9hG4bKas3-111"},
        {"contact.host", "2001:db8::1"}}},
      {"4.2", "ipv6-bad", "ok", "bad URI", {{"contact.host", "2001:db8::1"}}},
      {"4.3",
       "port-ambiguous",
       "ok",
       "ok",
       {{"request.host", "2001:db8::10:5070"}, {"request.port", "0"}}},
      {"4.4",
       "port-unambiguous",
       "ok",
       "ok",
       {{"request.host", "2001:db8::10"}, {"request.port", "5070"}}},
      {"4.5",
       "via-received-param-with-delim",
       "ok",
       "ok",
       {{"vias", "UDP [2001:db8::9:1] z9hG4bKas3-111 from 2001:db8::9:255"}}},
      {"4.5",
       "via-received-param-no-delim",
       "ok",
       "ok",
       {{"vias", "UDP [2001:db8::9:1] z9hG4bKas3 from 2001:db8::9:255"}}},
      {"4.6",
       "ipv6-in-sdp",
       "ok",
       "ok",
       {{"to.host", "2001:db8::10"}, {"contact.host", "2001:db8::20"}, {"body", "251"}}},
      {"4.7",
       "mult-ip-in-header",
       "ok",
       "ok",
       {{"vias",
         "UDP [2001:db8::9:1]:6050 z9hG4bKas3-111, "
         "UDP 192.0.2.1 z9hG4bKjhja8781hjuaij65144, "
         "TCP [2001:db8::9:255] z9hG4bK451jj from 192.0.2.200"}}},
      {"4.8", "mult-ip-in-sdp", "ok", "ok", {{"request.host", "2001:db8::10"}, {"body", "189"}}},
      {"4.9",
       "ipv4-mapped-ipv6",
       "ok",
       "ok",
       {{"vias",
         "UDP [::ffff:192.0.2.10]:19823 z9hG4bKbh19, "
         "UDP [::ffff:192.0.2.2] z9hG4bKas3-111"},
        {"contact.name", "T. desk phone"},
        {"contact.host", "::ffff:192.0.2.2"}}},
      {"4.10",
       "ipv6-bug-abnf-3-colons",
       "ok",
       "ok",
       {{"request.host", "2001:db8:::192.0.2.1"}, {"to.host", "2001:db8:::192.0.2.1"}}},
      {"4.10", "ipv6-correct-abnf-2-colons", "ok", "ok", {{"request.host", "2001:db8::192.0.2.1"}}},
  };
  check_all(rows);
}
