#include "sip/soft_state.hpp"

#include <algorithm>

namespace sip {
namespace {

using std::chrono::seconds;

// Refreshed with enough time left for a lost exchange (64*T1) when there is that much.
Duration refresh_after(seconds granted) {
  if (granted > seconds(600)) return granted - seconds(60);
  return std::chrono::duration_cast<Duration>(granted) * 4 / 5;
}

// Asking again without a change cannot help (RFC 3261 21.4, 21.6).
bool is_final(int status) {
  switch (status) {
    case 408:
    case 420:
    case 429:
    case 480:
    case 486:
    case 491:
      return false;
    default:
      return (status >= 400 && status < 500) || status == 501 || status == 505 || status >= 600;
  }
}

constexpr unsigned max_corrections = 2;
constexpr seconds longest_expires{0xffffffff / 2};

}  // namespace

SoftState::Next SoftState::on_reply(const Reply& reply, double jitter, TimePoint now) {
  asking_ = false;
  if (reply.cause == Cause::answered && reply.status < 300) {
    corrections_ = failures_ = 0;
    if (removing_) return Next::removed;
    granted_ = true;
    const auto lasts = reply.expires ? seconds(*reply.expires) : terms_.expires;
    ask_at_ = lasts == seconds(0) ? never : now + refresh_after(std::min(lasts, longest_expires));
    return Next::active;
  }
  if (removing_) return Next::removed;  // it will run out
  const bool correctable = corrections_ < max_corrections;
  if (reply.status == 423 && reply.min_expires && correctable) {
    ++corrections_;
    terms_.expires = std::max(terms_.expires, seconds(*reply.min_expires));
    return Next::ask_again;
  }
  if (reply.status == 412 && correctable) {
    ++corrections_;
    return Next::ask_again;
  }
  if (reply.cause == Cause::invalid) return Next::refused;
  if (reply.cause == Cause::answered && is_final(reply.status)) return Next::refused;
  return retry(reply, jitter, now);
}

SoftState::Next SoftState::retry(const Reply& reply, double jitter, TimePoint now) {
  granted_ = false;
  corrections_ = 0;
  auto gap = terms_.retry_base;
  for (unsigned i = 0; i < failures_ && gap < terms_.retry_max; ++i) gap *= 2;
  ++failures_;
  gap = std::min(gap, terms_.retry_max);
  // RFC 5626 4.5: between half and the whole.
  gap = gap / 2 + std::chrono::duration_cast<Duration>(gap / 2 * jitter);
  if (reply.retry_after) gap = std::max<Duration>(gap, seconds(*reply.retry_after));
  ask_at_ = now + gap;
  return Next::waiting;
}

}  // namespace sip
