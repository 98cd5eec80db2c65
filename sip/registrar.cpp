#include "sip/registrar.hpp"

#include <algorithm>
#include <charconv>

#include "sip/binding_contact.hpp"
#include "sip/date.hpp"
#include "sip/scan.hpp"

namespace sip {
namespace {

using std::chrono::seconds;

constexpr std::size_t user_agent_size = 128;  // what is kept of it
constexpr std::uint32_t retry_after_s = 60;
constexpr std::string_view separator = ", ";

bool lists(const MessageView& message, HeaderId id, std::string_view option) {
  for (const auto element : message.values(id))
    if (scan::iequals(element, option)) return true;
  return false;
}

std::size_t count_vias(const MessageView& message) {
  std::size_t n = 0;
  for ([[maybe_unused]] const auto via : message.values(HeaderId::via)) ++n;
  return n;
}

// 5626 6: nothing stands between us and the user agent, or the edge proxy says that it keeps flows.
bool first_hop_is_outbound(const MessageView& message) {
  std::string_view edge;
  for (const auto hop : message.values(HeaderId::path)) edge = hop;
  if (edge.empty()) return count_vias(message) <= 1;
  const auto address = parse_name_addr(edge);
  return address && address->uri.params.has("ob");
}

void append_number(std::string& out, std::uint64_t number) {
  char digits[24];
  out.append(digits, std::to_chars(digits, digits + sizeof digits, number).ptr);
}

// It is written between quotes again.
bool quotable(std::string_view text) {
  return text.find_first_of("\"\\\r\n") == std::string_view::npos;
}

std::uint32_t reg_id_of(const NameAddr& contact) {
  const auto value = contact.params.get("reg-id");
  const auto number = value ? scan::number(*value, 0x7fffffff) : std::nullopt;
  return number ? static_cast<std::uint32_t>(*number) : 0;
}

}  // namespace

Registrar::Registrar(RegistrarOptions options, Location& location, const Accounts* accounts)
    : options_(std::move(options)), location_(location), accounts_(accounts) {
  // 10.3 step 7: an hour is never too brief.
  options_.min_expires = std::min(options_.min_expires, seconds(3600));
}

Registrar::Outcome Registrar::on_register(const Request& request, std::string& buffer) {
  Outcome outcome;
  if (!request.expected) expect(request.message);
  updates_.clear();
  wildcard_ = outbound_used_ = false;
  auto refusal = read(request);
  if (refusal.status == 0) refusal = compare(request);
  if (refusal.status == 0) refusal = check_room();
  MessageBuilder out(buffer);
  outcome.status = refusal.status == 0 ? 200 : refusal.status;
  out.respond_to(request.message, outcome.status, refusal.reason,
                 {.source = request.flow.remote, .to_tag = request.to_tag});
  if (refusal.status == 0) {
    apply(outcome);
    write_bindings(request, out);
  } else {
    write_refusal(request, refusal, out);
  }
  outcome.aor = aor_;
  outcome.response = out.finish();
  return outcome;
}

// The steps of 10.3, in their order.
Registrar::Refusal Registrar::read(const Request& request) {
  if (const auto r = check_extensions(request.message); r.status != 0) return r;
  if (const auto r = check_domain(request); r.status != 0) return r;
  location_.expect_soon(place_);
  if (const auto r = check_sender(request); r.status != 0) return r;
  if (const auto r = read_path(request.message); r.status != 0) return r;
  return read_contacts(request);
}

Registrar::Refusal Registrar::check_extensions(const MessageView& message) {
  unsupported_.clear();
  for (const auto id : {HeaderId::require, HeaderId::proxy_require})
    for (const auto option : message.values(id)) {
      const bool known =
          scan::iequals(option, "path") || (options_.outbound && scan::iequals(option, "outbound"));
      if (known) continue;
      if (!unsupported_.empty()) unsupported_ += separator;
      unsupported_ += option;
    }
  return {unsupported_.empty() ? 0 : 420};
}

void Registrar::expect(const MessageView& message) {
  const auto to = message.to();
  address_status_ = 0;
  if (!to || !canonical_aor(to->uri, aor_)) {
    aor_.clear();
    address_status_ = to && to->uri.scheme != UriScheme::other ? 404 : 400;  // RFC 4475 3.3.4
    return;
  }
  to_uri_ = to->uri.text;
  place_ = location_.expect(aor_);
}

Registrar::Refusal Registrar::check_domain(const Request& request) const {
  if (address_status_ != 0) return {address_status_};
  if (options_.domains.empty()) return {};
  const auto host = host_of(aor_);
  if (std::ranges::find(options_.domains, host) != options_.domains.end()) return {};
  if (!request.at_our_address) return {404};
  const auto at = request.message.request_uri();
  const auto to = request.message.to();
  return {at && to && scan::iequals(at->host.host, to->uri.host.host) ? 0 : 404};
}

Registrar::Refusal Registrar::check_sender(const Request& request) {
  if (!request.user.empty()) {
    const bool may =
        accounts_ ? accounts_->may_act_for(request.user, aor_) : owns(request.user, aor_);
    return {may ? 0 : 403};
  }
  if (options_.third_party) return {};
  const auto from = request.message.from();
  if (from && from->uri.text == to_uri_) return {};
  return {from && canonical_aor(from->uri, sender_) && sender_ == aor_ ? 0 : 403};
}

Registrar::Refusal Registrar::read_path(const MessageView& message) {
  path_.clear();
  path_supported_ = false;
  std::size_t hops = 0;
  for (const auto hop : message.values(HeaderId::path)) {
    if (++hops > options_.path_hops || !parse_name_addr(hop)) return {400, "Bad Path"};
    if (!path_.empty()) path_ += separator;
    scan::append_unfolded(path_, hop);
  }
  if (path_.empty()) return {};
  path_supported_ =
      lists(message, HeaderId::supported, "path") || lists(message, HeaderId::require, "path");
  if (path_supported_ || !options_.strict_path) return {};
  unsupported_ = "path";
  return {420};
}

Registrar::Refusal Registrar::read_contacts(const Request& request) {
  for (const auto text : request.message.contacts()) {
    if (wildcard_) return {400, "Contact: * must stand alone"};
    if (updates_.size() == options_.contacts) return {400, "Too many contacts"};
    if (const auto r = read_contact(request, text); r.status != 0) return r;
  }
  return {};
}

Registrar::Refusal Registrar::read_contact(const Request& request, std::string_view text) {
  const auto contact = parse_name_addr(text);
  if (!contact) return {400, "Bad Contact"};
  if (contact->wildcard) return read_wildcard(request);
  const auto& message = request.message;
  Update update;
  auto& b = update.binding;
  b.contact = contact->uri.text;
  b.q_1000 = static_cast<std::uint16_t>(contact->q_thousandths());
  b.call_id = message.call_id();
  b.cseq = message.cseq()->number;
  b.path = path_;
  b.user_agent = message.user_agent().substr(0, user_agent_size);
  b.flow = request.flow;
  if (const auto r = read_outbound(request, *contact, b); r.status != 0) return r;
  if (const auto r = grant(request, *contact, update.expires); r.status != 0) return r;
  b.expires_at = request.now + update.expires;
  updates_.push_back(update);
  return {};
}

Registrar::Refusal Registrar::read_wildcard(const Request& request) {
  wildcard_ = true;
  const auto expires = request.message.expires();
  if (!updates_.empty() || !expires || *expires != 0)
    return {400, "Contact: * needs Expires: 0 and must stand alone"};
  return {};
}

// RFC 5626 6. Without outbound's option tag, or without an instance, a reg-id means nothing.
Registrar::Refusal Registrar::read_outbound(const Request& request, const NameAddr& contact,
                                            BindingView& binding) {
  const auto instance = contact.params.get("+sip.instance");
  if (!instance || instance->empty() || !quotable(*instance)) return {};
  binding.instance = *instance;
  const auto reg_id = reg_id_of(contact);
  const auto& message = request.message;
  if (reg_id == 0 || !options_.outbound || !lists(message, HeaderId::supported, "outbound"))
    return {};
  if (!first_hop_is_outbound(message)) return {439, "First Hop Lacks Outbound Support"};
  if (outbound_used_) return {400, "More than one reg-id"};
  binding.reg_id = reg_id;
  outbound_used_ = true;
  return {};
}

Registrar::Refusal Registrar::grant(const Request& request, const NameAddr& contact,
                                    seconds& expires) {
  expires = options_.default_expires;
  if (const auto asked = contact.expires()) {
    expires = seconds(*asked);
  } else if (const auto header = request.message.expires()) {
    expires = seconds(*header);
  }
  if (expires > seconds(0) && expires < options_.min_expires) return {423};
  expires = granted_ = std::min(expires, options_.max_expires);
  return {};
}

// 10.3 step 7: what a later REGISTER of the same Call-ID has made is not undone by an earlier one.
Registrar::Refusal Registrar::compare(const Request& request) {
  const auto call_id = request.message.call_id();
  const auto cseq = request.message.cseq()->number;
  bool late = false;
  location_.find(place_);
  location_.visit(place_, request.now, [&](const BindingView& old) {
    const bool same_call = old.call_id == call_id;
    if (wildcard_) late = late || (same_call && cseq <= old.cseq);
    for (auto& update : updates_) {
      if (!same_binding(old, update.binding)) continue;
      update.known = true;
      update.repeated = update.repeated || (same_call && cseq == old.cseq);
      late = late || (same_call && cseq < old.cseq);
    }
  });
  return late ? Refusal{500, "CSeq is older than the binding's"} : Refusal{};
}

Registrar::Refusal Registrar::check_room() const {
  std::size_t added = 0, removed = 0;
  for (const auto& update : updates_) {
    if (text_size(update.binding) > location_.limits().text_bytes) return {400, "Too Long"};
    if (update.known && update.expires == seconds(0)) ++removed;
    if (!update.known && update.expires > seconds(0)) ++added;
  }
  if (added <= removed) return {};
  const auto more = added - removed;
  if (location_.bindings() + more > location_.limits().bindings) return {503};
  if (location_.count(place_) + more > location_.limits().bindings_per_aor)
    return {500, "Too many contacts"};
  return {};
}

// Removals first: they make the room for the others.
void Registrar::apply(Outcome& outcome) {
  if (wildcard_) outcome.removed = static_cast<unsigned>(location_.remove_all(place_));
  for (const auto& update : updates_)
    if (update.expires == seconds(0) && location_.remove_same(place_, update.binding))
      ++outcome.removed;
  for (const auto& update : updates_) {
    if (update.expires == seconds(0) || update.repeated) continue;
    if (!location_.put(place_, update.binding)) continue;
    ++(update.known ? outcome.refreshed : outcome.added);
  }
}

void Registrar::write_refusal(const Request& request, const Refusal& refusal, MessageBuilder& out) {
  if (refusal.status == 420) out.header(HeaderId::unsupported, unsupported_);
  if (refusal.status == 423)
    out.header(HeaderId::min_expires, static_cast<std::uint32_t>(options_.min_expires.count()));
  if (refusal.status == 503) out.header(HeaderId::retry_after, retry_after_s);
  if (request.wall != WallTime{}) out.header(HeaderId::date, date(request.wall));
}

// 10.3 step 8, RFC 3327 5.3, RFC 5626 6.
void Registrar::write_bindings(const Request& request, MessageBuilder& out) {
  location_.visit(place_, request.now, [&](const BindingView& binding) {
    line_.clear();
    append_own_contact(line_, binding, request.now);
    out.header(HeaderId::contact, line_);
  });
  if (updates_.size() == 1)  // many devices look for it only here
    out.header(HeaderId::expires, static_cast<std::uint32_t>(granted_.count()));
  if (path_supported_) out.header(HeaderId::path, path_);
  if (outbound_used_) {
    out.header(HeaderId::require, "outbound");
    if (is_reliable(request.flow.transport) && options_.flow_timer > seconds(0)) {
      line_.clear();
      append_number(line_, static_cast<std::uint64_t>(options_.flow_timer.count()));
      out.header("Flow-Timer", line_);
    }
  }
  if (request.wall != WallTime{}) out.header(HeaderId::date, date(request.wall));
}

std::string_view Registrar::date(WallTime wall) {
  const auto second = std::chrono::floor<seconds>(wall);
  if (second != date_second_) date_ = rfc1123_date(second);
  date_second_ = second;
  return date_;
}

}  // namespace sip
