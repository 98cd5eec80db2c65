// A camera's RTP over one socket: a frame in one sendmmsg, or framed by RFC 4571 over TCP.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace load {

struct RtpOrigin {
  std::uint32_t ssrc = 0, timestamp = 0;
  std::uint8_t payload_type = 96;
};

class CameraLink {
 public:
  // Exits when it cannot connect.
  CameraLink(bool udp, const std::string& host, int port);
  CameraLink(CameraLink&& other) noexcept;
  ~CameraLink();

  // Cuts the frame into packets of `payload_bytes`, the last with the marker, and sends them.
  // Returns the bytes sent, RTP headers included. What TCP does not take goes with the next frame.
  std::size_t send(const RtpOrigin& origin, std::span<const std::uint8_t> frame,
                   std::size_t payload_bytes);
  std::uint64_t packets() const { return packets_; }
  std::uint64_t errors() const { return errors_; }

 private:
  void send_datagrams(std::size_t count);
  void send_stream();

  bool udp_;
  int fd_ = -1;
  std::uint16_t sequence_ = 0;
  std::uint64_t packets_ = 0, errors_ = 0;
  std::vector<std::uint8_t> pending_;
};

}  // namespace load
