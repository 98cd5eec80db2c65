// SIP in /metrics: what the cores and transports have counted, by method, status and cause.
#pragma once

#include <vector>

#include "gateway/metrics.hpp"
#include "gateway/sip_stack.hpp"

namespace gateway {

// The callbacks read `stack` when the page is rendered; drop them before it.
std::vector<Metrics::Callback> sip_metrics(Metrics& metrics, SipStack& stack);

}  // namespace gateway
