// Character classes and cursor moves of the SIP grammar (RFC 3261 25.1). Folded lines count as
// white space, so header values need not be unfolded before they are parsed.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "sip/simd.hpp"

namespace sip::scan {

enum : std::uint8_t {
  token = 1,      // token
  digit = 2,      // DIGIT
  space = 4,      // SP HTAB CR LF
  host = 8,       // letter, digit, '-', '.', '_'
  user = 16,      // user part, password included: unreserved, escaped, &=+$,;?/ :
  hex = 32,       // HEXDIG
  stop = 64,      // ends a parameter's name: ; =
  numeric = 128,  // digit or '.'
};

inline constexpr std::array<std::uint8_t, 256> classes = [] {
  std::array<std::uint8_t, 256> table{};
  auto add = [&table](std::string_view text, unsigned bits) {
    for (char c : text) {
      auto& entry = table[static_cast<unsigned char>(c)];
      entry = static_cast<std::uint8_t>(entry | bits);
    }
  };
  constexpr std::string_view digits = "0123456789";
  constexpr std::string_view letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
  add(digits, token | digit | host | user | hex);
  add(letters, token | host | user);
  add("abcdefABCDEF", hex);
  add(";=", stop);
  add("0123456789.", numeric);
  add("-.!%*_+`'~", token);
  add("-._", host);
  add("-_.!~*'()%&=+$,;?/:#[]", user);  // '#' and brackets: not legal, seen in the wild
  add(" \t\r\n", space);
  for (unsigned c = 0x80; c < 0x100; ++c) table[c] = user;  // UTF-8 or GB names, unescaped
  return table;
}();

[[nodiscard]] constexpr bool is(char c, unsigned bits) {
  return (classes[static_cast<unsigned char>(c)] & bits) != 0;
}

[[nodiscard]] constexpr bool all(std::string_view text, unsigned bits) {
  for (char c : text)
    if (!is(c, bits)) return false;
  return true;
}

// Without white space at both ends.
[[nodiscard]] constexpr std::string_view trim(std::string_view text) {
  if (!text.empty() && !is(text.front(), space) && !is(text.back(), space)) return text;
  while (!text.empty() && is(text.front(), space)) text.remove_prefix(1);
  while (!text.empty() && is(text.back(), space)) text.remove_suffix(1);
  return text;
}

// Where `wanted` first stands in [begin, end), else end.
[[nodiscard]] inline const char* find(const char* begin, const char* end, char wanted) {
  return simd::find_if(begin, end, [wanted](simd::Block b) { return b.equal(wanted); });
}
[[nodiscard]] inline std::size_t find(std::string_view text, char wanted) {
  const char* const begin = text.data();
  return static_cast<std::size_t>(find(begin, begin + text.size(), wanted) - begin);
}

// The classes of a block, a byte of which is set when its character is in the class.
[[nodiscard]] inline simd::Block letters(simd::Block b) {
  return b.with_bits(0x20).between('a', 'z');
}
[[nodiscard]] inline simd::Block digits(simd::Block b) {
  return b.between('0', '9');
}
[[nodiscard]] inline simd::Block hosts(simd::Block b) {
  return letters(b) | digits(b) | b.between('-', '.') | b.equal('_');
}
// These give what is not in the class: it has fewer ranges.
[[nodiscard]] inline simd::Block not_users(simd::Block b) {
  return b.between('\0', ' ') | b.equal('"') | b.with_bits(2).equal('>') |
         b.with_bits(2).equal('^') | b.with_bits(0x20).equal('`') | b.between('{', '}') |
         b.equal('\x7f');
}
// Control characters and what would end the URI.
[[nodiscard]] inline simd::Block not_uri_tail(simd::Block b) {
  return b.between('\0', ' ') | b.with_bits(2).equal('>') | b.equal('\x7f');
}

// A word of at most eight letters, as small_word() gives it for a text of any case.
[[nodiscard]] consteval std::uint64_t word(std::string_view letters) {
  std::uint64_t result = 0;
  for (std::size_t i = 0; i < letters.size(); ++i)
    result |= static_cast<std::uint64_t>(static_cast<unsigned char>(letters[i])) << (8 * i);
  return result;
}
[[nodiscard]] inline std::uint64_t small_word(std::string_view text) {
  if (text.empty() || text.size() > 8) return 0;
  return simd::Block::load_word(text.data(), text.size()) |
         0x2020202020202020u >> (8 * (8 - text.size()));
}

// The first character of `text` that is no token character, or its size.
[[nodiscard]] std::size_t token_size(std::string_view text);

[[nodiscard]] constexpr char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
}

// ASCII comparison without regard to case.
[[nodiscard]] constexpr bool iequals(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i)
    if (a[i] != b[i] && lower(a[i]) != lower(b[i])) return false;
  return true;
}

// The whole of `text` as a decimal number of at most `limit`.
[[nodiscard]] constexpr std::optional<std::uint64_t> number(std::string_view text,
                                                            std::uint64_t limit) {
  if (text.empty() || text.size() > 19) return std::nullopt;
  std::uint64_t value = 0;
  for (char c : text) {
    if (!is(c, digit)) return std::nullopt;
    value = value * 10 + static_cast<std::uint64_t>(c - '0');
  }
  if (value > limit) return std::nullopt;
  return value;
}

// `text` starts at a double quote: index just after the closing one, npos when it is missing.
[[nodiscard]] std::size_t quoted_end(std::string_view text);

// Index of the first `wanted` that is not inside a quoted string or angle brackets, else
// text.size().
[[nodiscard]] std::size_t find_outside(std::string_view text, char wanted);

// Inside of a quoted string without its quotes, else the text as it is. Escapes stay.
[[nodiscard]] constexpr std::string_view unquoted(std::string_view text) {
  if (text.size() >= 2 && text.front() == '"' && text.back() == '"')
    return text.substr(1, text.size() - 2);
  return text;
}

// Appends `text` with each line break, and the white space behind it, made one space.
void append_unfolded(std::string& out, std::string_view text);

}  // namespace sip::scan
