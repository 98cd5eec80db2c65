// What the DNS says to one question (RFC 1035), of the kinds that finding a SIP server needs: A,
// AAAA (3596), SRV (2782), NAPTR (3403). Pure.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sip/address.hpp"
#include "sip/error.hpp"

namespace sip {

enum class DnsType : std::uint16_t { a = 1, aaaa = 28, srv = 33, naptr = 35 };

struct DnsQuestion {
  DnsType type = DnsType::a;
  std::string name;  // without the final dot

  auto operator<=>(const DnsQuestion&) const = default;
};

struct SrvRecord {
  std::uint16_t priority = 0;
  std::uint16_t weight = 0;
  std::uint16_t port = 0;
  std::string target;  // empty: the service is decidedly not offered (RFC 2782, ".")

  bool operator==(const SrvRecord&) const = default;
};

struct NaptrRecord {
  std::uint16_t order = 0;
  std::uint16_t preference = 0;
  std::string flags;
  std::string service;
  std::string regexp;
  std::string replacement;

  bool operator==(const NaptrRecord&) const = default;
};

// Empty when the name or the type does not exist, or nobody answered.
struct DnsAnswer {
  std::vector<IpAddress> addresses;
  std::vector<SrvRecord> srv;
  std::vector<NaptrRecord> naptr;
  std::chrono::seconds ttl{0};  // the shortest of the records; 0 when there are none

  bool empty() const { return addresses.empty() && srv.empty() && naptr.empty(); }
};

// The records of `type` in the answer section of a response message; those of the CNAME chain in
// front of them count for the time to live. At most 64 records are read. Errc::bad_value for a
// message that does not hold together.
[[nodiscard]] Result<DnsAnswer> parse_dns_answer(std::string_view message, DnsType type);

}  // namespace sip
