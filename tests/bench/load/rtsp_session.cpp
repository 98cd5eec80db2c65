#include "tests/bench/load/rtsp_session.hpp"

#include <arpa/inet.h>
#include <linux/sock_diag.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "tests/bench/load/arguments.hpp"
#include "tests/bench/load/connection.hpp"

namespace load {
namespace {

constexpr std::size_t read_most = 256 * 1024, rest_most = 128 * 1024, datagrams_most = 64;

// Used by one session at a time.
std::array<std::uint8_t, rest_most + read_most> buffer;
std::array<std::array<std::uint8_t, 2048>, datagrams_most> datagrams;

sockaddr_in loopback(int port) {
  sockaddr_in a{};
  a.sin_family = AF_INET;
  a.sin_port = htons(static_cast<std::uint16_t>(port));
  a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return a;
}

bool bind_to(int fd, int port) {
  const auto here = loopback(port);
  return bind(fd, reinterpret_cast<const sockaddr*>(&here), sizeof here) == 0;
}

void watch_fd(int poll, int fd, std::uint32_t events, std::uint32_t tag, int how = EPOLL_CTL_ADD) {
  epoll_event event{};
  event.events = events;
  event.data.u32 = tag;
  epoll_ctl(poll, how, fd, &event);
}

}  // namespace

void RtspSession::begin(int poll, std::uint32_t tag) {
  poll_ = poll;
  tag_ = tag;
  if (target_.udp) open_datagrams();
  if (state_ == State::gone) return;
  if (target_.raw && target_.udp) {
    const auto there = loopback(target_.port);
    sendto(rtp_, "!", 1, 0, reinterpret_cast<const sockaddr*>(&there), sizeof there);
    state_ = State::playing;
    return;
  }
  fd_ = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  const int on = 1;
  setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  const auto there = loopback(target_.port);
  state_ = State::connecting;
  if (connect(fd_, reinterpret_cast<const sockaddr*>(&there), sizeof there) != 0 &&
      errno != EINPROGRESS)
    return fail(std::string("connect: ") + std::strerror(errno));
  watch_fd(poll_, fd_, EPOLLOUT, tag_);
}

void RtspSession::open_datagrams() {
  constexpr int first = 36000, pairs = 12000;  // each process begins elsewhere
  static int next = getpid() * 97 % pairs;
  for (int tries = 0; tries < pairs; ++tries, next = (next + 1) % pairs) {
    rtp_port_ = first + 2 * next;
    rtp_ = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    rtcp_ = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    if (bind_to(rtp_, rtp_port_) && bind_to(rtcp_, rtp_port_ + 1)) break;
    close(std::exchange(rtp_, -1));
    close(std::exchange(rtcp_, -1));
  }
  if (rtp_ < 0) return fail("no pair of ports is free");
  next = (next + 1) % pairs;
  const int big = 4 << 20;
  setsockopt(rtp_, SOL_SOCKET, SO_RCVBUF, &big, sizeof big);
  watch_fd(poll_, rtp_, EPOLLIN, tag_);
}

void RtspSession::on_ready(std::int64_t now_ns, Seen& seen) {
  if (state_ == State::gone) return;
  if (state_ == State::connecting) {
    int error = 0;
    socklen_t size = sizeof error;
    getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error) return fail(std::string("connect: ") + std::strerror(error));
    watch_fd(poll_, fd_, EPOLLIN, tag_, EPOLL_CTL_MOD);
    url_ = "rtsp://127.0.0.1:" + std::to_string(target_.port) + '/' + target_.path;
    state_ = target_.raw ? State::playing : State::describe;
    if (!target_.raw) request("DESCRIBE", url_, "Accept: application/sdp\r\n");
    return;
  }
  if (fd_ >= 0) read_connection(now_ns, seen);
  if (rtp_ >= 0) read_datagrams(now_ns, seen);
}

void RtspSession::request(const char* method, const std::string& uri, const std::string& headers) {
  std::string text = std::string(method) + ' ' + uri +
                     " RTSP/1.0\r\nCSeq: " + std::to_string(++cseq_) + "\r\n" + headers;
  if (!session_.empty()) text += "Session: " + session_ + "\r\n";
  text += "\r\n";
  if (send(fd_, text.data(), text.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(text.size()))
    fail(std::string("send: ") + std::strerror(errno));
}

void RtspSession::read_connection(std::int64_t, Seen& seen) {
  const auto had = rest_.size();
  if (had) std::memcpy(buffer.data(), rest_.data(), had);
  const auto got = recv(fd_, buffer.data() + had, read_most, 0);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got <= 0)
    return fail(got ? std::string("recv: ") + std::strerror(errno) : "closed by the server");
  const auto now = clock_ns();
  const std::span bytes(buffer.data(), had + static_cast<std::size_t>(got));
  if (target_.raw) return RtpWatch::on_raw(bytes, now, seen);
  std::size_t done = 0;
  while (state_ != State::gone && done < bytes.size()) {
    const auto used = take(bytes.subspan(done), now, seen);
    if (used == 0) break;
    done += used;
  }
  rest_.assign(bytes.begin() + static_cast<std::ptrdiff_t>(done), bytes.end());
  if (rest_.size() > rest_most) fail("neither RTSP nor an interleaved packet");
}

// The bytes of the first packet or response; 0 when it is not whole yet.
std::size_t RtspSession::take(std::span<const std::uint8_t> bytes, std::int64_t now_ns,
                              Seen& seen) {
  if (bytes[0] != '$')
    return take_response({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  if (bytes.size() < 4) return 0;
  const auto size = static_cast<std::size_t>(bytes[2] << 8 | bytes[3]);
  if (bytes.size() < 4 + size) return 0;
  if (bytes[1] == 0) watch_.on_rtp(bytes.subspan(4, size), now_ns, seen);
  return 4 + size;
}

std::size_t RtspSession::take_response(std::string_view bytes) {
  const auto end = bytes.find("\r\n\r\n");
  if (end == std::string_view::npos) return 0;
  const auto head = bytes.substr(0, end + 4);
  const auto length = std::atol(std::string(header(head, "\r\nContent-Length:")).c_str());
  const auto size = head.size() + static_cast<std::size_t>(std::max(length, 0L));
  if (bytes.size() < size) return 0;
  on_response(head, bytes.substr(head.size(), size - head.size()));
  return size;
}

void RtspSession::on_response(std::string_view head, std::string_view body) {
  if (state_ == State::playing) return;
  if (!head.starts_with("RTSP/1.0 200"))
    return fail(std::string(head.substr(0, head.find('\r'))) + ' ' +
                std::string(body.substr(0, 200)));
  if (state_ == State::describe) return on_description(head, body);
  if (state_ == State::setup) {
    session_ = header(head, "\r\nSession:");
    session_.resize(std::min(session_.find(';'), session_.size()));
    state_ = State::play;
    play_sent_ns_ = clock_ns();
    return request("PLAY", base_, "Range: npt=now-\r\n");
  }
  state_ = State::playing;
}

void RtspSession::on_description(std::string_view head, std::string_view body) {
  base_ = header(head, "\r\nContent-Base:");
  if (base_.empty()) base_ = url_ + '/';
  const auto video = body.find("m=video");
  const auto control = video == std::string_view::npos ? video : body.find("a=control:", video);
  if (control == std::string_view::npos) return fail("no picture in the description");
  const auto begin = control + 10;
  control_ = body.substr(begin, body.find_first_of("\r\n", begin) - begin);
  const auto uri = control_.starts_with("rtsp:") ? control_ : base_ + control_;
  const auto ports = std::to_string(rtp_port_) + '-' + std::to_string(rtp_port_ + 1);
  state_ = State::setup;
  request("SETUP", uri,
          target_.udp ? "Transport: RTP/AVP;unicast;client_port=" + ports + "\r\n"
                      : "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n");
}

void RtspSession::read_datagrams(std::int64_t, Seen& seen) {
  std::array<mmsghdr, datagrams_most> messages{};
  std::array<iovec, datagrams_most> places;
  for (std::size_t i = 0; i < datagrams_most; ++i) {
    places[i] = {datagrams[i].data(), datagrams[i].size()};
    messages[i].msg_hdr.msg_iov = &places[i];
    messages[i].msg_hdr.msg_iovlen = 1;
  }
  const int got = recvmmsg(rtp_, messages.data(), datagrams_most, 0, nullptr);
  const auto now = clock_ns();
  for (std::size_t i = 0; i < static_cast<std::size_t>(std::max(got, 0)); ++i) {
    const std::span bytes(datagrams[i].data(), messages[i].msg_len);
    if (target_.raw)
      RtpWatch::on_raw(bytes, now, seen);
    else
      watch_.on_rtp(bytes, now, seen);
  }
}

void RtspSession::keep_alive() {
  if (state_ == State::playing && !target_.raw) request("GET_PARAMETER", base_);
}

void RtspSession::leave() {
  if (state_ == State::playing && !target_.raw) request("TEARDOWN", base_);
  for (int* fd : {&fd_, &rtp_, &rtcp_})
    if (*fd >= 0) close(std::exchange(*fd, -1));
  state_ = State::gone;
}

void RtspSession::fail(std::string why) {
  if (why_.empty()) why_ = std::move(why);
  state_ = State::gone;
  leave();
}

std::uint32_t RtspSession::own_drops() const {
  std::array<std::uint32_t, SK_MEMINFO_VARS> memory{};
  socklen_t size = sizeof memory;
  if (rtp_ < 0 || getsockopt(rtp_, SOL_SOCKET, SO_MEMINFO, memory.data(), &size) != 0) return 0;
  return memory[SK_MEMINFO_DROPS];
}

}  // namespace load
