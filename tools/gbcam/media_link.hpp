// Shell: the way that media of one call takes to the platform: a UDP port pair, or one TCP
// connection framed by RFC 4571. One thread; packets of a frame go out in one system call.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "gateway/alarm_clock.hpp"
#include "gb28181/sdp_profile.hpp"
#include "sip/address.hpp"
#include "tools/gbcam/journal.hpp"

namespace gbcam {

// Two bytes of length (RFC 4571), the RTP header, and the payload where it lies.
struct RtpPacket {
  static constexpr std::size_t prefix_size = 2, header_size = 12;
  std::array<std::uint8_t, prefix_size + header_size> head{};
  std::span<const std::uint8_t> payload;
};

// Hears of the link; called on the io_context's thread, never from inside a call to the link. May
// destroy it.
class MediaLinkUser {
 public:
  virtual void on_link_open() = 0;  // media may flow
  virtual void on_rtcp(std::span<const std::uint8_t> packet) = 0;
  virtual void on_link_lost(const std::string& reason) = 0;

 protected:
  ~MediaLinkUser() = default;
};

class MediaLink {
 public:
  virtual ~MediaLink() = default;
  // Port for the answer's m= line.
  virtual std::uint16_t port() const = 0;
  // The call is up: connect, or wait for the peer. on_link_open() follows.
  virtual void start() = 0;
  virtual void send(std::span<const RtpPacket> packets) = 0;
  virtual void send_rtcp(std::span<const std::uint8_t> packet) = 0;
};

struct LinkPlan {
  gb28181::MediaTransport transport = gb28181::MediaTransport::udp;
  sip::IpAddress local_ip;
  sip::Address remote;  // of the offer's c= and m=
};

// Opens the sockets that the answer must name. Throws boost::system::system_error when the system
// has none left. `user`, `clock` and `counters` outlive the link.
std::unique_ptr<MediaLink> make_link(boost::asio::io_context& io, gateway::AlarmClock& clock,
                                     const LinkPlan& plan, MediaLinkUser& user, Counters& counters);

}  // namespace gbcam
