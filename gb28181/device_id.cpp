#include "gb28181/device_id.hpp"

#include <algorithm>

namespace gb28181 {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool all_digits(std::string_view text) {
  return std::all_of(text.begin(), text.end(), is_digit);
}

// What needs no escaping in a URI user part, a URL path segment, XML or a Subject header.
bool is_id_character(char c) {
  return is_digit(c) || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-' || c == '_' ||
         c == '.' || c == '~' || c == '+' || c == '$';
}

std::string_view trim(std::string_view text) {
  constexpr std::string_view blanks(" \t\r\n\0", 5);
  const auto first = text.find_first_not_of(blanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

bool is_standard_form(std::string_view id) {
  return id.size() == 20 && all_digits(id);
}

// Digits 11-13, or nothing when the id has not the standard's form.
std::optional<unsigned> type_of(std::string_view id) {
  if (!is_standard_form(id)) return std::nullopt;
  return static_cast<unsigned>((id[10] - '0') * 100 + (id[11] - '0') * 10 + (id[12] - '0'));
}

bool is_region(std::string_view id) {
  return (id.size() == 2 || id.size() == 4 || id.size() == 6 || id.size() == 8) && all_digits(id);
}

}  // namespace

Result<DeviceId> DeviceId::parse(std::string_view text) {
  text = trim(text);
  if (text.empty() || text.size() > max_size) return Errc::bad_id;
  if (!std::all_of(text.begin(), text.end(), is_id_character)) return Errc::bad_id;
  DeviceId id;
  std::copy(text.begin(), text.end(), id.text_.begin());
  id.size_ = static_cast<std::uint8_t>(text.size());
  return id;
}

bool DeviceId::is_standard() const {
  return is_standard_form(view());
}

std::string_view DeviceId::centre_code() const {
  return is_standard() ? view().substr(0, 8) : std::string_view{};
}

std::string_view DeviceId::domain() const {
  return domain_of(view());
}

std::optional<std::uint32_t> DeviceId::digits(std::size_t at, std::size_t count) const {
  if (!is_standard()) return std::nullopt;
  std::uint32_t value = 0;
  for (const char c : view().substr(at, count)) value = value * 10 + static_cast<unsigned>(c - '0');
  return value;
}

std::optional<std::uint32_t> DeviceId::industry() const {
  return digits(8, 2);
}
std::optional<std::uint32_t> DeviceId::type() const {
  return digits(10, 3);
}
std::optional<std::uint32_t> DeviceId::network() const {
  return digits(13, 1);
}
std::optional<std::uint32_t> DeviceId::serial() const {
  return digits(14, 6);
}

bool may_be_playable(std::string_view id) {
  if (is_region(id)) return false;
  const auto type = type_of(id);
  if (!type) return true;
  // 140-143: relays, gates, doors, readers. 200-499: platforms and users.
  const bool sensor = (*type >= 134 && *type <= 137) || (*type >= 140 && *type <= 143);
  const bool server_or_user = *type >= 200 && *type <= 499;
  return !sensor && *type != 117 && !server_or_user;
}

bool is_organisation(std::string_view id) {
  const auto type = type_of(id);
  return is_region(id) || (type && (*type == 200 || *type == 215 || *type == 216));
}

std::string_view domain_of(std::string_view id) {
  return is_standard_form(id) ? id.substr(0, 10) : std::string_view{};
}

}  // namespace gb28181
