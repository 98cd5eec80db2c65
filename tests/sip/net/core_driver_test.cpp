// Any core over real sockets: what is announced, IPv6, who looks on, limits of streams.
#include "sip/net/core_driver.hpp"

#include <boost/asio/ip/tcp.hpp>

#include "echo_core.hpp"

using namespace std::chrono_literals;
using namespace sip;
using namespace sip::net;
namespace asio = boost::asio;

namespace {

asio::ip::tcp::socket connected(asio::io_context& io, const Address& server) {
  asio::ip::tcp::socket socket(io);
  socket.connect({asio::ip::address_v4::loopback(), server.port});
  return socket;
}

void write(asio::ip::tcp::socket& socket, std::string_view bytes) {
  socket.write_some(asio::buffer(bytes));
}

}  // namespace

TEST_CASE("a core is told of its listeners before any message") {
  asio::io_context io;
  EchoSide side(io);
  const auto udp = side.listen({Transport::udp, {}, "sip.example.com", 15060, {}});
  const auto tcp = side.listen({Transport::tcp, {*IpAddress::parse("::1"), 0}, {}, 0, {}});
  const auto again = side.listen({Transport::udp, {IpAddress::v4({127, 0, 0, 2}), 0}, {}, 0, {}});
  const std::vector<Listener> expected = {{Transport::udp, udp, "sip.example.com", 15060},
                                          {Transport::tcp, tcp, "", 0},
                                          {Transport::udp, again, "", 0}};
  CHECK(side.core.listeners == expected);
  CHECK(udp.port != 0);
}

TEST_CASE("requests over IPv4 and IPv6, on one port") {
  for (const auto transport : {Transport::udp, Transport::tcp}) {
    asio::io_context io;
    EchoSide server(io), client(io);
    const auto four = server.listen({transport, {IpAddress::v4({}), 0}, {}, 0, {}});
    server.listen({transport, {*IpAddress::parse("::"), four.port}, {}, 0, {}});
    if (transport == Transport::udp) {
      client.listen({transport, {}, {}, 0, {}});
      client.listen({transport, {*IpAddress::parse("::1"), 0}, {}, 0, {}});
    }
    for (const char* host : {"127.0.0.1", "::1"}) {
      CAPTURE(host);
      const Address to{*IpAddress::parse(host), four.port};
      client.core.heard.clear();
      client.send(client.driver.flow_to(transport, to), options("X"));
      CHECK(run_until(io, [&] { return !client.core.heard.empty(); }));
      CHECK(is_200(client.core.heard.at(0)));
      CHECK(server.core.last_flow.local == to);
      CHECK(client.core.last_flow.remote == to);
    }
  }
}

TEST_CASE("who looks on sees every message once") {
  struct Onlooker final : MessageObserver {
    void on_received(std::string_view bytes, const Flow&, TimePoint) override {
      seen.push_back("in " + std::string(bytes.substr(0, 7)));
    }
    void on_sent(std::string_view bytes, const Flow&, TimePoint) override {
      seen.push_back("out " + std::string(bytes.substr(0, 7)));
    }
    std::vector<std::string> seen;
  };
  for (const auto transport : {Transport::udp, Transport::tcp}) {
    asio::io_context io;
    EchoSide server(io), client(io);
    Onlooker onlooker;
    server.driver.observe(&onlooker);
    const auto at = server.listen({transport, {}, {}, 0, {}});
    if (transport == Transport::udp) client.listen({transport, {}, {}, 0, {}});
    client.send(client.driver.flow_to(transport, at), options("X"));
    CHECK(run_until(io, [&] { return !client.core.heard.empty(); }));
    CHECK(onlooker.seen == std::vector<std::string>{"in OPTIONS", "out SIP/2.0"});
  }
}

TEST_CASE("UDP: where nobody listens, the core learns it") {
  for (const char* host : {"127.0.0.1", "::1"}) {
    CAPTURE(host);
    const auto ip = *IpAddress::parse(host);
    asio::io_context io;
    EchoSide server(io), client(io);
    const auto there = server.listen({Transport::udp, {ip, 0}, {}, 0, {}});
    const auto own = client.listen({Transport::udp, {ip, 0}, {}, 0, {}});
    EchoSide gone(io);
    const auto absent = gone.listen({Transport::udp, {ip, 0}, {}, 0, {}});
    gone.driver.close();
    // In one turn with others, who get theirs.
    client.driver.run([&](TimePoint, Output& out) {
      for (int i = 0; i < 20; ++i) {
        out.send(client.driver.flow_to(Transport::udp, absent), options("UDP"));
        out.send(client.driver.flow_to(Transport::udp, there), options("UDP"));
      }
    });
    client.send(client.driver.flow_to(Transport::udp, there), options("UDP"));
    CHECK(run_until(io, [&] { return client.core.heard.size() == 21; }));
    CHECK(run_until(io, [&] { return !client.core.failed.empty(); }));
    for (const auto& flow : client.core.failed) {
      CHECK(flow.remote == absent);
      CHECK(flow.local == own);
    }
    CHECK(client.counters().datagrams_refused == client.core.failed.size());
    CHECK(client.counters().datagram_send_errors == 0);
    // Nothing is left that would wake the thread.
    io.restart();
    io.run_for(50ms);
    const auto calls = client.counters().receive_calls;
    io.restart();
    io.run_for(100ms);
    CHECK(client.counters().receive_calls <= calls + 1);
  }
}

TEST_CASE("TCP: many messages a read, all answers of a turn in one write") {
  asio::io_context io;
  EchoSide server(io), client(io);
  const auto at = server.listen({Transport::tcp, {}, {}, 0, {}});
  const auto request = options("TCP");
  client.driver.run([&](TimePoint, Output& out) {
    for (int i = 0; i < 64; ++i) out.send({Transport::tcp, {}, at, {}}, request);
  });
  CHECK(run_until(io, [&] { return client.core.heard.size() == 64; }));
  CHECK(client.counters().stream_writes == 1);
  CHECK(server.counters().stream_reads <= 4);
  CHECK(server.counters().stream_writes <= 4);
}

TEST_CASE("TCP: slow and silent peers") {
  asio::io_context io;
  TransportLimits limits;
  const auto request = options("TCP", "", std::string(100, 'b'));
  SUBCASE("nothing at all") {
    limits.silent = 100ms;
    EchoSide server(io, limits);
    auto peer = connected(io, server.listen({Transport::tcp, {}, {}, 0, {}}));
    CHECK(run_until(io, [&] { return server.counters().connections_timed_out == 1; }));
  }
  SUBCASE("a first message that trickles") {
    limits.silent = 300ms;
    EchoSide server(io, limits);
    auto peer = connected(io, server.listen({Transport::tcp, {}, {}, 0, {}}));
    for (int i = 0; i < 100 && server.counters().connections_timed_out == 0; ++i) {
      boost::system::error_code ignored;
      peer.write_some(asio::buffer("a", 1), ignored);
      io.restart();
      io.run_for(20ms);
    }
    CHECK(server.counters().connections_timed_out == 1);
  }
  SUBCASE("a later message that is never whole") {
    limits.message_within = 100ms;
    EchoSide server(io, limits);
    auto peer = connected(io, server.listen({Transport::tcp, {}, {}, 0, {}}));
    write(peer, request + request.substr(0, 200));
    CHECK(run_until(io, [&] { return server.counters().connections_timed_out == 1; }));
    CHECK(server.core.heard.size() == 1);
  }
  SUBCASE("whole messages one after the other do not add up") {
    limits.message_within = 900ms;
    EchoSide server(io, limits);
    auto peer = connected(io, server.listen({Transport::tcp, {}, {}, 0, {}}));
    for (std::size_t i = 1; i <= 15; ++i) {
      // Ends one message and begins the next.
      write(peer, (i == 1 ? "" : request.substr(50)) + request.substr(0, 50));
      CHECK(run_until(io, [&] { return server.core.heard.size() == i - 1; }));
      io.restart();
      io.run_for(100ms);
    }
    CHECK(server.counters().connections_timed_out == 0);
  }
  SUBCASE("a peer that takes nothing") {
    limits.written_within = 200ms;
    limits.queue_bytes = 64 << 20;
    EchoSide server(io, limits);
    auto peer = connected(io, server.listen({Transport::tcp, {}, {}, 0, {}}));
    write(peer, request);
    CHECK(run_until(io, [&] { return server.core.heard.size() == 1; }));
    server.driver.run([&](TimePoint, Output& out) {
      const std::string large(1 << 20, 'x');
      for (int i = 0; i < 16; ++i) out.send(server.core.last_flow, large);
    });
    CHECK(run_until(io, [&] { return server.core.closed.size() == 1; }));
    CHECK(server.counters().connections_timed_out == 1);
  }
  SUBCASE("more than the queue holds") {
    limits.queue_bytes = 100'000;
    EchoSide server(io, limits);
    auto peer = connected(io, server.listen({Transport::tcp, {}, {}, 0, {}}));
    write(peer, request);
    CHECK(run_until(io, [&] { return server.core.heard.size() == 1; }));
    server.send(server.core.last_flow, std::string(100'001, 'x'));
    CHECK(server.core.closed.size() == 1);
    CHECK(server.counters().queues_overrun == 1);
  }
}

TEST_CASE("TCP: connections from one address") {
  asio::io_context io;
  TransportLimits limits;
  limits.connections_per_address = 2;
  EchoSide server(io, limits);
  const auto at = server.listen({Transport::tcp, {}, {}, 0, {}});
  auto one = connected(io, at), two = connected(io, at), three = connected(io, at);
  CHECK(run_until(io, [&] { return server.counters().connections_refused == 1; }));
  CHECK(server.counters().connections == 2);
  one.close();
  CHECK(run_until(io, [&] { return server.counters().connections == 1; }));
  auto four = connected(io, at);
  CHECK(run_until(io, [&] { return server.counters().connections == 2; }));
  CHECK(server.counters().connections_refused == 1);
}

TEST_CASE("TCP: keep-alives of our own (RFC 5626)") {
  asio::io_context io;
  TransportLimits limits;
  limits.ping_every = 100ms;
  EchoSide client(io, limits);
  SUBCASE("answered") {
    EchoSide server(io);
    client.send({Transport::tcp, {}, server.listen({Transport::tcp, {}, {}, 0, {}}), {}},
                options("TCP"));
    CHECK(run_until(io, [&] { return server.counters().keep_alives_received >= 2; }));
    CHECK(client.counters().connections == 1);
    CHECK(server.core.heard.size() == 1);
  }
}

TEST_CASE("a reply goes by its connection only; a request may open one") {
  asio::io_context io;
  EchoSide server(io), client(io);
  const auto at = server.listen({Transport::tcp, {}, {}, 0, {}});
  client.send({Transport::tcp, {}, at, {}}, options("TCP"));
  CHECK(run_until(io, [&] { return client.core.heard.size() == 1; }));
  const auto flow = client.core.last_flow;
  server.driver.close();
  CHECK(run_until(io, [&] { return client.core.closed.size() == 1; }));
  CHECK(client.core.closed[0] == flow);
  client.send(flow, options("TCP"));  // named, and gone
  CHECK(client.core.failed == std::vector<Flow>{flow});
  CHECK(client.counters().connections == 0);
}
