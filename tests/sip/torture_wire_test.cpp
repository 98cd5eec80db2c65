// The torture messages of RFC 4475 and RFC 5118 over the wire: what a user agent (Endpoint) and a
// registrar and proxy for example.com (Server) answer. Where the RFC names a status or allows a
// choice, `rfc` says so; where it says that an element must only live through it, any end will do.
#include <doctest/doctest.h>

#include <string>
#include <variant>

#include "sip/endpoint.hpp"
#include "sip/server.hpp"
#include "tests/sip/corpus.hpp"

namespace {

using namespace sip;

struct Row {
  const char* section;
  const char* name;
  const char* rfc;       // what the RFC says, in our words
  const char* endpoint;  // "400", "call": an INVITE that the user is told of, "user": any other
  const char* server;    // "400", "lookup": it would be forwarded, once the host is known
};

const Flow from_somebody{Transport::udp, *Address::parse("192.0.2.250:5060"),
                         *Address::parse("192.0.2.251:5060"), ConnectionId::none};

struct EventName {
  std::string operator()(const event::IncomingCall&) const { return "call "; }
  std::string operator()(const event::IncomingRequest&) const { return "user "; }
  template <class T>
  std::string operator()(const T&) const {
    return {};
  }
};

// Provisional answers are left out: all of them are 100.
std::string outcome(const Output& out) {
  std::string text;
  for (const auto& send : out.sends) {
    const auto bytes = out.bytes(send);
    if (!bytes.starts_with("SIP/2.0 "))
      text += "forwarded ";
    else if (!bytes.starts_with("SIP/2.0 1"))
      text += std::string(bytes.substr(8, 3)) + " ";
  }
  for (const auto& event : out.events) text += std::visit(EventName{}, event);
  if (!out.lookups.empty()) text += "lookup ";
  if (text.empty()) return "nothing";
  text.pop_back();
  return text;
}

std::string by_endpoint(const std::string& bytes) {
  EndpointConfig config;
  config.accept = "application/sdp";
  config.lenient_dialogs = false;
  Endpoint endpoint(config, Seed{1});
  Output out;
  endpoint.on_message(bytes, from_somebody, TimePoint{} + std::chrono::hours(1), out);
  return outcome(out);
}

std::string by_server(const std::string& bytes) {
  ServerConfig config;
  config.domains = {"example.com"};
  config.relay_for = RelayFor::everyone;
  Location location;
  Server server(config, Seed{1}, location);
  server.on_listening({Transport::udp, from_somebody.local, {}, 0});
  server.on_listening({Transport::udp, *Address::parse("[2001:db8::99]:5060"), {}, 0});
  Output out;
  server.on_message(bytes, from_somebody, TimePoint{} + std::chrono::hours(1), out);
  return outcome(out);
}

template <std::size_t size>
void check_all(const Row (&rows)[size]) {
  for (const auto& row : rows) {
    CAPTURE(row.section);
    CAPTURE(row.name);
    CAPTURE(row.rfc);
    const auto bytes = sip_corpus::message(std::string("torture/") + row.name);
    REQUIRE(!bytes.empty());
    CHECK(by_endpoint(bytes) == row.endpoint);
    CHECK(by_server(bytes) == row.server);
  }
}

}  // namespace

TEST_CASE("RFC 4475 over the wire: valid messages") {
  const Row rows[] = {
      {"3.1.1.1", "wsinv", "well-formed; in no dialog of ours", "481", "lookup"},
      {"3.1.1.2", "intmeth", "user agents 501, proxies forward or refuse", "501", "480"},
      {"3.1.1.3", "esc01", "well-formed", "call", "lookup"},
      {"3.1.1.4", "escnull", "two contacts are registered", "user", "200"},
      {"3.1.1.5", "esc02", "no REGISTER but an unknown method", "501", "lookup"},
      {"3.1.1.6", "lwsdisp", "well-formed", "200", "480"},
      {"3.1.1.7", "longreq", "well-formed", "call", "480"},
      {"3.1.1.8", "dblreq", "a REGISTER; what is behind it is ignored", "user", "200"},
      {"3.1.1.9", "semiuri", "the user part holds a semicolon", "200", "480"},
      {"3.1.1.10", "transports", "well-formed", "200", "480"},
      {"3.1.1.11", "mpart01", "well-formed; 415 by who knows no multipart", "415", "forwarded"},
      {"3.1.1.12", "unreason", "a response to nothing of ours", "nothing", "nothing"},
      {"3.1.1.13", "noreason", "a response to nothing of ours", "nothing", "nothing"},
  };
  check_all(rows);
}

TEST_CASE("RFC 4475 over the wire: invalid messages") {
  const Row rows[] = {
      {"3.1.2.1", "badinv01", "400", "400", "400"},
      {"3.1.2.2", "clerr", "400", "400", "400"},
      {"3.1.2.3", "ncl", "400", "400", "400"},
      {"3.1.2.4", "scalar02", "400, for the CSeq", "400", "400"},
      {"3.1.2.5", "scalarlg", "discarded", "nothing", "nothing"},
      {"3.1.2.6", "quotbal", "400", "400", "400"},
      {"3.1.2.7", "ltgtruri", "400", "400", "400"},
      {"3.1.2.8", "lwsruri", "400", "400", "400"},
      {"3.1.2.9", "lwsstart", "400, or taken without the spaces", "call", "480"},
      {"3.1.2.10", "trws", "400, or taken without the spaces", "200", "480"},
      {"3.1.2.11", "escruri", "400, or taken without the headers", "400", "400"},
      {"3.1.2.12", "baddate", "400, or taken without the Date", "call", "480"},
      {"3.1.2.13", "regbadct", "400 by the registrar", "user", "400"},
      {"3.1.2.14", "badaspec", "400, or taken without the spaces", "200", "lookup"},
      {"3.1.2.15", "baddn", "400, or taken", "200", "lookup"},
      {"3.1.2.16", "badvers", "505", "505", "505"},
      {"3.1.2.17", "mismatch01", "400", "400", "400"},
      {"3.1.2.18", "mismatch02", "400 or 501", "400", "400"},
      {"3.1.2.19", "bigcode", "discarded", "nothing", "nothing"},
  };
  check_all(rows);
}

TEST_CASE("RFC 4475 over the wire: transactions, application, RFC 2543") {
  const Row rows[] = {
      {"3.2.1", "badbranch", "as a request of RFC 2543", "200", "480"},
      {"3.3.1", "insuf", "400 if it can be", "400", "400"},
      {"3.3.2", "unkscm", "416", "416", "416"},
      {"3.3.3", "novelsc", "416", "416", "416"},
      {"3.3.4", "unksm2", "400 by the registrar, for the To", "user", "400"},
      {"3.3.5", "bext01", "420, by proxies for Proxy-Require", "420", "420"},
      {"3.3.6", "invut", "415 by user agents", "415", "480"},
      {"3.3.7", "regaut01", "as if there were no credentials", "user", "200"},
      {"3.3.8", "multi01", "400", "400", "400"},
      {"3.3.9", "mcl01", "400", "400", "400"},
      {"3.3.10", "bcast", "discarded by user agents, not sent on by proxies", "nothing", "nothing"},
      {"3.3.11", "zeromf", "483 by proxies, 200 by its target", "200", "483"},
      {"3.3.12", "cparam01", "registered", "user", "200"},
      {"3.3.13", "cparam02", "registered", "user", "200"},
      {"3.3.14", "regescrt", "registered, the header with it", "user", "200"},
      {"3.3.15", "sdp01", "could be refused with 406 or 400: for the user to say", "call", "480"},
      {"3.4.1", "inv2543", "taken", "call", "480"},
  };
  check_all(rows);
}

TEST_CASE("RFC 5118 over the wire") {
  const Row rows[] = {
      {"4.1", "ipv6-good", "well-formed", "user", "forwarded"},
      {"4.2", "ipv6-bad", "400", "400", "400"},
      {"4.3", "port-ambiguous", "well-formed", "user", "forwarded"},
      {"4.4", "port-unambiguous", "well-formed", "user", "forwarded"},
      {"4.5", "via-received-param-with-delim", "taken", "481", "forwarded"},
      {"4.5", "via-received-param-no-delim", "taken", "200", "forwarded"},
      {"4.6", "ipv6-in-sdp", "well-formed", "call", "forwarded"},
      {"4.7", "mult-ip-in-header", "well-formed", "481", "lookup"},
      {"4.8", "mult-ip-in-sdp", "well-formed", "call", "forwarded"},
      {"4.9", "ipv4-mapped-ipv6", "well-formed", "call", "480"},
      {"4.10", "ipv6-bug-abnf-3-colons", "taken", "200", "lookup"},
      {"4.10", "ipv6-correct-abnf-2-colons", "taken", "200", "forwarded"},
  };
  check_all(rows);
}
