// Slows the guessing of passwords, without letting a guesser lock anybody out elsewhere: what is
// locked is always an address, never a user. Pure; a table of fixed size, no allocation.
//
// Wrong passwords are counted by address and user, by address, and by user. Too many of the first
// lock that user at that address, too many of the second that address (but not for users who have
// just been right there: others behind the same NAT), each lock twice as long as the one before.
// Too many of the third, from wherever, make the first wrong password at an address lock it for
// that user. Counts fade: half of them a window.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "sip/address.hpp"
#include "sip/time.hpp"

namespace sip {

struct GuessLimits {
  unsigned of_user_at_address = 5;
  unsigned at_address = 50;
  unsigned of_user = 100;
  std::chrono::seconds window{60};
  std::chrono::seconds first_lock{5};
  std::chrono::seconds longest_lock{300};
  std::size_t entries = 1 << 14;  // 20 bytes each; the least telling is overwritten
};

class GuessLimiter {
 public:
  GuessLimiter(GuessLimits limits, std::uint64_t seed);

  // How long this user may not try at this address; 0: go on. IPv6 addresses count by their /64.
  [[nodiscard]] std::chrono::seconds locked(const IpAddress& address, std::string_view user,
                                            TimePoint now);
  void wrong(const IpAddress& address, std::string_view user, TimePoint now);
  void right(const IpAddress& address, std::string_view user, TimePoint now);

 private:
  struct Entry {
    std::uint32_t tag = 0;    // 0: free
    std::uint32_t since = 0;  // second from which `wrong` fades
    std::uint32_t until = 0;  // second at which the lock ends
    std::uint32_t right = 0;  // second of the last right password
    std::uint16_t wrong = 0;
    std::uint16_t locks = 0;  // how many there were
  };
  static constexpr std::size_t ways = 4;

  std::uint64_t key_of(const IpAddress* address, std::string_view user) const;
  Entry* find(std::uint64_t key);
  Entry& find_or_add(std::uint64_t key);
  void fade(Entry& entry, std::uint32_t second) const;
  void count(Entry& entry, unsigned limit, std::uint32_t second);

  GuessLimits limits_;
  std::uint64_t seed_;
  std::vector<Entry> entries_;
  std::uint32_t quiet_from_ = 0;  // no entry matters from this second on
};

}  // namespace sip
