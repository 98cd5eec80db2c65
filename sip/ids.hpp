// Names for the things that live inside an Endpoint. Small values: copy, compare, hash, keep.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>

namespace sip {

// An index with a generation: an id that outlived its thing finds nothing, never another's. The
// default one names nothing.
template <class Tag>
struct Id {
  std::uint32_t index = 0;
  std::uint32_t generation = 0;  // 0: names nothing

  explicit operator bool() const { return generation != 0; }
  auto operator<=>(const Id&) const = default;
};

using RequestId = Id<struct RequestTag>;                      // a request we sent, until it is done
using ServerTransactionId = Id<struct ServerTransactionTag>;  // a request to answer
using CallId = Id<struct CallTag>;  // one INVITE dialog, from its INVITE to its end
using SubscriptionId = Id<struct SubscriptionTag>;            // one dialog of SUBSCRIBE or REFER
using RegistrationId = Id<struct RegistrationTag>;            // we, kept registered somewhere
using PublicationId = Id<struct PublicationTag>;              // event state that we keep published

}  // namespace sip

template <class Tag>
struct std::hash<sip::Id<Tag>> {
  std::size_t operator()(const sip::Id<Tag>& id) const noexcept {
    return std::hash<std::uint64_t>()(std::uint64_t{id.generation} << 32 | id.index);
  }
};
