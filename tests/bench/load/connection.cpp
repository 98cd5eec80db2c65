#include "tests/bench/load/connection.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>

namespace load {
namespace {

constexpr std::size_t batch = 64;

[[noreturn]] void die(const char* what) {
  std::perror(what);
  std::exit(2);
}

sockaddr_in address(const std::string& host, int port) {
  sockaddr_in a{};
  a.sin_family = AF_INET;
  a.sin_port = htons(static_cast<std::uint16_t>(port));
  if (inet_pton(AF_INET, host.c_str(), &a.sin_addr) != 1) die(host.c_str());
  return a;
}

int open_socket(bool udp, int port) {
  const int fd = socket(AF_INET, udp ? SOCK_DGRAM : SOCK_STREAM, 0);
  const int on = 1;
  if (!udp) setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  const auto here = address("127.0.0.1", port);
  if (bind(fd, reinterpret_cast<const sockaddr*>(&here), sizeof here) != 0) die("bind");
  return fd;
}

void connect_to(int fd, const std::string& host, int port) {
  const auto there = address(host, port);
  if (connect(fd, reinterpret_cast<const sockaddr*>(&there), sizeof there) != 0) die("connect");
}

}  // namespace

std::string_view header(std::string_view m, std::string_view name, std::size_t from) {
  for (auto p = m.find("\r\n", from); p != std::string_view::npos; p = m.find("\r\n", p + 2)) {
    if (m.size() - p < name.size() || m.substr(p, 4) == "\r\n\r\n") break;
    if (strncasecmp(m.data() + p, name.data(), name.size()) != 0) continue;
    auto begin = p + name.size();
    const auto end = m.find("\r\n", begin);
    while (begin < end && m[begin] == ' ') ++begin;
    return m.substr(begin, end - begin);
  }
  return {};
}

Connections::Connections(OnMessage on_message)
    : on_message_(std::move(on_message)), epoll_(epoll_create1(0)) {}

Connections::~Connections() {
  for (const auto& c : all_) close(c->fd);
  close(epoll_);
}

Connection& Connections::add(int fd, bool udp, bool listener) {
  const int big = 4 << 20, on = 1;
  setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &big, sizeof big);
  setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &big, sizeof big);
  if (!udp) setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  fcntl(fd, F_SETFL, O_NONBLOCK);
  sockaddr_in here{};
  socklen_t size = sizeof here;
  getsockname(fd, reinterpret_cast<sockaddr*>(&here), &size);
  auto& c = *all_.emplace_back(std::make_unique<Connection>());
  c.fd = fd;
  c.udp = udp;
  c.listener = listener;
  c.local_port = ntohs(here.sin_port);
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.ptr = &c;
  epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event);
  return c;
}

Connection& Connections::connect(bool udp, const std::string& host, int port, int local_port) {
  const int fd = open_socket(udp, local_port);
  connect_to(fd, host, port);
  return add(fd, udp, false);
}

void Connections::listen(bool udp, int port, const std::string& server, int server_port) {
  const int fd = open_socket(udp, port);
  if (udp) {
    connect_to(fd, server, server_port);
  } else if (::listen(fd, 64) != 0) {
    die("listen");
  }
  add(fd, udp, !udp);
}

void Connections::post(Connection& to, std::string message) {
  if (to.udp) {
    to.queue.push_back(std::move(message));
  } else {
    to.out += message;
  }
  if (!to.dirty) dirty_.push_back(&to);
  to.dirty = true;
}

void Connections::flush() {
  std::erase_if(dirty_, [&](Connection* c) {
    const bool done = c->udp ? flush_datagrams(*c) : flush_stream(*c);
    if (done) c->dirty = false;
    return done;
  });
}

bool Connections::flush_datagrams(Connection& c) {
  while (!c.queue.empty()) {
    std::array<mmsghdr, batch> messages{};
    std::array<iovec, batch> parts{};
    unsigned count = 0;
    for (auto& text : c.queue) {
      if (count == batch) break;
      parts[count] = {text.data(), text.size()};
      messages[count].msg_hdr.msg_iov = &parts[count];
      messages[count].msg_hdr.msg_iovlen = 1;
      ++count;
    }
    const int sent = sendmmsg(c.fd, messages.data(), count, 0);
    if (sent <= 0 && errno == ECONNREFUSED) continue;  // the report of an earlier datagram
    if (sent <= 0) return errno != EAGAIN;
    c.queue.erase(c.queue.begin(), c.queue.begin() + sent);
  }
  return true;
}

bool Connections::flush_stream(Connection& c) {
  while (!c.out.empty()) {
    const auto sent = send(c.fd, c.out.data(), c.out.size(), MSG_NOSIGNAL);
    if (sent <= 0) return errno != EAGAIN;
    c.out.erase(0, static_cast<std::size_t>(sent));
  }
  return true;
}

void Connections::wait(int milliseconds) {
  std::array<epoll_event, batch> events;
  const int count = epoll_wait(epoll_, events.data(), static_cast<int>(batch), milliseconds);
  for (int i = 0; i < count; ++i)
    read(*static_cast<Connection*>(events[static_cast<std::size_t>(i)].data.ptr));
}

void Connections::read(Connection& c) {
  if (c.listener) {
    for (int fd; (fd = accept(c.fd, nullptr, nullptr)) >= 0;) add(fd, false, false);
  } else if (c.udp) {
    read_datagrams(c);
  } else {
    read_stream(c);
  }
}

void Connections::read_datagrams(Connection& c) {
  static std::array<std::array<char, 8192>, batch> buffers;
  for (int count = batch; count == static_cast<int>(batch);) {
    std::array<mmsghdr, batch> messages{};
    std::array<iovec, batch> parts{};
    for (std::size_t i = 0; i < batch; ++i) {
      parts[i] = {buffers[i].data(), buffers[i].size()};
      messages[i].msg_hdr.msg_iov = &parts[i];
      messages[i].msg_hdr.msg_iovlen = 1;
    }
    count = recvmmsg(c.fd, messages.data(), batch, MSG_DONTWAIT, nullptr);
    for (std::size_t i = 0; count > 0 && i < static_cast<std::size_t>(count); ++i)
      on_message_(c, {buffers[i].data(), messages[i].msg_len});
  }
}

void Connections::read_stream(Connection& c) {
  static std::array<char, 65536> buffer;
  const auto count = recv(c.fd, buffer.data(), buffer.size(), 0);
  if (count == 0) {
    epoll_ctl(epoll_, EPOLL_CTL_DEL, c.fd, nullptr);
    std::fprintf(stderr, "connection closed by the server\n");
  }
  if (count <= 0) return;
  c.in.append(buffer.data(), static_cast<std::size_t>(count));
  std::size_t used = 0;
  for (;;) {
    const auto rest = std::string_view(c.in).substr(used);
    const auto end = rest.find("\r\n\r\n");
    if (end == std::string_view::npos) break;
    const std::string length(header(rest.substr(0, end + 4), "\r\nContent-Length:"));
    const auto size = end + 4 + static_cast<std::size_t>(std::atol(length.c_str()));
    if (rest.size() < size) break;
    on_message_(c, rest.substr(0, size));
    used += size;
  }
  c.in.erase(0, used);
}

}  // namespace load
