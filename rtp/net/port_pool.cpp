#include "rtp/net/port_pool.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/udp.hpp>
#include <mutex>
#include <vector>

#include "rtp/net/udp_port.hpp"

namespace rtp::net {

namespace asio = boost::asio;

struct PortLease::Pairs {
  mutable std::mutex mutex;  // shards take and give back pairs of one pool
  struct Pair {
    bool in_use = false;
    std::int64_t rests_until_ns = 0;
  };
  std::uint16_t first = 0;
  std::int64_t rest_ns = 0;
  std::vector<Pair> pairs;
  std::size_t next = 0;
  std::size_t in_use = 0;
  std::uint64_t busy_skipped = 0;
  std::size_t busy_last_time = 0;  // pairs held by others, when the range was last searched

  std::uint16_t port(std::size_t i) const { return static_cast<std::uint16_t>(first + 2 * i); }
};

namespace {

// Whether a socket of that kind can be bound now, in the way that our ports bind theirs.
template <class Endpoint>
bool can_bind(const Endpoint& at, int type) {
  const int fd = ::socket(at.protocol().family(), type | SOCK_CLOEXEC, 0);
  if (fd < 0) return false;
  const int on = 1;
  if (type == SOCK_STREAM) ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  const bool bound = ::bind(fd, at.data(), static_cast<socklen_t>(at.size())) == 0;
  ::close(fd);
  return bound;
}

bool usable(const asio::ip::address& address, std::uint16_t port) {
  const auto rtcp_port = static_cast<std::uint16_t>(port + 1);
  return can_bind(asio::ip::udp::endpoint(address, port), SOCK_DGRAM) &&
         can_bind(asio::ip::udp::endpoint(address, rtcp_port), SOCK_DGRAM) &&
         can_bind(asio::ip::tcp::endpoint(address, port), SOCK_STREAM);
}

}  // namespace

PortLease::PortLease(std::shared_ptr<Pairs> pairs, std::uint16_t port)
    : pairs_(std::move(pairs)), port_(port) {}

PortLease::~PortLease() {
  give_back();
}

PortLease::PortLease(PortLease&& other) noexcept
    : pairs_(std::move(other.pairs_)), port_(std::exchange(other.port_, std::uint16_t{0})) {}

PortLease& PortLease::operator=(PortLease&& other) noexcept {
  if (this != &other) {
    give_back();
    pairs_ = std::move(other.pairs_);
    port_ = std::exchange(other.port_, std::uint16_t{0});
  }
  return *this;
}

void PortLease::give_back() {
  if (!pairs_ || port_ == 0) return;
  std::unique_lock lock(pairs_->mutex);
  auto& pair = pairs_->pairs[static_cast<std::size_t>(port_ - pairs_->first) / 2];
  pair.in_use = false;
  pair.rests_until_ns = steady_now_ns() + pairs_->rest_ns;
  --pairs_->in_use;
  lock.unlock();
  pairs_.reset();
  port_ = 0;
}

PortPool::PortPool(PortPoolOptions options)
    : options_(options), pairs_(std::make_shared<PortLease::Pairs>()) {
  const unsigned first = options_.first + options_.first % 2u;
  const unsigned last = options_.last;
  pairs_->first = static_cast<std::uint16_t>(first);
  pairs_->rest_ns = options_.rest_ns;
  pairs_->pairs.resize(last > first ? (last - first + 1) / 2 : 0);
}

Result<PortLease> PortPool::take(const asio::ip::address& address) {
  auto& p = *pairs_;
  const std::lock_guard lock(p.mutex);
  const auto now_ns = steady_now_ns();
  p.busy_last_time = 0;
  for (std::size_t n = 0; n < p.pairs.size(); ++n) {
    const auto i = p.next;
    p.next = (p.next + 1) % p.pairs.size();
    auto& pair = p.pairs[i];
    if (pair.in_use || pair.rests_until_ns > now_ns) continue;
    if (!usable(address, p.port(i))) {
      ++p.busy_skipped;
      ++p.busy_last_time;
      continue;
    }
    pair.in_use = true;
    ++p.in_use;
    return PortLease(pairs_, p.port(i));
  }
  return Errc::no_free_port;
}

std::size_t PortPool::capacity() const {
  return pairs_->pairs.size();
}

std::size_t PortPool::in_use() const {
  const std::lock_guard lock(pairs_->mutex);
  return pairs_->in_use;
}

std::uint64_t PortPool::busy_skipped() const {
  const std::lock_guard lock(pairs_->mutex);
  return pairs_->busy_skipped;
}

std::string PortPool::describe() const {
  const auto now_ns = steady_now_ns();
  const std::lock_guard lock(pairs_->mutex);
  const auto resting = std::ranges::count_if(
      pairs_->pairs, [&](const auto& p) { return !p.in_use && p.rests_until_ns > now_ns; });
  return std::to_string(options_.first) + "-" + std::to_string(options_.last) + ": " +
         std::to_string(capacity()) + " pairs, " + std::to_string(pairs_->in_use) + " in use, " +
         std::to_string(resting) + " resting, " + std::to_string(pairs_->busy_last_time) +
         " taken by other programs";
}

}  // namespace rtp::net
