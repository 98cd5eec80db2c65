// A trace as a ladder: a column per peer, an arrow per message, why a request failed.
//
//                         127.0.0.1:5070          this server            127.0.0.1:5080
//                           udp                                            udp
//      0.000000               |-----INVITE bob------->|                       |
//      0.000310   +0.000310   |<----100 Trying--------|                       |
//      0.000402   +0.000092   |                       |-----INVITE bob------->|
//      0.500410   +0.500008   |                       |-----INVITE bob------->|  again, 2nd time
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "sip/trace.hpp"

namespace sip {

struct LadderOptions {
  std::size_t peers = 5;  // columns; further peers share the last one
  // What to say of a body beyond its type and size; "" for nothing. `body` is any bytes.
  std::string (*describe_body)(std::string_view body) = nullptr;
};

// `now`: until when the trace has been listening; a request without an answer by then is said to
// have none so far, or to have failed when its time is over (64*T1).
std::string ladder(const Trace& trace, TimePoint now, const LadderOptions& options = {});

}  // namespace sip
