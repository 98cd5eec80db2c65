// What an Endpoint refuses before anybody looks at it (RFC 3261 8.2), and its strict side.
#include <doctest/doctest.h>

#include "tests/sip/pair.hpp"

using namespace std::chrono_literals;
using namespace sip;
using namespace sip::test;

namespace {

const Flow from_peer{Transport::udp, address_of("192.0.2.1:5060"), address_of("203.0.113.7:40001"),
                     ConnectionId::none};

std::string request(const std::string& method, const std::string& headers = {},
                    const std::string& body = {}, const std::string& uri = "sip:u@192.0.2.1") {
  return method + " " + uri +
         " SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.5:5060;rport;branch=z9hG4bK1\r\n"
         "From: <sip:a@b>;tag=1\r\nTo: <sip:u@192.0.2.1>\r\nCall-ID: 1\r\nCSeq: 1 " +
         method + "\r\nContact: <sip:a@10.0.0.5>\r\n" + headers +
         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

std::string reply(Endpoint& endpoint, const std::string& bytes, TimePoint now = {}) {
  Output out;
  endpoint.on_message(bytes, from_peer, now, out);
  return out.sends.empty() ? "" : std::string(out.bytes(out.sends.back()));
}

std::string changed(std::string text, const std::string& from, const std::string& to) {
  const auto at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

}  // namespace

TEST_CASE("requests are checked in the order of 8.2") {
  EndpointConfig config;
  config.allow = "INVITE, ACK, CANCEL, BYE, OPTIONS, MESSAGE, SUBSCRIBE, NOTIFY, PRACK, UPDATE";
  config.supported = "path";
  config.accept = "application/sdp, text/plain";
  config.event_packages = "presence";
  const std::string sdp = "Content-Type: application/sdp\r\n";
  const struct {
    const char* name;
    std::string bytes;
    const char* status;
    const char* header;  // that the answer must have
  } cases[] = {
      {"405", request("PUBLISH"), "405", "\r\nAllow: INVITE"},
      {"501", request("FROBNICATE"), "501", ""},
      {"405 comes before 420", request("PUBLISH", "Require: nothing\r\n"), "405", ""},
      {"416", request("OPTIONS", "", "", "http://example.org/"), "416", ""},
      {"420", request("OPTIONS", "Require: path, nothing, 100rel, nix\r\n"), "420",
       "\r\nUnsupported: nothing, nix\r\n"},
      {"Require that is met", request("OPTIONS", "Require: path, timer\r\n"), "200", ""},
      {"415 by type", request("MESSAGE", "Content-Type: text/html\r\n", "x"), "415",
       "\r\nAccept: application/sdp, text/plain\r\n"},
      {"415 by encoding", request("MESSAGE", sdp + "Content-Encoding: gzip\r\n", "x"), "415",
       "\r\nAccept-Encoding: identity\r\n"},
      {"an optional body may be anything",
       request("OPTIONS", "Content-Type: text/html\r\nContent-Disposition: x;handling=optional\r\n",
               "x"),
       "200", ""},
      {"493: S/MIME that we cannot read",
       request("OPTIONS", "Content-Type: application/pkcs7-mime\r\n", "x"), "493", ""},
      {"489", request("SUBSCRIBE", "Event: dialog\r\n"), "489", "\r\nAllow-Events: presence\r\n"},
      {"423", request("SUBSCRIBE", "Event: presence\r\nExpires: 5\r\n"), "423",
       "\r\nMin-Expires: 60\r\n"},
      {"422", request("INVITE", "Session-Expires: 30\r\nSupported: timer\r\n"), "422",
       "\r\nMin-SE: 90\r\n"},
      {"505", changed(request("OPTIONS"), "SIP/2.0", "SIP/7.0"), "505", ""},
      {"481: a dialog that is not", request("UPDATE"), "481", ""},
      {"Max-Forwards 0 is for proxies: OPTIONS is answered (11.1)",
       request("OPTIONS", "Max-Forwards: 0\r\n"), "200", "\r\nAllow: INVITE"},
  };
  for (const auto& c : cases) {
    CAPTURE(c.name);
    Endpoint endpoint(config, Seed{1});
    const auto answer = reply(endpoint, c.bytes);
    CHECK(answer.substr(0, 12) == std::string("SIP/2.0 ") + c.status + " ");
    CHECK(answer.find(c.header) != std::string::npos);
    CHECK(endpoint.counters().answered(std::stoi(c.status)) == 1);
  }
}

TEST_CASE("421: what a request must support") {
  EndpointConfig config;
  config.demanded = "path";
  Endpoint endpoint(config, Seed{1});
  CHECK(reply(endpoint, request("OPTIONS")).find("\r\nRequire: path\r\n") != std::string::npos);
  Endpoint other(config, Seed{1});
  CHECK(reply(other, request("OPTIONS", "Supported: path\r\n")).starts_with("SIP/2.0 200 "));
}

TEST_CASE("503 with Retry-After when full") {
  EndpointConfig config;
  config.limits.transactions = 0;
  Endpoint endpoint(config, Seed{1});
  const auto answer = reply(endpoint, request("MESSAGE"));
  CHECK(answer.starts_with("SIP/2.0 503 "));
  const auto after = answer.find("\r\nRetry-After: ");
  REQUIRE(after != std::string::npos);
  const int seconds = std::stoi(answer.substr(after + 15));
  CHECK(seconds >= 5);
  CHECK(seconds <= 30);
}

TEST_CASE("an answer without state is the same each time (8.2.7)") {
  EndpointConfig config;
  config.limits.transactions = 0;
  Endpoint endpoint(config, Seed{1});
  const auto first = reply(endpoint, request("INVITE"));
  CHECK(first.find(">;tag=") != std::string::npos);
  CHECK(reply(endpoint, request("INVITE")) == first);
  const auto other =
      reply(endpoint, changed(request("INVITE"), "branch=z9hG4bK1", "branch=z9hG4bK2"));
  CHECK(other.substr(other.find("To:"), 60) != first.substr(first.find("To:"), 60));
}

TEST_CASE("OPTIONS tells what an INVITE would find (11.2)") {
  EndpointConfig config;
  config.limits.calls = 1;
  config.supported = "path";
  config.accept = "application/sdp";
  Endpoint endpoint(config, Seed{1});
  const auto able = reply(endpoint, request("OPTIONS"));
  CHECK(able.starts_with("SIP/2.0 200 "));
  for (const char* line :
       {"\r\nAllow: INVITE, ", "\r\nAccept: application/sdp\r\n",
        "\r\nAccept-Encoding: identity\r\n", "\r\nSupported: 100rel, timer, path\r\n"}) {
    CAPTURE(line);
    CHECK(able.find(line) != std::string::npos);
  }
  Endpoint plain({}, Seed{1});
  CHECK(reply(plain, request("OPTIONS")).find("\r\nAccept: */*\r\n") != std::string::npos);
  // No room for a call: nor would there be for an INVITE.
  static_cast<void>(reply(endpoint, changed(request("INVITE"), "z9hG4bK1", "z9hG4bK2")));
  CHECK(reply(endpoint, changed(request("OPTIONS"), "z9hG4bK1", "z9hG4bK3"))
            .starts_with("SIP/2.0 486 "));
}

TEST_CASE("513 and 413-like: too large") {
  EndpointConfig config;
  config.limits.message_bytes = 500;
  Endpoint endpoint(config, Seed{1});
  CHECK(
      reply(endpoint, request("MESSAGE", "", std::string(1000, 'x'))).starts_with("SIP/2.0 513 "));
}

TEST_CASE("merged requests: the same one by two ways (8.2.2.2)") {
  SUBCASE("INVITE, always") {
    Endpoint endpoint({}, Seed{1});
    CHECK(reply(endpoint, request("INVITE")) == "");
    CHECK(reply(endpoint, changed(request("INVITE"), "z9hG4bK1", "z9hG4bK2"))
              .starts_with("SIP/2.0 482 "));
    CHECK(reply(endpoint, changed(changed(request("INVITE"), "z9hG4bK1", "z9hG4bK3"), "CSeq: 1",
                                  "CSeq: 2")) == "");
  }
  SUBCASE("others when dialogs are strict") {
    EndpointConfig config;
    config.lenient_dialogs = false;
    Endpoint endpoint(config, Seed{1});
    CHECK(reply(endpoint, request("MESSAGE")) == "");
    const auto twin = changed(request("MESSAGE"), "z9hG4bK1", "z9hG4bK2");
    CHECK(reply(endpoint, twin).starts_with("SIP/2.0 482 "));
    CHECK(reply(endpoint, changed(twin, "z9hG4bK2", "z9hG4bK3")).starts_with("SIP/2.0 482 "));
  }
  SUBCASE("cameras are let count as they like") {
    Endpoint endpoint({}, Seed{1});
    CHECK(reply(endpoint, request("MESSAGE")) == "");
    CHECK(reply(endpoint, changed(request("MESSAGE"), "z9hG4bK1", "z9hG4bK2")) == "");
  }
}

TEST_CASE("strict dialogs: tags must match, CSeq must not go back (12.2.2)") {
  EndpointConfig config;
  config.lenient_dialogs = false;
  Pair pair({}, config);
  pair.b.rule = accept_calls;
  const auto call = pair.a.endpoint.invite(invite_to(pair.a, pair.b), pair.now(), pair.a.out);
  pair.run_for(1s);
  const auto info = pair.b.endpoint.list_calls({}, 1).at(0);
  auto inside = [&](const std::string& method, int cseq, const std::string& from,
                    const std::string& branch) {
    const std::string bytes = method +
                              " sip:x@192.0.2.2 SIP/2.0\r\nVia: SIP/2.0/UDP "
                              "192.0.2.1:5060;branch=z9hG4bK" +
                              branch + "\r\nFrom: " + from + "\r\nTo: " + info.local +
                              "\r\nCall-ID: " + info.call_id + "\r\nCSeq: " + std::to_string(cseq) +
                              " " + method + "\r\nContent-Length: 0\r\n\r\n";
    Output out;
    pair.b.endpoint.on_message(bytes, pair.b.flow_to(pair.a), pair.now(), out);
    return out.sends.empty() ? std::string("asked")
                             : std::string(out.bytes(out.sends[0])).substr(8, 3);
  };
  CHECK(inside("INFO", 5, info.remote, "1") == "asked");
  CHECK(inside("INFO", 4, info.remote, "2") == "500");
  CHECK(inside("BYE", 3, info.remote, "3") == "500");
  CHECK(inside("INFO", 9, "<sip:x@y>;tag=wrong", "4") == "481");
  CHECK(inside("OPTIONS", 9, "<sip:x@y>;tag=wrong", "5") == "481");
  CHECK(inside("BYE", 9, "<sip:x@y>;tag=wrong", "6") == "481");
  CHECK(inside("OPTIONS", 9, info.remote, "7") == "200");
  CHECK(inside("BYE", 10, info.remote, "8") == "200");
  CHECK(pair.a.endpoint.hang_up(call, pair.now(), pair.a.out));
}

TEST_CASE("Date, once the time is known") {
  EndpointConfig config;
  config.date = true;
  Endpoint endpoint(config, Seed{1});
  CHECK(reply(endpoint, request("OPTIONS")).find("\r\nDate: ") == std::string::npos);
  endpoint.tell_time(WallTime{} + 1'289'690'940s, TimePoint{} + 10s);
  CHECK(reply(endpoint, changed(request("OPTIONS"), "z9hG4bK1", "z9hG4bK2"), TimePoint{} + 15s)
            .find("\r\nDate: Sat, 13 Nov 2010 23:29:05 GMT\r\n") != std::string::npos);
}

TEST_CASE("requests inside follow the route or the Contact when targets are followed (12.2.1.1)") {
  EndpointConfig config;
  config.follow_targets = true;
  Endpoint endpoint(config, Seed{1});
  Output out;
  auto called = [&](const std::string& headers, const std::string& contact) {
    Endpoint callee(config, Seed{1});
    out.clear();
    callee.on_message(changed(request("INVITE", headers), "<sip:a@10.0.0.5>", contact), from_peer,
                      {}, out);
    const auto call = std::get<event::IncomingCall>(out.events.at(0)).call;
    callee.answer(call, {}, {}, out);
    out.clear_sends();
    callee.send_in_call(call, {}, {}, out);
    return out.sends.empty() ? std::string("-") : describe(out.sends[0].flow);
  };
  CHECK(called("", "<sip:a@198.51.100.4>").ends_with("-> 198.51.100.4:5060"));
  CHECK(called("", "<sip:a@198.51.100.4:7000;transport=tcp>").ends_with("-> 198.51.100.4:7000"));
  CHECK(called("Record-Route: <sip:198.51.100.9:5070;lr>\r\n", "<sip:a@198.51.100.4>")
            .ends_with("-> 198.51.100.9:5070"));
  CHECK(called("", "<sip:a@example.org>") == "-");  // looked up first: endpoint_lookup_test
}

TEST_CASE("calls can be listed, in pages") {
  Pair pair;
  pair.b.rule = accept_calls;
  for (int i = 0; i < 5; ++i)
    pair.a.endpoint.invite(invite_to(pair.a, pair.b), pair.now(), pair.a.out);
  pair.run_for(1s);
  std::size_t seen = 0;
  CallId after;
  for (;;) {
    const auto page = pair.b.endpoint.list_calls(after, 2);
    if (page.empty()) break;
    for (const auto& info : page) {
      CHECK(info.state == "established");
      CHECK_FALSE(info.outgoing);
      CHECK(info.flow == pair.b.flow_to(pair.a));
      CHECK(info.local.find(info.local_tag) != std::string::npos);
      CHECK(info.remote.find(info.remote_tag) != std::string::npos);
    }
    seen += page.size();
    after = page.back().call;
  }
  CHECK(seen == 5);
}

TEST_CASE("a call outlives its connection, and goes on by another when it is moved") {
  Pair pair;
  pair.b.rule = accept_calls;
  auto spec = invite_to(pair.a, pair.b);
  spec.destination = pair.a.flow_to(pair.b, Transport::tcp);
  spec.destination.connection = ConnectionId{7};
  const auto call = pair.a.endpoint.invite(spec, pair.now(), pair.a.out);
  pair.run_for(1s);
  pair.a.endpoint.on_connection_closed(spec.destination, pair.now(), pair.a.out);
  pair.settle();
  CHECK(pair.a.log() == "answered closed ");
  CHECK(pair.a.endpoint.counters().calls == 1);
  SUBCASE("moved: BYE takes the new way") {
    auto moved = spec.destination;
    moved.connection = ConnectionId{8};
    moved.remote.port = 4711;
    CHECK(pair.a.endpoint.move_call(call, moved));
    pair.a.endpoint.hang_up(call, pair.now(), pair.a.out);
    REQUIRE(pair.a.out.sends.size() == 1);
    CHECK(pair.a.out.sends[0].flow == moved);
  }
  SUBCASE("not moved: BYE tries the old connection, then any that leads there") {
    pair.a.endpoint.hang_up(call, pair.now(), pair.a.out);
    REQUIRE(pair.a.out.sends.size() == 1);
    pair.a.out.clear();
    pair.a.endpoint.on_send_failed(spec.destination, pair.now(), pair.a.out);
    REQUIRE(pair.a.out.sends.size() == 1);
    CHECK(pair.a.out.sends[0].flow.connection == ConnectionId::none);
    pair.run_for(1s);
    CHECK(pair.a.heard.back() == "ended:hung up here");
  }
}
