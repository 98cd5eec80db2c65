#include "rtp/ssrc.hpp"

#include <algorithm>

namespace rtp {
namespace {

bool is_from(const SourceAddress& from, const std::optional<SourceAddress>& whom) {
  return !whom || (whom->ip == from.ip && (whom->port == 0 || whom->port == from.port));
}

}  // namespace

// splitmix64: any seed will do.
std::uint32_t SsrcGenerator::next() {
  std::uint32_t ssrc = 0;
  do {
    state_ += 0x9e37'79b9'7f4a'7c15;
    auto z = state_;
    z = (z ^ (z >> 30)) * 0xbf58'476d'1ce4'e5b9;
    z = (z ^ (z >> 27)) * 0x94d0'49bb'1331'11eb;
    ssrc = static_cast<std::uint32_t>((z ^ (z >> 31)) >> 32);
  } while (ssrc == 0 || ssrc == last_);
  return last_ = ssrc;
}

bool SourceSelector::is_expected(std::uint32_t ssrc) const {
  return std::ranges::find(options_.expected, ssrc) != options_.expected.end();
}

// Without any expectation there is nothing to be strict about.
bool SourceSelector::is_stranger(std::uint32_t ssrc, const SourceAddress& from) const {
  if (options_.policy == SsrcPolicy::any || is_expected(ssrc)) return false;
  if (options_.policy == SsrcPolicy::strict && !options_.expected.empty()) return true;
  return std::ranges::any_of(options_.refused, [&](const FormerSender& former) {
    return former.ssrc == ssrc && is_from(from, former.from);
  });
}

std::vector<FormerSender> SourceSelector::left_behind() const {
  std::vector<FormerSender> former;
  for (const auto ssrc : options_.expected)
    if (!bound_ || ssrc == ssrc_) former.push_back({ssrc, address()});
  return former;
}

void SourceSelector::expect(std::uint32_t ssrc) {
  if (!is_expected(ssrc)) options_.expected.push_back(ssrc);
}

SourceSelector::Verdict SourceSelector::on_packet(std::uint32_t ssrc, const SourceAddress& from,
                                                  std::int64_t now_ns) {
  if (bound_ && ssrc == ssrc_ && from == from_) {
    last_ns_ = now_ns;
    return Verdict::accepted;
  }
  if (!is_stranger(ssrc, from) && may_take_over(ssrc, from, now_ns))
    return take(ssrc, from, now_ns);
  ++refused_count_;
  return Verdict::refused;
}

bool SourceSelector::may_take_over(std::uint32_t ssrc, const SourceAddress& from,
                                   std::int64_t now_ns) const {
  if (!bound_) return true;
  if (now_ns - last_ns_ >= options_.takeover_ns) return true;
  // A sender may change its SSRC (a seek, a restarted encoder), but not change back at once: late
  // packets of the old one must not restart the stream.
  if (from == from_) return ssrc != previous_ssrc_;
  return options_.policy != SsrcPolicy::any && is_expected(ssrc) && !is_expected(ssrc_);
}

SourceSelector::Verdict SourceSelector::take(std::uint32_t ssrc, const SourceAddress& from,
                                             std::int64_t now_ns) {
  // The same source behind a NAT that changed its mind goes on where it was.
  const bool same_source = bound_ && ssrc == ssrc_;
  if (bound_) ++switches_;
  if (bound_ && !same_source) previous_ssrc_ = ssrc_;
  bound_ = true;
  ssrc_ = ssrc;
  from_ = from;
  last_ns_ = now_ns;
  return same_source ? Verdict::accepted : Verdict::switched;
}

std::optional<std::uint32_t> SourceSelector::ssrc() const {
  return bound_ ? std::optional(ssrc_) : std::nullopt;
}

std::optional<SourceAddress> SourceSelector::address() const {
  return bound_ ? std::optional(from_) : std::nullopt;
}

}  // namespace rtp
