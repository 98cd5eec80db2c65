#include "gateway/sip_stack.hpp"

#include <fmt/format.h>

#include <chrono>

namespace gateway {
namespace {

sip::EndpointConfig endpoint_config(const Config& config) {
  sip::EndpointConfig endpoint;
  endpoint.user_agent = "gbgate";
  endpoint.host = config.sip.advertised_address;
  endpoint.limits.message_bytes = config.sip.max_message_bytes;
  return endpoint;
}

sip::net::TransportLimits transport_limits(const Config& config) {
  sip::net::TransportLimits limits;
  limits.connections = config.sip.max_connections;
  return limits;
}

sip::TracerLimits tracer_limits() {
  sip::TracerLimits limits;
  limits.trace.lasts = std::chrono::hours(1);
  return limits;
}

}  // namespace

SipStack::SipStack(boost::asio::io_context& io, AlarmClock& clock, const Config& config)
    : config_(config),
      driver_(io, endpoint_config(config), sip::net::random_seed(), *this,
              transport_limits(config)),
      tracer_(tracer_limits()),
      trace_over_(clock, [this](sip::TimePoint) { observe(); }) {}

boost::system::result<void, std::string> SipStack::start() {
  const auto ip = sip::IpAddress::parse(config_.sip.listen_address);
  if (!ip)
    return fmt::format("sip.listen_address {:?} is no IP address", config_.sip.listen_address);
  const sip::Address at{*ip, config_.sip.port};
  const auto failed = [&](const char* what, const boost::system::error_code& ec) {
    return fmt::format("cannot listen for SIP on {}/{}: {}", to_string(at), what, ec.message());
  };
  if (config_.sip.udp) {
    if (const auto bound = driver_.listen_udp(at); !bound) return failed("udp", bound.error());
  }
  if (config_.sip.tcp) {
    if (const auto bound = driver_.listen_tcp(at); !bound) return failed("tcp", bound.error());
  }
  return {};
}

std::uint32_t SipStack::start_trace(sip::TraceFilter filter, sip::Duration lasts) {
  const auto id =
      tracer_.start(std::move(filter), lasts, sip::Clock::now(), std::chrono::system_clock::now());
  observe();
  return id;
}

bool SipStack::stop_trace(std::uint32_t id) {
  const bool known = tracer_.stop(id, sip::Clock::now());
  observe();
  return known;
}

bool SipStack::remove_trace(std::uint32_t id) {
  const bool known = tracer_.remove(id);
  observe();
  return known;
}

// While nobody looks on, a message costs no more than the question whether anybody does.
void SipStack::observe() {
  const auto now = sip::Clock::now();
  driver_.driver().observe(tracer_.running(now) ? &tracer_ : nullptr);
  trace_over_.set(tracer_.next_end(now));
}

}  // namespace gateway
