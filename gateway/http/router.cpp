#include "gateway/http/router.hpp"

#include <cassert>
#include <optional>

namespace gateway::http {
namespace {

using Parameters = std::vector<std::pair<std::string_view, std::string>>;

// Cuts the first segment (without its slash) off a path that begins with a slash.
std::string_view take_segment(std::string_view& path) {
  path.remove_prefix(1);
  const std::string_view segment = path.substr(0, path.find('/'));
  path.remove_prefix(segment.size());
  return segment;
}

std::optional<Parameters> match_pattern(std::string_view pattern, std::string_view path) {
  Parameters parameters;
  while (!pattern.empty()) {
    if (path.empty()) return {};
    const std::string_view rest = path.substr(1);
    const std::string_view expected = take_segment(pattern);
    const std::string_view segment = take_segment(path);
    if (!expected.starts_with('{')) {
      if (segment != expected) return {};
      continue;
    }
    const bool takes_rest = expected.ends_with("...}");
    const std::string_view name = expected.substr(1, expected.size() - (takes_rest ? 5 : 2));
    auto value = percent_decode(takes_rest ? rest : segment);
    if (!value || value->empty()) return {};
    parameters.emplace_back(name, std::move(*value));
    if (takes_rest) return parameters;
  }
  if (!path.empty()) return {};
  return parameters;
}

void add_verb(std::string& allow, Verb verb) {
  if (!allow.empty()) allow += ", ";
  allow += std::string_view(boost::beast::http::to_string(verb));
  if (verb == Verb::get) allow += ", HEAD";
}

}  // namespace

const std::string& Request::parameter(std::string_view name) const {
  static const std::string none;
  for (const auto& [key, value] : parameters)
    if (key == name) return value;
  assert(false && "the route's pattern has no such parameter");
  return none;
}

const std::string* Request::query(std::string_view name) const {
  for (const auto& [key, value] : target.query)
    if (key == name) return &value;
  return nullptr;
}

Match match(std::span<const Route> routes, Verb verb, std::string_view path) {
  Match found;
  if (verb == Verb::head) verb = Verb::get;
  for (const Route& route : routes) {
    auto parameters = match_pattern(route.pattern, path);
    if (!parameters) continue;
    if (route.verb == verb) return {&route, std::move(*parameters), {}};
    add_verb(found.allow, route.verb);
  }
  return found;
}

}  // namespace gateway::http
