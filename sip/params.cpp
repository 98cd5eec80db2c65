#include "sip/params.hpp"

#include "sip/scan.hpp"

namespace sip {
namespace {

// Where the value that begins at `value` ends: at the next ';' that is not inside of its quotes. A
// quote elsewhere, or one that is never closed, is a character like others.
const char* value_end(const char* value, const char* end) {
  while (value != end && scan::is(*value, scan::space)) ++value;
  if (value != end && *value == '"') {
    const auto closed = scan::quoted_end({value, static_cast<std::size_t>(end - value)});
    if (closed != std::string_view::npos) value += closed;
  }
  return scan::find(value, end, ';');
}

std::string_view between(const char* begin, const char* end) {
  return scan::trim({begin, static_cast<std::size_t>(end - begin)});
}

}  // namespace

Params::iterator& Params::iterator::operator++() {
  const char* at = rest_.data();
  const char* const end = at + rest_.size();
  for (;;) {
    while (at != end && (*at == ';' || scan::is(*at, scan::space))) ++at;
    param_ = {};
    rest_ = {};
    if (at == end) return *this;
    const char* stop =
        simd::find_if(at, end, [](simd::Block b) { return b.equal(';') | b.equal('='); });
    param_.name = between(at, stop);
    param_.has_value = stop != end && *stop == '=';
    if (param_.has_value) {
      const char* const value = stop + 1;
      stop = value_end(value, end);
      param_.value = between(value, stop);
    }
    at = stop;
    rest_ = {at, static_cast<std::size_t>(end - at)};
    if (!param_.name.empty()) return *this;
  }
}

std::optional<std::string_view> Params::get(std::string_view name) const {
  for (const auto& param : *this)
    if (scan::iequals(param.name, name)) return scan::unquoted(param.value);
  return std::nullopt;
}

}  // namespace sip
