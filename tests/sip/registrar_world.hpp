// A registrar over an empty location, in virtual time, and what it is told: for its tests.
#pragma once

#include "sip/registrar.hpp"
#include "tests/sip/registration_support.hpp"

namespace sip::test {

using std::chrono::seconds;

inline const TimePoint start = TimePoint{} + std::chrono::hours(100);
inline const WallTime wall = WallTime(seconds(1289690940));  // Sat, 13 Nov 2010 23:29:00 GMT

struct RegisterStep {
  Register request;
  int status;
  std::string contacts;  // of the answer
};

struct World {
  explicit World(RegistrarOptions options = {}, LocationLimits limits = {})
      : location(limits), registrar(with_domain(options), location) {}

  static RegistrarOptions with_domain(RegistrarOptions options) {
    options.domains = {"example.org", "[2001:db8::1]"};
    return options;
  }
  Registrar::Outcome send(const Register& request, std::string_view user = {}) {
    text = request.text();
    message = test::parsed(text);
    return registrar.on_register({message, flow, now, wall, user, "tag1"}, buffer);
  }
  std::string answer(const Register& request) { return std::string(send(request).response); }
  std::string bound(const std::string& aor = "sip:alice@example.org") const {
    std::string out;
    location.visit(aor, now, [&](const BindingView& b) { out.append(b.contact) += ' '; });
    return out;
  }

  Location location;
  Registrar registrar;
  TimePoint now = start;
  Flow flow{Transport::udp, *Address::parse("192.0.2.1:5060"), *Address::parse("192.0.2.9:5060"),
            ConnectionId::none};
  std::string text, buffer;
  MessageView message;
};

inline std::string contact(const std::string& value) {
  return "Contact: " + value;
}

}  // namespace sip::test
