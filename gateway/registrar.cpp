#include "gateway/registrar.hpp"

#include <fmt/format.h>

#include "gb28181/device_id.hpp"
#include "gb28181/edition.hpp"
#include "sip/date.hpp"

namespace gateway {
namespace {

// The Contact's own expires wins over the header (RFC 3261 10.2.1.1).
std::optional<std::chrono::seconds> asked_expiry(const sip::MessageView& request) {
  const auto contact = request.contact();
  if (contact && contact->expires()) return std::chrono::seconds(*contact->expires());
  if (const auto header = request.expires()) return std::chrono::seconds(*header);
  return std::nullopt;
}

std::string text_of(std::optional<std::string_view> value) {
  return value ? std::string(*value) : std::string();
}

}  // namespace

Registrar::Registrar(const Config& config, const Secrets& secrets)
    : config_(config),
      secrets_(secrets),
      authenticator_({.realm = config.sip.realm()}, secrets.nonce_secret) {}

Registrar::Decision Registrar::decide(const sip::MessageView& request, const sip::Flow& from,
                                      sip::TimePoint now, sip::WallTime wall) {
  Decision decision;
  decision.gb_version = text_of(request.find("X-GB-Ver"));
  const auto own_version = gb28181::gb_version(gb28181::Edition::y2022);
  decision.answer.headers.push_back({"X-GB-Ver", std::string(own_version)});

  const auto sender = request.from();
  const auto id = gb28181::DeviceId::parse(sender ? sender->uri.user : std::string_view());
  if (!id) {
    refuse(decision, 403, "From has no device id", "From has no usable device id");
    return decision;
  }
  decision.device_id = id->str();
  if (decision.device_id == config_.sip.id) {
    refuse(decision, 403, "That id is the platform's", "the device uses the platform's own id");
  } else if (!config_.sip.allow_unknown_devices &&
             !config_.sip.passwords.contains(decision.device_id)) {
    refuse(decision, 403, "Unknown device",
           "not in [sip.passwords], and unknown devices are not let in");
  } else if (!must_authenticate(decision.device_id, from) || authenticate(request, now, decision)) {
    accept(request, wall, decision);
  }
  return decision;
}

// What the operator set is asked of everyone; what was generated only from other machines.
bool Registrar::must_authenticate(std::string_view device_id, const sip::Flow& from) const {
  const bool configured =
      !config_.sip.password.empty() || config_.sip.passwords.contains(device_id);
  return configured || !config_.server.trust_loopback || !from.remote.ip.is_loopback();
}

std::string_view Registrar::password_of(std::string_view device_id) const {
  const auto own = config_.sip.passwords.find(device_id);
  return own == config_.sip.passwords.end() ? std::string_view(secrets_.sip_password)
                                            : std::string_view(own->second);
}

// False when `decision` holds the refusal or the challenge.
bool Registrar::authenticate(const sip::MessageView& request, sip::TimePoint now,
                             Decision& decision) {
  if (!request.has(sip::HeaderId::authorization)) {
    challenge(decision, now, false);
    return false;
  }
  const auto credentials = sip::parse_digest_credentials(request.authorization());
  if (!credentials) {
    refuse(decision, 400, "Authorization cannot be read", credentials.error().message());
    return false;
  }
  const auto verdict =
      authenticator_.verify(*credentials, {.method = "REGISTER", .body = request.body()},
                            password_of(decision.device_id), now);
  switch (verdict) {
    case sip::DigestVerdict::ok:
      return true;
    case sip::DigestVerdict::stale:
      challenge(decision, now, true);
      return false;
    case sip::DigestVerdict::wrong:
      break;
  }
  decision.wrong_password = true;
  refuse(decision, 403, "Wrong password",
         fmt::format("wrong password (username {:?}, realm {:?}; ours is {:?})",
                     credentials->username, credentials->realm, authenticator_.realm()));
  return false;
}

// MD5 first: cameras that read only one header know only that.
void Registrar::challenge(Decision& decision, sip::TimePoint now, bool stale) {
  decision.answer.status = 401;
  for (const auto algorithm : {sip::DigestAlgorithm::md5, sip::DigestAlgorithm::sha256}) {
    decision.answer.headers.push_back(
        {"WWW-Authenticate", authenticator_.challenge(algorithm, now, stale, ++salt_)});
  }
}

void Registrar::refuse(Decision& decision, int status, std::string phrase, std::string why) const {
  decision.answer.status = status;
  decision.answer.reason = std::move(phrase);
  decision.refusal = std::move(why);
}

void Registrar::accept(const sip::MessageView& request, sip::WallTime wall,
                       Decision& decision) const {
  const gb28181::ExpiryPolicy policy{.minimum = config_.sip.min_expires,
                                     .maximum = config_.sip.max_expires,
                                     .otherwise = config_.sip.default_expires};
  const auto granted = policy.grant(asked_expiry(request));
  if (!granted) {
    refuse(decision, 423, "", fmt::format("asks for less than {} s", policy.minimum.count()));
    decision.answer.headers.push_back({"Min-Expires", std::to_string(policy.minimum.count())});
    return;
  }
  decision.expires = granted;
  decision.answer.status = 200;
  decision.answer.headers.push_back({"Date", sip::gb28181_date(wall)});
  decision.answer.headers.push_back({"Expires", std::to_string(granted->count())});
  const auto contact = request.contact();
  if (!contact || contact->wildcard) return;
  decision.contact = contact->uri.text;
  if (granted->count() > 0)
    decision.answer.contact = fmt::format("<{}>;expires={}", decision.contact, granted->count());
}

}  // namespace gateway
