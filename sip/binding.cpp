// Bindings as values and as views, and whether one takes the place of another.
#include "sip/location.hpp"

namespace sip {

BindingView view_of(const Binding& b) {
  return {b.contact, b.q_1000,   b.expires_at, b.call_id,    b.cseq,
          b.path,    b.instance, b.reg_id,     b.user_agent, b.flow};
}

Binding value_of(const BindingView& b) {
  return {std::string(b.contact),
          b.q_1000,
          b.expires_at,
          std::string(b.call_id),
          b.cseq,
          std::string(b.path),
          std::string(b.instance),
          b.reg_id,
          std::string(b.user_agent),
          b.flow};
}

std::size_t text_size(const BindingView& b) {
  return b.contact.size() + b.call_id.size() + b.path.size() + b.instance.size() +
         b.user_agent.size();
}

bool same_binding(const BindingView& old, const BindingView& fresh) {
  const bool old_outbound = old.reg_id != 0 && !old.instance.empty();
  const bool outbound = fresh.reg_id != 0 && !fresh.instance.empty();
  if (old_outbound && outbound) return old.reg_id == fresh.reg_id && old.instance == fresh.instance;
  if (old.contact == fresh.contact) return true;
  Uri a, b;
  return !parse_uri(old.contact, a) && !parse_uri(fresh.contact, b) && equivalent(a, b);
}

}  // namespace sip
