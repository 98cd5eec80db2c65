#include "gateway/rtsp/message.hpp"

#include <algorithm>
#include <array>

#include "gateway/rtsp/scan.hpp"

namespace gateway::rtsp {
namespace {

struct MethodName {
  std::string_view name;
  Method method;
};
constexpr std::array method_names{
    MethodName{"OPTIONS", Method::options},
    MethodName{"DESCRIBE", Method::describe},
    MethodName{"ANNOUNCE", Method::announce},
    MethodName{"SETUP", Method::setup},
    MethodName{"PLAY", Method::play},
    MethodName{"PAUSE", Method::pause},
    MethodName{"RECORD", Method::record},
    MethodName{"REDIRECT", Method::redirect},
    MethodName{"GET_PARAMETER", Method::get_parameter},
    MethodName{"SET_PARAMETER", Method::set_parameter},
    MethodName{"TEARDOWN", Method::teardown},
};

// RTSP defines no compact names; a few clients built on SIP code send SIP's.
constexpr std::string_view long_name(std::string_view name) {
  if (name.size() != 1) return name;
  switch (to_lower(name[0])) {
    case 'l':
      return "Content-Length";
    case 'c':
      return "Content-Type";
    case 'e':
      return "Content-Encoding";
    default:
      return name;
  }
}

bool is_token(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return c > ' ' && c < 0x7f &&
           std::string_view("()<>@,;:\\\"/[]?={}").find(c) == std::string_view::npos;
  });
}

// Takes a line off the front, without its end. False when there is none.
bool take_line(std::string_view& text, std::string_view& line) {
  if (text.empty()) return false;
  const auto end = text.find('\n');
  line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  return true;
}

// Takes a header with its folded lines (those that begin with white space).
bool take_header(std::string_view& text, std::string_view& field) {
  const std::string_view all = text;
  std::string_view line;
  if (!take_line(text, line) || line.empty()) return false;
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) take_line(text, line);
  field = trim(all.substr(0, all.size() - text.size()));
  return true;
}

std::optional<Refusal> parse_request_line(std::string_view line, Request& request) {
  const auto [method, rest] = split(line, ' ');
  const auto space = rest.rfind(' ');
  if (space == std::string_view::npos)
    return Refusal{400, "request line is not METHOD URI VERSION"};
  request.method_name = method;
  request.uri = trim(rest.substr(0, space));
  request.version = trim(rest.substr(space + 1));
  if (!is_token(method) || request.uri.empty() || !istarts_with(request.version, "RTSP/"))
    return Refusal{400, "request line is not METHOD URI RTSP/1.0"};
  if (request.uri.find_first_of(" \t") != std::string_view::npos)
    return Refusal{400, "URI has white space"};
  request.method = parse_method(method);
  return {};
}

std::string one_line(std::string_view value) {
  std::string clean(value);
  for (char& c : clean)
    if (static_cast<unsigned char>(c) < ' ' || c == 0x7f) c = ' ';
  return clean;
}

}  // namespace

Method parse_method(std::string_view name) {
  for (const auto& known : method_names)
    if (iequals(name, known.name)) return known.method;
  return Method::unknown;
}

std::string_view Request::header(std::string_view name) const {
  for (const auto& h : headers)
    if (iequals(h.name, name)) return h.value;
  return {};
}

bool Request::has(std::string_view name) const {
  return std::any_of(headers.begin(), headers.end(),
                     [&](const Header& h) { return iequals(h.name, name); });
}

std::string Request::joined(std::string_view name) const {
  std::string all;
  for (const auto& h : headers) {
    if (!iequals(h.name, name)) continue;
    if (!all.empty()) all += ", ";
    all += h.value;
  }
  return all;
}

boost::system::result<Request, Refusal> parse_request(std::string_view message,
                                                      const MessageLimits& limits) {
  Request request;
  std::string_view line;
  std::string_view rest = message;
  if (!take_line(rest, line)) return Refusal{400, "empty message"};
  if (line.size() > limits.line_bytes) return Refusal{414, "request line is too long"};
  if (auto refusal = parse_request_line(line, request)) return *refusal;
  std::string_view field;
  while (take_header(rest, field)) {
    const auto [name, value] = split(field, ':');
    if (field.find(':') == std::string_view::npos || !is_token(name))
      return Refusal{400, "header line is not NAME: VALUE"};
    if (request.headers.size() == std::min(limits.header_count, Request::max_headers))
      return Refusal{431, "too many headers"};
    request.headers.push_back({long_name(name), value});
  }
  if (static_cast<std::size_t>(message.size() - rest.size()) > limits.head_bytes)
    return Refusal{431, "head is too long"};
  request.body = rest;
  if (!iequals(request.version, "RTSP/1.0")) return Refusal{505, "only RTSP/1.0 is spoken here"};
  return request;
}

std::optional<std::string_view> find_header(std::string_view head, std::string_view name) {
  std::string_view line, field;
  take_line(head, line);
  while (take_header(head, field)) {
    const auto [found, value] = split(field, ':');
    if (iequals(long_name(found), name)) return value;
  }
  return {};
}

const char* reason_phrase(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 301:
      return "Moved Permanently";
    case 302:
      return "Moved Temporarily";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 406:
      return "Not Acceptable";
    case 408:
      return "Request Time-out";
    case 413:
      return "Request Entity Too Large";
    case 414:
      return "Request-URI Too Large";
    case 415:
      return "Unsupported Media Type";
    case 431:
      return "Request Header Fields Too Large";
    case 451:
      return "Parameter Not Understood";
    case 453:
      return "Not Enough Bandwidth";
    case 454:
      return "Session Not Found";
    case 455:
      return "Method Not Valid in This State";
    case 456:
      return "Header Field Not Valid for Resource";
    case 457:
      return "Invalid Range";
    case 459:
      return "Aggregate operation not allowed";
    case 460:
      return "Only aggregate operation allowed";
    case 461:
      return "Unsupported transport";
    case 480:
      return "Temporarily Unavailable";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 502:
      return "Bad Gateway";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Time-out";
    case 505:
      return "RTSP Version not supported";
    case 551:
      return "Option not supported";
    default:
      return status < 400 ? "OK" : status < 500 ? "Bad Request" : "Internal Server Error";
  }
}

std::string Response::print(std::string_view cseq) const {
  std::string out = "RTSP/1.0 " + std::to_string(status) + ' ';
  out += reason.empty() ? std::string(reason_phrase(status)) : one_line(reason);
  out += "\r\n";
  if (!cseq.empty()) out += "CSeq: " + one_line(cseq) + "\r\n";
  out += "Server: gbgate\r\n";
  for (const auto& [name, value] : headers) out += name + ": " + one_line(value) + "\r\n";
  if (!body.empty()) out += "Content-Length: " + std::to_string(body.size()) + "\r\n";
  out += "\r\n";
  return out + body;
}

}  // namespace gateway::rtsp
