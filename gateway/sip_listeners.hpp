// Which sockets SIP listens on, as the configuration says.
#pragma once

#include <boost/system/result.hpp>
#include <memory>
#include <string>
#include <vector>

#include "gateway/config.hpp"
#include "sip/net/listen_on.hpp"

namespace gateway {

// [sip] itself, [sip.tls], [sip.websocket], then sip.listen. `tls` is for those that need it and
// may be null. The error names the key.
boost::system::result<std::vector<sip::net::ListenOn>, std::string> sip_listeners(
    const Config& config, const std::shared_ptr<const sip::net::TlsContext>& tls);

// Whether any of them, or a connection of ours, speaks TLS.
bool speaks_tls(const Config& config);

}  // namespace gateway
