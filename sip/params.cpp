#include "sip/params.hpp"

#include "sip/scan.hpp"

namespace sip {
namespace {

// Index of the ';' that ends the parameter `text` begins with; one inside a quoted value does not
// count. A quote elsewhere, or one that is never closed, is a character like others.
std::size_t param_end(std::string_view text, std::size_t& equals) {
  std::size_t i = 0;
  while (i < text.size() && !scan::is(text[i], scan::stop)) ++i;
  equals = std::string_view::npos;
  if (i == text.size() || text[i] == ';') return i;
  equals = i++;
  while (i < text.size() && scan::is(text[i], scan::space)) ++i;
  if (i < text.size() && text[i] == '"') {
    const auto end = scan::quoted_end(text.substr(i));
    if (end != std::string_view::npos) i += end;
  }
  return static_cast<std::size_t>(scan::find(text.data() + i, text.data() + text.size(), ';') -
                                  text.data());
}

}  // namespace

Params::iterator& Params::iterator::operator++() {
  for (;;) {
    while (!rest_.empty() && (rest_.front() == ';' || scan::is(rest_.front(), scan::space)))
      rest_.remove_prefix(1);
    param_ = {};
    if (rest_.empty()) return *this;
    std::size_t equals = 0;
    const auto end = param_end(rest_, equals);
    param_.has_value = equals != std::string_view::npos;
    param_.name = scan::trim(rest_.substr(0, param_.has_value ? equals : end));
    if (param_.has_value) param_.value = scan::trim(rest_.substr(equals + 1, end - equals - 1));
    rest_.remove_prefix(end);
    if (!param_.name.empty()) return *this;
  }
}

std::optional<std::string_view> Params::get(std::string_view name) const {
  for (const auto& param : *this)
    if (scan::iequals(param.name, name)) return scan::unquoted(param.value);
  return std::nullopt;
}

}  // namespace sip
