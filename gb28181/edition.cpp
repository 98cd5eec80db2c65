#include "gb28181/edition.hpp"

#include <charconv>

namespace gb28181 {
namespace {

bool read(std::string_view& text, unsigned& value) {
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (fault != std::errc{}) return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return true;
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

}  // namespace

std::string_view gb_version(Edition edition) {
  switch (edition) {
    case Edition::y2011:
      return "1.0";
    case Edition::y2014:
      return "1.1";
    case Edition::y2016:
      return "2.0";
    case Edition::y2022:
      return "3.0";
  }
  return "2.0";
}

std::optional<Edition> parse_gb_version(std::string_view value) {
  auto text = trim(value);
  unsigned major = 0, minor = 0;
  if (!read(text, major) || text.empty() || text.front() != '.') return std::nullopt;
  text.remove_prefix(1);
  if (!read(text, minor) || !text.empty() || major == 0) return std::nullopt;
  if (major >= 3) return Edition::y2022;
  if (major == 2) return Edition::y2016;
  return minor == 0 ? Edition::y2011 : Edition::y2014;
}

std::string_view to_string(Edition edition) {
  switch (edition) {
    case Edition::y2011:
      return "2011";
    case Edition::y2014:
      return "2014";
    case Edition::y2016:
      return "2016";
    case Edition::y2022:
      return "2022";
  }
  return "2016";
}

}  // namespace gb28181
