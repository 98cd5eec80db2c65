// The few text operations that RTSP's grammar needs (RFC 2326 section 15). They work on views and
// allocate nothing. Folded lines are not unfolded: CR and LF count as white space.
#pragma once

#include <charconv>
#include <optional>
#include <string_view>
#include <utility>

namespace gateway::rtsp {

constexpr bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}
constexpr bool is_alpha(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
constexpr char to_lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

constexpr std::string_view trim(std::string_view text) {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

constexpr bool iequals(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i)
    if (to_lower(a[i]) != to_lower(b[i])) return false;
  return true;
}

constexpr bool istarts_with(std::string_view text, std::string_view prefix) {
  return text.size() >= prefix.size() && iequals(text.substr(0, prefix.size()), prefix);
}

// The whole of `text` as a decimal number that fits T.
template <class T>
std::optional<T> parse_number(std::string_view text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || text.empty()) return {};
  return value;
}

// What stands before and after the first `separator`, both trimmed; the second is empty without
// one.
constexpr std::pair<std::string_view, std::string_view> split(std::string_view text,
                                                              char separator) {
  const auto at = text.find(separator);
  if (at == std::string_view::npos) return {trim(text), {}};
  return {trim(text.substr(0, at)), trim(text.substr(at + 1))};
}

// Takes the next element off a list; a separator between quotes does not count.
constexpr std::string_view take_element(std::string_view& list, char separator) {
  bool quoted = false;
  std::size_t i = 0;
  for (; i < list.size(); ++i) {
    if (list[i] == '"') quoted = !quoted;
    if (list[i] == separator && !quoted) break;
  }
  const auto element = list.substr(0, i);
  list.remove_prefix(i < list.size() ? i + 1 : i);
  return trim(element);
}

constexpr std::string_view unquote(std::string_view text) {
  if (text.size() >= 2 && text.front() == '"' && text.back() == '"')
    return text.substr(1, text.size() - 2);
  return text;
}

}  // namespace gateway::rtsp
