// Endpoint: who we are to those who challenge us (RFC 3261 22, RFC 7616).
#include "sip/endpoint_impl.hpp"

namespace sip {
namespace {

constexpr std::uint8_t max_challenges = 2;  // the second only for a nonce that grew old

bool is_true(std::optional<DigestClient>& client, std::string_view info, std::string_view body) {
  return !client || info.empty() || client->on_authentication_info(info, body);
}

}  // namespace

Login* Endpoint::Impl::login_of(const Owner& owner) {
  switch (owner.purpose) {
    case Purpose::invite:
    case Purpose::bye:
    case Purpose::change:
    case Purpose::prack:
    case Purpose::in_call_request: {
      auto* call = calls.find(owner.call);
      const bool known = call && call->extra && !call->extra->credentials.username.empty();
      return known ? &call->extra->login : nullptr;
    }
    case Purpose::subscribe: {
      auto* s = subscriptions.find(owned<SubscriptionId>(owner.call));
      return s ? s->login.get() : nullptr;
    }
    case Purpose::kept: {
      auto* k = kept.find(owned<KeptId>(owner.call));
      return k ? &k->login : nullptr;
    }
    case Purpose::attempt: {
      auto* a = attempts.find(attempt_of(owner.user_data));
      return a ? &login_of(*a) : nullptr;
    }
    default:
      return nullptr;
  }
}

Login& Endpoint::Impl::login_of(Attempt& attempt) {
  auto* lasting = login_of(attempt.owner);
  return lasting ? *lasting : attempt.login;
}

// True: the request is to be sent again.
bool Endpoint::Impl::answer_challenge(Login& login, Challenged& challenged,
                                      const Credentials& credentials, const MessageView& response) {
  const bool www = response.status() == 401;
  auto& client = www ? login.www : login.proxy;
  auto& times = www ? challenged.www : challenged.proxy;
  if (credentials.username.empty() || times >= max_challenges) return false;
  const auto header = www ? HeaderId::www_authenticate : HeaderId::proxy_authenticate;
  std::vector<std::string_view> challenges;
  for (auto i = response.find_index(header); i < response.header_count();
       i = response.find_index(header, i + 1))
    challenges.push_back(response.header(i).value);
  if (!client) client.emplace(credentials.username, credentials.password);
  if (!client->on_challenges(challenges)) return false;
  if (times > 0 && !client->stale()) return false;  // the password is wrong
  ++times;
  return true;
}

void Endpoint::Impl::add_credentials(std::vector<HeaderField>& headers, Login* login,
                                     std::string_view method, std::string_view body,
                                     std::string_view uri) {
  if (!login) return;
  const auto add = [&](const char* name, std::optional<DigestClient>& client) {
    if (client && client->ready())
      headers.push_back({name, client->authorization({method, body}, uri, random.hex(8))});
  };
  add("Authorization", login->www);
  add("Proxy-Authorization", login->proxy);
}

// 13.2.2.4: an ACK shows what its INVITE did, while that is remembered.
void Endpoint::Impl::repeat_credentials(TransactionId invite, std::vector<HeaderField>& headers) {
  const auto* t = transactions.get(invite);
  if (!t || t->message.empty() || !parse_message(t->message, stored)) return;
  for (std::size_t i = 0; i < stored.header_count(); ++i) {
    const auto header = stored.header(i);
    if (header.id == HeaderId::authorization || header.id == HeaderId::proxy_authorization)
      headers.push_back({std::string(header.name), std::string(header.value)});
  }
}

// RFC 7615: of a 2xx.
void Endpoint::Impl::on_authentication_info(const Owner& owner) {
  auto* login = login_of(owner);
  if (!login) return;
  const auto www = view.text(HeaderId::authentication_info);
  const auto proxy = login->proxy ? view.find("Proxy-Authentication-Info") : std::nullopt;
  const bool all_true = is_true(login->www, www, view.body()) &&
                        is_true(login->proxy, proxy.value_or(std::string_view()), view.body());
  if (!all_true) ++counters.unproven_servers;
}

}  // namespace sip
