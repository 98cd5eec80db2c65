#include "sip/scan.hpp"

namespace sip::scan {

std::size_t token_size(std::string_view text) {
  std::size_t size = 0;
  while (size < text.size() && is(text[size], token)) ++size;
  return size;
}

std::size_t quoted_end(std::string_view text) {
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (text[i] == '\\')
      ++i;
    else if (text[i] == '"')
      return i + 1;
  }
  return std::string_view::npos;
}

std::size_t find_outside(std::string_view text, char wanted) {
  if (find(text, wanted) == text.size()) return text.size();
  bool in_brackets = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == wanted && !in_brackets) return i;
    if (c == '<') in_brackets = true;
    if (c == '>') in_brackets = false;
    if (c == '"' && !in_brackets) {
      const auto end = quoted_end(text.substr(i));
      if (end == std::string_view::npos) return text.size();
      i += end - 1;
    }
  }
  return text.size();
}

void append_unfolded(std::string& out, std::string_view text) {
  for (;;) {
    const auto at = text.find_first_of("\r\n");
    out.append(text.substr(0, at));
    if (at == std::string_view::npos) return;
    text.remove_prefix(at);
    while (!text.empty() && is(text.front(), space)) text.remove_prefix(1);
    if (!out.empty() && out.back() != ' ' && !text.empty()) out += ' ';
  }
}

}  // namespace sip::scan
