#include "sip/header_id.hpp"

#include <array>
#include <cstring>

namespace sip {
namespace {

struct Name {
  HeaderId id;
  std::string_view text;
  char compact = 0;
};

// In the order of HeaderId.
constexpr Name names[] = {
    {HeaderId::unknown, ""},
    {HeaderId::via, "Via", 'v'},
    {HeaderId::from, "From", 'f'},
    {HeaderId::to, "To", 't'},
    {HeaderId::call_id, "Call-ID", 'i'},
    {HeaderId::cseq, "CSeq"},
    {HeaderId::contact, "Contact", 'm'},
    {HeaderId::max_forwards, "Max-Forwards"},
    {HeaderId::content_length, "Content-Length", 'l'},
    {HeaderId::content_type, "Content-Type", 'c'},
    {HeaderId::expires, "Expires"},
    {HeaderId::route, "Route"},
    {HeaderId::record_route, "Record-Route"},
    {HeaderId::authorization, "Authorization"},
    {HeaderId::proxy_authorization, "Proxy-Authorization"},
    {HeaderId::www_authenticate, "WWW-Authenticate"},
    {HeaderId::proxy_authenticate, "Proxy-Authenticate"},
    {HeaderId::authentication_info, "Authentication-Info"},
    {HeaderId::user_agent, "User-Agent"},
    {HeaderId::server, "Server"},
    {HeaderId::subject, "Subject", 's'},
    {HeaderId::date, "Date"},
    {HeaderId::allow, "Allow"},
    {HeaderId::supported, "Supported", 'k'},
    {HeaderId::require, "Require"},
    {HeaderId::proxy_require, "Proxy-Require"},
    {HeaderId::unsupported, "Unsupported"},
    {HeaderId::accept, "Accept"},
    {HeaderId::accept_encoding, "Accept-Encoding"},
    {HeaderId::accept_language, "Accept-Language"},
    {HeaderId::content_encoding, "Content-Encoding", 'e'},
    {HeaderId::content_disposition, "Content-Disposition"},
    {HeaderId::content_language, "Content-Language"},
    {HeaderId::event, "Event", 'o'},
    {HeaderId::subscription_state, "Subscription-State"},
    {HeaderId::allow_events, "Allow-Events", 'u'},
    {HeaderId::min_expires, "Min-Expires"},
    {HeaderId::retry_after, "Retry-After"},
    {HeaderId::warning, "Warning"},
    {HeaderId::timestamp, "Timestamp"},
    {HeaderId::rseq, "RSeq"},
    {HeaderId::rack, "RAck"},
    {HeaderId::refer_to, "Refer-To", 'r'},
    {HeaderId::referred_by, "Referred-By", 'b'},
    {HeaderId::refer_sub, "Refer-Sub"},
    {HeaderId::replaces, "Replaces"},
    {HeaderId::reason, "Reason"},
    {HeaderId::sip_etag, "SIP-ETag"},
    {HeaderId::sip_if_match, "SIP-If-Match"},
    {HeaderId::session_expires, "Session-Expires", 'x'},
    {HeaderId::min_se, "Min-SE"},
    {HeaderId::path, "Path"},
    {HeaderId::service_route, "Service-Route"},
    {HeaderId::reply_to, "Reply-To"},
    {HeaderId::organization, "Organization"},
    {HeaderId::priority, "Priority"},
    {HeaderId::in_reply_to, "In-Reply-To"},
    {HeaderId::call_info, "Call-Info"},
    {HeaderId::alert_info, "Alert-Info"},
    {HeaderId::error_info, "Error-Info"},
    {HeaderId::mime_version, "MIME-Version"},
    {HeaderId::p_asserted_identity, "P-Asserted-Identity"},
    {HeaderId::p_preferred_identity, "P-Preferred-Identity"},
    {HeaderId::privacy, "Privacy"},
    {HeaderId::note, "Note"},
    {HeaderId::x_gb_ver, "X-GB-Ver"},
    {HeaderId::monitor_user_identity, "Monitor-User-Identity"},
    {HeaderId::x_route_path, "X-RoutePath"},
    {HeaderId::x_preferred_path, "X-PreferredPath"},
};

constexpr bool in_order() {
  for (std::size_t i = 0; i < std::size(names); ++i)
    if (static_cast<std::size_t>(names[i].id) != i) return false;
  return std::size(names) == header_id_count;
}
static_assert(in_order());

constexpr std::size_t longest = 24;

// All characters of known names are letters and '-', for which setting bit 5 ignores the case.
constexpr unsigned folded(char c) {
  return static_cast<unsigned char>(c) | 0x20u;
}

// Length and three characters tell all known names apart; the factors were found by trying.
constexpr std::uint8_t slot_of(std::string_view name) {
  return static_cast<std::uint8_t>(name.size() * 47 + folded(name.front()) * 217 +
                                   folded(name.back()) * 121 + folded(name[name.size() / 2]) * 191);
}

struct Slot {
  HeaderId id = HeaderId::unknown;
  std::uint8_t size = 0;
  char lower[longest] = {};
};

constexpr bool put(std::array<Slot, 256>& table, HeaderId id, std::string_view name) {
  auto& slot = table[slot_of(name)];
  if (slot.size != 0 || name.size() > longest) return false;
  slot.id = id;
  slot.size = static_cast<std::uint8_t>(name.size());
  for (std::size_t i = 0; i < name.size(); ++i) slot.lower[i] = static_cast<char>(folded(name[i]));
  return true;
}

struct Table {
  std::array<Slot, 256> slots{};
  bool complete = true;
};

constexpr Table table = [] {
  Table t;
  for (const auto& name : names) {
    if (name.text.empty()) continue;
    t.complete = t.complete && put(t.slots, name.id, name.text);
    if (name.compact != 0) t.complete = t.complete && put(t.slots, name.id, {&name.compact, 1});
  }
  return t;
}();
static_assert(table.complete, "two names share a slot: look for other factors");

template <class Word>
bool same_word(const char* text, const char* lower) {
  Word a, b;
  std::memcpy(&a, text, sizeof a);
  std::memcpy(&b, lower, sizeof b);
  return (a | static_cast<Word>(0x2020202020202020u)) == b;
}

// Words that overlap at the end spare a loop over the last bytes.
bool same(const char* text, const char* lower, std::size_t size) {
  if (size >= 8) {
    for (std::size_t i = 0; i + 8 <= size; i += 8)
      if (!same_word<std::uint64_t>(text + i, lower + i)) return false;
    return same_word<std::uint64_t>(text + size - 8, lower + size - 8);
  }
  if (size >= 4)
    return same_word<std::uint32_t>(text, lower) &&
           same_word<std::uint32_t>(text + size - 4, lower + size - 4);
  for (std::size_t i = 0; i < size; ++i)
    if (static_cast<char>(folded(text[i])) != lower[i]) return false;
  return true;
}

}  // namespace

HeaderId header_id_from(std::string_view name) {
  if (name.empty() || name.size() > longest) return HeaderId::unknown;
  const auto& slot = table.slots[slot_of(name)];
  if (slot.size != name.size() || !same(name.data(), slot.lower, name.size()))
    return HeaderId::unknown;
  return slot.id;
}

std::string_view to_string(HeaderId id) {
  return id < HeaderId::count_ ? names[static_cast<std::size_t>(id)].text : std::string_view{};
}

}  // namespace sip
