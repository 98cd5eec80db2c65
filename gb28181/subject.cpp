#include "gb28181/subject.hpp"

#include <utility>

namespace gb28181 {
namespace {

std::string_view trim(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

// "a:b" -> {a, b}; without a separator the second is empty.
std::pair<std::string_view, std::string_view> split(std::string_view text, char separator) {
  const auto at = text.find(separator);
  if (at == std::string_view::npos) return {trim(text), {}};
  return {trim(text.substr(0, at)), trim(text.substr(at + 1))};
}

}  // namespace

std::string to_string(const Subject& s) {
  return s.sender_id + ':' + s.sender_sequence + ',' + s.receiver_id + ':' + s.receiver_sequence;
}

Result<Subject> parse_subject(std::string_view value) {
  const auto [sender, receiver] = split(value, ',');
  const auto [sender_id, sender_sequence] = split(sender, ':');
  const auto [receiver_id, receiver_sequence] = split(receiver, ':');
  if (sender_id.empty()) return Errc::malformed_subject;
  return Subject{std::string(sender_id), std::string(sender_sequence), std::string(receiver_id),
                 std::string(receiver_sequence)};
}

}  // namespace gb28181
