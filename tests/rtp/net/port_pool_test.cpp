#include "rtp/net/port_pool.hpp"

#include <doctest/doctest.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/udp.hpp>
#include <chrono>
#include <optional>
#include <thread>
#include <vector>

namespace {

namespace asio = boost::asio;
using rtp::net::PortLease;
using rtp::net::PortPool;

const auto loopback = asio::ip::make_address("127.0.0.1");

TEST_CASE("pairs are handed out in turn until there are none") {
  PortPool pool({.first = 22101, .last = 22107, .rest_ns = 0});
  CHECK(pool.capacity() == 3);  // 22102, 22104, 22106
  std::vector<PortLease> leases;
  for (const int port : {22102, 22104, 22106}) {
    auto lease = pool.take(loopback);
    REQUIRE(lease.has_value());
    CHECK(lease->rtp_port() == port);
    CHECK(lease->rtcp_port() == port + 1);
    leases.push_back(std::move(*lease));
  }
  CHECK(pool.take(loopback).error() == rtp::Errc::no_free_port);
  CHECK(pool.describe() == "22101-22107: 3 pairs, 3 in use, 0 resting, 0 taken by other programs");
  leases.erase(leases.begin() + 1);
  const auto again = pool.take(loopback);
  REQUIRE(again.has_value());
  CHECK(again->rtp_port() == 22104);
}

TEST_CASE("round robin: a port just given back is the last to come again") {
  PortPool pool({.first = 22110, .last = 22115, .rest_ns = 0});
  std::vector<int> ports;
  for (int n = 0; n < 5; ++n) ports.push_back(pool.take(loopback)->rtp_port());
  CHECK(ports == std::vector<int>{22110, 22112, 22114, 22110, 22112});
}

TEST_CASE("a pair rests after its use") {
  PortPool pool({.first = 22120, .last = 22121, .rest_ns = 50'000'000});
  pool.take(loopback)->give_back();
  CHECK(pool.in_use() == 0);
  CHECK(pool.take(loopback).error() == rtp::Errc::no_free_port);
  CHECK(pool.describe() == "22120-22121: 1 pairs, 0 in use, 1 resting, 0 taken by other programs");
  std::this_thread::sleep_for(std::chrono::milliseconds(60));
  CHECK(pool.take(loopback).has_value());
}

TEST_CASE("ports of other programs are skipped, whichever of the pair it is") {
  asio::io_context io;
  asio::ip::udp::socket rtp(io, {loopback, 22130}), rtcp(io, {loopback, 22133});
  PortPool pool({.first = 22130, .last = 22135, .rest_ns = 0});
  const auto lease = pool.take(loopback);
  REQUIRE(lease.has_value());
  CHECK(lease->rtp_port() == 22134);
  CHECK(pool.busy_skipped() == 2);
  CHECK(pool.take(loopback).error() == rtp::Errc::no_free_port);
  CHECK(pool.describe() == "22130-22135: 3 pairs, 1 in use, 0 resting, 2 taken by other programs");
}

TEST_CASE("a lease may outlive its pool, and moves") {
  std::optional<PortPool> pool(
      std::in_place, rtp::net::PortPoolOptions{.first = 22140, .last = 22143, .rest_ns = 0});
  PortLease kept = std::move(*pool->take(loopback));
  PortLease other = std::move(*pool->take(loopback));
  kept = std::move(other);
  CHECK(kept.rtp_port() == 22142);
  CHECK_FALSE(other);
  CHECK(pool->in_use() == 1);
  pool.reset();
  kept.give_back();
  CHECK_FALSE(kept);
}

TEST_CASE("an empty range has no port") {
  PortPool pool({.first = 22151, .last = 22152});
  CHECK(pool.capacity() == 0);
  CHECK(pool.take(loopback).error() == rtp::Errc::no_free_port);
}

}  // namespace
