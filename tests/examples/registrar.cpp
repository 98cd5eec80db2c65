// A registrar and proxy for the users of one domain in one page: whoever knows a password registers
// and can be called.
//   registrar 25070 example.org alice:secret bob:hidden
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>

#include "sip/accounts.hpp"
#include "sip/location.hpp"
#include "sip/net/core_driver.hpp"
#include "sip/server.hpp"

namespace {

class Passwords final : public sip::Accounts {
 public:
  void add(const std::string& user_and_password) {
    const auto colon = user_and_password.find(':');
    if (colon == std::string::npos) return;
    passwords_[user_and_password.substr(0, colon)] = user_and_password.substr(colon + 1);
  }
  bool find(std::string_view user, std::string_view, sip::Secret& secret) const override {
    const auto known = passwords_.find(user);
    if (known == passwords_.end()) return false;
    secret.password = known->second;
    return true;
  }

 private:
  std::map<std::string, std::string, std::less<>> passwords_;
};

struct Nobody final : sip::net::CoreUser {
  void on_event(const sip::Event&) override {}  // a server decides all by itself
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  Passwords passwords;
  for (int i = 3; i < argc; ++i) passwords.add(argv[i]);

  sip::ServerConfig config;
  config.domains = {argv[2]};
  sip::Location location;
  sip::Server server(config, sip::net::random_seed(), location, &passwords);

  boost::asio::io_context io;
  Nobody nobody;
  sip::net::CoreDriver driver(io, server, nobody);
  const sip::Address at{sip::IpAddress::loopback(), static_cast<std::uint16_t>(std::atoi(argv[1]))};
  for (const auto transport : {sip::Transport::udp, sip::Transport::tcp}) {
    if (driver.listen({transport, at, {}, 0, {}})) continue;
    std::fprintf(stderr, "cannot listen at %s\n", sip::to_string(at).c_str());
    return 1;
  }
  boost::asio::signal_set signals(io, SIGINT, SIGTERM);
  signals.async_wait([&](auto, auto) { io.stop(); });
  io.run();
  std::printf("%zu bindings of %zu users\n", location.bindings(), location.addresses());
}
