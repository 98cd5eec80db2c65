#include "sip/failure_reason.hpp"

#include <algorithm>
#include <iterator>

#include "sip/scan.hpp"

namespace sip {
namespace {

struct Meaning {
  int status;
  std::string_view why;
};
constexpr Meaning meanings[] = {
    {400, "the request could not be read"},
    {403, "understood, and not allowed"},
    {404, "nobody of that name is known there"},
    {405, "that method is not served there"},
    {406, "no body that the request accepts can be given"},
    {408, "somebody further on did not answer in time"},
    {410, "gone from there for good"},
    {413, "the body is too long"},
    {415, "the body's type or encoding is not understood"},
    {416, "the scheme of the URI is not understood"},
    {420, "an extension is required that is not supported there"},
    {421, "an extension must be supported, and the request does not name it"},
    {423, "the expiry that was asked for is too short"},
    {480, "known, but cannot be reached now: not registered, or not answering"},
    {481, "no such call or transaction there: it has ended, or the peer was restarted"},
    {482, "the request came round in a loop"},
    {483, "too many hops: most likely a loop"},
    {484, "the address is not complete"},
    {486, "busy"},
    {487, "given up before it was answered (CANCEL)"},
    {488, "the media that was offered does not suit"},
    {489, "that event package is not served there"},
    {491, "both sides changed the call at once; the later try should succeed"},
    {494, "security must be agreed on first"},
    {500, "a fault inside the server"},
    {501, "that method is not implemented there"},
    {502, "the next server gave an answer that makes no sense"},
    {503, "overloaded, or not able to serve now"},
    {504, "the next server, or its name's look-up, did not answer"},
    {505, "that version of SIP is not spoken there"},
    {513, "the message is too long"},
    {600, "busy everywhere"},
    {603, "declined"},
    {604, "nobody of that name exists anywhere"},
    {606, "the session that was offered is not acceptable anywhere"},
};

struct Detail {
  HeaderId id;
  std::string_view prefix;
};
constexpr Detail details[] = {{HeaderId::reason, "Reason: "},
                              {HeaderId::warning, "Warning: "},
                              {HeaderId::retry_after, "Retry-After: "},
                              {HeaderId::min_expires, "Min-Expires: "},
                              {HeaderId::unsupported, "Unsupported: "},
                              {HeaderId::require, "Require: "},
                              {HeaderId::accept, "Accept: "},
                              {HeaderId::allow, "Allow: "},
                              {HeaderId::allow_events, "Allow-Events: "}};
constexpr std::size_t detail_bytes = 120;

bool is_challenge(int status) {
  return status == 401 || status == 407;
}

std::string challenge_reason(const MessageView& response, bool had_credentials) {
  if (!had_credentials) return "credentials are asked for; the next try should carry them";
  const auto id =
      response.status() == 401 ? HeaderId::www_authenticate : HeaderId::proxy_authenticate;
  const auto challenge = response.text(id);
  constexpr std::string_view stale = "stale=true";
  const bool too_old =
      std::search(challenge.begin(), challenge.end(), stale.begin(), stale.end(),
                  [](char a, char b) { return scan::lower(a) == b; }) != challenge.end();
  if (too_old) return "the nonce was too old; the next try should use the new one";
  return "the credentials are wrong: user name, password or realm";
}

std::string_view meaning_of(int status) {
  if (status < 400) return "to be tried elsewhere";
  const auto* found = std::find_if(std::begin(meanings), std::end(meanings),
                                   [status](const Meaning& m) { return m.status == status; });
  if (found != std::end(meanings)) return found->why;
  return status < 500 ? "refused" : status < 600 ? "the server failed" : "refused everywhere";
}

void append_detail(std::string& out, std::string_view prefix, std::string_view value) {
  out += "; ";
  out += prefix;
  scan::append_unfolded(out, value.substr(0, detail_bytes));
}

}  // namespace

std::string failure_reason(const MessageView& response, bool had_credentials) {
  const int status = response.status();
  if (is_challenge(status)) return challenge_reason(response, had_credentials);
  std::string why(meaning_of(status));
  if (status < 400 && response.has(HeaderId::contact))
    append_detail(why, "Contact: ", response.text(HeaderId::contact));
  for (const auto& detail : details)
    if (response.has(detail.id)) append_detail(why, detail.prefix, response.text(detail.id));
  return why;
}

}  // namespace sip
