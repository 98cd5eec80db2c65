#include "sip/message_builder.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <optional>

#include "sip/scan.hpp"
#include "sip/simd.hpp"

namespace sip {
namespace {

constexpr std::string_view line_end = "\r\n";

void append_number(std::string& out, std::uint64_t number) {
  char digits[24];
  out.append(digits, std::to_chars(digits, digits + sizeof digits, number).ptr);
}

// A request URI ends at a space: what may not stand in it is escaped.
void append_uri(std::string& out, std::string_view uri) {
  constexpr char hex[] = "0123456789ABCDEF";
  for (char c : uri) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte > 0x20 && byte != 0x7f) {
      out += c;
      continue;
    }
    out += '%';
    out += hex[byte >> 4];
    out += hex[byte & 15];
  }
}

void append_token(std::string& out, std::string_view text) {
  for (char c : text)
    if (scan::is(c, scan::token)) out += c;
}

bool begins_dialog(const MessageView& request, int status) {
  if (status <= 100 || status >= 300) return false;
  switch (request.method()) {
    case Method::invite:
    case Method::subscribe:
    case Method::notify:
    case Method::refer:
      return true;
    default:
      return false;
  }
}

bool has_line_break(std::string_view text) {
  const char* const end = text.data() + text.size();
  return simd::find_if(text.data(), end,
                       [](simd::Block b) { return b.equal('\r') | b.equal('\n'); }) != end;
}

// The parameters of a From or To, when they can be found without parsing it: behind the brackets.
std::optional<std::string_view> plain_params(std::string_view address) {
  const auto bracket = address.rfind('>');
  if (bracket == std::string_view::npos) return std::nullopt;
  const auto params = address.substr(bracket + 1);
  if (params.find('"') != std::string_view::npos) return std::nullopt;
  return params;
}

// Calls f(name, whole) for each ";name=value", none of them quoted.
template <class F>
void for_each_plain_param(std::string_view params, F&& f) {
  while (!params.empty()) {
    const auto end = std::min(params.find(';', 1), params.size());
    const auto whole = params.substr(0, end);
    const auto name = whole.substr(1, std::min(whole.find('=', 1), whole.size()) - 1);
    f(scan::trim(name), whole);
    params.remove_prefix(end);
  }
}

bool has_tag(const MessageView& message) {
  const auto params = plain_params(message.text(HeaderId::to));
  if (!params) {
    const auto to = message.to();
    return to && !to->tag().empty();
  }
  bool found = false;
  const auto at = std::min(params->find(';'), params->size());
  for_each_plain_param(params->substr(at), [&](std::string_view name, std::string_view whole) {
    found = found || (scan::iequals(name, "tag") && !whole.ends_with('='));
  });
  return found;
}

// "SIP/2.0/UDP host:port": the host, without brackets.
std::string_view host_of(std::string_view sent_protocol) {
  auto host =
      sent_protocol.substr(std::min(sent_protocol.find_last_of(" \t"), sent_protocol.size()));
  host = scan::trim(host);
  if (host.starts_with('[')) return host.substr(1, std::min(host.find(']'), host.size()) - 1);
  return host.substr(0, host.find(':'));
}

// Writes headers that are taken over from a request to memory that has room for them: that of a
// response is written once for each request, and there is no cheaper way.
class ResponseHeaders {
 public:
  explicit ResponseHeaders(char* at) : at_(at) {}
  char* end() const { return at_; }

  void one(const MessageView& request, HeaderId id) {
    if (request.has(id)) line(id, request.text(id));
  }
  void all(const MessageView& request, HeaderId id) {
    for (auto i = request.find_index(id); i < request.header_count();
         i = request.find_index(id, i + 1))
      line(id, request.header(i).value);
  }
  // The top one says where the request came from.
  void vias(const MessageView& request, const Address& source) {
    auto i = request.find_index(HeaderId::via);
    if (i == request.header_count()) return;
    if (source.port == 0) return all(request, HeaderId::via);
    const auto value = request.header(i).value;
    const auto size = scan::find_outside(value, ',');
    put("Via: ");
    top_via(value.substr(0, size), source);
    text(value.substr(size));  // from its comma on
    put(line_end);
    while ((i = request.find_index(HeaderId::via, i + 1)) < request.header_count())
      line(HeaderId::via, request.header(i).value);
  }
  void to(const MessageView& request, std::string_view tag) {
    if (!request.has(HeaderId::to)) return;
    put("To: ");
    text(request.text(HeaderId::to));
    if (!tag.empty() && !has_tag(request)) {
      put(";tag=");
      for (const char c : tag)
        if (scan::is(c, scan::token)) *at_++ = c;
    }
    put(line_end);
  }

 private:
  void put(std::string_view piece) {
    std::memcpy(at_, piece.data(), piece.size());
    at_ += piece.size();
  }
  // A value without its line breaks.
  void text(std::string_view value) {
    if (!has_line_break(value)) return put(value);
    std::string unfolded;
    scan::append_unfolded(unfolded, value);
    put(unfolded);
  }
  void line(HeaderId id, std::string_view value) {
    put(to_string(id));
    put(": ");
    text(value);
    put(line_end);
  }
  void number(unsigned value) { at_ = std::to_chars(at_, at_ + 8, value).ptr; }
  void address(const IpAddress& ip) {
    if (ip.is_v6()) return put(to_string(ip));
    for (std::size_t i = 0; i < 4; ++i) {
      if (i != 0) *at_++ = '.';
      number(ip.bytes()[i]);
    }
  }

  // What append_received() of a parsed Via would write, from the text when it is a plain one.
  void top_via(std::string_view via, const Address& source) {
    const auto params_at = std::min(via.find(';'), via.size());
    if (via.find('"') != std::string_view::npos || has_line_break(via))
      return parsed_via(via, source);
    put(via.substr(0, params_at));
    bool has_rport = false;
    for_each_plain_param(via.substr(params_at), [&](std::string_view name, std::string_view whole) {
      if (scan::iequals(name, "rport")) {
        has_rport = true;
      } else if (!name.empty() && !scan::iequals(name, "received")) {
        put(whole);
      }
    });
    if (has_rport || IpAddress::parse(host_of(via.substr(0, params_at))) != source.ip) {
      put(";received=");
      address(source.ip);
    }
    if (!has_rport) return;
    put(";rport=");
    number(source.port);
  }
  void parsed_via(std::string_view via, const Address& source) {
    const auto parsed = parse_via(via);
    if (!parsed) return text(via);
    std::string written;
    append_received(written, *parsed, source);
    put(written);
  }

  char* at_;
};

}  // namespace

MessageBuilder& MessageBuilder::request(Method method, std::string_view uri) {
  return request(to_string(method), uri);
}

MessageBuilder& MessageBuilder::request(std::string_view method, std::string_view uri) {
  out_.clear();
  append_token(out_, method);
  out_ += ' ';
  append_uri(out_, uri);
  out_ += " SIP/2.0\r\n";
  return *this;
}

MessageBuilder& MessageBuilder::response(int status, std::string_view reason) {
  const auto registered = reason.empty() ? reason_phrase(status) : std::string_view();
  char start[] = "SIP/2.0 000 ";
  for (std::size_t i = 11; i-- > 8; status /= 10) start[i] = static_cast<char>('0' + status % 10);
  out_.assign(start, sizeof start - 1);
  if (!reason.empty()) {
    value_line(reason);
  } else {
    out_ += registered;
    out_ += line_end;
  }
  return *this;
}

MessageBuilder& MessageBuilder::respond_to(const MessageView& request, int status,
                                           std::string_view reason,
                                           const ResponseOptions& options) {
  const auto tag = status > 100 ? options.to_tag : std::string_view{};
  response(status, reason);
  const auto begun = out_.size();
  // No value grows but To and the topmost Via, and no name is longer than this.
  out_.resize(begun + request.bytes().size() + 20 * request.header_count() + tag.size() + 192);
  ResponseHeaders headers(out_.data() + begun);
  headers.vias(request, options.source);
  headers.one(request, HeaderId::from);
  headers.to(request, tag);
  headers.one(request, HeaderId::call_id);
  headers.one(request, HeaderId::cseq);
  if (status == 100) headers.all(request, HeaderId::timestamp);
  if (options.record_route && begins_dialog(request, status))
    headers.all(request, HeaderId::record_route);
  out_.resize(static_cast<std::size_t>(headers.end() - out_.data()));
  return *this;
}

MessageBuilder& MessageBuilder::header(HeaderId id, std::string_view value) {
  if (id == HeaderId::unknown || id == HeaderId::content_length) return *this;
  out_ += to_string(id);
  out_ += ": ";
  value_line(value);
  return *this;
}

MessageBuilder& MessageBuilder::header(std::string_view name, std::string_view value) {
  if (name.empty() || !scan::all(name, scan::token)) return *this;
  if (header_id_from(name) == HeaderId::content_length) return *this;
  out_ += name;
  out_ += ": ";
  value_line(value);
  return *this;
}

MessageBuilder& MessageBuilder::header(HeaderId id, std::uint32_t value) {
  char digits[12];
  const auto* const end = std::to_chars(digits, digits + sizeof digits, value).ptr;
  return header(id, {digits, static_cast<std::size_t>(end - digits)});
}

MessageBuilder& MessageBuilder::header(HeaderId id, const NameAddr& address) {
  out_ += to_string(id);
  out_ += ": ";
  append(out_, address);
  out_ += line_end;
  return *this;
}

MessageBuilder& MessageBuilder::via(const Via& via) {
  out_ += "Via: ";
  append(out_, via);
  out_ += line_end;
  return *this;
}

MessageBuilder& MessageBuilder::cseq(std::uint32_t number, Method method) {
  return cseq(number, to_string(method));
}

MessageBuilder& MessageBuilder::cseq(std::uint32_t number, std::string_view method) {
  out_ += "CSeq: ";
  append_number(out_, number);
  out_ += ' ';
  append_token(out_, method);
  out_ += line_end;
  return *this;
}

MessageBuilder& MessageBuilder::copy(const MessageView& from, HeaderId id) {
  for (auto i = from.find_index(id); i < from.header_count(); i = from.find_index(id, i + 1))
    header(id, from.header(i).value);
  return *this;
}

std::string_view MessageBuilder::finish() {
  return finish({}, {});
}

std::string_view MessageBuilder::finish(std::string_view content_type, std::string_view body) {
  if (!content_type.empty()) header(HeaderId::content_type, content_type);
  out_ += "Content-Length: ";
  append_number(out_, body.size());
  out_ += "\r\n\r\n";
  out_ += body;
  return out_;
}

void MessageBuilder::value_line(std::string_view value) {
  value = scan::trim(value);
  if (has_line_break(value)) {
    scan::append_unfolded(out_, value);
  } else {
    out_ += value;
  }
  out_ += line_end;
}

}  // namespace sip
