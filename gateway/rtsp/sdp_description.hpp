// The SDP that DESCRIBE answers (RFC 2326 appendix C, RFC 8866). Pure.
#pragma once

#include <string>

#include "gateway/rtsp/target.hpp"
#include "gateway/stream.hpp"

namespace gateway::rtsp {

// Control URLs are relative to the presentation, except when its URL has a query: clients disagree
// on where to append to one, so they are absolute then.
std::string describe(const Stream& stream, const Target& target);

}  // namespace gateway::rtsp
