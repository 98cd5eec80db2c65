#include "sip/via.hpp"

#include <algorithm>
#include <charconv>

#include "sip/scan.hpp"

namespace sip {
namespace {

// Takes "SIP / 2.0 /" off the front; another version makes it unsound.
bool take_protocol(std::string_view& text, bool& sound) {
  if (text.starts_with("SIP/2.0/")) {
    text.remove_prefix(8);
    return true;
  }
  for (std::string_view expected : {"SIP", "2.0"}) {
    const auto slash = scan::find(text, '/');
    if (slash == text.size()) return false;
    const auto word = scan::trim(text.substr(0, slash));
    const bool same = scan::iequals(word, expected);
    const bool version = expected == "2.0" && !word.empty() && scan::all(word, scan::numeric);
    if (!same && !version) return false;
    sound = sound && same;
    text.remove_prefix(slash + 1);
  }
  text = scan::trim(text);
  return true;
}

std::string_view take_token(std::string_view& text) {
  std::size_t end = 0;
  while (end < text.size() && scan::is(text[end], scan::token)) ++end;
  const auto token = text.substr(0, end);
  text.remove_prefix(end);
  return token;
}

std::string_view without_brackets(std::string_view host) {
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']')
    return host.substr(1, host.size() - 2);
  return host;
}

void read_rport(const Param& param, Via& via) {
  via.has_rport = true;
  via.rport = static_cast<std::uint16_t>(scan::number(param.value, 65535).value_or(0));
}

void read_ttl(const Param& param, Via& via) {
  if (const auto ttl = scan::number(param.value, 255)) via.ttl = static_cast<std::uint8_t>(*ttl);
}

// ";;" is before it. What comes before the parameters is longer than two characters.
bool follows_empty(const Param& param) {
  const char* const name = param.name.data();
  return name[-1] == ';' && name[-2] == ';';
}

void read_param(const Param& param, Via& via) {
  switch (scan::small_word(param.name)) {
    case scan::word("branch"):
      via.branch = param.value;
      break;
    case scan::word("rport"):
      read_rport(param, via);
      break;
    case scan::word("received"):
      via.received = without_brackets(param.value);
      break;
    case scan::word("maddr"):
      via.maddr = without_brackets(param.value);
      break;
    case scan::word("ttl"):
      read_ttl(param, via);
      break;
    case scan::word("alias"):
      via.has_alias = true;
      break;
    default:
      break;
  }
}

void take_transport(std::string_view& text, Via& via) {
  if (text.starts_with("UDP ")) {
    via.transport_text = text.substr(0, 3);
    text.remove_prefix(3);
    return;
  }
  via.transport_text = take_token(text);
  via.transport = transport_from(via.transport_text);
}

// Protocol, transport and sent-by; `text` is then the parameters.
bool take_sent_protocol(std::string_view& text, Via& via) {
  if (!take_protocol(text, via.sound)) return false;
  take_transport(text, via);
  if (via.transport_text.empty() || text.empty() || !scan::is(text.front(), scan::space))
    return false;
  const auto size = scan::find(text, ';');
  if (!parse_host_port(text.substr(0, size), via.sent_by)) return false;
  text.remove_prefix(size);
  return true;
}

void append_protocol(std::string& out, const Via& via) {
  out += "SIP/2.0/";
  if (via.transport)
    out += to_string(*via.transport);
  else
    scan::append_unfolded(out, via.transport_text);
  out += ' ';
  append(out, via.sent_by);
}

void append_number(std::string& out, unsigned number) {
  char digits[12];
  out.append(digits, std::to_chars(digits, digits + sizeof digits, number).ptr);
}

void append_param(std::string& out, const Param& param) {
  out += ';';
  scan::append_unfolded(out, param.name);
  if (!param.has_value) return;
  out += '=';
  scan::append_unfolded(out, param.value);
}

void append_fields(std::string& out, const Via& via) {
  if (!via.branch.empty()) append_param(out, {"branch", via.branch, true});
  if (!via.received.empty()) append_param(out, {"received", via.received, true});
  if (!via.maddr.empty()) append_param(out, {"maddr", via.maddr, true});
  if (via.has_alias) out += ";alias";
  if (!via.has_rport) return;
  out += ";rport";
  if (via.rport == 0) return;
  out += '=';
  append_number(out, via.rport);
}

}  // namespace

bool Via::has_magic_cookie() const {
  constexpr std::string_view cookie = "z9hG4bK";
  return branch.size() > cookie.size() && scan::iequals(branch.substr(0, cookie.size()), cookie);
}

Result<Via> parse_via(std::string_view text) {
  Result<Via> result{Via{}};
  auto& via = *result;
  via.text = text = scan::trim(text);
  bool readable = take_sent_protocol(text, via);
  if (!readable) text = {};
  via.params = Params(text);
  for (const auto& param : via.params) {
    read_param(param, via);
    via.sound = via.sound && !follows_empty(param);
  }
  via.sound = via.sound && !text.ends_with(";;");
  // It is compared and echoed byte for byte, which a folded line would not survive.
  const auto space = [](simd::Block b) { return b.between('\0', ' '); };
  const char* const end = via.branch.data() + via.branch.size();
  readable = readable && simd::find_if(via.branch.data(), end, space) == end;
  if (!readable) result = Errc::bad_via;
  return result;  // of one variable only: it is then not copied
}

void append(std::string& out, const Via& via) {
  append_protocol(out, via);
  if (via.params.empty()) {
    append_fields(out, via);
    return;
  }
  for (const auto& param : via.params) append_param(out, param);
}

void append_received(std::string& out, const Via& via, const Address& source) {
  append_protocol(out, via);
  for (const auto& param : via.params) {
    if (scan::iequals(param.name, "received") || scan::iequals(param.name, "rport")) continue;
    append_param(out, param);
  }
  if (via.has_rport || IpAddress::parse(via.sent_by.host) != source.ip) {
    out += ";received=";
    out += to_string(source.ip);
  }
  if (!via.has_rport) return;
  out += ";rport=";
  append_number(out, source.port);
}

}  // namespace sip
