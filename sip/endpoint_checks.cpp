// Endpoint: what is refused before anybody looks at it (RFC 3261 8.2.1 to 8.2.3).
#include <algorithm>

#include "sip/endpoint_impl.hpp"
#include "sip/scan.hpp"

namespace sip {
namespace {

// Calls f(element) for each of "a, b, c" until it says true.
template <class F>
bool any_of_list(std::string_view list, F&& f) {
  while (!list.empty()) {
    const auto comma = std::min(list.find(','), list.size());
    if (const auto element = scan::trim(list.substr(0, comma)); !element.empty() && f(element))
      return true;
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return false;
}

bool contains(std::string_view list, std::string_view name) {
  return any_of_list(list, [&](std::string_view element) { return scan::iequals(element, name); });
}

constexpr std::uint32_t bit(Method method) {
  return 1u << static_cast<unsigned>(method);
}

// A body that the sender does not need us to understand (RFC 3261 20.11).
bool is_optional(const MessageView& message) {
  const auto text = message.text(HeaderId::content_disposition);
  const auto semicolon = text.find(';');
  if (semicolon == std::string_view::npos) return false;
  return Params(text.substr(semicolon)).get("handling").value_or("") == "optional";
}

bool is_encoded(const MessageView& message) {
  const auto encoding = message.text(HeaderId::content_encoding);
  return !encoding.empty() && !scan::iequals(encoding, "identity");
}

bool is_sealed(const ContentType& type) {  // S/MIME, for keys that we do not have (23.4)
  return type.is("application/pkcs7-mime") || type.is("application/x-pkcs7-mime");
}

}  // namespace

bool Endpoint::Impl::allows(Method method, std::string_view text) const {
  if (method != Method::unknown) return (allowed & bit(method)) != 0;
  return any_of_list(config.allow, [&](std::string_view name) { return name == text; });
}

bool Endpoint::Impl::refused(TransactionId id, Turn& turn) {
  const auto method = view.method();
  if (!allows(method, view.method_text())) {
    respond_plainly(id, method == Method::unknown ? 501 : 405, turn);
    return true;
  }
  if (!config.lenient_dialogs && merged(id, turn)) return true;
  if ((view.has(HeaderId::require) || !config.demanded.empty()) && refused_extension(id, turn))
    return true;
  return !view.body().empty() && refused_content(id, turn);
}

// 8.2.2.2: the same request by another way, while the first is not answered and forgotten.
bool Endpoint::Impl::merged(TransactionId id, Turn& turn) {
  if (has_to_tag(view)) return false;
  scratch.clear();
  scratch += view.from()->tag();
  scratch += '\n';
  scratch += view.call_id();
  scratch += '\n';
  scratch += view.text(HeaderId::cseq);
  const auto hash = RecentRequests::hash(scratch, 0);
  const auto known = recent.exchange(hash, id);
  if (!known) return false;
  if (!transactions.get(known)) {
    recent.replace(hash, id);
    return false;
  }
  respond_plainly(id, 482, turn);
  return true;
}

bool Endpoint::Impl::refused_extension(TransactionId id, Turn& turn) {
  std::string unknown;
  for (const auto tag : view.values(HeaderId::require)) {
    if (scan::iequals(tag, "100rel") || scan::iequals(tag, "timer")) continue;
    if (contains(config.supported, tag)) continue;
    if (!unknown.empty()) unknown += ", ";
    unknown += tag;
  }
  if (!unknown.empty()) {
    respond_with(id, 420, {"Unsupported", std::move(unknown)}, turn);
    return true;
  }
  const bool lacking = any_of_list(config.demanded, [&](std::string_view tag) {
    return !lists(view, HeaderId::supported, tag) && !lists(view, HeaderId::require, tag);
  });
  if (lacking) respond_with(id, 421, {"Require", config.demanded}, turn);
  return lacking;
}

bool Endpoint::Impl::refused_content(TransactionId id, Turn& turn) {
  if (is_encoded(view) && !is_optional(view)) {
    respond_with(id, 415, {"Accept-Encoding", "identity"}, turn);
    return true;
  }
  if (!view.has(HeaderId::content_type)) return false;
  // Most take anything: then only what nobody could read is looked at closely.
  if (config.accept.empty() &&
      view.text(HeaderId::content_type).find('7') == std::string_view::npos)
    return false;
  const auto type = view.content_type();
  if (!type) return false;
  const bool known = any_of_list(config.accept, [&](auto name) { return type->is(name); });
  if (is_sealed(*type) && !known) {
    respond_plainly(id, 493, turn);
    return true;
  }
  if (config.accept.empty() || known || is_optional(view)) return false;
  respond_with(id, 415, {"Accept", config.accept}, turn);
  return true;
}

}  // namespace sip
