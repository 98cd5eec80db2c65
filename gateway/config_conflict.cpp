// What no key is wrong about alone.
#include "gateway/config_key.hpp"

namespace gateway {
namespace {

std::optional<ConfigConflict> find_sip_conflict(const Config& config) {
  const auto& registrar = config.sip_registrar;
  if (registrar.digest.empty())
    return ConfigConflict{"sip.registrar.digest", "must name an algorithm: [\"MD5\"]"};
  if (registrar.min_expires > registrar.max_expires)
    return ConfigConflict{"sip.registrar.max_expires_s",
                          "must not be below sip.registrar.min_expires_s"};
  if (registrar.default_expires < registrar.min_expires ||
      registrar.default_expires > registrar.max_expires)
    return ConfigConflict{"sip.registrar.default_expires_s",
                          "must be between sip.registrar.min_expires_s and max_expires_s"};
  if (!config.gb28181.enabled && !config.serves_sip())
    return ConfigConflict{"gb28181.enabled",
                          "cannot be false while [sip.registrar], [sip.redirect] and [sip.proxy] "
                          "are off, too: there would be nothing to do"};
  if (config.sip_proxy.next_hop_for != NextHopUse::nothing && config.sip_proxy.next_hop.empty())
    return ConfigConflict{"sip.proxy.next_hop_for", "needs sip.proxy.next_hop"};
  if (config.serves_tls() &&
      (config.sip_tls.certificate.empty() || config.sip_tls.key.empty()))
    return ConfigConflict{"sip.tls.certificate", "and sip.tls.key are due where TLS is spoken"};
  return {};
}

}  // namespace

std::optional<ConfigConflict> find_config_conflict(const Config& config) {
  if (config.media.rtp_port_min > config.media.rtp_port_max)
    return ConfigConflict{"media.rtp_port_max", "must not be below media.rtp_port_min"};
  if (config.media.rtp_port % 2 != 0)
    return ConfigConflict{"media.rtp_port", "must be even: RTCP comes to the port above it"};
  if (config.sip.min_expires > config.sip.max_expires)
    return ConfigConflict{"sip.max_expires_s", "must not be below sip.min_expires_s"};
  if (config.sip.default_expires < config.sip.min_expires ||
      config.sip.default_expires > config.sip.max_expires)
    return ConfigConflict{"sip.default_expires_s",
                          "must be between sip.min_expires_s and sip.max_expires_s"};
  if (config.sip.overload_retry_min > config.sip.overload_retry_max)
    return ConfigConflict{"sip.overload_retry_max_s", "must not be below sip.overload_retry_min_s"};
  if (!config.sip.udp && !config.sip.tcp)
    return ConfigConflict{"sip.udp", "and sip.tcp cannot both be false"};
  if (config.http.port == config.rtsp.port)
    return ConfigConflict{"http.port", "must differ from rtsp.port"};
  return find_sip_conflict(config);
}

}  // namespace gateway
