#include "sip/redirect.hpp"

#include <algorithm>

#include "sip/binding_contact.hpp"

namespace sip {

Redirect::Redirect(RedirectOptions options, const Location& location)
    : options_(std::move(options)), location_(location) {}

Redirect::Outcome Redirect::on_request(const MessageView& request, TimePoint now,
                                       const ResponseOptions& options, std::string& buffer) {
  Outcome outcome;
  Uri uri;
  const auto fault = parse_uri(request.request_uri_text(), uri);
  outcome.status = fault ? status_for(*fault) : read_target(uri);
  if (outcome.status == 0) outcome.status = find_contacts(uri, now) ? 302 : 480;
  MessageBuilder out(buffer);
  out.respond_to(request, outcome.status, {}, options);
  if (outcome.status == 302) out.header(HeaderId::contact, contacts_);
  outcome.response = out.finish();
  return outcome;
}

// 0 when it is one of ours.
int Redirect::read_target(const Uri& uri) {
  if (!canonical_aor(uri, aor_)) return 416;
  if (options_.domains.empty()) return 0;
  const auto host = host_of(aor_);
  return std::ranges::find(options_.domains, host) == options_.domains.end() ? 404 : 0;
}

bool Redirect::find_contacts(const Uri& uri, TimePoint now) {
  contacts_.clear();
  std::size_t count = 0;
  location_.visit(aor_, now, [&](const BindingView& binding) {
    Uri contact;
    if (count == options_.contacts || parse_uri(binding.contact, contact)) return;
    if (equivalent(contact, uri)) return;
    if (count++ > 0) contacts_ += ", ";
    append_contact(contacts_, binding, now);
  });
  return count > 0;
}

}  // namespace sip
