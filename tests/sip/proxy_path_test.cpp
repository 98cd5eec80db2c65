// The proxy at the edge, between user agents and somebody else's registrar: Path with a token that
// names the flow (RFC 3327, RFC 5626 5.1 and 5.3), and 430 when that flow is gone.
#include <doctest/doctest.h>

#include "tests/sip/server_scene.hpp"

using namespace sip;
using namespace sip::test;

namespace {

constexpr auto supported = "Supported: path, outbound\r\n";

ServerConfig edge() {
  auto config = open_proxy();
  config.registrar = false;
  config.next_hop = "sip:192.0.2.30:5060;transport=udp";  // carol, the registrar
  config.next_hop_for = NextHopFor::everything;
  return config;
}

struct Edge : Scene {
  explicit Edge(ServerConfig config = edge()) : Scene(std::move(config)) {
    peer("browser", flow_between("192.0.2.1:8080", "198.51.100.9:50123", Transport::ws, 7));
    peer("nat", flow_between("192.0.2.1:5060", "198.51.100.7:31234"));
  }
  std::string registered(const std::string& who, std::string_view extra = supported,
                         std::string_view via = "SIP/2.0/WS a.invalid;branch=z9hG4bK-r") {
    send(who, request("REGISTER", "sip:example.org", {.via = via, .extra = extra}));
    CHECK(take() == "carol<REGISTER");
    return header_of(last("carol", "REGISTER"), "Path");
  }
  // What the registrar's domain sends along it.
  void call(const std::string& path, std::string_view method = "INVITE",
            std::string_view to = "<sip:bob@example.org>") {
    send("carol",
         request(method, "sip:x@a.invalid;transport=ws",
                 {.to = to,
                  .via = "SIP/2.0/UDP 192.0.2.30:5060;branch=z9hG4bK-" + std::to_string(++n),
                  .call_id = "call-" + std::to_string(n),
                  .extra = "Route: " + path + "\r\n"}));
  }
  int n = 0;
};

}  // namespace

TEST_CASE("path: who gets one") {
  const struct {
    const char* name;
    const char* who;
    const char* extra;
    const char* via;
    bool path, keeps;
  } cases[] = {
      {"a browser", "browser", supported, "SIP/2.0/WS a.invalid;branch=z9hG4bK-r", true, true},
      {"over UDP nothing keeps the flow", "nat", supported,
       "SIP/2.0/UDP 10.0.0.5:5060;rport;branch=z9hG4bK-r", true, false},
      {"who does not know Path", "browser", "", "SIP/2.0/WS a.invalid;branch=z9hG4bK-r", false,
       false},
      {"another proxy stands between", "nat", supported,
       "SIP/2.0/UDP 10.0.0.5:5060;rport;branch=z9hG4bK-r, SIP/2.0/WS a.invalid;branch=z9hG4bK-s",
       false, false},
  };
  for (const auto& c : cases) {
    CAPTURE(c.name);
    Edge s;
    const auto path = s.registered(c.who, c.extra, c.via);
    CAPTURE(path);
    CHECK(path.empty() != c.path);
    CHECK(path.ends_with(";ob>") == c.keeps);
    if (c.path) CHECK(path.find("@192.0.2.1:5060;lr") != path.npos);
  }
}

TEST_CASE("path: it stands before that of another, and can be switched off") {
  Edge s;
  const auto both = s.registered("browser", "Supported: path\r\nPath: <sip:192.0.2.77;lr>\r\n");
  CHECK(both.ends_with(" | <sip:192.0.2.77;lr>"));
  auto config = edge();
  config.add_path = false;
  Edge without(config);
  CHECK(without.registered("browser").empty());
}

TEST_CASE("path: a registrar of ours needs none") {
  Scene s;
  s.send("alice", request("REGISTER", "sip:example.org",
                          {.to = "<sip:alice@example.org>", .extra = supported}));
  CHECK(s.take() == "alice<200");
  CHECK(header_of(s.last("alice", "200"), "Path").empty());
}

TEST_CASE(
    "path: requests along it reach the user agent by its flow, and so do those of the dialog") {
  Edge s;
  for (const std::string who : {"browser", "nat"}) {
    CAPTURE(who);
    const auto path = s.registered(who);
    s.call(path);
    CHECK(s.take() == "carol<100 " + who + "<INVITE");
    const auto invite = s.last(who, "INVITE");
    CHECK(uri_of(invite) == "sip:x@a.invalid;transport=ws");
    CHECK(header_of(invite, "Route").empty());
    s.reply(who, "INVITE", 200);
    CHECK(s.take() == "carol<200");
    auto back = header_of(s.last("carol", "200"), "Record-Route");
    for (auto bar = back.find(" | "); bar != back.npos; bar = back.find(" | "))
      back.replace(bar, 3, ", ");
    s.send("carol", request("BYE", "sip:x@a.invalid;transport=ws",
                            {.to = "<sip:bob@example.org>;tag=tag-" + who,
                             .via = "SIP/2.0/UDP 192.0.2.30:5060;branch=z9hG4bK-bye" + who,
                             .call_id = "call-" + std::to_string(s.n),
                             .cseq = 2,
                             .extra = "Route: " + back + "\r\n"}));
    CHECK(s.take() == who + "<BYE");
  }
}

TEST_CASE("path: a changed token is none") {
  Edge s;
  auto path = s.registered("browser");
  path[12] = path[12] == 'A' ? 'B' : 'A';
  s.call(path, "MESSAGE");
  CHECK(s.take().find("browser") == std::string::npos);
  CHECK(s.server.server_counters().bad_tokens == 1);
}

TEST_CASE("path: 430 when the flow is gone") {
  Edge s;
  const auto path = s.registered("browser");
  SUBCASE("at once") {
    s.call(path, "MESSAGE");
    CHECK(s.take() == "browser<MESSAGE");
    s.fail_sends_to("browser");
    CHECK(s.take() == "carol<430");
    CHECK(s.last("carol", "430").starts_with("SIP/2.0 430 Flow Failed\r\n"));
  }
  SUBCASE("while it rings") {
    s.call(path);
    s.reply("browser", "INVITE", 180);
    CHECK(s.take() == "carol<100 browser<INVITE carol<180");
    s.act([&](Server& server, TimePoint now, Output& out) {
      server.on_connection_closed(s.flow("browser"), now, out);
    });
    CHECK(s.take() == "carol<430");
  }
  SUBCASE("no answer is a timeout, not a failed flow") {
    s.call(path);
    s.take();
    s.run_for(std::chrono::seconds(40));
    CHECK(s.take().ends_with("carol<408"));
  }
}

TEST_CASE("path: the flow of a registration of ours that fails is no 430") {
  Scene s;
  s.peer("browser", flow_between("192.0.2.1:8080", "198.51.100.9:50123", Transport::ws, 7));
  s.bind("bob", "sip:x@a.invalid;transport=ws", "browser");
  s.send("alice", request("MESSAGE", "sip:bob@example.org"));
  CHECK(s.take() == "browser<MESSAGE");
  s.fail_sends_to("browser");
  CHECK(s.take() == "alice<500");
}
