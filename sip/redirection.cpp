#include "sip/redirection.hpp"

#include <algorithm>

#include "sip/uri.hpp"

namespace sip {

void Redirection::on_response(const MessageView& response) {
  began_ = true;
  for (const auto value : response.contacts()) {
    if (seen_.size() >= most_seen) break;
    const auto contact = parse_name_addr(value);
    if (!contact || contact->wildcard || !contact->uri.has_host()) continue;
    auto uri = contact->uri;
    uri.headers = {};  // 19.1.5: what it asks to be added is not done
    auto text = to_string(uri);
    if (seen(text)) continue;
    seen_.push_back(text);
    targets_.push_back({std::move(text), contact->q_thousandths()});
  }
  std::ranges::stable_sort(targets_, std::greater{}, &Target::q);
}

std::optional<std::string> Redirection::next() {
  if (targets_.empty() || left_ == 0) return {};
  --left_;
  auto uri = std::move(targets_.front().uri);
  targets_.erase(targets_.begin());
  return uri;
}

bool Redirection::seen(std::string_view uri) const {
  const auto parsed = parse_uri(uri);
  return std::ranges::any_of(seen_, [&](const std::string& known) {
    const auto other = parse_uri(known);
    return parsed && other ? equivalent(*parsed, *other) : known == uri;
  });
}

}  // namespace sip
