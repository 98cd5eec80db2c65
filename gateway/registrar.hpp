// Decides on a REGISTER: who it is, whether the password is right, for how long.
// GB/T 28181-2022 9.1, RFC 3261 10.3 and 22. No I/O; time is an argument.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "gateway/config.hpp"
#include "gateway/secrets.hpp"
#include "gb28181/device_session.hpp"
#include "sip/digest.hpp"
#include "sip/message.hpp"
#include "sip/output.hpp"
#include "sip/specs.hpp"

namespace gateway {

class Registrar {
 public:
  // The references must outlive the registrar.
  Registrar(const Config& config, const Secrets& secrets);

  struct Decision {
    sip::ResponseSpec answer;
    // Set when it was accepted: zero unregisters.
    std::optional<std::chrono::seconds> expires;
    std::string device_id;  // empty when it cannot be read
    std::string contact;
    std::string gb_version;  // X-GB-Ver
    std::string refusal;     // why not, for the log; empty when accepted or challenged
    bool wrong_password = false;
  };
  Decision decide(const sip::MessageView& request, const sip::Flow& from, sip::TimePoint now,
                  sip::WallTime wall);

 private:
  bool must_authenticate(std::string_view device_id, const sip::Flow& from) const;
  std::string_view password_of(std::string_view device_id) const;
  bool authenticate(const sip::MessageView& request, sip::TimePoint now, Decision& decision);
  void challenge(Decision& decision, sip::TimePoint now, bool stale);
  void refuse(Decision& decision, int status, std::string phrase, std::string why) const;
  void accept(const sip::MessageView& request, sip::WallTime wall, Decision& decision) const;

  const Config& config_;
  const Secrets& secrets_;
  sip::DigestAuthenticator authenticator_;
  std::uint64_t salt_ = 0;
};

}  // namespace gateway
