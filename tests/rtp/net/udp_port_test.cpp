#include "rtp/net/udp_port.hpp"

#include <doctest/doctest.h>

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "rtp/net/slab_pool.hpp"

namespace {

namespace asio = boost::asio;
using asio::ip::udp;
using namespace std::chrono_literals;
using Bytes = std::vector<std::uint8_t>;

const auto loopback = asio::ip::make_address("127.0.0.1");

struct Recorder : rtp::net::UdpPortUser {
  std::vector<rtp::net::Datagram> received;
  int batches = 0;
  std::function<void()> then;

  void on_datagrams(std::span<rtp::net::Datagram> datagrams) override {
    ++batches;
    for (auto& d : datagrams) received.push_back(std::move(d));
    if (then) then();
  }
};

struct Fixture {
  asio::io_context io{1};
  Recorder user;
  rtp::net::UdpPort port{io.get_executor(), user};
  udp::socket sender{io, udp::endpoint(loopback, 0)};

  void send(const Bytes& bytes, std::uint16_t to) {
    sender.send_to(asio::buffer(bytes), udp::endpoint(loopback, to));
  }
  void run_until(std::size_t datagrams) {
    const auto end = std::chrono::steady_clock::now() + 3s;
    while (user.received.size() < datagrams && std::chrono::steady_clock::now() < end)
      io.run_one_for(50ms);
  }
  void settle() {
    io.restart();
    io.run_for(30ms);
  }
};

TEST_CASE_FIXTURE(Fixture, "datagrams come in batches, with their sender and their socket") {
  REQUIRE(port.open(loopback, 22010).has_value());
  for (std::uint8_t n = 0; n < 100; ++n) send(Bytes(n + 1u, n), 22010);
  run_until(100);
  REQUIRE(user.received.size() == 100);
  for (std::size_t n = 0; n < 100; ++n) {
    const auto& d = user.received[n];
    REQUIRE(d.bytes.size == n + 1);
    REQUIRE(d.bytes.data[n] == n);
    REQUIRE(d.from == sender.local_endpoint());
    REQUIRE_FALSE(d.on_rtcp_port);
  }
  CHECK(user.batches <= 10);
  CHECK(port.counters().datagrams == 100);

  send({0x80, 200}, 22011);
  run_until(101);
  REQUIRE(user.received.size() == 101);
  CHECK(user.received.back().on_rtcp_port);
  CHECK(port.rtp_port() == 22010);
  CHECK(port.rtcp_port() == 22011);
}

TEST_CASE_FIXTURE(Fixture, "large datagrams come whole") {
  REQUIRE(port.open(loopback, 22012).has_value());
  for (const std::size_t size : {1519u, 1520u, 1521u, 30000u, 65507u}) {
    Bytes bytes(size);
    for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::uint8_t>(i * 7 + size);
    user.received.clear();
    send(bytes, 22012);
    run_until(1);
    CAPTURE(size);
    REQUIRE(user.received.size() == 1);
    const auto got = user.received[0].bytes.bytes();
    CHECK(Bytes(got.begin(), got.end()) == bytes);
  }
  CHECK(port.counters().large == 3);
  CHECK(port.counters().truncated == 0);
}

TEST_CASE_FIXTURE(Fixture, "the room for each datagram is learnt from the sender's") {
  REQUIRE(port.open(loopback, 22016).has_value());
  struct Step {
    std::size_t datagrams, bytes, copied;
  };
  // 256 datagrams are a judgement.
  const Step steps[] = {{300, 900, 0}, {1, 1400, 1}, {300, 1400, 0}, {1, 1500, 1}, {20, 1500, 0}};
  for (const auto& step : steps) {
    CAPTURE(step.bytes);
    const auto copied = port.counters().large;
    for (std::size_t n = 0; n < step.datagrams; ++n) {
      const Bytes bytes(step.bytes, static_cast<std::uint8_t>(n));
      user.received.clear();
      send(bytes, 22016);
      run_until(1);
      REQUIRE(user.received.size() == 1);
      const auto got = user.received[0].bytes.bytes();
      REQUIRE(Bytes(got.begin(), got.end()) == bytes);
    }
    CHECK(port.counters().large - copied == step.copied);
  }
}

TEST_CASE_FIXTURE(Fixture, "an empty datagram does no harm") {
  REQUIRE(port.open(loopback, 22014).has_value());
  send({}, 22014);
  send({1}, 22014);
  run_until(2);
  REQUIRE(user.received.size() == 2);
  CHECK(user.received[0].bytes.empty());
}

TEST_CASE_FIXTURE(Fixture, "small datagrams share a slab, and slices outlive the port") {
  REQUIRE(port.open(loopback, 22016).has_value());
  for (std::uint8_t n = 0; n < 40; ++n) {
    send(Bytes(1000, n), 22016);
    run_until(n + 1u);
  }
  port = rtp::net::UdpPort(io.get_executor(), user);
  settle();
  REQUIRE(user.received.size() == 40);
  const auto* slab = &*user.received[0].bytes.owner;
  for (std::uint8_t n = 0; n < 40; ++n) {
    CHECK(&*user.received[n].bytes.owner == slab);
    CHECK(user.received[n].bytes.data[999] == n);
  }
}

TEST_CASE_FIXTURE(Fixture, "nothing is called after close, not even when closed inside a call") {
  REQUIRE(port.open(loopback, 22018).has_value());
  user.then = [&] { port.close(); };
  for (int n = 0; n < 200; ++n) send({1}, 22018);
  settle();
  CHECK(user.batches == 1);
  CHECK_FALSE(port.is_open());
  CHECK(port.send_rtp(Bytes{1}, sender.local_endpoint()).error() == rtp::Errc::not_open);
}

TEST_CASE_FIXTURE(Fixture, "the port may be destroyed inside a call") {
  auto owned = std::make_unique<rtp::net::UdpPort>(io.get_executor(), user);
  REQUIRE(owned->open(loopback, 22020).has_value());
  user.then = [&] { owned.reset(); };
  for (int n = 0; n < 200; ++n) send({1}, 22020);
  settle();
  CHECK(user.batches == 1);
}

TEST_CASE_FIXTURE(Fixture, "the ports that cannot be opened") {
  CHECK(port.open(loopback, 22023).error() == rtp::Errc::odd_port);
  udp::socket other(io, udp::endpoint(loopback, 22025));
  const auto opened = port.open(loopback, 22024);
  CHECK(opened.error() == asio::error::address_in_use);
  CHECK_FALSE(port.is_open());
  // Nothing is left behind: the even one is free.
  udp::socket even(io, udp::endpoint(loopback, 22024));
}

TEST_CASE_FIXTURE(Fixture, "the system chooses a pair, and answers leave from it") {
  REQUIRE(port.open(loopback, 0).has_value());
  CHECK(port.rtp_port() % 2 == 0);
  REQUIRE(port.send_rtcp(Bytes{9, 8}, sender.local_endpoint()).has_value());
  Bytes bytes(10);
  udp::endpoint from;
  CHECK(sender.receive_from(asio::buffer(bytes), from) == 2);
  CHECK(from.port() == port.rtcp_port());
}

TEST_CASE("a slab is used again when its slices are gone") {
  rtp::net::SlabPool pool(1000, 2);
  const auto* first = &*pool.take();
  CHECK(&*pool.take() == first);
  auto held = pool.take();
  CHECK(&*held == first);
  auto second = pool.take();
  CHECK(&*second != first);
  const rtp::Slice slice{held, held->data(), 10};
  held = {};
  CHECK(&*pool.take() != first);  // beyond what the pool remembers
  second = {};
  const auto* third = &*pool.take();
  CHECK(third != first);
}

TEST_CASE("addresses of both families become sources") {
  const udp::endpoint v4(loopback, 5), v6(asio::ip::make_address("::ffff:127.0.0.1"), 5);
  CHECK(rtp::net::source_address(v4) == rtp::net::source_address(v6));
  CHECK(rtp::net::source_address(v4).port == 5);
}

}  // namespace
