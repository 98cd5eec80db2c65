// Shell: hands out even/odd port pairs of a range for media sessions. Round robin, so that a port
// is used again as late as possible: packets of the last session may still be on their way.
#pragma once

#include <boost/asio/ip/address.hpp>
#include <cstdint>
#include <memory>
#include <string>

#include "rtp/error.hpp"

namespace rtp::net {

struct PortPoolOptions {
  std::uint16_t first = 30000;           // rounded up to an even one
  std::uint16_t last = 30999;            // the last RTCP port at most
  std::int64_t rest_ns = 5'000'000'000;  // a pair given back is left alone for so long
};

// A pair on loan; given back when the lease goes. May outlive the pool.
class PortLease {
 public:
  PortLease() = default;
  ~PortLease();
  PortLease(PortLease&& other) noexcept;
  PortLease& operator=(PortLease&& other) noexcept;

  explicit operator bool() const { return port_ != 0; }
  std::uint16_t rtp_port() const { return port_; }
  std::uint16_t rtcp_port() const { return static_cast<std::uint16_t>(port_ + 1); }
  void give_back();

 private:
  friend class PortPool;
  struct Pairs;
  PortLease(std::shared_ptr<Pairs> pairs, std::uint16_t port);
  std::shared_ptr<Pairs> pairs_;
  std::uint16_t port_ = 0;
};

// Thread-safe: shards share a pool, and give their leases back.
class PortPool {
 public:
  explicit PortPool(PortPoolOptions options = {});

  // The next free pair on which `address` can be bound now, for UDP (both ports) and TCP (the
  // first). Errc::no_free_port: none; describe() says why.
  Result<PortLease> take(const boost::asio::ip::address& address);

  std::size_t capacity() const;
  std::size_t in_use() const;
  std::uint64_t busy_skipped() const;  // pairs that another program holds
  // "30000-30999: 500 pairs, 499 in use, 1 resting, 0 taken by other programs"
  std::string describe() const;

 private:
  PortPoolOptions options_;
  std::shared_ptr<PortLease::Pairs> pairs_;
};

}  // namespace rtp::net
