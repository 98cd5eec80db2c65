// The branch parameter of a proxy's Via (RFC 3261 16.6 step 8, 16.11; RFC 5393 4.2):
//
//   z9hG4bK gp <prefix 6> s|n <key 16> <loop 8>
//
// `prefix` tells our branches from others', `key` is random in stateful mode and a hash of the
// request's identity in stateless mode, `loop` is a hash of all that routing looks at: a request
// that comes back with it unchanged runs in a circle. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "sip/keyed_hash.hpp"
#include "sip/message.hpp"

namespace sip {

enum class BranchKind : char { stateful = 's', stateless = 'n' };

struct ProxyBranch {
  BranchKind kind = BranchKind::stateful;
  std::uint64_t key = 0;
  std::uint32_t loop = 0;
};

class ProxyBranches {
 public:
  explicit ProxyBranches(const HashKey& key);

  void append(std::string& out, const ProxyBranch& branch) const;
  // Without a look at its numbers.
  bool is_ours(std::string_view branch) const;
  BranchKind kind_of(std::string_view ours) const;

  // Of what decides where a request goes: Request-URI and Route.
  std::uint32_t loop_hash(const MessageView& request) const;
  // The same for each repetition of a request, its CANCEL and the ACK to its failure (16.11).
  std::uint64_t stateless_key(const MessageView& request, const Via& top) const;
  // A Via of ours in the request says that it came by with the same `loop`.
  bool loops(const MessageView& request, std::uint32_t loop) const;

 private:
  HashKey key_;
  std::string prefix_;  // "z9hG4bKgpxxxxxx"
};

}  // namespace sip
