#include "sip/forward.hpp"

#include <charconv>

#include "sip/digest.hpp"
#include "sip/scan.hpp"

namespace sip {
namespace {

constexpr std::string_view line_end = "\r\n";

void append_number(std::string& out, std::uint64_t number) {
  char digits[24];
  out.append(digits, std::to_chars(digits, digits + sizeof digits, number).ptr);
}

void append_line(std::string& out, std::string_view name, std::uint64_t value) {
  out += name;
  append_number(out, value);
  out += line_end;
}

// Behind the last header: the empty line and the body.
const char* end_of_headers(const MessageView& message) {
  const char* end = message.bytes().data() + message.bytes().size() - message.body().size();
  if (end[-1] == '\n') --end;
  if (end[-1] == '\r') --end;
  return end;
}

// Copies the headers of one message in runs as long as nothing changes.
class HeaderCopy {
 public:
  HeaderCopy(std::string& out, const MessageView& message)
      : out_(out), message_(message), end_(end_of_headers(message)), from_(line(0)) {}

  const char* line(std::size_t index) const {
    return index < message_.header_count() ? message_.header(index).name.data() : end_;
  }
  // Header `index` is left out; what stands before it is copied.
  void skip(std::size_t index) {
    copy_to(line(index));
    from_ = line(index + 1);
  }
  void finish() { copy_to(end_); }

 private:
  void copy_to(const char* at) {
    if (at > from_) out_.append(from_, static_cast<std::size_t>(at - from_));
  }

  std::string& out_;
  const MessageView& message_;
  const char* end_;
  const char* from_;
};

void append_tail(std::string& out, const MessageView& message, bool with_length) {
  if (with_length && !message.has(HeaderId::content_length))
    append_line(out, "Content-Length: ", message.body().size());
  out += line_end;
  out += message.body();
}

bool via_is_complete(const Via& via, const Address& source) {
  return !via.has_rport && via.received.empty() && IpAddress::parse(via.sent_by.host) == source.ip;
}

void append_ip(std::string& out, const IpAddress& ip) {
  if (ip.is_v6()) {
    out += to_string(ip);
    return;
  }
  for (std::size_t i = 0; i < 4; ++i) {
    if (i != 0) out += '.';
    append_number(out, ip.bytes()[i]);
  }
}

// As append_received() writes it, mostly by copying.
void append_with_source(std::string& out, const Via& via, const Address& source) {
  if (via.rport != 0 || !via.received.empty()) return append_received(out, via, source);
  auto rest = via.text;
  for (const auto& param : via.params) {
    if (!scan::iequals(param.name, "rport")) continue;
    if (param.has_value) return append_received(out, via, source);
    const char* const end = param.name.data() + param.name.size();
    out.append(rest.data(), end);
    out += '=';
    append_number(out, source.port);
    rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
    break;
  }
  out += rest;
  out += ";received=";
  append_ip(out, source.ip);
}

bool is_for_realm(std::string_view credentials, std::string_view realm) {
  const auto parsed = parse_digest_credentials(credentials);
  return parsed && parsed->realm == realm;
}

class ForwardedRequest {
 public:
  ForwardedRequest(std::string& out, const MessageView& request, const Forwarding& how)
      : out_(out), request_(request), how_(how) {}

  void run() {
    out_.clear();
    write_top();
    HeaderCopy copy(out_, request_);
    for (std::size_t i = 0; i < request_.header_count(); ++i) {
      const auto header = request_.header(i);
      if (concerns_us(header, i)) replace(copy, header, i);
    }
    copy.finish();
    append_tail(out_, request_, how_.with_length);
  }

 private:
  void write_top() {
    out_ += request_.method_text();
    out_ += ' ';
    out_ += how_.request_uri;
    out_ += " SIP/2.0\r\n";
    out_ += how_.via;
    out_ += how_.branch;
    out_ += line_end;
    out_ += how_.record_route;
    if (how_.routes_changed && !how_.routes.empty()) {
      out_ += "Route: ";
      out_ += how_.routes;
      out_ += line_end;
    }
    append_line(out_, "Max-Forwards: ", how_.max_forwards);
    append_line(out_, "Max-Breadth: ", how_.max_breadth);
  }

  bool concerns_us(const HeaderView& header, std::size_t index) const {
    switch (header.id) {
      case HeaderId::via:
        return request_.find_index(HeaderId::via) == index;
      case HeaderId::max_forwards:
        return true;
      case HeaderId::route:
        return how_.routes_changed;
      case HeaderId::proxy_authorization:
        return !how_.realm.empty() && is_for_realm(header.value, how_.realm);
      case HeaderId::unknown:
        return scan::iequals(header.name, "Max-Breadth");
      default:
        return false;
    }
  }

  void replace(HeaderCopy& copy, const HeaderView& header, std::size_t index) {
    if (header.id != HeaderId::via) return copy.skip(index);
    // The Via of the hop before us says where its request really came from (18.2.1).
    const auto& via = *how_.top;
    if (via_is_complete(via, how_.source)) return;
    copy.skip(index);
    out_ += "Via: ";
    append_with_source(out_, via, how_.source);
    const char* const end = header.value.data() + header.value.size();
    const char* const rest = via.text.data() + via.text.size();
    out_.append(rest, static_cast<std::size_t>(end - rest));
    out_ += line_end;
  }

  std::string& out_;
  const MessageView& request_;
  const Forwarding& how_;
};

}  // namespace

void write_forwarded_request(std::string& out, const MessageView& request, const Forwarding& how) {
  ForwardedRequest(out, request, how).run();
}

bool write_forwarded_response(std::string& out, const MessageView& response, bool with_length) {
  const auto first = response.find_index(HeaderId::via);
  if (first >= response.header_count()) return false;
  const auto list = response.header(first).value;
  const auto comma = scan::find_outside(list, ',');
  if (comma >= list.size() &&
      response.find_index(HeaderId::via, first + 1) >= response.header_count())
    return false;
  const char* const begin = response.bytes().data();
  HeaderCopy copy(out, response);
  out.assign(begin, static_cast<std::size_t>(copy.line(0) - begin));
  copy.skip(first);
  if (comma < list.size()) {
    out += "Via: ";
    out += scan::trim(list.substr(comma + 1));
    out += line_end;
  }
  copy.finish();
  append_tail(out, response, with_length);
  return true;
}

Result<Via> second_via(const MessageView& message) {
  auto values = message.values(HeaderId::via);
  auto at = values.begin();
  if (at == values.end() || ++at == values.end()) return Errc::missing_header;
  return parse_via(*at);
}

std::optional<Flow> response_flow(const Via& via) {
  if (!via.transport) return std::nullopt;
  Flow flow;
  flow.transport = *via.transport;
  const auto host = !via.maddr.empty()      ? via.maddr
                    : !via.received.empty() ? via.received
                                            : via.sent_by.host;
  const auto ip = IpAddress::parse(host);
  if (!ip) return std::nullopt;
  flow.remote = {*ip,
                 via.rport != 0 ? via.rport : via.sent_by.port_or(default_port(*via.transport))};
  return flow;
}

}  // namespace sip
