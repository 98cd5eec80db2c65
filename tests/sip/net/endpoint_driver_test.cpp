// The endpoint over real sockets on loopback: UDP batches, TCP in fragments, reuse, failure.
#include "sip/net/endpoint_driver.hpp"

#include <doctest/doctest.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <functional>
#include <string>

namespace asio = boost::asio;
using namespace std::chrono_literals;
using namespace sip;

namespace {

// Counts what it hears, answers requests and accepts calls.
struct User final : net::EndpointUser {
  void on_event(const Event& event) override {
    if (const auto* e = std::get_if<event::IncomingRequest>(&event)) {
      ++requests;
      last_flow = e->flow;
      last_body = e->message->body();
      driver->run([&](Endpoint& endpoint, TimePoint now, Output& out) {
        endpoint.respond(e->transaction, {}, now, out);
      });
      CHECK(e->message->body() == last_body);  // the view survives the answer
    }
    if (const auto* e = std::get_if<event::IncomingCall>(&event)) {
      driver->run([&](Endpoint& endpoint, TimePoint now, Output& out) {
        endpoint.answer(e->call, {}, now, out);
      });
    }
    if (const auto* e = std::get_if<event::RequestDone>(&event)) {
      ++done;
      last_status = e->status;
      last_cause = e->cause;
    }
    if (const auto* e = std::get_if<event::CallAnswered>(&event)) {
      driver->run([&](Endpoint& endpoint, TimePoint now, Output& out) {
        endpoint.hang_up(e->call, now, out);
      });
    }
    calls_ended += std::holds_alternative<event::CallEnded>(event);
    calls_failed += std::holds_alternative<event::CallFailed>(event);
    closed += std::holds_alternative<event::ConnectionClosed>(event);
  }

  net::EndpointDriver* driver = nullptr;
  int requests = 0, done = 0, calls_ended = 0, calls_failed = 0, closed = 0;
  int last_status = 0;
  Cause last_cause = Cause::answered;
  Flow last_flow;
  std::string last_body;
};

struct Side {
  explicit Side(asio::io_context& io, net::TransportLimits limits = {}, EndpointConfig config = {})
      : driver(io, std::move(config), net::random_seed(), user, limits) {
    user.driver = &driver;
  }
  User user;
  net::EndpointDriver driver;
};

// Ports of these tests; each listener takes the next.
Address next_address() {
  static std::uint16_t port = 21000;
  return {IpAddress::loopback(), ++port};
}
Address listen_udp(Side& side) {
  for (int i = 0; i < 50; ++i)
    if (const auto got = side.driver.listen_udp(next_address())) return *got;
  FAIL("no free port");
  return {};
}
Address listen_tcp(Side& side) {
  for (int i = 0; i < 50; ++i)
    if (const auto got = side.driver.listen_tcp(next_address())) return *got;
  FAIL("no free port");
  return {};
}

bool run_until(asio::io_context& io, const std::function<bool()>& done) {
  const auto give_up = Clock::now() + 10s;
  while (!done() && Clock::now() < give_up) {
    io.restart();
    io.run_one_for(50ms);
  }
  return done();
}

RequestSpec message_to(Side& from, Transport transport, const Address& to, std::string body = "x") {
  RequestSpec spec;
  spec.method = "MESSAGE";
  spec.request_uri = "sip:34020000002000000001@3402000000";
  spec.from = "<sip:34020000001320000001@3402000000>";
  spec.to = "<sip:34020000002000000001@3402000000>";
  spec.destination = from.driver.flow_to(transport, to);
  spec.content_type = "Application/MANSCDP+xml";
  spec.body = std::move(body);
  return spec;
}

void send(Side& from, const RequestSpec& spec) {
  from.driver.run([&](Endpoint& endpoint, TimePoint now, Output& out) {
    endpoint.send_request(spec, now, out);
  });
}

std::string raw_request(const std::string& branch, const std::string& body) {
  return "MESSAGE sip:34020000002000000001@3402000000 SIP/2.0\r\n"
         "Via: SIP/2.0/TCP 127.0.0.1:5060;branch=z9hG4bK" +
         branch +
         "\r\nFrom: <sip:34020000001320000001@3402000000>;tag=1\r\n"
         "To: <sip:34020000002000000001@3402000000>\r\nCall-ID: 1\r\nCSeq: 1 MESSAGE\r\n"
         "Content-Type: text/plain\r\nContent-Length: " +
         std::to_string(body.size()) + "\r\n\r\n" + body;
}

}  // namespace

TEST_CASE("UDP: many requests at once, few system calls") {
  asio::io_context io;
  Side gateway(io), camera(io);
  const auto to = listen_udp(gateway);
  listen_udp(camera);
  const auto spec = message_to(camera, Transport::udp, to);
  camera.driver.run([&](Endpoint& endpoint, TimePoint now, Output& out) {
    for (int i = 0; i < 100; ++i) endpoint.send_request(spec, now, out);
  });
  CHECK(run_until(io, [&] { return camera.user.done == 100; }));
  CHECK(camera.user.last_status == 200);
  CHECK(gateway.user.requests == 100);
  CHECK(camera.driver.transport_counters().datagrams_sent >= 100);
  CHECK(camera.driver.transport_counters().send_calls <= 10);
  CHECK(gateway.driver.transport_counters().receive_calls <= 20);
}

TEST_CASE("UDP: a datagram of 60 KB") {
  asio::io_context io;
  EndpointConfig by_udp;
  by_udp.large_by_stream = false;
  Side gateway(io), camera(io, {}, by_udp);
  const auto to = listen_udp(gateway);
  listen_udp(camera);
  send(camera, message_to(camera, Transport::udp, to, std::string(60'000, 'c')));
  CHECK(run_until(io, [&] { return camera.user.done == 1; }));
  CHECK(gateway.user.last_body.size() == 60'000);
}

TEST_CASE(
    "a request too large for UDP goes by TCP, and by UDP after all where "
    "nobody takes it") {
  for (const bool takes_tcp : {true, false}) {
    CAPTURE(takes_tcp);
    asio::io_context io;
    Side server(io), phone(io);
    auto to = listen_udp(server);
    while (takes_tcp && !server.driver.listen_tcp(to)) to = listen_udp(server);
    listen_udp(phone);
    send(phone, message_to(phone, Transport::udp, to, std::string(3000, 'c')));
    REQUIRE(run_until(io, [&] { return phone.user.done == 1; }));
    CHECK(phone.user.last_status == 200);
    CHECK(server.user.requests == 1);
    CHECK(server.user.last_flow.transport == (takes_tcp ? Transport::tcp : Transport::udp));
    CHECK(server.user.last_body.size() == 3000);
  }
}

TEST_CASE("UDP: a listener on all addresses answers from the one that was asked") {
  asio::io_context io;
  Side gateway(io), camera(io);
  const auto bound = gateway.driver.listen_udp({IpAddress(), 0});
  REQUIRE(bound.has_value());
  listen_udp(camera);
  const Address asked{IpAddress::v4({127, 0, 0, 2}), bound->port};
  send(camera, message_to(camera, Transport::udp, asked));
  CHECK(run_until(io, [&] { return camera.user.done == 1; }));
  CHECK(camera.user.last_status == 200);
  CHECK(gateway.user.last_flow.local == asked);
}

TEST_CASE("an address in use is an error, not an exception") {
  asio::io_context io;
  Side one(io), two(io);
  const auto udp = listen_udp(one);
  CHECK(two.driver.listen_udp(udp).error() == boost::system::errc::address_in_use);
  const auto tcp = listen_tcp(one);
  CHECK(two.driver.listen_tcp(tcp).error() == boost::system::errc::address_in_use);
}

TEST_CASE("TCP: connects, and uses the connection for both directions") {
  asio::io_context io;
  Side gateway(io), camera(io);
  const auto to = listen_tcp(gateway);
  const auto spec = message_to(camera, Transport::tcp, to, std::string(20'000, 'c'));
  for (int i = 0; i < 20; ++i) send(camera, spec);
  CHECK(run_until(io, [&] { return camera.user.done == 20; }));
  CHECK(camera.user.last_status == 200);
  CHECK(camera.driver.transport_counters().connections_opened == 1);
  CHECK(gateway.driver.transport_counters().connections_accepted == 1);
  // Back, by the flow that the request came on: the camera listens nowhere.
  auto back = message_to(gateway, Transport::tcp, to);
  back.destination = gateway.user.last_flow;
  send(gateway, back);
  CHECK(run_until(io, [&] { return gateway.user.done == 1; }));
  CHECK(gateway.user.last_status == 200);
  CHECK(camera.user.requests == 1);
  CHECK(gateway.driver.transport_counters().connections == 1);
  // The end of it is told to the other side.
  camera.driver.close();
  CHECK(run_until(io, [&] { return gateway.user.closed == 1; }));
  CHECK(gateway.driver.transport_counters().connections == 0);
}

TEST_CASE("TCP: a request on its way when the connection closes fails") {
  asio::io_context io;
  Side camera(io);
  asio::ip::tcp::acceptor acceptor(io, {asio::ip::address_v4::loopback(), 0});
  const Address to{IpAddress::loopback(), acceptor.local_endpoint().port()};
  asio::ip::tcp::socket peer(io);
  acceptor.async_accept(peer, [&](auto) { peer.close(); });
  send(camera, message_to(camera, Transport::tcp, to));
  CHECK(run_until(io, [&] { return camera.user.done == 1; }));
  CHECK(camera.user.last_cause == Cause::transport);
  CHECK(camera.driver.endpoint().counters().transactions == 0);
}

TEST_CASE("TCP: nobody listens") {
  asio::io_context io;
  Side camera(io);
  asio::ip::tcp::acceptor reserved(io, {asio::ip::address_v4::loopback(), 0});
  const Address to{IpAddress::loopback(), reserved.local_endpoint().port()};
  reserved.close();
  send(camera, message_to(camera, Transport::tcp, to));
  CHECK(run_until(io, [&] { return camera.user.done == 1; }));
  CHECK(camera.user.last_cause == Cause::transport);
  CHECK(camera.user.last_status == 503);
}

TEST_CASE("TCP: fragments, several messages in one segment, keep-alives") {
  asio::io_context io;
  Side gateway(io);
  const auto at = listen_tcp(gateway);
  asio::ip::tcp::socket camera(io);
  camera.connect({asio::ip::address_v4::loopback(), at.port});
  camera.set_option(asio::ip::tcp::no_delay(true));
  SUBCASE("byte by byte") {
    const auto bytes = raw_request("1", "body");
    for (const char c : bytes) {
      asio::write(camera, asio::buffer(&c, 1));
      io.restart();
      io.run_one_for(1ms);
    }
    CHECK(run_until(io, [&] { return gateway.user.requests == 1; }));
    CHECK(gateway.user.last_body == "body");
  }
  SUBCASE("three in one segment") {
    asio::write(camera, asio::buffer(raw_request("1", "a") + raw_request("2", "bb") +
                                     raw_request("3", "ccc")));
    CHECK(run_until(io, [&] { return gateway.user.requests == 3; }));
    CHECK(gateway.user.last_body == "ccc");
  }
  SUBCASE("CRLF CRLF is answered with CRLF") {
    asio::write(camera, asio::buffer(std::string("\r\n\r\n")));
    char pong[2] = {};
    std::size_t got = 0;
    asio::async_read(camera, asio::buffer(pong), [&](auto, std::size_t n) { got = n; });
    CHECK(run_until(io, [&] { return got != 0; }));
    CHECK(std::string(pong, 2) == "\r\n");
    CHECK(gateway.user.requests == 0);
  }
  SUBCASE("what is no SIP closes the connection") {
    asio::write(camera, asio::buffer(std::string("GET / HTTP/1.1\r\nHost: x\r\n\r\n")));
    CHECK(run_until(io, [&] { return gateway.user.closed == 1; }));
    CHECK(gateway.driver.transport_counters().broken_streams == 1);
  }
}

TEST_CASE("TCP: limits") {
  asio::io_context io;
  net::TransportLimits limits;
  SUBCASE("connections") {
    limits.connections = 1;
    Side gateway(io, limits);
    const auto at = listen_tcp(gateway);
    asio::ip::tcp::socket one(io), two(io);
    one.connect({asio::ip::address_v4::loopback(), at.port});
    two.connect({asio::ip::address_v4::loopback(), at.port});
    CHECK(run_until(io,
                    [&] { return gateway.driver.transport_counters().connections_refused == 1; }));
    CHECK(gateway.driver.transport_counters().connections == 1);
  }
  SUBCASE("idle") {
    limits.idle = 100ms;
    Side gateway(io, limits);
    const auto at = listen_tcp(gateway);
    asio::ip::tcp::socket one(io);
    one.connect({asio::ip::address_v4::loopback(), at.port});
    CHECK(run_until(io, [&] { return gateway.user.closed == 1; }));
  }
  SUBCASE("a peer that does not read") {
    limits.queue_bytes = 300'000;
    Side gateway(io), camera(io, limits);
    asio::ip::tcp::acceptor acceptor(io, {asio::ip::address_v4::loopback(), 0});
    const Address to{IpAddress::loopback(), acceptor.local_endpoint().port()};
    const auto spec = message_to(camera, Transport::tcp, to, std::string(200'000, 'c'));
    send(camera, spec);
    send(camera, spec);  // before the connection is there: too much to keep
    CHECK(run_until(io, [&] { return camera.user.done == 2; }));
    CHECK(camera.user.last_cause == Cause::transport);
  }
}

TEST_CASE("calls over both transports") {
  for (const auto transport : {Transport::udp, Transport::tcp}) {
    asio::io_context io;
    Side gateway(io), camera(io);
    const auto to = transport == Transport::udp ? listen_udp(camera) : listen_tcp(camera);
    if (transport == Transport::udp) listen_udp(gateway);
    InviteSpec spec;
    spec.request_uri = "sip:34020000001320000001@127.0.0.1";
    spec.from = "<sip:34020000002000000001@3402000000>";
    spec.to = "<sip:34020000001320000001@3402000000>";
    spec.destination = gateway.driver.flow_to(transport, to);
    spec.body = "v=0";
    gateway.driver.run(
        [&](Endpoint& endpoint, TimePoint now, Output& out) { endpoint.invite(spec, now, out); });
    CHECK(run_until(io, [&] { return gateway.user.calls_ended + camera.user.calls_ended == 2; }));
    CHECK(gateway.user.calls_failed == 0);
    CHECK(gateway.driver.endpoint().counters().calls == 0);
    CHECK(camera.driver.endpoint().counters().calls == 0);
  }
}

TEST_CASE("a driver may go while its sockets are busy") {
  asio::io_context io;
  Side gateway(io);
  const auto udp = listen_udp(gateway);
  const auto tcp = listen_tcp(gateway);
  {
    Side camera(io);
    listen_udp(camera);
    send(camera, message_to(camera, Transport::udp, udp));
    send(camera, message_to(camera, Transport::tcp, tcp));
  }
  CHECK(run_until(io, [&] { return gateway.user.requests >= 1; }));
  gateway.driver.close();
  io.restart();
  io.run_for(20ms);
}
