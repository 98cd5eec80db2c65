// A stateless proxy in one page (RFC 3261 16.11): hands everything on to one server, remembers
// nothing.
//   stateless_proxy 25080 127.0.0.1:25060
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "sip/location.hpp"
#include "sip/net/core_driver.hpp"
#include "sip/server.hpp"

namespace {

struct Nobody final : sip::net::CoreUser {
  void on_event(const sip::Event&) override {}
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  sip::ServerConfig config;
  config.registrar = false;
  config.proxying = sip::Proxying::stateless;
  config.next_hop = std::string("sip:") + argv[2];
  config.next_hop_for = sip::NextHopFor::everything;
  config.relay_for = sip::RelayFor::everyone;  // between two servers, on the loopback
  config.record_route = true;                  // requests inside calls come through here too
  sip::Location nobody_is_registered;
  sip::Server server(config, sip::net::random_seed(), nobody_is_registered);

  boost::asio::io_context io;
  Nobody nobody;
  sip::net::CoreDriver driver(io, server, nobody);
  const sip::Address at{sip::IpAddress::loopback(), static_cast<std::uint16_t>(std::atoi(argv[1]))};
  if (!driver.listen({sip::Transport::udp, at, {}, 0, {}})) return 1;
  boost::asio::signal_set signals(io, SIGINT, SIGTERM);
  signals.async_wait([&](auto, auto) { io.stop(); });
  io.run();
  const auto& seen = server.server_counters();
  std::printf("%llu requests, %llu responses\n",
              static_cast<unsigned long long>(seen.forwarded_requests),
              static_cast<unsigned long long>(seen.forwarded_responses));
}
