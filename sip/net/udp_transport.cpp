#include "sip/net/udp_transport.hpp"

#include <linux/errqueue.h>
#include <linux/sock_diag.h>
#include <netinet/udp.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cerrno>
#include <cstring>
#include <utility>

#include "sip/net/receive_pace.hpp"
#include "sip/net/socket_address.hpp"

namespace asio = boost::asio;
using asio::ip::udp;

namespace sip::net {
namespace {

constexpr std::size_t batch_size = 64;  // when it is not filled, nothing was left
constexpr std::size_t datagram_bytes = 64 * 1024;
// Not a power of two: the beginnings of all datagrams would meet in the same few lines of the
// cache.
constexpr std::size_t datagram_stride = datagram_bytes + 17 * 64;
constexpr int batches_per_wake = 4;  // then others on this thread have their turn
constexpr std::size_t control_bytes = CMSG_SPACE(sizeof(in6_pktinfo));
// What fits a packet of any usual network, and an IP datagram.
constexpr std::size_t most_segment_bytes = 1400, most_train_bytes = 65000;

// What the system says of UDP_SEGMENT: not known, no checksums in hardware, a smaller MTU.
bool cannot_segment(int error) {
  return error == EINVAL || error == EIO || error == EOPNOTSUPP || error == EMSGSIZE;
}

// The address that a datagram was sent to, when the socket listens on all.
IpAddress destination_of(const msghdr& header, const IpAddress& bound) {
  auto& h = const_cast<msghdr&>(header);  // the macros want it so
  for (auto* c = CMSG_FIRSTHDR(&h); c; c = CMSG_NXTHDR(&h, c)) {
    if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
      in_pktinfo info;
      std::memcpy(&info, CMSG_DATA(c), sizeof info);
      IpAddress::V4Bytes four;
      std::memcpy(four.data(), &info.ipi_addr, four.size());
      return IpAddress::v4(four);
    }
    if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
      in6_pktinfo info;
      std::memcpy(&info, CMSG_DATA(c), sizeof info);
      IpAddress::V6Bytes six;
      std::memcpy(six.data(), &info.ipi6_addr, six.size());
      return IpAddress::v6(six);
    }
  }
  return bound;
}

template <class Info>
void put_control(msghdr& header, int level, int type, const Info& info) {
  header.msg_controllen = CMSG_SPACE(sizeof info);
  auto* c = CMSG_FIRSTHDR(&header);
  c->cmsg_level = level;
  c->cmsg_type = type;
  c->cmsg_len = CMSG_LEN(sizeof info);
  std::memcpy(CMSG_DATA(c), &info, sizeof info);
}

// Answers leave from the address that was asked, on a machine that has several.
void set_source(msghdr& header, const IpAddress& source) {
  if (source.is_v6()) {
    in6_pktinfo info{};
    std::memcpy(&info.ipi6_addr, source.bytes().data(), 16);
    put_control(header, IPPROTO_IPV6, IPV6_PKTINFO, info);
  } else {
    in_pktinfo info{};
    std::memcpy(&info.ipi_spec_dst, source.bytes().data(), 4);
    put_control(header, IPPROTO_IP, IP_PKTINFO, info);
  }
}

// On a socket that listens on all addresses, each datagram says to which it came.
void tell_destinations(int socket, bool v6) {
  const int on = 1;
  ::setsockopt(socket, v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_RECVPKTINFO : IP_PKTINFO, &on,
               sizeof on);
}

// ICMP errors are kept for us, with the address that they are about.
void keep_refusals(int socket, bool v6) {
  const int on = 1;
  ::setsockopt(socket, v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_RECVERR : IP_RECVERR, &on,
               sizeof on);
}

// How much of a socket's receive buffer is in use.
unsigned backlog_percent(int socket) {
  std::uint32_t figures[SK_MEMINFO_VARS]{};
  socklen_t size = sizeof figures;
  if (::getsockopt(socket, SOL_SOCKET, SO_MEMINFO, figures, &size) != 0) return 0;
  const std::uint64_t used = figures[SK_MEMINFO_RMEM_ALLOC], room = figures[SK_MEMINFO_RCVBUF];
  return room == 0 ? 0 : static_cast<unsigned>(used * 100 / room);
}

// What RFC 3261 18.4 takes for a failure: nobody is there, and repeating will not help.
bool is_unreachable(const msghdr& header) {
  auto& h = const_cast<msghdr&>(header);
  for (auto* c = CMSG_FIRSTHDR(&h); c; c = CMSG_NXTHDR(&h, c)) {
    const bool v6 = c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_RECVERR;
    if (!v6 && (c->cmsg_level != IPPROTO_IP || c->cmsg_type != IP_RECVERR)) continue;
    sock_extended_err error;
    std::memcpy(&error, CMSG_DATA(c), sizeof error);
    // Destination unreachable, but for fragmentation needed.
    if (error.ee_origin == SO_EE_ORIGIN_ICMP) return error.ee_type == 3 && error.ee_code != 4;
    if (error.ee_origin == SO_EE_ORIGIN_ICMP6) return error.ee_type == 1;
  }
  return false;
}

}  // namespace

// While it rests, the socket is out of the reactor's sight: or each datagram would wake the thread.
struct UdpTransport::Listener {
  Listener(asio::io_context& io, Duration gather) : socket(io), timer(io), pace(gather) {}
  ~Listener() { close(); }

  bool is_open() const { return fd >= 0; }
  void hide() {
    boost::system::error_code ignored;
    if (socket.is_open()) socket.release(ignored);
  }
  bool show() {
    boost::system::error_code ec;
    if (!socket.is_open()) socket.assign(local.ip.is_v6() ? udp::v6() : udp::v4(), fd, ec);
    return !ec;
  }
  void close() {
    timer.cancel();
    boost::system::error_code ignored;
    if (socket.is_open()) {
      socket.close(ignored);
    } else if (is_open()) {
      ::close(fd);
    }
    fd = -1;
  }

  udp::socket socket;  // not open while it rests
  int fd = -1;
  asio::steady_timer timer;
  ReceivePace pace;
  Address local;
  unsigned backlog = 0;  // percent, as it was told
  bool segments = true;  // the system cuts one large datagram into many, as far as we know
};

// One for all sockets: each is used within one call.
struct UdpTransport::Inbox {
  alignas(cmsghdr) char control[batch_size][control_bytes];
  sockaddr_storage names[batch_size];
  iovec vectors[batch_size];
  mmsghdr headers[batch_size];
  // Not initialised: the system commits only the pages that datagrams touch.
  std::unique_ptr<char[]> bytes{new char[batch_size * datagram_stride]};
  std::size_t used = batch_size;  // headers that the last call has written to

  void reset() {
    for (std::size_t i = 0; i < used; ++i) {
      vectors[i] = {bytes.get() + i * datagram_stride, datagram_bytes};
      headers[i] = {};
      headers[i].msg_hdr.msg_name = &names[i];
      headers[i].msg_hdr.msg_namelen = sizeof names[i];
      headers[i].msg_hdr.msg_iov = &vectors[i];
      headers[i].msg_hdr.msg_iovlen = 1;
      headers[i].msg_hdr.msg_control = control[i];
      headers[i].msg_hdr.msg_controllen = control_bytes;
    }
  }
};

struct UdpTransport::Outbox {
  alignas(cmsghdr) char control[batch_size][control_bytes];
  sockaddr_storage names[batch_size];
  iovec vectors[batch_size];
  mmsghdr headers[batch_size];
  Flow flows[batch_size];
  std::vector<Flow> failed;  // of what could not be sent
  // Neighbours of one size to one peer, as they come from a proxy or a border controller, pass the
  // system's layers as one (UDP_SEGMENT). What is really given to it:
  alignas(
      cmsghdr) char train_control[batch_size][control_bytes + CMSG_SPACE(sizeof(std::uint16_t))];
  mmsghdr trains[batch_size];
  std::size_t lengths[batch_size];  // datagrams of each

  bool is_like(std::size_t a, std::size_t b) const {
    const auto &x = headers[a].msg_hdr, &y = headers[b].msg_hdr;
    return vectors[a].iov_len == vectors[b].iov_len && x.msg_namelen == y.msg_namelen &&
           x.msg_controllen == y.msg_controllen &&
           std::memcmp(&names[a], &names[b], x.msg_namelen) == 0 &&
           std::memcmp(control[a], control[b], x.msg_controllen) == 0;
  }

  // Of the messages [first, end); the number of trains.
  std::size_t couple(std::size_t first, std::size_t end, bool segments) {
    std::size_t count = 0;
    for (auto at = first; at < end; ++count) {
      const auto size = vectors[at].iov_len;
      const auto most =
          segments && size > 0 && size <= most_segment_bytes ? most_train_bytes / size : 1;
      std::size_t length = 1;
      while (length < most && at + length < end && is_like(at, at + length)) ++length;
      trains[count] = headers[at];
      if (length > 1) make_train(trains[count].msg_hdr, train_control[count], size, length);
      lengths[count] = length;
      at += length;
    }
    return count;
  }

  // The datagrams' bytes follow the first one's in `vectors`.
  static void make_train(msghdr& header, char* memory, std::size_t size, std::size_t length) {
    const auto before = header.msg_controllen;
    if (before > 0) std::memcpy(memory, header.msg_control, before);
    auto* const order = reinterpret_cast<cmsghdr*>(memory + CMSG_ALIGN(before));
    const auto segment = static_cast<std::uint16_t>(size);
    order->cmsg_level = SOL_UDP;
    order->cmsg_type = UDP_SEGMENT;
    order->cmsg_len = CMSG_LEN(sizeof segment);
    std::memcpy(CMSG_DATA(order), &segment, sizeof segment);
    header.msg_control = memory;
    header.msg_controllen = CMSG_ALIGN(before) + CMSG_SPACE(sizeof segment);
    header.msg_iovlen = length;
  }

  void add(std::size_t i, const Flow& flow, std::string_view message, bool choose_source) {
    vectors[i] = {const_cast<char*>(message.data()), message.size()};  // it is only read
    flows[i] = flow;
    headers[i] = {};
    auto& header = headers[i].msg_hdr;
    header.msg_name = &names[i];
    header.msg_namelen = to_sockaddr(flow.remote, names[i]);
    header.msg_iov = &vectors[i];
    header.msg_iovlen = 1;
    if (choose_source && !flow.local.ip.is_unspecified() &&
        flow.local.ip.is_v6() == flow.remote.ip.is_v6()) {
      header.msg_control = control[i];
      header.msg_controllen = control_bytes;
      set_source(header, flow.local.ip);
    }
  }
};

UdpTransport::UdpTransport(asio::io_context& io, MessageSink& sink, const TransportLimits& limits,
                           TransportCounters& counters)
    : io_(io),
      sink_(&sink),
      limits_(limits),
      counters_(counters),
      inbox_(std::make_unique<Inbox>()),
      outbox_(std::make_unique<Outbox>()) {}

UdpTransport::~UdpTransport() {
  close();
}

boost::system::result<Address> UdpTransport::listen(const Address& at) {
  auto listener = std::make_shared<Listener>(io_, limits_.gather);
  auto& socket = listener->socket;
  boost::system::error_code ec;
  const auto endpoint = to_udp(at);
  socket.open(endpoint.protocol(), ec);
  if (!ec && at.ip.is_v6()) socket.set_option(asio::ip::v6_only(true), ec);
  if (!ec) socket.bind(endpoint, ec);
  if (!ec) socket.non_blocking(true, ec);
  if (ec) return ec;
  boost::system::error_code ignored;  // the kernel's limit is not our failure
  socket.set_option(asio::socket_base::receive_buffer_size(limits_.udp_buffer_bytes), ignored);
  socket.set_option(asio::socket_base::send_buffer_size(limits_.udp_buffer_bytes), ignored);
  if (at.ip.is_unspecified()) tell_destinations(socket.native_handle(), at.ip.is_v6());
  keep_refusals(socket.native_handle(), at.ip.is_v6());
  listener->local = from_endpoint(socket.local_endpoint(ec));
  if (ec) return ec;
  listener->fd = socket.native_handle();
  listeners_.push_back(listener);
  wait(listener);
  return listener->local;
}

void UdpTransport::close() {
  sink_ = nullptr;
  for (auto& listener : listeners_) listener->close();
  listeners_.clear();
}

const Address* UdpTransport::listener_for(bool v6) const {
  for (const auto& listener : listeners_)
    if (listener->local.ip.is_v6() == v6) return &listener->local;
  return nullptr;
}

// --- receiving -----------------------------------------------------------------------------------

void UdpTransport::wait(std::shared_ptr<Listener> listener) {
  if (!listener->show()) return rest(listener, limits_.gather);
  auto& socket = listener->socket;
  // After close() the transport may be gone when this completes; only the listener is looked at.
  socket.async_wait(udp::socket::wait_read, [this, listener](boost::system::error_code ec) {
    if (!ec && listener->is_open()) serve(listener);
  });
}

void UdpTransport::rest(std::shared_ptr<Listener> listener, Duration duration) {
  listener->hide();
  auto& timer = listener->timer;
  timer.expires_after(duration);
  timer.async_wait([this, listener](boost::system::error_code ec) {
    if (!ec && listener->is_open()) serve(listener);
  });
}

void UdpTransport::serve(const std::shared_ptr<Listener>& listener) {
  const auto begun = Clock::now();
  const auto turn = receive(*listener);
  if (!listener->is_open()) return;
  const auto pause = listener->pace.after(turn.count, begun, Clock::now());
  if (turn.more || pause == Duration::zero()) {
    wait(listener);
  } else {
    rest(listener, pause);
  }
}

UdpTransport::Received UdpTransport::receive(Listener& listener) {
  auto* sink = sink_;
  Received turn;
  sink->begin_batch();
  for (int i = 0; i < batches_per_wake && sink_; ++i) {
    const auto n = receive_batch(listener, i == 0);
    turn.count += n;
    turn.more = n == batch_size;  // a call that fills no batch has emptied the socket
    if (!turn.more) break;
  }
  if (sink_) tell_backlog(listener, turn.more);
  sink->end_batch();
  return turn;
}

// Looked at only after a turn that has left datagrams behind.
void UdpTransport::tell_backlog(Listener& listener, bool more) {
  if (!more && listener.backlog == 0) return;
  listener.backlog = more ? backlog_percent(listener.fd) : 0;
  unsigned worst = 0;
  for (const auto& each : listeners_) worst = std::max(worst, each->backlog);
  sink_->on_backlog(worst);
}

std::size_t UdpTransport::receive_batch(Listener& listener, bool is_first) {
  auto& b = *inbox_;
  b.reset();
  ++counters_.receive_calls;
  int n = ::recvmmsg(listener.fd, b.headers, batch_size, MSG_DONTWAIT, nullptr);
  // Woken for nothing, it was for them.
  const bool has_refusals = n < 0 && (is_first || errno != EAGAIN);
  if (has_refusals && take_refusals(listener)) {
    report_failures();
    n = ::recvmmsg(listener.fd, b.headers, batch_size, MSG_DONTWAIT, nullptr);
  }
  b.used = n > 0 ? static_cast<std::size_t>(n) : 0;
  for (std::size_t i = 0; i < b.used && sink_; ++i) {
    const auto& header = b.headers[i];
    Flow flow{Transport::udp, listener.local, from_sockaddr(b.names[i]), ConnectionId::none};
    if (header.msg_hdr.msg_controllen > 0)
      flow.local.ip = destination_of(header.msg_hdr, listener.local.ip);
    ++counters_.datagrams_received;
    counters_.bytes_received += header.msg_len;
    sink_->on_message({static_cast<const char*>(b.vectors[i].iov_base), header.msg_len}, flow);
  }
  return b.used;
}

// --- sending -------------------------------------------------------------------------------------

UdpTransport::Listener* UdpTransport::choose(const Flow& flow) {
  Listener* fits = nullptr;
  for (const auto& listener : listeners_) {
    const auto& local = listener->local;
    if (local == flow.local) return listener.get();
    if (local.ip.is_v6() != flow.remote.ip.is_v6()) continue;
    if (local.port == flow.local.port && local.ip.is_unspecified()) return listener.get();
    if (!fits) fits = listener.get();
  }
  return fits;
}

// Neighbours that leave by the same socket go in one system call.
void UdpTransport::send(const Output& out) {
  Listener* by = nullptr;
  std::size_t count = 0;
  for (const auto& send : out.sends) {
    if (send.flow.transport != Transport::udp) continue;
    auto* listener = choose(send.flow);
    if (!listener) {
      ++counters_.datagram_send_errors;
      outbox_->failed.push_back(send.flow);
      continue;
    }
    if (by && (listener != by || count == batch_size)) {
      flush(*by, count);
      count = 0;
    }
    by = listener;
    outbox_->add(count++, send.flow, out.bytes(send), listener->local.ip.is_unspecified());
  }
  if (by) flush(*by, count);
  report_failures();
}

void UdpTransport::flush(Listener& listener, std::size_t count) {
  auto& b = *outbox_;
  bool segments = listener.segments;
  for (std::size_t sent = 0; sent < count;) {
    const auto trains = b.couple(sent, count, segments);
    ++counters_.send_calls;
    const int n = ::sendmmsg(listener.fd, b.trains, static_cast<unsigned>(trains), MSG_DONTWAIT);
    if (n > 0) {
      for (int i = 0; i < n; ++i) sent += count_sent(sent, b.lengths[i]);
      if (sent < count) take_refusals(listener);
      continue;
    }
    if (errno == EINTR) continue;
    // A full buffer is a lost datagram, and SIP repeats those. Anything else will not get better.
    const int error = errno;
    const bool is_full = error == EAGAIN || error == ENOBUFS;
    if (!is_full && take_refusals(listener)) continue;
    if (b.lengths[0] > 1) {  // one by one; from now on, when it is this that the system cannot do
      segments = false;
      if (cannot_segment(error)) listener.segments = false;
      continue;
    }
    ++counters_.datagram_send_errors;
    if (!is_full) b.failed.push_back(b.flows[sent]);
    ++sent;
  }
}

std::size_t UdpTransport::count_sent(std::size_t first, std::size_t datagrams) {
  counters_.datagrams_sent += datagrams;
  for (auto i = first; i < first + datagrams; ++i)
    counters_.bytes_sent += outbox_->vectors[i].iov_len;
  return datagrams;
}

// ICMP errors stand in a queue of their own, and make one call fail that may concern somebody else.
// sendmmsg hides that when it has sent something; what is left in the queue would wake us for ever.
// True when there was any: a call that has failed is worth repeating.
bool UdpTransport::take_refusals(Listener& listener) {
  bool any = false;
  for (std::size_t i = 0; i < batch_size; ++i) {
    sockaddr_storage name{};
    alignas(cmsghdr) char control[256];
    msghdr header{};
    header.msg_name = &name;
    header.msg_namelen = sizeof name;
    header.msg_control = control;
    header.msg_controllen = sizeof control;
    if (::recvmsg(listener.fd, &header, MSG_ERRQUEUE | MSG_DONTWAIT) < 0) break;
    any = true;
    if (!is_unreachable(header)) continue;
    ++counters_.datagrams_refused;
    outbox_->failed.push_back({Transport::udp, listener.local, from_sockaddr(name), {}});
  }
  return any;
}

void UdpTransport::report_failures() {
  const auto failed = std::exchange(outbox_->failed, {});
  for (const auto& flow : failed)
    if (sink_) sink_->on_send_failed(flow);
}

}  // namespace sip::net
