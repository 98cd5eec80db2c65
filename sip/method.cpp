#include "sip/method.hpp"

#include <algorithm>
#include <array>

#include "sip/simd.hpp"

namespace sip {
namespace {

// In the order of Method.
constexpr std::array<std::string_view, 15> names = {
    "",     "INVITE",    "ACK",    "BYE",   "CANCEL", "REGISTER", "OPTIONS", "MESSAGE",
    "INFO", "SUBSCRIBE", "NOTIFY", "PRACK", "UPDATE", "REFER",    "PUBLISH"};

constexpr std::size_t shortest = 3, longest = 9;

// The first eight characters tell methods apart; the factor was found by trying. Only SUBSCRIBE is
// longer.
constexpr std::size_t slot_of(std::uint64_t word) {
  return static_cast<std::size_t>(word * 0x5fe13ab684087e6fu >> 59);
}

struct Slot {
  std::uint64_t word = 0;
  std::size_t size = 0;
  Method method = Method::unknown;
};

constexpr std::array<Slot, 32> slots = [] {
  std::array<Slot, 32> table{};
  for (std::size_t m = 1; m < names.size(); ++m) {
    std::uint64_t word = 0;
    for (std::size_t i = 0; i < names[m].size() && i < 8; ++i)
      word |= static_cast<std::uint64_t>(names[m][i]) << (8 * i);
    table[slot_of(word)] = {word, names[m].size(), static_cast<Method>(m)};
  }
  return table;
}();

constexpr bool all_there() {
  std::size_t count = 0;
  for (const auto& slot : slots) count += slot.size != 0;
  return count == names.size() - 1;
}
static_assert(all_there(), "two methods share a slot: look for another factor");

struct Phrase {
  int status;
  std::string_view text;
};

constexpr Phrase phrases[] = {
    {100, "Trying"},
    {180, "Ringing"},
    {181, "Call Is Being Forwarded"},
    {182, "Queued"},
    {183, "Session Progress"},
    {199, "Early Dialog Terminated"},
    {200, "OK"},
    {202, "Accepted"},
    {204, "No Notification"},
    {300, "Multiple Choices"},
    {301, "Moved Permanently"},
    {302, "Moved Temporarily"},
    {305, "Use Proxy"},
    {380, "Alternative Service"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {402, "Payment Required"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {407, "Proxy Authentication Required"},
    {408, "Request Timeout"},
    {410, "Gone"},
    {412, "Conditional Request Failed"},
    {413, "Request Entity Too Large"},
    {414, "Request-URI Too Long"},
    {415, "Unsupported Media Type"},
    {416, "Unsupported URI Scheme"},
    {420, "Bad Extension"},
    {421, "Extension Required"},
    {422, "Session Interval Too Small"},
    {423, "Interval Too Brief"},
    {430, "Flow Failed"},
    {439, "First Hop Lacks Outbound Support"},
    {440, "Max-Breadth Exceeded"},
    {480, "Temporarily Unavailable"},
    {481, "Call/Transaction Does Not Exist"},
    {482, "Loop Detected"},
    {483, "Too Many Hops"},
    {484, "Address Incomplete"},
    {485, "Ambiguous"},
    {486, "Busy Here"},
    {487, "Request Terminated"},
    {488, "Not Acceptable Here"},
    {489, "Bad Event"},
    {491, "Request Pending"},
    {493, "Undecipherable"},
    {494, "Security Agreement Required"},
    {500, "Server Internal Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Server Time-out"},
    {505, "Version Not Supported"},
    {513, "Message Too Large"},
    {580, "Precondition Failure"},
    {600, "Busy Everywhere"},
    {603, "Decline"},
    {604, "Does Not Exist Anywhere"},
    {606, "Not Acceptable"},
};

constexpr std::string_view class_names[] = {"Trying",         "OK",           "Multiple Choices",
                                            "Request Failed", "Server Error", "Global Failure"};

}  // namespace

Method method_from(std::string_view text) {
  if (text.size() < shortest || text.size() > longest) return Method::unknown;
  const auto word = simd::Block::load_word(text.data(), std::min<std::size_t>(text.size(), 8));
  const auto& known = slots[slot_of(word)];
  const bool same =
      known.word == word && known.size == text.size() && (known.size <= 8 || text.back() == 'E');
  return same ? known.method : Method::unknown;
}

std::string_view to_string(Method method) {
  return names[static_cast<std::size_t>(method)];
}

std::string_view reason_phrase(int status) {
  const auto* const it =
      std::lower_bound(std::begin(phrases), std::end(phrases), status,
                       [](const Phrase& phrase, int wanted) { return phrase.status < wanted; });
  if (it != std::end(phrases) && it->status == status) return it->text;
  if (status < 100 || status > 699) return "Unknown";
  return class_names[status / 100 - 1];
}

}  // namespace sip
