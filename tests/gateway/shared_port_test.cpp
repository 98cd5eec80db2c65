// One port for all, with real sockets on loopback.
#include "gateway/shared_port.hpp"

#include <doctest/doctest.h>

#include <boost/asio/write.hpp>
#include <chrono>
#include <string>

#include "gateway/log.hpp"
#include "rtp/bytes.hpp"
#include "rtp/packet.hpp"

namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using asio::ip::udp;
using namespace std::chrono_literals;
using Bytes = std::vector<std::uint8_t>;

const auto loopback = asio::ip::make_address("127.0.0.1");
constexpr std::uint16_t port = 29'460;

Bytes packet(std::uint32_t ssrc, std::uint16_t sequence) {
  Bytes b(rtp::rtp_header_size + 20, 0x11);
  rtp::write_header({false, 96, sequence, 0, ssrc},
                    std::span<std::uint8_t, rtp::rtp_header_size>(b.data(), rtp::rtp_header_size));
  return b;
}

Bytes framed(const Bytes& packet) {
  Bytes b(2);
  rtp::store_be16(b.data(), static_cast<std::uint16_t>(packet.size()));
  b.insert(b.end(), packet.begin(), packet.end());
  return b;
}

struct Receiver final : gateway::SharedPort::Receiver {
  std::string trace;  // sequence numbers; | between batches, T: a connection
  std::optional<rtp::SourceAddress> from;
  std::optional<rtp::net::TcpConnection> connection;

  void take_datagrams(std::span<rtp::net::Datagram> datagrams) override {
    for (const auto& datagram : datagrams) {
      trace += std::to_string(rtp::load_be16(datagram.bytes.data + 2)) + " ";
      from = rtp::net::source_address(datagram.from);
    }
  }
  std::optional<rtp::SourceAddress> source() const override { return from; }
  bool take_connection(rtp::net::TcpConnection& offered, std::span<rtp::Slice> packets,
                       std::int64_t) override {
    if (connection && connection->is_open()) return false;
    connection = std::move(offered);
    trace += "T" + std::to_string(packets.size()) + " ";
    return true;
  }
};

struct Fixture {
  asio::io_context io{1};
  gateway::AlarmClock clock{io};
  Receiver one, two;
  std::unique_ptr<gateway::SharedPort> shared;
  gateway::SharedPort::Session first = 0, second = 0;

  explicit Fixture(rtp::SsrcPolicy policy = rtp::SsrcPolicy::learn) {
    gateway::log::set_sink([](auto, auto, auto) {});
    gateway::SharedPortOptions options;
    options.address = loopback;
    options.port = port;
    options.policy = policy;
    options.receive_buffer_bytes = 65536;
    options.waiting_ns = 200'000'000;
    shared = std::make_unique<gateway::SharedPort>(io, clock, options);
    REQUIRE(shared->open());
    first = *shared->add(one, std::vector<std::uint32_t>{100});
    second = *shared->add(two, std::vector<std::uint32_t>{200});
  }
  ~Fixture() { gateway::log::set_sink({}); }

  template <class Condition>
  void run_until(Condition condition) {
    const auto end = std::chrono::steady_clock::now() + 5s;
    while (!condition() && std::chrono::steady_clock::now() < end) io.run_one_for(10ms);
    CHECK(condition());
  }
  void send(udp::socket& from, const Bytes& bytes) {
    from.send_to(asio::buffer(bytes), {loopback, port});
  }
};

}  // namespace

TEST_CASE("datagrams find their session by SSRC, then by source") {
  Fixture f;
  udp::socket a(f.io, {loopback, 0}), b(f.io, {loopback, 0}), stranger(f.io, {loopback, 0});
  f.send(a, packet(100, 1));
  f.send(a, packet(100, 2));
  f.send(b, packet(200, 3));
  f.run_until([&] { return f.one.trace == "1 2 " && f.two.trace == "3 "; });
  f.send(a, packet(7, 4));  // it changed its SSRC
  f.send(stranger, packet(7, 5));
  f.send(stranger, Bytes{1, 2, 3});
  f.send(b, packet(0, 6));
  f.run_until([&] { return f.two.trace == "3 6 "; });
  CHECK(f.one.trace == "1 2 4 ");
  CHECK(f.shared->counters().strangers == 2);
  f.shared->remove(f.first);
  f.send(a, packet(100, 7));
  f.run_until([&] { return f.shared->counters().strangers == 3; });
}

TEST_CASE("the first packet of a connection says whose it is") {
  Fixture f;
  const auto connect = [&](const Bytes& bytes) {
    tcp::socket socket(f.io);
    socket.connect({loopback, port});
    if (!bytes.empty()) asio::write(socket, asio::buffer(bytes));
    return socket;
  };
  auto mine = connect(framed(packet(200, 1)));
  f.run_until([&] { return f.two.trace == "T1 "; });
  auto again = connect(framed(packet(200, 2)));  // beside a live one
  f.run_until([&] { return f.shared->counters().refused_connections == 1; });
  auto strange = connect(framed(packet(7, 1)));
  f.run_until([&] { return f.shared->counters().refused_connections == 2; });
  auto silent = connect({});
  f.run_until([&] { return f.shared->counters().refused_connections == 3; });
  CHECK(f.one.trace.empty());
  CHECK(f.two.connection->is_open());
}

TEST_CASE("a port that is taken is said to be") {
  Fixture f;
  gateway::SharedPortOptions options;
  options.address = loopback;
  options.port = port;
  gateway::SharedPort other(f.io, f.clock, options);
  CHECK_FALSE(other.open());
  CHECK_FALSE(f.shared->add(f.one, std::vector<std::uint32_t>{100}));
}
