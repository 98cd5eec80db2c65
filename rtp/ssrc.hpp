// Whose packets belong to a stream: making up SSRCs (RFC 3550 8.1), and deciding which sender on a
// port is the one that was invited (GB/T 28181 reference 8.7, 13.26, 13.33). Pure.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace rtp {

// Random SSRCs: never 0, and never the same twice in a row. Seed it from the system's randomness.
class SsrcGenerator {
 public:
  explicit SsrcGenerator(std::uint64_t seed) : state_(seed) {}
  std::uint32_t next();

 private:
  std::uint64_t state_;
  std::uint32_t last_ = 0;
};

// Where a packet came from: IPv6, or IPv4 mapped into it. A TCP connection may use its own.
struct SourceAddress {
  std::array<std::uint8_t, 16> ip{};
  std::uint16_t port = 0;
  bool operator==(const SourceAddress&) const = default;
};

// How far the SSRC of the session's description counts.
enum class SsrcPolicy : std::uint8_t {
  strict,  // only packets with an expected SSRC are taken
  learn,   // an expected one goes first, but whoever was invited may send another
  any,     // the SSRC says nothing: the first sender is the source
};

constexpr const char* to_string(SsrcPolicy policy) {
  switch (policy) {
    case SsrcPolicy::strict:
      return "strict";
    case SsrcPolicy::learn:
      return "learn";
    case SsrcPolicy::any:
      return "any";
  }
  return "";
}

// Of an ended session: it may not know of the end, and send on to whoever has the port next.
struct FormerSender {
  std::uint32_t ssrc = 0;
  std::optional<SourceAddress> from{};  // nothing: it never came; port 0: any of the host
  bool operator==(const FormerSender&) const = default;
};

struct SourceSelectorOptions {
  std::vector<std::uint32_t> expected;       // offered and answered; may be empty or wrong
  std::vector<FormerSender> refused{};       // of the session that had this port before
  std::int64_t takeover_ns = 2'000'000'000;  // silence after which another sender may take over
  SsrcPolicy policy = SsrcPolicy::learn;
};

// Binds a stream to one sender. The first sender wins; one with an expected SSRC displaces one
// with an unexpected; the sender may change its SSRC; others are refused while it lives.
class SourceSelector {
 public:
  enum class Verdict : std::uint8_t {
    accepted,  // the current source
    switched,  // a new source from this packet on: start reordering and statistics afresh
    refused,   // not ours; drop it
  };

  explicit SourceSelector(SourceSelectorOptions options) : options_(std::move(options)) {}

  Verdict on_packet(std::uint32_t ssrc, const SourceAddress& from, std::int64_t now_ns);
  // An answer named another SSRC (y=); it is expected from now on.
  void expect(std::uint32_t ssrc);
  // Whom the next session on this port should refuse: those who sent, or never came to send, what
  // this one had agreed. A sender with an SSRC of its own choice may use it everywhere.
  std::vector<FormerSender> left_behind() const;

  std::optional<std::uint32_t> ssrc() const;
  std::optional<SourceAddress> address() const;
  std::uint64_t refused() const { return refused_count_; }
  std::uint64_t switches() const { return switches_; }  // after the first

 private:
  bool is_expected(std::uint32_t ssrc) const;
  bool is_stranger(std::uint32_t ssrc, const SourceAddress& from) const;
  bool may_take_over(std::uint32_t ssrc, const SourceAddress& from, std::int64_t now_ns) const;
  Verdict take(std::uint32_t ssrc, const SourceAddress& from, std::int64_t now_ns);

  SourceSelectorOptions options_;
  bool bound_ = false;
  std::uint32_t ssrc_ = 0;
  std::optional<std::uint32_t> previous_ssrc_;
  SourceAddress from_;
  std::int64_t last_ns_ = 0;
  std::uint64_t refused_count_ = 0, switches_ = 0;
};

}  // namespace rtp
