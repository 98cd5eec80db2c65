// What no two streams of the process may share, on whichever shards they live: RTP ports and the
// SSRC numbers of y=. Thread-safe; asked when a stream begins or ends.
#pragma once

#include <boost/asio/ip/address.hpp>
#include <boost/system/result.hpp>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#include "gateway/config.hpp"
#include "gateway/ingest.hpp"
#include "gb28181/sdp_profile.hpp"
#include "rtp/net/port_pool.hpp"

namespace gateway {

class MediaResources {
 public:
  explicit MediaResources(const Config& config);

  struct Port {
    rtp::net::PortLease lease;
    // A sender that missed its BYE must not enter the next session of the port.
    std::shared_ptr<FormerSession> former;
  };
  // The error says what the pool looks like.
  boost::system::result<Port, std::string> take_port(const boost::asio::ip::address& address);
  std::size_t ports_in_use() const { return ports_.in_use(); }

  gb28181::Result<std::uint32_t> take_ssrc(sip::TimePoint now);
  void give_back_ssrc(std::uint32_t ssrc, sip::TimePoint now);

 private:
  rtp::net::PortPool ports_;
  std::mutex mutex_;  // of what follows
  gb28181::SsrcAllocator ssrcs_;
  std::unordered_map<std::uint16_t, std::shared_ptr<FormerSession>> former_;  // by port
};

}  // namespace gateway
