#include "sip/message_builder.hpp"

#include <charconv>

#include "sip/scan.hpp"

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
  out_.clear();
  out_ += "SIP/2.0 ";
  append_number(out_, static_cast<std::uint64_t>(status));
  out_ += ' ';
  value_line(reason.empty() ? reason_phrase(status) : reason);
  return *this;
}

MessageBuilder& MessageBuilder::respond_to(const MessageView& request, int status,
                                           std::string_view reason,
                                           const ResponseOptions& options) {
  response(status, reason);
  copy_via(request, options.source);
  copy(request, HeaderId::from);
  copy_to(request, status > 100 ? options.to_tag : std::string_view{});
  copy(request, HeaderId::call_id);
  copy(request, HeaderId::cseq);
  if (status == 100) copy(request, HeaderId::timestamp);
  if (options.record_route && begins_dialog(request, status)) copy(request, HeaderId::record_route);
  return *this;
}

MessageBuilder& MessageBuilder::header(HeaderId id, std::string_view value) {
  return header(to_string(id), value);
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
  return header(to_string(id), {digits, static_cast<std::size_t>(end - digits)});
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
    header(to_string(id), from.header(i).value);
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
  scan::append_unfolded(out_, scan::trim(value));
  out_ += line_end;
}

// Each element gets a line of its own; the top one says where the request came from.
void MessageBuilder::copy_via(const MessageView& request, const Address& source) {
  bool top = true;
  for (const auto element : request.values(HeaderId::via)) {
    const auto via = parse_via(element);
    if (!top || source.port == 0 || !via) {
      header(HeaderId::via, element);
    } else {
      out_ += "Via: ";
      append_received(out_, *via, source);
      out_ += line_end;
    }
    top = false;
  }
}

void MessageBuilder::copy_to(const MessageView& request, std::string_view tag) {
  const auto value = request.text(HeaderId::to);
  out_ += "To: ";
  scan::append_unfolded(out_, value);
  const auto to = request.to();
  if (!tag.empty() && (!to || to->tag().empty())) {
    out_ += ";tag=";
    append_token(out_, tag);
  }
  out_ += line_end;
}

}  // namespace sip
