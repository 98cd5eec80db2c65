// Connections that we open for transport=ws and wss (RFC 7118): against our own server, and against
// what is none.
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>

#include "echo_core.hpp"
#include "test_certificates.hpp"

using namespace std::chrono_literals;
using namespace sip;
using namespace sip::net;
namespace asio = boost::asio;

namespace {

std::shared_ptr<TlsContext> context(TlsConfig config) {
  auto made = std::make_shared<TlsContext>();
  const auto why = made->load(std::move(config));
  REQUIRE_MESSAGE(!why, *why);
  return made;
}

struct WsPair {
  asio::io_context io;
  EchoSide server{io}, client{io};

  bool asks(Transport transport, const Address& at, std::string_view body = "") {
    const auto heard = client.core.heard.size(), failed = client.core.failed.size();
    client.send({transport, {}, at, {}},
                options(transport == Transport::ws ? "WS" : "WSS", "", body));
    run_until(
        io, [&] { return client.core.heard.size() > heard || client.core.failed.size() > failed; });
    return client.core.heard.size() > heard && is_200(client.core.heard.back());
  }
};

}  // namespace

TEST_CASE("WS client: asks, is answered, and uses its connection again, in both directions") {
  WsPair pair;
  const auto at = pair.server.listen({Transport::ws, {}, {}, 0, {}});
  REQUIRE(pair.asks(Transport::ws, at));
  CHECK(pair.asks(Transport::ws, at, std::string(50'000, 'x')));
  CHECK(pair.server.core.heard.size() == 2);
  CHECK(pair.server.core.heard[1].ends_with(std::string(50'000, 'x')));
  CHECK(pair.server.counters().connections_accepted == 1);
  CHECK(pair.client.counters().connections == 1);
  pair.server.send(pair.server.core.last_flow, options("WS"));
  CHECK(run_until(pair.io, [&] { return pair.server.core.heard.size() == 3; }));
  CHECK(is_200(pair.server.core.heard.back()));
}

TEST_CASE("WS client: many messages before it is upgraded keep their order") {
  WsPair pair;
  const auto at = pair.server.listen({Transport::ws, {}, {}, 0, {}});
  for (int i = 0; i < 20; ++i)
    pair.client.send({Transport::ws, {}, at, {}}, options("WS", "", std::to_string(i)));
  REQUIRE(run_until(pair.io, [&] { return pair.client.core.heard.size() == 20; }));
  for (int i = 0; i < 20; ++i)
    CHECK(pair.server.core.heard[static_cast<std::size_t>(i)].ends_with("\r\n\r\n" +
                                                                        std::to_string(i)));
  CHECK(pair.client.counters().connections == 1);
}

TEST_CASE("WSS client: the server must be who it should be") {
  TestAuthority authority;
  for (const bool right : {true, false}) {
    CAPTURE(right);
    WsPair pair;
    TlsConfig config;
    config.ca_file = authority.ca_file();
    pair.client.driver.connect_with(context(config));
    config.certificates = {authority.issue("server", "x", "DNS:example.com")};
    const auto at = pair.server.listen({Transport::wss, {}, {}, 0, context(config)});
    pair.client.driver.name_server(at, right ? "example.com" : "example.org");
    CHECK(pair.asks(Transport::wss, at) == right);
    CHECK(pair.client.counters().tls_failures == (right ? 0 : 1));
  }
}

TEST_CASE("WSS client: without a context there is none") {
  WsPair pair;
  CHECK_FALSE(pair.asks(Transport::wss, {IpAddress::loopback(), 1}));
  CHECK(pair.client.core.failed.size() == 1);
}

TEST_CASE("WS client: where no WebSocket is, the send has failed") {
  const struct {
    const char* name;
    const char* answer;
  } cases[] = {
      {"another page", "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"},
      {"an upgrade that proves nothing",
       "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
       "Sec-WebSocket-Accept: x\r\nSec-WebSocket-Protocol: sip\r\n\r\n"},
      {"SIP", "SIP/2.0 400 Bad Request\r\n\r\n"},
      {"the end", ""},
  };
  for (const auto& c : cases) {
    CAPTURE(c.name);
    WsPair pair;
    asio::ip::tcp::acceptor acceptor(pair.io, {asio::ip::address_v4::loopback(), 0});
    asio::ip::tcp::socket accepted(pair.io);
    acceptor.async_accept(accepted, [&](auto ec) {
      boost::system::error_code ignored;
      if (!ec) asio::write(accepted, asio::buffer(std::string_view(c.answer)), ignored);
      accepted.close(ignored);
    });
    CHECK_FALSE(
        pair.asks(Transport::ws, {IpAddress::loopback(), acceptor.local_endpoint().port()}));
    REQUIRE(pair.client.core.failed.size() == 1);
    CHECK(pair.client.core.failed[0].transport == Transport::ws);
    CHECK(pair.client.counters().connections == 0);
  }
  WsPair nobody;
  CHECK_FALSE(nobody.asks(Transport::ws, {IpAddress::loopback(), 1}));
}
