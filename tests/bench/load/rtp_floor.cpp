// What the kernel asks for a relay: sleeps in epoll, takes what has arrived on a camera's port with
// recvmmsg, and hands it on from where it was received, one writev (or sendmmsg) per viewer and
// frame. No parsing but the marker bit, no protocol, one thread. What a gateway spends beyond is
// its own work. usage: rtp_floor FIRST_UDP_PORT(step 2) STREAMS VIEWERS_PORT A viewer connects to
// VIEWERS_PORT by TCP, or sends it a datagram: the i-th gets stream i % STREAMS.
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>

namespace {

constexpr std::size_t held_most = 64, batch = 32, datagram_most = 1600;
constexpr std::uint32_t tcp_tag = 0xffffffff, udp_tag = 0xfffffffe;

struct Source {
  int fd = -1;
  std::vector<int> tcp_viewers;
  std::vector<sockaddr_in> udp_viewers;
  std::vector<std::array<std::uint8_t, datagram_most>> buffers;
  std::array<iovec, held_most> held{};  // in buffers, with their lengths
  std::size_t count = 0;
};

sockaddr_in loopback(int port) {
  sockaddr_in a{};
  a.sin_family = AF_INET;
  a.sin_port = htons(static_cast<std::uint16_t>(port));
  a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return a;
}

int open_port(int type, int port) {
  const int fd = socket(AF_INET, type | SOCK_NONBLOCK, 0), big = 4 << 20, on = 1;
  if (type == SOCK_DGRAM)
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &big, sizeof big);
  else
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  const auto here = loopback(port);
  const bool bound = bind(fd, reinterpret_cast<const sockaddr*>(&here), sizeof here) == 0;
  if (!bound || (type == SOCK_STREAM && listen(fd, 4096) != 0)) {
    std::perror("rtp_floor: port");
    std::exit(2);
  }
  return fd;
}

class Floor {
 public:
  Floor(int first_port, int streams, int viewers_port, std::size_t held)
      : held_(held),
        sources_(static_cast<std::size_t>(streams)),
        tcp_(open_port(SOCK_STREAM, viewers_port)),
        udp_(open_port(SOCK_DGRAM, viewers_port)) {
    for (int i = 0; i < streams; ++i) {
      auto& source = sources_[static_cast<std::size_t>(i)];
      source.fd = open_port(SOCK_DGRAM, first_port + 2 * i);
      source.buffers.resize(held_most);
      watch(source.fd, static_cast<std::uint32_t>(i));
    }
    watch(tcp_, tcp_tag);
    watch(udp_, udp_tag);
  }

  [[noreturn]] void run() {
    std::array<epoll_event, 64> events;
    for (;;) {
      const int ready = epoll_wait(poll_, events.data(), static_cast<int>(events.size()), -1);
      for (int i = 0; i < ready; ++i) {
        const auto tag = events[static_cast<std::size_t>(i)].data.u32;
        if (tag == tcp_tag)
          accept_viewers();
        else if (tag == udp_tag)
          meet_viewer();
        else
          relay(sources_[tag]);
      }
    }
  }

 private:
  void watch(int fd, std::uint32_t tag) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u32 = tag;
    epoll_ctl(poll_, EPOLL_CTL_ADD, fd, &event);
  }

  Source& next_source() { return sources_[viewers_++ % sources_.size()]; }

  void accept_viewers() {
    const int on = 1;
    for (int fd; (fd = accept4(tcp_, nullptr, nullptr, SOCK_NONBLOCK)) >= 0;) {
      setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      next_source().tcp_viewers.push_back(fd);
    }
  }

  void meet_viewer() {
    sockaddr_in from{};
    socklen_t size = sizeof from;
    char hello = 0;
    if (recvfrom(udp_, &hello, 1, 0, reinterpret_cast<sockaddr*>(&from), &size) >= 0)
      next_source().udp_viewers.push_back(from);
  }

  void relay(Source& source) const {
    std::array<mmsghdr, batch> in{};
    const auto room = std::min(batch, held_most - source.count);
    for (std::size_t i = 0; i < room; ++i) {
      source.held[source.count + i] = {source.buffers[source.count + i].data(), datagram_most};
      in[i].msg_hdr.msg_iov = &source.held[source.count + i];
      in[i].msg_hdr.msg_iovlen = 1;
    }
    const int got = recvmmsg(source.fd, in.data(), static_cast<unsigned>(room), 0, nullptr);
    bool marker = false;
    for (std::size_t i = 0; i < static_cast<std::size_t>(std::max(got, 0)); ++i) {
      source.held[source.count].iov_len = in[i].msg_len;
      marker = marker || (source.buffers[source.count][1] & 0x80) != 0;
      ++source.count;
    }
    if (marker || source.count >= held_) hand_on(source);
  }

  // What a viewer's socket has no room for, it misses: the bench looks at its bytes.
  static void hand_on(Source& source) {
    for (const int viewer : source.tcp_viewers)
      if (writev(viewer, source.held.data(), static_cast<int>(source.count)) < 0) continue;
    for (auto& viewer : source.udp_viewers) send_datagrams(source, viewer);
    source.count = 0;
  }

  static void send_datagrams(Source& source, sockaddr_in& viewer) {
    std::array<mmsghdr, held_most> out{};
    for (std::size_t i = 0; i < source.count; ++i)
      out[i].msg_hdr = {&viewer, sizeof viewer, &source.held[i], 1, nullptr, 0, 0};
    sendmmsg(source.fd, out.data(), static_cast<unsigned>(source.count), 0);
  }

  std::size_t held_;
  std::vector<Source> sources_;
  int poll_ = epoll_create1(0), tcp_, udp_;
  std::size_t viewers_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4 || argc > 5) {
    std::fprintf(stderr, "usage: rtp_floor FIRST_UDP_PORT STREAMS VIEWERS_PORT [HELD]\n");
    return 2;
  }
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  const int held = argc > 4 ? std::atoi(argv[4]) : static_cast<int>(batch);
  Floor(std::atoi(argv[1]), std::atoi(argv[2]), std::atoi(argv[3]),
        static_cast<std::size_t>(std::clamp(held, 1, static_cast<int>(batch))))
      .run();
}
