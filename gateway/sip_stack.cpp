#include "gateway/sip_stack.hpp"

#include <fmt/format.h>

#include <chrono>

#include "gateway/sip_listeners.hpp"

namespace gateway {
namespace {

sip::EndpointConfig endpoint_config(const Config& config) {
  sip::EndpointConfig endpoint;
  endpoint.user_agent = "gbgate";
  endpoint.host = config.sip.advertised_address;
  endpoint.limits.message_bytes = config.sip.max_message_bytes;
  endpoint.limits.overload = config.sip.overload_limits();
  endpoint.large_by_stream = false;  // cameras that registered over UDP do not listen on TCP
  return endpoint;
}

sip::net::TransportLimits transport_limits(const Config& config) {
  sip::net::TransportLimits limits;
  limits.connections = config.sip.max_connections;
  // Under hundreds of keepalives a second: half as many wakes, still far below what anybody
  // notices.
  limits.gather = std::chrono::milliseconds(16);
  return limits;
}

sip::TracerLimits tracer_limits() {
  sip::TracerLimits limits;
  limits.trace.lasts = std::chrono::hours(1);
  return limits;
}

// The files of a certificate that nobody is shown may be missing.
sip::net::TlsConfig tls_config(const SipTlsConfig& config, bool serves) {
  sip::net::TlsConfig tls;
  if (serves && !config.certificate.empty())
    tls.certificates.push_back({config.certificate, config.key});
  tls.ca_file = config.ca;
  tls.verify = config.verify_servers;
  if (config.ask_clients) tls.client_certificates = sip::net::ClientCertificates::required;
  return tls;
}

std::unique_ptr<SipServer> make_server(AlarmClock& clock, const Config& config,
                                       const Secrets& secrets) {
  if (!config.serves_sip()) return {};
  return std::make_unique<SipServer>(clock, config, secrets);
}

std::unique_ptr<SipSwitchboard> make_switchboard(const Config& config, sip::Endpoint& endpoint,
                                                 SipServer* server) {
  if (!server || !config.gb28181.enabled) return {};
  const auto is_user = [server](std::string_view user) { return server->accounts().names(user); };
  return std::make_unique<SipSwitchboard>(endpoint, server->core(), config.sip.id,
                                          config.sip.max_message_bytes, is_user);
}

}  // namespace

SipStack::SipStack(boost::asio::io_context& io, AlarmClock& clock, const Config& config,
                   const Secrets& secrets)
    : clock_(clock),
      config_(config),
      endpoint_(endpoint_config(config), sip::net::random_seed()),
      server_(make_server(clock, config, secrets)),
      switchboard_(make_switchboard(config, endpoint_, server_.get())),
      driver_(io, core(), *this, transport_limits(config)),
      tracer_(tracer_limits()),
      trace_over_(clock, [this](sip::TimePoint) { observe(); }) {}

sip::Core& SipStack::core() {
  if (switchboard_) return *switchboard_;
  if (server_) return server_->core();
  return endpoint_;
}

boost::system::result<void, std::string> SipStack::load_certificates() {
  if (!speaks_tls(config_)) return {};
  tls_ = std::make_shared<sip::net::TlsContext>();
  if (auto failure = tls_->load(tls_config(config_.sip_tls, config_.serves_tls())))
    return "sip.tls: " + *failure;
  driver_.connect_with(tls_);
  return {};
}

std::optional<std::string> SipStack::reload_certificates() {
  if (!tls_) return std::nullopt;
  return tls_->reload();
}

boost::system::result<void, std::string> SipStack::start() {
  if (auto loaded = load_certificates(); !loaded) return loaded.error();
  if (server_) {
    if (auto opened = server_->start(); !opened) return opened.error();
  }
  auto listeners = sip_listeners(config_, tls_);
  if (!listeners) return listeners.error();
  for (const auto& where : *listeners) {
    const auto bound = driver_.listen(where);
    if (!bound)
      return fmt::format("cannot listen for SIP on {}/{}: {}", to_string(where.at),
                         to_string(where.transport), bound.error().message());
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
  driver_.observe(tracer_.running(now) ? &tracer_ : nullptr);
  trace_over_.set(tracer_.next_end(now));
}

}  // namespace gateway
