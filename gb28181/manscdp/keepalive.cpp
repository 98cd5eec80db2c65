#include "gb28181/manscdp/keepalive.hpp"

#include <algorithm>

namespace gb28181::manscdp {
namespace {

constexpr std::size_t longest = 1024;

bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

void skip_space(std::string_view& text) {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
}

bool take(std::string_view& text, std::string_view word) {
  if (!text.starts_with(word)) return false;
  text.remove_prefix(word.size());
  return true;
}

// <?xml version="1.0" encoding="GB2312"?>: plain ASCII means the same in every charset that we
// read. UTF-16 is no plain ASCII.
bool take_declaration(std::string_view& text) {
  if (!take(text, "<?xml ")) return true;
  const auto end = text.find("?>");
  if (end == text.npos || text.substr(0, end).find_first_of("<>&") != text.npos) return false;
  text.remove_prefix(end + 2);
  return true;
}

// Letters and digits, with blanks between but not around them: nothing that needs cleaning.
bool is_plain(std::string_view value) {
  if (value.empty() || is_space(value.front()) || is_space(value.back())) return false;
  return std::all_of(value.begin(), value.end(), [](char c) {
    return c == ' ' || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
  });
}

// <name>value</name>
bool take_element(std::string_view& text, std::string_view name, std::string_view& value) {
  auto rest = text;
  if (!take(rest, "<") || !take(rest, name) || !take(rest, ">")) return false;
  value = rest.substr(0, rest.find('<'));
  rest.remove_prefix(value.size());
  if (!take(rest, "</") || !take(rest, name) || !take(rest, ">")) return false;
  text = rest;
  return is_plain(value);
}

}  // namespace

bool is_plain_keepalive(std::string_view body) {
  if (body.size() > longest || !take_declaration(body)) return false;
  skip_space(body);
  if (!take(body, "<Notify>")) return false;
  std::string_view command, device, other;
  for (skip_space(body); !take(body, "</Notify>"); skip_space(body)) {
    if (command.empty() && take_element(body, "CmdType", command)) continue;
    if (device.empty() && take_element(body, "DeviceID", device)) continue;
    if (take_element(body, "SN", other) || take_element(body, "Status", other)) continue;
    return false;
  }
  skip_space(body);
  return body.empty() && command == "Keepalive" && !device.empty();
}

}  // namespace gb28181::manscdp
