#include "gateway/media_resources.hpp"

#include <fmt/format.h>

#include <random>

namespace gateway {
namespace {

// Not where the last run began: its senders may still be sending.
unsigned somewhere() {
  std::random_device random;
  return static_cast<unsigned>(random() % gb28181::SsrcAllocator::count);
}

}  // namespace

MediaResources::MediaResources(const Config& config)
    : ports_({.first = config.media.rtp_port_min, .last = config.media.rtp_port_max}),
      ssrcs_(config.sip.id, somewhere()) {}

boost::system::result<MediaResources::Port, std::string> MediaResources::take_port(
    const boost::asio::ip::address& address) {
  auto lease = ports_.take(address);
  if (!lease) return fmt::format("no RTP port is free: {}", ports_.describe());
  const std::lock_guard lock(mutex_);
  auto& former = former_[lease->rtp_port()];
  if (!former) former = std::make_shared<FormerSession>();
  return Port{std::move(*lease), former};
}

gb28181::Result<std::uint32_t> MediaResources::take_ssrc(sip::TimePoint now) {
  const std::lock_guard lock(mutex_);
  return ssrcs_.allocate(gb28181::Operation::play, now);
}

void MediaResources::give_back_ssrc(std::uint32_t ssrc, sip::TimePoint now) {
  const std::lock_guard lock(mutex_);
  ssrcs_.release(ssrc, now);
}

}  // namespace gateway
