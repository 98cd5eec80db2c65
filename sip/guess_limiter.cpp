#include "sip/guess_limiter.hpp"

#include <algorithm>
#include <bit>

#include "sip/mixed_hash.hpp"

namespace sip {
namespace {

using std::chrono::seconds;

std::uint32_t second_of(TimePoint t) {
  return static_cast<std::uint32_t>(std::chrono::floor<seconds>(t.time_since_epoch()).count() +
                                    1);  // 0 stands for never
}

std::uint32_t in_seconds(seconds s) {
  return static_cast<std::uint32_t>(std::clamp<std::int64_t>(s.count(), 1, 1 << 24));
}

// One customer of IPv6 has a /64 to choose from.
std::string_view prefix_of(const IpAddress& ip) {
  return {reinterpret_cast<const char*>(ip.bytes().data()), ip.is_v6() ? 8u : 4u};
}

}  // namespace

GuessLimiter::GuessLimiter(GuessLimits limits, std::uint64_t seed)
    : limits_(limits),
      seed_(seed),
      entries_(std::bit_ceil(std::clamp<std::size_t>(limits.entries, ways, 1 << 24))) {}

// Of an address, a user, or both.
std::uint64_t GuessLimiter::key_of(const IpAddress* address, std::string_view user) const {
  auto seed = seed_;
  if (address) seed = mixed_hash(prefix_of(*address), seed + 1);
  return mixed_hash(user, address && user.empty() ? seed + 2 : seed);
}

GuessLimiter::Entry* GuessLimiter::find(std::uint64_t key) {
  const auto tag = static_cast<std::uint32_t>(key >> 32) | 1;
  const auto set = (key & (entries_.size() - 1)) / ways * ways;
  for (std::size_t i = 0; i < ways; ++i)
    if (entries_[set + i].tag == tag) return &entries_[set + i];
  return nullptr;
}

// In the place of the one whose lock ends first, then of the oldest.
GuessLimiter::Entry& GuessLimiter::find_or_add(std::uint64_t key) {
  if (auto* found = find(key)) return *found;
  const auto set = (key & (entries_.size() - 1)) / ways * ways;
  auto* const begin = entries_.data() + set;
  auto* const least = std::min_element(begin, begin + ways, [](const Entry& a, const Entry& b) {
    return std::max(a.until, a.since) < std::max(b.until, b.since);
  });
  *least = {};
  least->tag = static_cast<std::uint32_t>(key >> 32) | 1;
  return *least;
}

void GuessLimiter::fade(Entry& entry, std::uint32_t second) const {
  const auto window = in_seconds(limits_.window);
  if (second < entry.since + window) return;
  const auto halvings = std::min((second - entry.since) / window, 16u);
  entry.wrong = static_cast<std::uint16_t>(entry.wrong >> halvings);
  entry.locks = static_cast<std::uint16_t>(entry.locks - std::min<unsigned>(entry.locks, halvings));
  entry.since = second;
}

// One more wrong password; locks at `limit`.
void GuessLimiter::count(Entry& entry, unsigned limit, std::uint32_t second) {
  fade(entry, second);
  if (entry.wrong == 0) entry.since = second;
  if (entry.wrong < UINT16_MAX) ++entry.wrong;
  if (entry.wrong < limit) return;
  const auto longest = in_seconds(limits_.longest_lock);
  const auto lock = std::uint64_t{in_seconds(limits_.first_lock)}
                    << std::min<unsigned>(entry.locks, 20);
  entry.until = second + static_cast<std::uint32_t>(std::min<std::uint64_t>(lock, longest));
  entry.since = entry.until;                            // it does not fade while it is locked
  entry.wrong = static_cast<std::uint16_t>(limit - 1);  // the next one locks again
  ++entry.locks;
}

seconds GuessLimiter::locked(const IpAddress& address, std::string_view user, TimePoint now) {
  const auto second = second_of(now);
  if (second >= quiet_from_) return seconds(0);
  const auto* const pair = find(key_of(&address, user));
  if (pair && pair->until > second) return seconds(pair->until - second);
  const auto* const source = find(key_of(&address, {}));
  if (!source || source->until <= second) return seconds(0);
  const bool known =
      pair && pair->right != 0 && second - pair->right < in_seconds(limits_.window) * 10;
  return seconds(known ? 0 : source->until - second);
}

void GuessLimiter::wrong(const IpAddress& address, std::string_view user, TimePoint now) {
  const auto second = second_of(now);
  auto& everywhere = find_or_add(key_of(nullptr, user));
  fade(everywhere, second);
  if (everywhere.wrong == 0) everywhere.since = second;
  if (everywhere.wrong < UINT16_MAX) ++everywhere.wrong;
  const bool under_attack = everywhere.wrong > limits_.of_user;
  count(find_or_add(key_of(&address, user)), under_attack ? 1 : limits_.of_user_at_address, second);
  count(find_or_add(key_of(&address, {})), limits_.at_address, second);
  const auto matters = in_seconds(limits_.longest_lock) + in_seconds(limits_.window) * 16;
  quiet_from_ = std::max(quiet_from_, second + matters);
}

// Costs nothing as long as nobody guesses.
void GuessLimiter::right(const IpAddress& address, std::string_view user, TimePoint now) {
  const auto second = second_of(now);
  if (second >= quiet_from_ || !find(key_of(&address, {}))) return;
  auto& pair = find_or_add(key_of(&address, user));
  pair.wrong = pair.locks = 0;
  pair.since = pair.right = second;
}

}  // namespace sip
