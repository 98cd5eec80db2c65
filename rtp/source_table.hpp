// Whose a packet is, on a port that many sessions share (GB/T 28181 reference 8.7): by the SSRC
// that was agreed on, else by where it comes from. Pure.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "rtp/ssrc.hpp"

namespace rtp {

// Sessions are known by a number of the caller's. An SSRC belongs to one session. Not a
// SourceSelector: this finds the session, and that decides whether the sender is the one it
// follows.
class SourceTable {
 public:
  using Session = std::uint32_t;
  using Host = std::array<std::uint8_t, 16>;  // as in SourceAddress

  explicit SourceTable(SsrcPolicy policy) : policy_(policy) {}

  // False: another session has one of the SSRCs; nothing is added then. 0 is never agreed on.
  bool add(Session session, std::span<const std::uint32_t> ssrcs);
  bool expect(Session session, std::uint32_t ssrc);
  // The sender is likely to have this address; the newest two count.
  void expect_host(Session session, const Host& host);
  void remove(Session session);

  // Nothing: a stranger. With `strict`, an agreed SSRC is all that counts. With `learn`, a known
  // sender may use another one, and so may a host from which exactly one session still waits for
  // its first packet. With `any`, the only session that waits may be anybody's.
  std::optional<Session> find(std::uint32_t ssrc, const SourceAddress& from) const;
  // The session has taken a packet from there.
  void bind(Session session, const SourceAddress& from);

  std::size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    std::vector<std::uint32_t> ssrcs;
    std::array<std::optional<Host>, 2> hosts;
    std::optional<SourceAddress> source;
  };
  struct Hash {
    std::size_t operator()(const SourceAddress& address) const;
  };
  std::optional<Session> find_waiting(const SourceAddress& from) const;
  void unbind(Entry& entry);

  SsrcPolicy policy_;
  std::unordered_map<Session, Entry> entries_;
  std::vector<Session> waiting_;  // for their first packet: few, and strangers make us look at all
  std::unordered_map<std::uint32_t, Session> by_ssrc_;
  // A recorder may send several channels from one port: how many, and the newest of them.
  struct Bound {
    Session session = 0;
    std::uint32_t count = 0;
  };
  std::unordered_map<SourceAddress, Bound, Hash> by_source_;
};

}  // namespace rtp
