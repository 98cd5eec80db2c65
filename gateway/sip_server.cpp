#include "gateway/sip_server.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <filesystem>

#include "gateway/log.hpp"
#include "sip/net/core_driver.hpp"

namespace gateway {
namespace {

using namespace std::chrono_literals;

constexpr auto save_every = 50ms;
constexpr auto tell_time_every = 60s;

sip::Proxying proxying_of(ProxyMode mode) {
  switch (mode) {
    case ProxyMode::off:
      break;
    case ProxyMode::stateless:
      return sip::Proxying::stateless;
    case ProxyMode::stateful:
      return sip::Proxying::stateful;
  }
  return sip::Proxying::off;
}

sip::RelayFor relay_of(RelayTo relay) {
  switch (relay) {
    case RelayTo::nobody:
      break;
    case RelayTo::users:
      return sip::RelayFor::users;
    case RelayTo::everyone:
      return sip::RelayFor::everyone;
  }
  return sip::RelayFor::nobody;
}

sip::NextHopFor next_hop_of(NextHopUse use) {
  switch (use) {
    case NextHopUse::nothing:
      break;
    case NextHopUse::foreign:
      return sip::NextHopFor::foreign;
    case NextHopUse::everything:
      return sip::NextHopFor::everything;
  }
  return sip::NextHopFor::nothing;
}

void set_registrar(const Config& config, sip::ServerConfig& server) {
  const auto& registrar = config.sip_registrar;
  server.registrar = registrar.enabled;
  server.domains = registrar.domains;
  if (server.domains.empty()) server.domains.push_back(config.sip.realm());
  server.realm = !config.sip.domain.empty() ? config.sip.domain : server.domains.front();
  server.authenticate_register = registrar.authenticate;
  server.authenticator.algorithms.clear();
  for (const auto& name : registrar.digest)
    if (const auto algorithm = digest_algorithm(name))
      server.authenticator.algorithms.push_back(*algorithm);
  server.registration.min_expires = registrar.min_expires;
  server.registration.max_expires = registrar.max_expires;
  server.registration.default_expires = registrar.default_expires;
}

void set_proxy(const SipProxyConfig& proxy, sip::ServerConfig& server) {
  server.proxying = proxying_of(proxy.mode);
  server.authenticate_users = proxy.authenticate;
  server.relay_for = relay_of(proxy.relay_for);
  server.record_route = proxy.record_route;
  server.recurse_redirects = proxy.follow_redirects;
  server.next_hop = proxy.next_hop;
  server.next_hop_for = next_hop_of(proxy.next_hop_for);
  server.accept_messages = proxy.accept_messages;
  server.stateful_answers = proxy.stateful_answers;
  server.limits.timer_c = proxy.timer_c;
  server.limits.transactions = proxy.max_transactions;
}

// Loopback is trusted as long as nothing was configured, as at the other doors.
sip::ServerConfig server_config(const Config& config, const Secrets& secrets) {
  sip::ServerConfig server;
  set_registrar(config, server);
  set_proxy(config.sip_proxy, server);
  server.redirect = config.sip_redirect.enabled;
  server.own_users = {config.sip.id};
  server.trust_loopback = config.server.trust_loopback && config.sip.users.empty() &&
                          config.sip_registrar.password.empty();
  server.secret = secrets.nonce_secret;
  server.limits.message_bytes = config.sip.max_message_bytes;
  server.limits.overload = config.sip.overload_limits();
  return server;
}

sip::LocationLimits location_limits(const SipRegistrarConfig& config) {
  sip::LocationLimits limits;
  limits.bindings = config.max_bindings;
  limits.bindings_per_aor = config.max_bindings_per_user;
  return limits;
}

std::uint64_t hash_seed() {
  const auto seed = sip::net::random_seed();
  return std::uint64_t{seed[0]} << 32 | seed[1];
}

Instant instant() {
  return {sip::Clock::now(), std::chrono::system_clock::now()};
}

}  // namespace

SipServer::SipServer(AlarmClock& clock, const Config& config, const Secrets& secrets)
    : config_(config),
      accounts_(config, secrets),
      location_(location_limits(config.sip_registrar), hash_seed()),
      server_(server_config(config, secrets), sip::net::random_seed(), location_, &accounts_),
      ticks_(clock, [this](sip::TimePoint now) { tick(now); }) {}

SipServer::~SipServer() {
  save_all();
}

boost::system::result<void, std::string> SipServer::start() {
  const auto file = std::filesystem::path(config_.server.data_dir) / "location.db";
  auto store = open_sqlite_location_store(file);
  if (!store) return fmt::format("database {:?}: {}", file.string(), store.error().message());
  store_ = std::move(*store);
  const auto loaded = store_->load(location_, instant());
  if (!loaded) return fmt::format("cannot read {:?}: {}", file.string(), loaded.error().message());
  log::info("sip", "server bindings={} realm={} proxy={}", *loaded, server_.config().realm,
            to_string(config_.sip_proxy.mode));
  tick(sip::Clock::now());
  return {};
}

void SipServer::tick(sip::TimePoint now) {
  if (told_time_at_ == sip::TimePoint{} || now - told_time_at_ > tell_time_every) {
    told_time_at_ = now;
    server_.set_wall_clock(now, std::chrono::system_clock::now());
  }
  store_->save(location_, instant());
  ticks_.set(now + save_every);
}

void SipServer::save_all() {
  if (!store_) return;
  for (auto before = store_->counters().addresses_saved;;) {
    store_->save(location_, instant());
    store_->flush();
    const auto saved = store_->counters().addresses_saved;
    if (saved == before) return;
    before = saved;
  }
}

}  // namespace gateway
