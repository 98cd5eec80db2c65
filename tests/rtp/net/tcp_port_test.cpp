#include "rtp/net/tcp_port.hpp"

#include <doctest/doctest.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "rtp/bytes.hpp"
#include "rtp/packet.hpp"

namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using namespace std::chrono_literals;
using Bytes = std::vector<std::uint8_t>;

const auto loopback = asio::ip::make_address("127.0.0.1");

Bytes frame(int sequence, std::size_t payload) {
  Bytes b(2 + rtp::rtp_header_size + payload, 0x11);
  rtp::store_be16(b.data(), static_cast<std::uint16_t>(b.size() - 2));
  rtp::write_header({false, 96, static_cast<std::uint16_t>(sequence), 0, 77},
                    std::span<std::uint8_t, rtp::rtp_header_size>(&b[2], rtp::rtp_header_size));
  return b;
}

struct Recorder : rtp::net::TcpPortUser {
  std::vector<rtp::Slice> packets;
  int connected = 0, ended = 0;
  boost::system::error_code error;
  std::string reason;
  std::function<void()> then;

  void on_connected(const tcp::endpoint&) override { ++connected; }
  void on_packets(std::span<rtp::Slice> batch, std::int64_t) override {
    for (auto& p : batch) packets.push_back(std::move(p));
    if (then) then();
  }
  void on_end(const boost::system::error_code& e, const std::string& why) override {
    ++ended;
    error = e;
    reason = why;
  }
};

struct Fixture {
  asio::io_context io{1};
  Recorder user;
  rtp::net::TcpPortOptions options{.connect_attempts = 3, .retry_pause_ns = 20'000'000};

  template <class Condition>
  void run_until(Condition condition) {
    io.restart();  // it stops when a port is closed and nothing is left to wait for
    const auto end = std::chrono::steady_clock::now() + 3s;
    while (!condition() && std::chrono::steady_clock::now() < end) io.run_one_for(50ms);
    REQUIRE(condition());
  }
  void settle() {
    io.restart();
    io.run_for(30ms);
  }
  tcp::socket client(std::uint16_t port) {
    tcp::socket socket(io);
    socket.connect({loopback, port});
    return socket;
  }
};

TEST_CASE_FIXTURE(Fixture, "passive: packets of the first connection, the second is refused") {
  rtp::net::TcpPort port(io.get_executor(), user, options);
  REQUIRE(port.listen(loopback, 22030).has_value());
  auto camera = client(22030);
  run_until([&] { return user.connected == 1; });
  CHECK(port.peer() == camera.local_endpoint());
  asio::write(camera, asio::buffer(frame(0, 1000)));
  run_until([&] { return user.packets.size() == 1; });

  auto intruder = client(22030);
  run_until([&] { return port.counters().refused_connections == 1; });
  boost::system::error_code error;
  Bytes byte(1);
  CHECK(intruder.read_some(asio::buffer(byte), error) == 0);
  CHECK(error == asio::error::eof);

  Bytes stream;
  for (int n = 1; n < 300; ++n) {
    const auto f = frame(n, 1000);
    stream.insert(stream.end(), f.begin(), f.end());
  }
  camera.non_blocking(true);
  std::size_t sent = 0;
  run_until([&] {
    boost::system::error_code full;
    sent += camera.write_some(asio::buffer(&stream[sent], stream.size() - sent), full);
    return sent == stream.size();
  });
  run_until([&] { return user.packets.size() == 300; });
  for (int n = 0; n < 300; ++n) {
    const auto parsed = rtp::parse_packet(user.packets[static_cast<std::size_t>(n)]);
    REQUIRE(parsed.has_value());
    REQUIRE(parsed->sequence == n);
    REQUIRE(parsed->payload.size == 1000);
  }
  // Only what straddles two slabs is copied.
  CHECK(port.framer_counters().copied_packets <= 300'000 / 60'000 + 1);

  camera.close();
  run_until([&] { return user.ended == 1; });
  CHECK(user.error == rtp::Errc::connection_gone);
  CHECK_FALSE(port.is_connected());
  auto again = client(22030);
  run_until([&] { return user.connected == 2; });
}

TEST_CASE_FIXTURE(Fixture, "passive: only the expected host may connect") {
  options.only_from = asio::ip::make_address("127.0.0.9");
  rtp::net::TcpPort port(io.get_executor(), user, options);
  REQUIRE(port.listen(loopback, 22032).has_value());
  auto stranger = client(22032);
  run_until([&] { return port.counters().refused_connections == 1; });
  CHECK(user.connected == 0);
}

TEST_CASE_FIXTURE(Fixture, "passive: a connection without a packet does not keep the camera out") {
  rtp::net::TcpPort port(io.get_executor(), user, options);
  REQUIRE(port.listen(loopback, 22048).has_value());
  auto silent = client(22048);
  asio::write(silent, asio::buffer(Bytes{0x04}));  // the beginning of a length
  run_until([&] { return user.connected == 1; });
  auto camera = client(22048);
  asio::write(camera, asio::buffer(frame(5, 100)));
  run_until([&] { return user.packets.size() == 1; });
  CHECK(port.peer() == camera.local_endpoint());
  CHECK(port.counters().refused_connections == 0);
  boost::system::error_code error;
  Bytes byte(1);
  silent.read_some(asio::buffer(byte), error);
  CHECK(error);
}

TEST_CASE_FIXTURE(Fixture, "active: tries again until somebody listens") {
  options.connect_attempts = 50;
  rtp::net::TcpPort port(io.get_executor(), user, options);
  port.connect({loopback, 22034});
  run_until([&] { return port.counters().connect_failures >= 2; });
  tcp::acceptor device(io, {loopback, 22034});
  run_until([&] { return user.connected == 1; });
  auto accepted = device.accept();
  asio::write(accepted, asio::buffer(frame(5, 100)));
  run_until([&] { return user.packets.size() == 1; });
  CHECK(port.is_connected());
}

TEST_CASE_FIXTURE(Fixture, "active: gives up with a reason") {
  rtp::net::TcpPort port(io.get_executor(), user, options);
  port.connect({loopback, 22036});
  CHECK(user.ended == 0);  // never inside the call
  run_until([&] { return user.ended == 1; });
  CHECK(user.error == rtp::Errc::connect_failed);
  CHECK(port.counters().connect_failures == 3);
  CHECK(user.reason ==
        "no media connection to 127.0.0.1:22036 after 3 attempts: Connection refused");
}

TEST_CASE_FIXTURE(Fixture, "what is sent is framed as the peer frames") {
  rtp::net::TcpPort port(io.get_executor(), user, options);
  CHECK(port.send(Bytes{1}).error() == rtp::Errc::not_open);
  REQUIRE(port.listen(loopback, 22038).has_value());
  auto camera = client(22038);
  run_until([&] { return user.connected == 1; });
  const Bytes report = {0x80, 201, 0, 1, 0, 0, 0, 1};
  REQUIRE(port.send(report).has_value());
  Bytes got(10);
  asio::read(camera, asio::buffer(got));
  CHECK(got == Bytes{0, 8, 0x80, 201, 0, 1, 0, 0, 0, 1});

  Bytes dollar = {'$', 0};
  const auto f = frame(1, 10);
  dollar.insert(dollar.end(), f.begin(), f.end());
  asio::write(camera, asio::buffer(dollar));
  run_until([&] { return user.packets.size() == 1; });
  REQUIRE(port.send(report).has_value());
  got.resize(12);
  asio::read(camera, asio::buffer(got));
  CHECK(got == Bytes{'$', 1, 0, 8, 0x80, 201, 0, 1, 0, 0, 0, 1});
}

TEST_CASE_FIXTURE(Fixture,
                  "a peer that does not read costs packets, not memory; what it gets is whole") {
  rtp::net::TcpPort port(io.get_executor(), user, options);
  REQUIRE(port.listen(loopback, 22040).has_value());
  auto camera = client(22040);
  run_until([&] { return user.connected == 1; });
  std::size_t accepted = 0;
  for (int n = 0; n < 20'000 && port.connection_counters().dropped_sends == 0; ++n) {
    const auto f = frame(n, 1400);
    if (port.send({&f[2], f.size() - 2})) ++accepted;
  }
  CHECK(port.connection_counters().dropped_sends == 1);
  // All that was accepted arrives in one piece.
  rtp::TcpFramer framer;
  std::vector<rtp::Slice> out;
  camera.non_blocking(true);
  Bytes buffer(65536);
  run_until([&] {
    boost::system::error_code none;
    const auto n = camera.read_some(asio::buffer(buffer), none);
    if (n > 0) (void)framer.push(rtp::Slice::copy_of({buffer.data(), n}), out);
    return out.size() == accepted;
  });
  CHECK(framer.counters().resyncs == 0);
}

TEST_CASE_FIXTURE(Fixture, "a connection of rubbish is given up with a reason") {
  options.connection.framer.skip_bytes = 1000;
  rtp::net::TcpPort port(io.get_executor(), user, options);
  REQUIRE(port.listen(loopback, 22042).has_value());
  auto camera = client(22042);
  asio::write(camera, asio::buffer(Bytes(5000, 'x')));
  run_until([&] { return user.ended == 1; });
  CHECK(user.error == rtp::Errc::out_of_sync);
  CHECK(user.reason.find("bytes skipped") != std::string::npos);
}

TEST_CASE_FIXTURE(Fixture, "nothing is called after close or destruction, also inside a call") {
  for (const bool destroy : {false, true}) {
    Recorder quiet;
    auto port = std::make_unique<rtp::net::TcpPort>(io.get_executor(), quiet, options);
    REQUIRE(port->listen(loopback, 22044).has_value());
    quiet.then = [&] { destroy ? port.reset() : port->close(); };
    auto camera = client(22044);
    asio::write(camera, asio::buffer(frame(1, 10)));
    run_until([&] { return !quiet.packets.empty(); });
    boost::system::error_code ignored;
    asio::write(camera, asio::buffer(frame(2, 10)), ignored);
    settle();
    CHECK(quiet.packets.size() == 1);
    CHECK(quiet.ended == 0);
  }
}

TEST_CASE_FIXTURE(Fixture, "closing while connecting ends the tries") {
  rtp::net::TcpPort port(io.get_executor(), user, options);
  port.connect({loopback, 22046});
  port.close();
  settle();
  settle();
  CHECK(user.ended == 0);
  CHECK(port.counters().connect_failures == 0);
}

}  // namespace
