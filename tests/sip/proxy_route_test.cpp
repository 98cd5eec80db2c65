// Routes of the proxy: 16.4 and 16.6, loops, Path, and the ways back through NAT and connections.
#include <doctest/doctest.h>

#include "tests/sip/server_scene.hpp"

using namespace sip;
using namespace sip::test;

namespace {

constexpr auto us = "<sip:192.0.2.1:5060;lr>";

std::string route(std::string_view value) {
  return "Route: " + std::string(value) + "\r\n";
}

}  // namespace

TEST_CASE("route: what comes in, and what goes out") {
  struct Case {
    const char* name;
    const char* uri;
    std::string headers;
    const char* trace;
    const char* uri_out;
    const char* route_out;
  };
  const Case cases[] = {
      {"no Route: the Request-URI says where", "sip:bob@192.0.2.20", "", "bob<MESSAGE",
       "sip:bob@192.0.2.20", ""},
      {"ours on top is taken off", "sip:bob@192.0.2.20", route(us), "bob<MESSAGE",
       "sip:bob@192.0.2.20", ""},
      {"both of a double one", "sip:bob@192.0.2.20",
       route("<sip:192.0.2.1:5060;lr>, <sip:192.0.2.1:5060;transport=tcp;lr>"), "bob<MESSAGE",
       "sip:bob@192.0.2.20", ""},
      {"our domain is us", "sip:bob@192.0.2.20", route("<sip:example.org;lr>"), "bob<MESSAGE",
       "sip:bob@192.0.2.20", ""},
      {"the next one decides where", "sip:carol@192.0.2.30",
       route(std::string(us) + ", <sip:192.0.2.20;lr>"), "bob<MESSAGE", "sip:carol@192.0.2.30",
       "<sip:192.0.2.20;lr>"},
      {"several lines", "sip:carol@192.0.2.30",
       route(us) + route("<sip:192.0.2.20;lr>") + route("<sip:192.0.2.21;lr>"), "bob<MESSAGE",
       "sip:carol@192.0.2.30", "<sip:192.0.2.20;lr>, <sip:192.0.2.21;lr>"},
      {"another's on top stays as it is written", "sip:carol@192.0.2.30",
       route("\"B\"   <sip:192.0.2.20;lr>"), "bob<MESSAGE", "sip:carol@192.0.2.30",
       "\"B\"   <sip:192.0.2.20;lr>"},
      {"a strict router is next", "sip:carol@192.0.2.30", route("<sip:192.0.2.20>"), "bob<MESSAGE",
       "sip:192.0.2.20", "<sip:carol@192.0.2.30>"},
      {"a strict router, and more", "sip:carol@192.0.2.30",
       route("<sip:192.0.2.20>, <sip:192.0.2.21;lr>"), "bob<MESSAGE", "sip:192.0.2.20",
       "<sip:192.0.2.21;lr>, <sip:carol@192.0.2.30>"},
      {"a strict router sent it", "sip:192.0.2.1:5060;lr",
       route("<sip:192.0.2.20;lr>, <sip:carol@192.0.2.30>"), "bob<MESSAGE", "sip:carol@192.0.2.30",
       "<sip:192.0.2.20;lr>"},
      {"a strict router sent it, nothing is left", "sip:192.0.2.1:5060;lr",
       route("<sip:carol@192.0.2.30>"), "carol<MESSAGE", "sip:carol@192.0.2.30", ""},
      {"maddr names us", "sip:carol@192.0.2.30:5060;maddr=192.0.2.1", "", "carol<MESSAGE",
       "sip:carol@192.0.2.30", ""},
      {"maddr names another", "sip:carol@example.com;maddr=192.0.2.20", "", "bob<MESSAGE",
       "sip:carol@example.com;maddr=192.0.2.20", ""},
  };
  for (const auto& c : cases) {
    CAPTURE(c.name);
    Scene s;
    s.send("alice", request("MESSAGE", c.uri, {.extra = c.headers}));
    const auto trace = s.take();
    CHECK(trace == c.trace);
    const auto out = s.last(trace.substr(0, trace.find('<')), "MESSAGE");
    CHECK(uri_of(out) == c.uri_out);
    CHECK(header_of(out, "Route") == c.route_out);
  }
}

TEST_CASE("forwarded: everything else keeps its bytes and its order") {
  Scene s;
  s.send(
      "alice",
      "MESSAGE sip:bob@192.0.2.20 SIP/2.0\r\n"
      "X-First:  odd   spacing \r\n"
      "v: SIP/2.0/UDP 10.0.0.5:5062;rport;branch=z9hG4bK-1 , SIP/2.0/TCP inner;branch=z9hG4bK-0\r\n"
      "f: <sip:alice@example.org>;tag=a1\r\nt: <sip:bob@192.0.2.20>\r\ni: c\r\n"
      "CSeq: 1 MESSAGE\r\nSubject: folded\r\n  line\r\nMAX-FORWARDS: 10\r\nX-Last: 1\r\n\r\nhello");
  CHECK(s.take() == "bob<MESSAGE");
  auto out = s.last("bob", "MESSAGE");
  const auto via_end = out.find("\r\n", out.find("Via: ")) + 2;
  CHECK(out.substr(via_end) ==
        "Max-Forwards: 9\r\nMax-Breadth: 60\r\nX-First:  odd   spacing \r\n"
        "Via: SIP/2.0/UDP 10.0.0.5:5062;rport=5060;branch=z9hG4bK-1;received=192.0.2.10 , "
        "SIP/2.0/TCP inner;branch=z9hG4bK-0\r\n"
        "f: <sip:alice@example.org>;tag=a1\r\nt: <sip:bob@192.0.2.20>\r\ni: c\r\n"
        "CSeq: 1 MESSAGE\r\nSubject: folded\r\n  line\r\nX-Last: 1\r\n\r\nhello");
}

TEST_CASE("forwarded: received and rport of the hop before us") {
  struct Case {
    const char* via;
    const char* forwarded;
  };
  const Case cases[] = {
      {"SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bK-1",
       "SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bK-1"},
      {"SIP/2.0/UDP 10.0.0.5;branch=z9hG4bK-1",
       "SIP/2.0/UDP 10.0.0.5;branch=z9hG4bK-1;received=192.0.2.10"},
      {"SIP/2.0/UDP 192.0.2.10;rport;branch=z9hG4bK-1",
       "SIP/2.0/UDP 192.0.2.10;rport=5060;branch=z9hG4bK-1;received=192.0.2.10"},
      {"SIP/2.0/UDP 10.0.0.5;branch=z9hG4bK-1;rport=9;received=10.9.9.9",
       "SIP/2.0/UDP 10.0.0.5;branch=z9hG4bK-1;received=192.0.2.10;rport=5060"},
  };
  for (const auto& c : cases) {
    CAPTURE(c.via);
    Scene s;
    s.send("alice", request("MESSAGE", "sip:bob@192.0.2.20", {.via = c.via}));
    const auto vias = header_of(s.last("bob", "MESSAGE"), "Via");
    CHECK(vias.substr(vias.find(" | ") + 3) == c.forwarded);
  }
}

TEST_CASE("loops: a request that comes back unchanged is refused, a spiral is not") {
  Scene s;
  s.send("alice", request("MESSAGE", "sip:bob@192.0.2.20"));
  auto back = s.last("bob", "MESSAGE");
  s.take();
  s.send("bob", back);
  CHECK(s.take() == "bob<482");
  CHECK(s.server.server_counters().loops == 1);
  const auto at = back.find("sip:bob@192.0.2.20");
  auto spiral = back;
  spiral.replace(at, 18, "sip:eve@192.0.2.30");
  s.send("bob", spiral);
  CHECK(s.take() == "carol<MESSAGE");
}

TEST_CASE("path: its values become the Route (RFC 3327)") {
  Scene s;
  s.bind("bob", "sip:bob@10.0.0.5:5060", "alice", 1000, "<sip:192.0.2.20;lr>, <sip:192.0.2.21;lr>");
  s.send("carol", request("INVITE", "sip:bob@example.org"));
  CHECK(s.take() == "carol<100 bob<INVITE");
  CHECK(header_of(s.last("bob", "INVITE"), "Route") == "<sip:192.0.2.20;lr>, <sip:192.0.2.21;lr>");
  CHECK(uri_of(s.last("bob", "INVITE")) == "sip:bob@10.0.0.5:5060");
}

TEST_CASE("record-route: two when the transport changes (RFC 5658), none when it is off") {
  Scene s;
  s.peer("tcp", flow_between("192.0.2.1:5060", "192.0.2.40:5060", Transport::tcp));
  s.send("alice", request("INVITE", "sip:bob@192.0.2.40;transport=tcp"));
  CHECK(s.take() == "alice<100 tcp<INVITE");
  CHECK(header_of(s.last("tcp", "INVITE"), "Record-Route") ==
        "<sip:192.0.2.1:5060;transport=tcp;lr> | <sip:192.0.2.1:5060;lr>");
  CHECK(header_of(s.last("tcp", "INVITE"), "Via")
            .starts_with("SIP/2.0/TCP 192.0.2.1:5060;rport;branch="));
  auto config = open_proxy();
  config.record_route = false;
  Scene t(config);
  t.send("alice", request("INVITE", "sip:bob@192.0.2.20"));
  CHECK(header_of(t.last("bob", "INVITE"), "Record-Route") == "");
  CHECK(header_of(s.last("tcp", "INVITE"), "Content-Length") == "0");
}

TEST_CASE("record-route: before those of others, and only where a dialog may begin") {
  Scene s;
  s.send("alice", request("INVITE", "sip:bob@192.0.2.20",
                          {.extra = "Record-Route: <sip:192.0.2.77;lr>\r\n"}));
  CHECK(header_of(s.last("bob", "INVITE"), "Record-Route") ==
        "<sip:192.0.2.1:5060;lr> | <sip:192.0.2.77;lr>");
  for (const auto* method : {"SUBSCRIBE", "REFER", "NOTIFY"}) {
    s.send("alice", request(method, "sip:bob@192.0.2.20", {.call_id = method}));
    CHECK(header_of(s.last("bob", method), "Record-Route") != "");
  }
  for (const auto* method : {"MESSAGE", "OPTIONS", "BYE", "INFO"}) {
    s.send("alice", request(method, "sip:bob@192.0.2.20", {.call_id = method}));
    CHECK(header_of(s.last("bob", method), "Record-Route") == "");
  }
}

TEST_CASE("record-route: sips stays sips") {
  Scene s;
  s.server.on_listening({Transport::tls, *Address::parse("192.0.2.1:5061"), {}, 0});
  s.peer("tls", flow_between("192.0.2.1:5061", "192.0.2.40:5061", Transport::tls));
  s.send("alice", request("INVITE", "sips:bob@192.0.2.40"));
  CHECK(s.take() == "alice<100 tls<INVITE");
  CHECK(header_of(s.last("tls", "INVITE"), "Record-Route").starts_with("<sips:192.0.2.1:5061;"));
  Scene t;  // nothing here speaks TLS
  t.send("alice", request("MESSAGE", "sips:bob@192.0.2.40"));
  CHECK(t.take() == "alice<500");
}

// A browser on a WebSocket calls bob, who is behind a NAT; bob's Contact and hers lead nowhere.
TEST_CASE("flows: requests inside a dialog find the way back to who cannot be dialled") {
  Scene s;
  s.peer("web", flow_between("192.0.2.1:8080", "198.51.100.9:50001", Transport::ws, 77));
  s.peer("nat", flow_between("192.0.2.1:5060", "198.51.100.8:40001"));
  s.bind("bob", "sip:bob@10.0.0.7:5060", "nat");
  s.send("web", request("INVITE", "sip:bob@example.org",
                        {.via = "SIP/2.0/WS df7jal23ls0d.invalid;branch=z9hG4bK-w1"}));
  CHECK(s.take() == "web<100 nat<INVITE");
  const auto invite = s.last("nat", "INVITE");
  s.reply("nat", "INVITE", 200);
  CHECK(s.take() == "web<200");
  const auto two = header_of(invite, "Record-Route");
  const auto outer = two.substr(0, two.find(" | ")), inner = two.substr(two.find(" | ") + 3);
  CHECK(outer.ends_with("@192.0.2.1:5060;lr>"));
  CHECK(inner.ends_with("@192.0.2.1:8080;transport=ws;lr>"));

  s.send("web", request("ACK", "sip:bob@10.0.0.7:5060",
                        {.to = "<sip:bob@example.org>;tag=tag-nat",
                         .via = "SIP/2.0/WS df7jal23ls0d.invalid;branch=z9hG4bK-w2",
                         .extra = route(inner + ", " + outer)}));
  CHECK(s.take() == "nat<ACK");
  s.send("nat", request("BYE", "sip:alice@df7jal23ls0d.invalid;transport=ws",
                        {.from = "<sip:bob@example.org>;tag=tag-nat",
                         .to = "<sip:alice@example.org>;tag=a1",
                         .via = "SIP/2.0/UDP 10.0.0.7:5060;rport;branch=z9hG4bK-b1",
                         .extra = route(outer + ", " + inner)}));
  CHECK(s.take() == "web<BYE");
  s.reply("web", "BYE", 200);
  CHECK(s.take() == "nat<200");
}

TEST_CASE("flows: a token is worth nothing in another call, and a broken one is no token") {
  auto config = open_proxy();
  config.relay_for = RelayFor::nobody;
  Scene s(config);
  s.bind("bob", "sip:bob@192.0.2.20:5060", "bob");
  s.send("alice", request("INVITE", "sip:bob@example.org"));
  const auto record = header_of(s.last("bob", "INVITE"), "Record-Route");
  CHECK(s.take() == "alice<100 bob<INVITE");
  RequestOptions bye{.to = "<sip:bob@example.org>;tag=tag-bob",
                     .via = "SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bK-a2"};
  const auto with_token = route(record);
  bye.extra = with_token;
  s.send("alice", request("BYE", "sip:bob@192.0.2.20:5060", bye));
  CHECK(s.take() == "bob<BYE");
  bye.call_id = "another";
  bye.via = "SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bK-a3";
  s.send("alice", request("BYE", "sip:bob@192.0.2.20:5060", bye));
  CHECK(s.take() == "alice<403");
  CHECK(s.server.server_counters().bad_tokens == 1);
  CHECK(s.server.server_counters().relays_refused == 1);
}

TEST_CASE("next hop: all requests, by the transport that they came by; loose ones through Route") {
  auto config = open_proxy();
  config.next_hop_for = NextHopFor::everything;
  config.next_hop = "sip:192.0.2.20";
  Scene s(config);
  s.peer("tcp", flow_between("192.0.2.1:5060", "192.0.2.40:40000", Transport::tcp, 5));
  s.peer("bob-tcp", flow_between("192.0.2.1:5060", "192.0.2.20:5060", Transport::tcp));
  s.send("alice", request("MESSAGE", "sip:any@elsewhere.example"));
  s.send("tcp", request("MESSAGE", "sip:any@example.org",
                        {.via = "SIP/2.0/TCP 192.0.2.40;branch=z9hG4bK-t"}));
  CHECK(s.take() == "bob<MESSAGE bob-tcp<MESSAGE");
  CHECK(uri_of(s.last("bob", "MESSAGE")) == "sip:any@elsewhere.example");
  CHECK(header_of(s.last("bob", "MESSAGE"), "Route") == "");
  s.send("alice", request("OPTIONS", "sip:192.0.2.1"));
  CHECK(s.take() == "alice<200");
  // A Route that names us is one thing before a dialog (we are the first proxy), another inside.
  s.send("alice",
         request("MESSAGE", "sip:any@192.0.2.30", {.call_id = "2", .cseq = 2, .extra = route(us)}));
  CHECK(s.take() == "bob<MESSAGE");
  s.send(
      "alice",
      request("MESSAGE", "sip:any@192.0.2.30",
              {.to = "<sip:b@example.org>;tag=1", .call_id = "3", .cseq = 3, .extra = route(us)}));
  CHECK(s.take() == "carol<MESSAGE");
  config.next_hop = "sip:192.0.2.20;lr";
  config.next_hop_for = NextHopFor::foreign;
  Scene t(config);
  t.bind("bob", "sip:bob@192.0.2.30:5060", "carol");
  t.send("alice", request("MESSAGE", "sip:any@elsewhere.example"));
  t.send("alice", request("MESSAGE", "sip:bob@example.org", {.call_id = "2", .cseq = 2}));
  CHECK(t.take() == "bob<MESSAGE carol<MESSAGE");
  CHECK(header_of(t.last("bob", "MESSAGE"), "Route") == "<sip:192.0.2.20;lr>");
}

TEST_CASE("large: what is more than 1,300 bytes goes by TCP, and by UDP when that is refused") {
  const std::string body(1200, 'x');
  Scene s;
  s.peer("bob-tcp", flow_between("192.0.2.1:5060", "192.0.2.20:5060", Transport::tcp));
  s.send("alice", request("MESSAGE", "sip:bob@192.0.2.20", {.body = body}));
  CHECK(s.take() == "bob-tcp<MESSAGE");
  CHECK(header_of(s.last("bob-tcp", "MESSAGE"), "Via").starts_with("SIP/2.0/TCP "));
  s.fail_sends_to("bob-tcp");
  CHECK(s.take() == "bob<MESSAGE");
  CHECK(header_of(s.last("bob", "MESSAGE"), "Via").starts_with("SIP/2.0/UDP "));
  CHECK(s.last("bob", "MESSAGE").ends_with(body));
  s.reply("bob", "MESSAGE", 200);
  CHECK(s.take() == "alice<200");
  auto config = open_proxy();
  config.large_by_stream = false;
  Scene t(config);
  t.send("alice", request("MESSAGE", "sip:bob@192.0.2.20", {.body = body}));
  CHECK(t.take() == "bob<MESSAGE");
}

TEST_CASE("flows: when the connection of a registration is gone, its contact is tried") {
  Scene s;
  s.peer("bob-tcp", flow_between("192.0.2.1:5060", "192.0.2.20:40007", Transport::tcp, 8));
  s.peer("bob-again", flow_between("192.0.2.1:5060", "192.0.2.20:5060", Transport::tcp));
  s.bind("bob", "sip:bob@192.0.2.20:5060;transport=tcp", "bob-tcp");
  s.send("alice", request("INVITE", "sip:bob@example.org"));
  CHECK(s.take() == "alice<100 bob-tcp<INVITE");
  s.fail_sends_to("bob-tcp");
  CHECK(s.take() == "bob-again<INVITE");
  s.fail_sends_to("bob-again");
  CHECK(s.take() == "alice<500");
}

TEST_CASE(
    "answers: to the port of the Via when rport is not asked for, to the source behind a NAT") {
  struct Case {
    const char* via;
    const char* trace;
  };
  const Case cases[] = {
      {"SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bK-1", "alice<200"},
      {"SIP/2.0/UDP 192.0.2.10;branch=z9hG4bK-1", "alice<200"},
      {"SIP/2.0/UDP 192.0.2.10:5060;rport;branch=z9hG4bK-1", "sender<200"},
      {"SIP/2.0/UDP 10.0.0.5:5060;branch=z9hG4bK-1", "sender<200"},
      {"SIP/2.0/UDP host.example;branch=z9hG4bK-1", "sender<200"},
  };
  for (const auto& c : cases) {
    CAPTURE(c.via);
    Scene s;
    s.peer("sender", flow_between("192.0.2.1:5060", "192.0.2.10:40001"));
    s.send("sender", request("OPTIONS", "sip:example.org", {.via = c.via}));
    CHECK(s.take() == c.trace);
    s.send("sender", request("MESSAGE", "sip:bob@192.0.2.20", {.via = c.via}));
    s.reply("bob", "MESSAGE", 200);
    CHECK(s.take() == "bob<MESSAGE " + std::string(c.trace));
  }
}
