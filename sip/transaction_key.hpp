// What makes two messages belong to one transaction (RFC 3261 17.1.3, 17.2.3), as 128 bits that
// nobody can foresee: a hash with a secret seed. Pure.
#pragma once

#include <cstdint>
#include <string_view>

#include "sip/address.hpp"
#include "sip/message.hpp"

namespace sip {

// Two that are equal belong to one transaction: among a million live ones, the chance that any two
// agree by accident is 2**-89, and who does not know the seed cannot look for them.
struct TransactionKey {
  std::uint64_t high = 0;
  std::uint64_t low = 0;

  bool operator==(const TransactionKey&) const = default;
};

// A response belongs to the request of ours with its branch and the method of its CSeq (17.1.3).
TransactionKey client_key(std::string_view branch, std::string_view method, std::uint64_t seed);

// A request belongs to the transaction with its branch, sent-by and method, when the branch has
// the magic cookie; else (RFC 2543) Request-URI, From tag, Call-ID, CSeq number and Via decide.
// `method` is the request's own, or INVITE to find what an ACK or CANCEL is about.
//
// Beyond the RFC the packet's source and the CSeq number are part of the key: cameras behind
// different NATs write the same private sent-by and count their branches from 1, and some use one
// branch for all requests of a Call-ID. What belongs together has them equal anyway. To tags are
// left out of the RFC 2543 key, since an ACK has one where its INVITE had none.
TransactionKey server_key(const MessageView& request, const Via& via, std::string_view method,
                          const Flow& from, std::uint64_t seed);

}  // namespace sip
