// Short messages for the tests of what sees them.
#pragma once

#include <string>
#include <string_view>

#include "sip/tracer.hpp"

namespace sip {

inline Flow flow_of(std::string_view remote, Transport transport = Transport::udp,
                    std::string_view local = "127.0.0.1:5060") {
  Flow flow;
  flow.transport = transport;
  flow.local = *Address::parse(local);
  flow.remote = *Address::parse(remote);
  if (is_reliable(transport)) flow.connection = ConnectionId{7};
  return flow;
}

struct Words {
  std::string branch = "z9hG4bK1", call_id = "c1", cseq = "1", extra = {};
};

inline std::string headers_of(const std::string& method, const Words& w) {
  return "Via: SIP/2.0/UDP h;branch=" + w.branch + "\r\nFrom: <sip:alice@x>;tag=1\r\n" +
         "To: <sip:bob@x>\r\nCall-ID: " + w.call_id + "\r\nCSeq: " + w.cseq + " " + method +
         "\r\n" + w.extra + "Content-Length: 0\r\n\r\n";
}
inline std::string request(const std::string& method, const Words& w = {}) {
  return method + " sip:bob@x SIP/2.0\r\n" + headers_of(method, w);
}
inline std::string response(const std::string& status, const std::string& method,
                            const Words& w = {}) {
  return "SIP/2.0 " + status + "\r\n" + headers_of(method, w);
}

}  // namespace sip
