#include "tests/bench/load/camera_link.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <utility>

namespace load {
namespace {

constexpr std::size_t most = 1024;  // packets of a frame; UIO_MAXIOV
constexpr std::size_t framed_header = 14, most_pending = 4 << 20;

// Used by one frame at a time, of whichever camera.
std::array<std::array<std::uint8_t, framed_header>, most> headers;
std::array<std::array<iovec, 2>, most> parts;
std::array<mmsghdr, most> messages;

void put(std::uint8_t* at, std::uint32_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) at[i] = static_cast<std::uint8_t>(value >> 8 * (bytes - 1 - i));
}

}  // namespace

CameraLink::CameraLink(bool udp, const std::string& host, int port)
    : udp_(udp), fd_(socket(AF_INET, udp ? SOCK_DGRAM : SOCK_STREAM, 0)) {
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(static_cast<std::uint16_t>(port));
  inet_pton(AF_INET, host.c_str(), &to.sin_addr);
  if (fd_ < 0 || connect(fd_, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) {
    std::perror("camera");
    std::exit(2);
  }
  const int on = 1;
  if (!udp) setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  fcntl(fd_, F_SETFL, O_NONBLOCK);
}

CameraLink::CameraLink(CameraLink&& other) noexcept
    : udp_(other.udp_),
      fd_(std::exchange(other.fd_, -1)),
      sequence_(other.sequence_),
      packets_(other.packets_),
      errors_(other.errors_),
      pending_(std::move(other.pending_)) {}

CameraLink::~CameraLink() {
  if (fd_ >= 0) close(fd_);
}

std::size_t CameraLink::send(const RtpOrigin& origin, std::span<const std::uint8_t> frame,
                             std::size_t payload_bytes) {
  const auto count = std::min(most, (frame.size() + payload_bytes - 1) / payload_bytes);
  for (std::size_t i = 0; i < count; ++i) {
    const auto payload =
        frame.subspan(i * payload_bytes, std::min(payload_bytes, frame.size() - i * payload_bytes));
    auto* h = headers[i].data();
    put(h, static_cast<std::uint32_t>(payload.size() + 12), 2);
    h[2] = 0x80;
    h[3] = static_cast<std::uint8_t>(origin.payload_type | (i + 1 == count ? 0x80 : 0));
    put(h + 4, sequence_++, 2);
    put(h + 6, origin.timestamp, 4);
    put(h + 10, origin.ssrc, 4);
    parts[i][0] = udp_ ? iovec{h + 2, 12} : iovec{h, framed_header};
    parts[i][1] = {const_cast<std::uint8_t*>(payload.data()), payload.size()};
  }
  packets_ += count;
  if (udp_)
    send_datagrams(count);
  else {
    for (std::size_t i = 0; i < count; ++i)
      for (const auto& part : parts[i]) {
        const auto* bytes = static_cast<const std::uint8_t*>(part.iov_base);
        pending_.insert(pending_.end(), bytes, bytes + part.iov_len);
      }
    send_stream();
  }
  return frame.size() + 12 * count;
}

void CameraLink::send_datagrams(std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    messages[i].msg_hdr = {};
    messages[i].msg_hdr.msg_iov = parts[i].data();
    messages[i].msg_hdr.msg_iovlen = 2;
  }
  for (std::size_t done = 0; done < count;) {
    const int sent = sendmmsg(fd_, &messages[done], static_cast<unsigned>(count - done), 0);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) ++errors_;
    done += sent > 0 ? static_cast<std::size_t>(sent) : 1;
  }
}

void CameraLink::send_stream() {
  const auto sent = ::send(fd_, pending_.data(), pending_.size(), MSG_NOSIGNAL);
  if (sent > 0) pending_.erase(pending_.begin(), pending_.begin() + sent);
  if ((sent < 0 && errno != EAGAIN) || pending_.size() > most_pending) {
    ++errors_;
    pending_.clear();
  }
}

}  // namespace load
