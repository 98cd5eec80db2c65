// The table behind header_id_from(), for the message parser to look into without a call.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "sip/header_id.hpp"
#include "sip/simd.hpp"

namespace sip::header_names {

struct Name {
  HeaderId id;
  std::string_view text;
  char compact = 0;
};

// In the order of HeaderId.
inline constexpr Name names[] = {
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

inline constexpr std::size_t longest = 24;

// A name and its colon. Bit 5 set makes letters small; '-' must not be touched by it: a carriage
// return would become one.
struct alignas(64) Known {
  char lower[longest] = {};
  char fold[longest] = {};
  std::uint32_t needed = 0;  // a bit for each of the first 16 characters, the colon included
  HeaderId id = HeaderId::unknown;
  std::uint8_t size = 0;
};

constexpr Known known(HeaderId id, std::string_view name) {
  Known result;
  result.id = id;
  result.size = static_cast<std::uint8_t>(name.size());
  for (std::size_t i = 0; i < name.size(); ++i) {
    result.fold[i] = name[i] == '-' ? '\0' : '\x20';
    result.lower[i] = static_cast<char>(name[i] | result.fold[i]);
  }
  if (name.size() < longest) result.lower[name.size()] = ':';
  result.needed = name.size() < 16 ? (2u << name.size()) - 1 : 0xffff;
  return result;
}

// The first eight characters and the size tell all names below 16 characters apart; the factor
// was found by trying.
constexpr std::uint8_t slot_of(std::uint64_t first_eight, std::size_t size) {
  return static_cast<std::uint8_t>((first_eight + size) * 0xc6cff3159595b263u >> 56);
}

inline constexpr std::uint64_t case_bits = 0x2020202020202020u;

constexpr std::uint64_t mask_of(std::size_t size) {
  return size >= 8 ? ~std::uint64_t{0} : (std::uint64_t{1} << (8 * size)) - 1;
}

constexpr std::uint64_t first_eight(std::string_view name) {
  std::uint64_t word = 0;
  for (std::size_t i = 0; i < name.size() && i < 8; ++i)
    word |= static_cast<std::uint64_t>(static_cast<unsigned char>(name[i])) << (8 * i);
  return (word | case_bits) & mask_of(name.size());
}

struct Table {
  std::array<std::uint8_t, 256> slots{};  // index into `shorter`; its entry 0 is no name
  std::array<Known, 96> shorter{};        // below 16 characters, compact forms included
  std::array<Known, 16> longer{};
  std::size_t shorter_count = 1;
  std::size_t longer_count = 0;
  bool complete = true;
};

constexpr void put(Table& t, HeaderId id, std::string_view name) {
  t.complete = t.complete && name.size() <= longest;
  if (name.size() >= simd::block_size) {
    t.longer[t.longer_count++] = known(id, name);
    return;
  }
  auto& slot = t.slots[slot_of(first_eight(name), name.size())];
  t.complete = t.complete && slot == 0;
  slot = static_cast<std::uint8_t>(t.shorter_count);
  t.shorter[t.shorter_count++] = known(id, name);
}

inline constexpr Table table = [] {
  Table t;
  for (const auto& name : names) {
    if (name.text.empty()) continue;
    put(t, name.id, name.text);
    if (name.compact != 0) put(t, name.id, {&name.compact, 1});
  }
  return t;
}();
static_assert(table.complete, "two names share a slot: look for another factor");

inline constexpr std::array<std::uint64_t, simd::block_size> masks = [] {
  std::array<std::uint64_t, simd::block_size> all{};
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = mask_of(i);
  return all;
}();

// Which of sixteen characters are those of a name from `at` on.
inline unsigned agreeing(simd::Block text, const Known& name, std::size_t at = 0) {
  const auto folded = text | simd::Block::load(name.fold + at);
  return folded.equal(simd::Block::load(name.lower + at)).mask();
}

inline HeaderId longer_from(std::string_view name) {
  const auto head = simd::Block::load(name.data());
  const auto rest = name.size() - simd::block_size;
  for (std::size_t i = 0; i < table.longer_count; ++i) {
    const auto& candidate = table.longer[i];
    if (candidate.size == name.size() && agreeing(head, candidate) == 0xffff &&
        agreeing(simd::Block::load(name.data() + rest), candidate, rest) == 0xffff)
      return candidate.id;
  }
  return HeaderId::unknown;
}

// The header whose name is the first `size` (0 to 15) characters of a block and ends at a colon. (A
// slot that is not taken has the entry 0, which needs nothing and is unknown.)
inline HeaderId find(simd::Block text, std::size_t size) {
  const auto word = (text.low() | case_bits) & masks[size];
  const auto& candidate = table.shorter[table.slots[slot_of(word, size)]];
  const bool same = (agreeing(text, candidate) & candidate.needed) == candidate.needed;
  return same ? candidate.id : HeaderId::unknown;
}

inline HeaderId find(std::string_view name) {
  if (name.empty() || name.size() > longest) return HeaderId::unknown;
  if (name.size() >= simd::block_size) return longer_from(name);
  std::array<char, simd::block_size> copy{};
  name.copy(copy.data(), name.size());
  copy[name.size()] = ':';
  return find(simd::Block::load(copy.data()), name.size());
}

}  // namespace sip::header_names
