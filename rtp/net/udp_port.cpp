#include "rtp/net/udp_port.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <optional>
#include <vector>

#include "rtp/net/slab_pool.hpp"

namespace rtp::net {

namespace asio = boost::asio;
using udp = asio::ip::udp;
using boost::system::error_code;

namespace {

// In front of each datagram: with its RTP header it is what a packet for viewers needs as its head.
constexpr std::size_t headroom_bytes = 16;
// For each datagram: what fits an Ethernet frame at first, then what this sender's have needed.
constexpr std::size_t most_room_bytes = 1520, least_room_bytes = 512;
constexpr unsigned datagrams_until_judged = 256;
constexpr std::size_t batch_size = 32;
constexpr std::size_t frame_slots = 12;  // most frames have fewer datagrams
constexpr std::size_t overflow_bytes = 65536;
// Then other sockets of the shard get their turn.
constexpr int batches_per_wake = 4;

std::size_t aligned(std::size_t n) {
  return (n + 15) / 16 * 16;
}

// What one recvmmsg fills. One per thread: nothing of it outlives the call but slices of slabs.
struct Scratch {
  std::array<mmsghdr, batch_size> headers{};
  std::array<std::array<iovec, 2>, batch_size> parts{};
  std::array<sockaddr_storage, batch_size> names{};
  std::array<std::array<std::uint8_t, 64>, batch_size> control{};
  // Where datagrams beyond a slot end up; the system commits only the pages that are touched.
  std::unique_ptr<std::uint8_t[]> overflow{new std::uint8_t[batch_size * overflow_bytes]};
  std::vector<Datagram> datagrams;

  std::uint8_t* overflow_of(std::size_t i) { return overflow.get() + i * overflow_bytes; }

  Scratch() {
    for (std::size_t i = 0; i < batch_size; ++i) {
      parts[i][1] = {overflow_of(i), overflow_bytes};
      auto& header = headers[i].msg_hdr;
      header.msg_name = &names[i];
      header.msg_iov = parts[i].data();
      header.msg_iovlen = 2;
      header.msg_control = control[i].data();
    }
    renew(batch_size);
  }

  // What the system wrote to the first ones.
  void renew(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      headers[i].msg_hdr.msg_namelen = sizeof names[i];
      headers[i].msg_hdr.msg_controllen = control[i].size();
    }
  }

  // From the `first`-th on, one behind the other at `slots`.
  void prepare(std::size_t first, std::uint8_t* slots, std::size_t end, std::size_t room_bytes) {
    for (std::size_t i = first; i < end; ++i)
      parts[i][0] = {slots + (i - first) * (headroom_bytes + room_bytes) + headroom_bytes,
                     room_bytes};
  }
};

Scratch& scratch() {
  thread_local Scratch instance;
  return instance;
}

udp::endpoint endpoint_of(const msghdr& header) {
  udp::endpoint endpoint;
  const auto size = std::min<std::size_t>(header.msg_namelen, endpoint.capacity());
  std::memcpy(endpoint.data(), header.msg_name, size);
  endpoint.resize(size);
  return endpoint;
}

std::optional<std::uint32_t> drop_count(msghdr& header) {
  for (auto* c = CMSG_FIRSTHDR(&header); c; c = CMSG_NXTHDR(&header, c)) {
    if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SO_RXQ_OVFL) continue;
    std::uint32_t count = 0;
    std::memcpy(&count, CMSG_DATA(c), sizeof count);
    return count;
  }
  return std::nullopt;
}

// As root the size that was asked for, else what net.core.rmem_max allows. The system reports
// twice the usable size.
int set_receive_buffer(int fd, int bytes) {
  if (::setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes) != 0)
    ::setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
  int granted = 0;
  socklen_t size = sizeof granted;
  ::getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &granted, &size);
  return granted / 2;
}

}  // namespace

struct UdpPort::Impl : std::enable_shared_from_this<UdpPort::Impl> {
  struct Channel {
    explicit Channel(const asio::any_io_executor& executor) : socket(executor) {}
    udp::socket socket;
    bool rtcp = false;
    std::uint32_t kernel_drops = 0;  // the system's running count
  };

  Impl(const asio::any_io_executor& executor, UdpPortUser& u, UdpPortOptions o)
      : user(&u),
        options(o),
        pool(std::max(o.slab_bytes, headroom_bytes + most_room_bytes), 16),
        rtp(executor),
        rtcp(executor) {
    rtcp.rtcp = true;
  }

  Result<void> open(const asio::ip::address& address, std::uint16_t port);
  error_code open_pair(const asio::ip::address& address, std::uint16_t port);
  error_code open_one(Channel& channel, const udp::endpoint& at);
  void close();
  void wait(Channel& channel);
  void on_readable(Channel& channel);
  bool receive_batch(Channel& channel);
  std::size_t prepare(Scratch& s);
  void advance(const Scratch& s, std::size_t received);
  void learn_room(const Scratch& s, std::size_t received);
  void take(Scratch& s, std::size_t i, std::int64_t now_ns, Channel& channel);
  Slice bytes_of(Scratch& s, std::size_t i, std::size_t size);
  Result<void> send(Channel& channel, std::span<const std::uint8_t> bytes, const udp::endpoint& to);

  UdpPortUser* user;
  UdpPortOptions options;
  SlabPool pool;
  SlabRef slab;
  std::size_t used = 0;  // of slab
  std::size_t room_bytes = most_room_bytes, largest = 0;
  unsigned judged_after = datagrams_until_judged;
  SlabRef next_slab;              // while receiving, where slab has little room left
  std::size_t slots_in_slab = 0;  // while receiving
  Channel rtp, rtcp;
  bool is_open = false;
  Counters counters;
};

Result<void> UdpPort::Impl::open(const asio::ip::address& address, std::uint16_t port) {
  if (port % 2 != 0) return Errc::odd_port;
  error_code error;
  for (int attempt = 0; attempt < (port == 0 ? 64 : 1); ++attempt) {
    error = open_pair(address, port);
    if (!error) break;
    close();
  }
  if (error) return error;
  is_open = true;
  wait(rtp);
  wait(rtcp);
  return {};
}

error_code UdpPort::Impl::open_pair(const asio::ip::address& address, std::uint16_t port) {
  if (const auto error = open_one(rtp, {address, port})) return error;
  error_code error;
  const auto bound = rtp.socket.local_endpoint(error).port();
  if (error) return error;
  if (bound % 2 != 0) return make_error_code(Errc::odd_port);
  return open_one(rtcp, {address, static_cast<std::uint16_t>(bound + 1)});
}

error_code UdpPort::Impl::open_one(Channel& channel, const udp::endpoint& at) {
  error_code error;
  channel.kernel_drops = 0;
  channel.socket.open(at.protocol(), error);
  if (!error) channel.socket.bind(at, error);
  if (!error) channel.socket.non_blocking(true, error);
  if (error) return error;
  const int fd = channel.socket.native_handle();
  const int on = 1;
  ::setsockopt(fd, SOL_SOCKET, SO_RXQ_OVFL, &on, sizeof on);
  if (!channel.rtcp)
    counters.receive_buffer_bytes = set_receive_buffer(fd, options.receive_buffer_bytes);
  return {};
}

void UdpPort::Impl::close() {
  is_open = false;
  error_code ignored;
  rtp.socket.close(ignored);
  rtcp.socket.close(ignored);
}

void UdpPort::Impl::wait(Channel& channel) {
  channel.socket.async_wait(udp::socket::wait_read,
                            [self = shared_from_this(), &channel](const error_code& error) {
                              if (!self->is_open || error == asio::error::operation_aborted) return;
                              self->on_readable(channel);
                            });
}

void UdpPort::Impl::on_readable(Channel& channel) {
  for (int i = 0; i < batches_per_wake && is_open; ++i)
    if (!receive_batch(channel)) break;
  if (is_open) wait(channel);
}

// Where a batch goes: a frame's datagrams shall come with one call, also at the end of a slab. The
// number of slots.
std::size_t UdpPort::Impl::prepare(Scratch& s) {
  const auto slot_bytes = headroom_bytes + room_bytes;
  if (!slab || pool.slab_bytes() - used < slot_bytes) {
    slab = pool.take();
    used = 0;
  }
  slots_in_slab = std::min(batch_size, (pool.slab_bytes() - used) / slot_bytes);
  s.prepare(0, slab->data() + used, slots_in_slab, room_bytes);
  if (slots_in_slab >= frame_slots) return slots_in_slab;
  next_slab = pool.take();
  const auto slots =
      std::min(slots_in_slab + pool.slab_bytes() / slot_bytes, std::size_t{frame_slots});
  s.prepare(slots_in_slab, next_slab->data(), slots, room_bytes);
  return slots;
}

// The last datagram gives back what it did not fill of its slot.
void UdpPort::Impl::advance(const Scratch& s, std::size_t received) {
  const auto last = std::min<std::size_t>(s.headers[received - 1].msg_len, room_bytes);
  auto slots = received;
  if (received > slots_in_slab) {
    slab = std::move(next_slab);
    used = 0;
    slots = received - slots_in_slab;
  }
  next_slab = {};
  used =
      std::min(used + (slots - 1) * (headroom_bytes + room_bytes) + headroom_bytes + aligned(last),
               pool.slab_bytes());
}

// Memory that no datagram needs would be held for as long as the ring of the stream is.
void UdpPort::Impl::learn_room(const Scratch& s, std::size_t received) {
  for (std::size_t i = 0; i < received; ++i)
    largest = std::max<std::size_t>(largest, s.headers[i].msg_len);
  judged_after -= std::min(judged_after, static_cast<unsigned>(received));
  if (largest <= room_bytes && judged_after > 0) return;
  room_bytes = std::clamp(aligned(largest), least_room_bytes, most_room_bytes);
  if (judged_after > 0) return;
  judged_after = datagrams_until_judged;
  largest = 0;
}

// True when there may be more.
bool UdpPort::Impl::receive_batch(Channel& channel) {
  auto& s = scratch();
  const auto slots = prepare(s);
  const int n = ::recvmmsg(channel.socket.native_handle(), s.headers.data(),
                           static_cast<unsigned>(slots), MSG_DONTWAIT, nullptr);
  ++counters.system_calls;
  if (n <= 0) {
    next_slab = {};
    if (n < 0 && errno != EAGAIN && errno != EINTR) ++counters.receive_errors;
    return false;
  }
  const auto received = static_cast<std::size_t>(n);
  const auto now_ns = steady_now_ns();
  s.datagrams.clear();
  for (std::size_t i = 0; i < received; ++i) take(s, i, now_ns, channel);
  advance(s, received);
  learn_room(s, received);
  s.renew(received);
  ++counters.batches;
  if (!s.datagrams.empty()) user->on_datagrams(s.datagrams);
  s.datagrams.clear();
  return received == slots;
}

void UdpPort::Impl::take(Scratch& s, std::size_t i, std::int64_t now_ns, Channel& channel) {
  auto& header = s.headers[i].msg_hdr;
  const std::size_t size = s.headers[i].msg_len;
  if (const auto drops = drop_count(header)) {
    counters.kernel_drops += *drops - channel.kernel_drops;
    channel.kernel_drops = *drops;
  }
  if (header.msg_flags & MSG_TRUNC) {
    ++counters.truncated;
    return;
  }
  ++counters.datagrams;
  counters.bytes += size;
  s.datagrams.push_back({bytes_of(s, i, size), endpoint_of(header), now_ns, channel.rtcp});
}

// A datagram larger than a slot lies in two parts: the one case in which it is copied.
Slice UdpPort::Impl::bytes_of(Scratch& s, std::size_t i, std::size_t size) {
  const auto* slot = static_cast<const std::uint8_t*>(s.parts[i][0].iov_base);
  const auto& owner = i < slots_in_slab ? slab : next_slab;
  if (size <= room_bytes) return {owner, slot, static_cast<std::uint32_t>(size), headroom_bytes};
  ++counters.large;
  auto whole = SlabRef::allocate(size);
  std::memcpy(whole->data(), slot, room_bytes);
  std::memcpy(whole->data() + room_bytes, s.overflow_of(i), size - room_bytes);
  const auto* data = whole->data();
  return {std::move(whole), data, static_cast<std::uint32_t>(size), 0};
}

Result<void> UdpPort::Impl::send(Channel& channel, std::span<const std::uint8_t> bytes,
                                 const udp::endpoint& to) {
  if (!is_open) return Errc::not_open;
  error_code error;
  channel.socket.send_to(asio::buffer(bytes.data(), bytes.size()), to, 0, error);
  if (!error) return {};
  ++counters.send_errors;
  return error;
}

UdpPort::UdpPort(asio::any_io_executor executor, UdpPortUser& user, UdpPortOptions options)
    : impl_(std::make_shared<Impl>(executor, user, options)) {}

UdpPort::~UdpPort() {
  close();
}

UdpPort::UdpPort(UdpPort&&) noexcept = default;

UdpPort& UdpPort::operator=(UdpPort&& other) noexcept {
  if (this != &other) {
    close();
    impl_ = std::move(other.impl_);
  }
  return *this;
}

Result<void> UdpPort::open(const asio::ip::address& address, std::uint16_t rtp_port) {
  close();
  return impl_->open(address, rtp_port);
}

void UdpPort::close() {
  if (impl_) impl_->close();
}

bool UdpPort::is_open() const {
  return impl_->is_open;
}

std::uint16_t UdpPort::rtp_port() const {
  error_code ignored;
  return impl_->is_open ? impl_->rtp.socket.local_endpoint(ignored).port() : std::uint16_t{0};
}

Result<void> UdpPort::send_rtp(std::span<const std::uint8_t> bytes, const udp::endpoint& to) {
  return impl_->send(impl_->rtp, bytes, to);
}

Result<void> UdpPort::send_rtcp(std::span<const std::uint8_t> bytes, const udp::endpoint& to) {
  return impl_->send(impl_->rtcp, bytes, to);
}

const UdpPort::Counters& UdpPort::counters() const {
  return impl_->counters;
}

std::string UdpPort::describe() const {
  const auto& c = impl_->counters;
  return "udp port " + std::to_string(rtp_port()) + ": " + std::to_string(c.datagrams) +
         " datagrams, " + std::to_string(c.bytes) + " bytes, " + std::to_string(c.kernel_drops) +
         " dropped by the system (receive buffer " + std::to_string(c.receive_buffer_bytes) +
         " bytes), " + std::to_string(c.truncated) + " truncated";
}

SourceAddress source_address(const udp::endpoint& endpoint) {
  const auto& address = endpoint.address();
  const auto v6 = address.is_v6() ? address.to_v6()
                                  : asio::ip::make_address_v6(asio::ip::v4_mapped, address.to_v4());
  return {v6.to_bytes(), endpoint.port()};
}

std::int64_t steady_now_ns() {
  using namespace std::chrono;
  return duration_cast<nanoseconds>(steady_clock::now().time_since_epoch()).count();
}

}  // namespace rtp::net
