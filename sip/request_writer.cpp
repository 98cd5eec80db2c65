#include "sip/request_writer.hpp"

#include <algorithm>
#include <charconv>

#include "sip/date.hpp"
#include "sip/endpoint.hpp"
#include "sip/scan.hpp"

namespace sip {
namespace {

bool has_tag(std::string_view address) {
  const auto parsed = parse_name_addr(address);
  return parsed && !parsed->tag().empty();
}

bool names(const std::vector<HeaderField>& fields, std::string_view name) {
  return std::ranges::any_of(
      fields, [&](const HeaderField& field) { return scan::iequals(field.name, name); });
}

bool is_at(const Listener& listener, const IpAddress& ip) {
  const auto& own = listener.local.ip;
  return own.is_unspecified() ? own.is_v6() == ip.is_v6() : own == ip;
}

bool tells_methods(const MessageView& request, const ResponseSpec& spec) {
  const int status = spec.status;
  for (const auto& field : spec.headers)
    if (field.name == "Allow") return false;  // the user has its own
  return status == 405 || request.method() == Method::options ||
         (request.method() == Method::invite && status >= 200 && status < 300);
}

}  // namespace

void RequestWriter::write(const RequestSpec& spec) {
  MessageBuilder out(buffer_);
  out.request(spec.method, spec.request_uri)
      .header(HeaderId::via, fresh_via(spec.destination))
      .header(HeaderId::max_forwards, 70)
      .header(HeaderId::from, with_tag(spec.from))
      .header(HeaderId::to, spec.to)
      .header(HeaderId::call_id,
              spec.call_id.empty() ? make_call_id(spec.destination) : spec.call_id)
      .cseq(spec.cseq == 0 ? 1 : spec.cseq, spec.method);
  if (!spec.contact.empty()) out.header(HeaderId::contact, spec.contact);
  write_rest(out, spec, HeaderId::user_agent);
}

void RequestWriter::write_invite(const InviteSpec& spec, const Dialog& dialog) {
  MessageBuilder out(buffer_);
  dialog.write_request(out, "INVITE", fresh_via(dialog.flow), dialog.local_cseq);
  if (spec.contact.empty()) {
    const auto from = parse_name_addr(spec.from);
    out.header(HeaderId::contact, contact_for(from ? from->uri.user : std::string_view(),
                                              dialog.flow, dialog.is_secure()));
  } else {
    out.header(HeaderId::contact, spec.contact);
  }
  out.header(HeaderId::allow, config_.allow);
  write_rest(out, spec, HeaderId::user_agent);
}

void RequestWriter::write_in_dialog(const Dialog& dialog, std::string_view method,
                                    std::uint32_t cseq, const InCallRequestSpec& spec,
                                    std::string_view contact) {
  MessageBuilder out(buffer_);
  dialog.write_request(out, method, fresh_via(dialog.flow), cseq);
  if (!contact.empty()) out.header(HeaderId::contact, contact);
  write_rest(out, spec, HeaderId::user_agent);
}

void RequestWriter::write_again(const MessageView& request, const Retry& retry) {
  MessageBuilder out(buffer_);
  out.request(request.method_text(), retry.uri).header(HeaderId::via, fresh_via(retry.flow));
  for (std::size_t i = 0; i < request.header_count(); ++i) {
    const auto header = request.header(i);
    if (header.id == HeaderId::via || header.id == HeaderId::content_length) continue;
    if (header.id == HeaderId::cseq) {
      out.cseq(retry.cseq, request.method_text());
    } else if (header.id == HeaderId::contact && retry.own_contact) {
      const auto contact = parse_name_addr(header.value);
      out.header(HeaderId::contact, contact_for(contact ? contact->uri.user : std::string_view(),
                                                retry.flow, retry.uri.starts_with("sips:")));
    } else if (!names(retry.headers, header.name)) {
      out.header(header.name, header.value);
    }
  }
  for (const auto& field : retry.headers) out.header(field.name, field.value);
  out.finish({}, request.body());
}

void RequestWriter::write_by(const Flow& flow, std::string_view request) {
  constexpr std::string_view name = "\r\nVia: ", parameter = ";branch=";
  const auto at = request.find(name) + name.size();  // the first header of whatever we write
  const auto end = request.find("\r\n", at);
  branch_ = request.substr(0, end).substr(request.rfind(parameter, end) + parameter.size());
  std::string text(request.substr(0, at));
  text += via_for(flow);
  text += request.substr(end);
  buffer_ = std::move(text);
}

Flow RequestWriter::stream_for(const Flow& datagram) const {
  Flow flow{Transport::tcp, {datagram.local.ip, 0}, datagram.remote, ConnectionId::none};
  for (const auto& l : listeners_)
    if (l.transport == Transport::tcp && is_at(l, flow.local.ip)) flow.local.port = l.local.port;
  return flow;
}

void RequestWriter::write_response(const MessageView& request, const Flow& flow,
                                   const ResponseSpec& spec, std::string_view to_tag,
                                   std::string_view contact) {
  MessageBuilder out(buffer_);
  out.respond_to(request, spec.status, spec.reason, {.source = flow.remote, .to_tag = to_tag});
  if (!spec.contact.empty()) contact = spec.contact;
  if (!contact.empty()) out.header(HeaderId::contact, contact);
  if (tells_methods(request, spec)) out.header(HeaderId::allow, config_.allow);
  if (request.method() == Method::options && spec.status / 100 == 2) write_abilities(out, spec);
  write_rest(out, spec, HeaderId::server);
}

// 11.2; what the user says itself is not said twice.
void RequestWriter::write_abilities(MessageBuilder& out, const ResponseSpec& spec) {
  constexpr std::string_view own = "100rel, timer";
  if (!names(spec.headers, "Accept"))
    out.header(HeaderId::accept, config_.accept.empty() ? "*/*" : std::string_view(config_.accept));
  if (!names(spec.headers, "Accept-Encoding")) out.header("Accept-Encoding", "identity");
  if (names(spec.headers, "Supported")) return;
  out.header(HeaderId::supported, config_.supported.empty()
                                      ? std::string(own)
                                      : std::string(own) + ", " + config_.supported);
}

template <class Spec>
void RequestWriter::write_rest(MessageBuilder& out, const Spec& spec, HeaderId product) {
  if (!config_.user_agent.empty()) out.header(product, config_.user_agent);
  if (knows_time_ && config_.date) write_date(out);
  for (const auto& field : spec.headers) out.header(field.name, field.value);
  if (spec.body.empty()) {
    out.finish();
  } else {
    out.finish(spec.content_type, spec.body);
  }
}

void RequestWriter::write_date(MessageBuilder& out) const {
  const auto since = std::chrono::duration_cast<WallTime::duration>(now_ - wall_at_);
  out.header(HeaderId::date, rfc1123_date(wall_ + since));
}

std::string_view RequestWriter::fresh_via(const Flow& flow) {
  branch_ = "z9hG4bK";
  random_.append_hex(branch_, 10);
  return via_for(flow);
}

std::string_view RequestWriter::via_for(const Flow& flow) {
  via_ = "SIP/2.0/";
  via_ += to_string(flow.transport);
  via_ += ' ';
  append_host(via_, flow);
  if (flow.transport == Transport::udp) via_ += ";rport";  // RFC 3581
  via_ += ";branch=";
  via_ += branch_;
  return via_;
}

void RequestWriter::announce(const Listener& listener) {
  for (auto& known : listeners_) {
    if (known.transport != listener.transport || known.local != listener.local) continue;
    known = listener;
    return;
  }
  listeners_.push_back(listener);
}

// Null when no listener announces anything for it.
const Listener* RequestWriter::listener_of(const Flow& flow) const {
  for (const auto& l : listeners_)
    if (is_at(l, flow.local.ip) && l.transport == flow.transport && l.local.port == flow.local.port)
      return &l;
  return nullptr;
}

// Written once for each address of ours: they are few, and mostly the same follows the same.
const std::string& RequestWriter::host_text(const IpAddress& ip) {
  if (ip != host_of_ || host_text_.empty()) {
    host_of_ = ip;
    host_text_ = to_host(ip);
  }
  return host_text_;
}

void RequestWriter::append_host(std::string& out, const Flow& flow) {
  const auto* listener = listener_of(flow);
  auto port = flow.local.port;
  if (listener && !listener->host.empty()) {
    out += listener->host;
  } else {
    out += config_.host.empty() ? host_text(flow.local.ip) : config_.host;
  }
  if (listener && listener->port != 0) port = listener->port;
  if (port == 0) return;
  char digits[8];
  out += ':';
  out.append(digits, std::to_chars(digits, digits + sizeof digits, port).ptr);
}

std::string RequestWriter::make_call_id(const Flow& flow) {
  auto text = random_.hex(12);
  text += '@';
  text += config_.host.empty() ? host_text(flow.local.ip) : config_.host;
  return text;
}

std::string RequestWriter::contact_for(std::string_view user, const Flow& flow, bool secure) {
  std::string text = secure ? "<sips:" : "<sip:";
  text += user;
  if (!user.empty()) text += '@';
  append_host(text, flow);
  if (secure) {  // 26.2.2: the scheme says TLS; 7118 5.2.2: below it may be a WebSocket
    if (flow.transport == Transport::wss) text += ";transport=ws";
  } else if (flow.transport != Transport::udp) {
    text += ";transport=";
    for (const char c : to_string(flow.transport)) text += static_cast<char>(c | 0x20);
  }
  return text + ">";
}

std::string RequestWriter::with_tag(std::string_view address) {
  std::string text(address);
  if (has_tag(address)) return text;
  // Without angle brackets parameters of the URI would become those of the header.
  if (text.find('<') == std::string::npos) {
    text.insert(text.begin(), '<');
    text += '>';
  }
  text += ";tag=";
  random_.append_hex(text, 6);
  return text;
}

}  // namespace sip
