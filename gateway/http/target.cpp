#include "gateway/http/target.hpp"

#include <algorithm>
#include <cctype>
#include <cstddef>

namespace gateway::http {
namespace {

constexpr std::size_t max_parameters = 64;

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool parse_query(std::string_view text, Target& target) {
  while (!text.empty()) {
    const std::string_view pair = text.substr(0, text.find('&'));
    text.remove_prefix(pair.size() == text.size() ? pair.size() : pair.size() + 1);
    if (pair.empty()) continue;
    if (target.query.size() == max_parameters) return false;
    const std::size_t equals = pair.find('=');
    auto name = percent_decode(pair.substr(0, equals), true);
    auto value = equals == pair.npos ? std::optional<std::string>("")
                                     : percent_decode(pair.substr(equals + 1), true);
    if (!name || !value) return false;
    target.query.emplace_back(std::move(*name), std::move(*value));
  }
  return true;
}

}  // namespace

std::optional<std::string> percent_decode(std::string_view text, bool plus_is_space) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && plus_is_space) {
      out += ' ';
    } else if (text[i] != '%') {
      out += text[i];
    } else {
      if (i + 2 >= text.size()) return {};
      const int high = hex_digit(text[i + 1]), low = hex_digit(text[i + 2]);
      if (high < 0 || low < 0 || (high == 0 && low == 0)) return {};
      out += static_cast<char>(high * 16 + low);
      i += 2;
    }
  }
  return out;
}

std::string percent_encode_path(std::string_view text) {
  constexpr std::string_view digits = "0123456789ABCDEF", safe = "/-._~";
  std::string out;
  for (char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte < 0x80 && std::isalnum(byte)) || safe.find(c) != safe.npos) {
      out += c;
    } else {
      out += '%';
      out += digits[byte >> 4U];
      out += digits[byte & 15U];
    }
  }
  return out;
}

std::string host_part(std::string_view header) {
  const bool bracketed = header.starts_with('[');
  const std::size_t end = bracketed ? header.find(']') : header.find(':');
  if (bracketed && end == header.npos) return {};
  const std::string_view host = header.substr(0, bracketed ? end + 1 : end);
  const bool good = std::all_of(host.begin(), host.end(), [bracketed](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) || c == '.' || c == '-' ||
           (bracketed && (c == '[' || c == ']' || c == ':'));
  });
  return good && host.size() <= 255 ? std::string(host) : std::string();
}

std::string with_host(std::string_view url, std::string_view host) {
  const std::size_t slashes = url.find("://");
  if (host.empty() || slashes == url.npos) return std::string(url);
  const std::size_t begin = slashes + 3;
  const std::size_t path = std::min(url.find('/', begin), url.size());
  std::string_view authority = url.substr(begin, path - begin);
  const std::size_t bracket = authority.find(']');
  const std::size_t port = authority.find(':', bracket == authority.npos ? 0 : bracket);
  std::string out(url.substr(0, begin));
  out += host;
  if (port != authority.npos) out += authority.substr(port);
  out += url.substr(path);
  return out;
}

std::optional<Target> parse_target(std::string_view text) {
  if (!text.starts_with('/')) return {};
  const std::size_t mark = text.find('?');
  Target target;
  target.path = std::string(text.substr(0, mark));
  if (!percent_decode(target.path)) return {};
  if (mark != text.npos && !parse_query(text.substr(mark + 1), target)) return {};
  return target;
}

}  // namespace gateway::http
