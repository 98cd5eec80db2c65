#include "gateway/sip_listeners.hpp"

#include <doctest/doctest.h>

#include <functional>

using namespace gateway;

TEST_CASE("sip listeners: who needs a certificate, who only TLS") {
  const struct {
    const char* name;
    std::function<void(Config&)> set;
    bool serves, speaks;
  } cases[] = {
      {"nothing", [](Config&) {}, false, false},
      {"a certificate that nobody uses", [](Config& c) { c.sip_tls.certificate = "gone.pem"; },
       false, false},
      {"TLS", [](Config& c) { c.sip_tls.enabled = true; }, true, true},
      {"WebSocket", [](Config& c) { c.sip_websocket.enabled = true; }, false, false},
      {"secure WebSocket",
       [](Config& c) { c.sip_websocket.enabled = true, c.sip_websocket.secure_port = 443; }, true,
       true},
      {"its port alone", [](Config& c) { c.sip_websocket.secure_port = 443; }, false, false},
      {"a listener",
       [](Config& c) {
         c.sip.listen = {"udp:0.0.0.0:5070", "tls:0.0.0.0:5071"};
       },
       true, true},
      {"a proxy, which may be asked to go to sips",
       [](Config& c) { c.sip_proxy.mode = ProxyMode::stateful; }, false, true},
  };
  for (const auto& c : cases) {
    CAPTURE(c.name);
    Config config;
    c.set(config);
    CHECK(config.serves_tls() == c.serves);
    CHECK(speaks_tls(config) == c.speaks);
  }
}
