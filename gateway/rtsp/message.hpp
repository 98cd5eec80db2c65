// RTSP messages (RFC 2326 sections 4 to 7): a request as a view of the bytes it came in, and a
// response that prints itself. Pure.
#pragma once

#include <boost/container/static_vector.hpp>
#include <boost/system/result.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gateway::rtsp {

enum class Method : std::uint8_t {
  options,
  describe,
  announce,
  setup,
  play,
  pause,
  record,
  redirect,
  get_parameter,
  set_parameter,
  teardown,
  unknown,  // well formed, but nothing we know: 501
};

// Method names are case-sensitive (RFC 2326 6.1), yet no client means two methods by two spellings,
// so any case is accepted.
Method parse_method(std::string_view name);

struct MessageLimits {
  std::size_t line_bytes = 4096;   // request line; beyond: 414
  std::size_t head_bytes = 16384;  // all of the head; beyond: 431
  std::size_t header_count = 96;   // at most Request::max_headers; beyond: 431
  std::size_t body_bytes = 65536;  // beyond: 413
};

// Why a message cannot be taken: the status to answer and words for people.
struct Refusal {
  int status = 400;
  const char* reason = "";
};

struct Header {
  std::string_view name, value;  // value is trimmed; may hold a fold (CR LF SP)
};

// A parsed request. All views point into the buffer that was parsed and die with it.
struct Request {
  static constexpr std::size_t max_headers = 96;

  Method method = Method::unknown;
  std::string_view method_name, uri, version, body;
  boost::container::static_vector<Header, max_headers> headers;

  // The first header of this name, any case; empty view when absent.
  std::string_view header(std::string_view name) const;
  bool has(std::string_view name) const;
  // All headers of this name joined by ", ", as RFC 2326 4.2 (by way of RFC 2068) allows.
  std::string joined(std::string_view name) const;
};

// `message` is one whole message as the Framer cuts it: head, empty line, body. Lines may end in LF
// alone. The refusal's status is 400, 414, 431 or 505 (an RTSP version other than 1.0).
boost::system::result<Request, Refusal> parse_request(std::string_view message,
                                                      const MessageLimits& limits = {});

// The value of a header in a head that may not parse; for the CSeq of a refused message and for
// Content-Length while framing.
std::optional<std::string_view> find_header(std::string_view head, std::string_view name);

// The phrase of RFC 2326 7.1.1.
const char* reason_phrase(int status);

struct Response {
  int status = 200;
  std::string reason;  // empty: the phrase of the RFC
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;

  Response& add(std::string name, std::string value) {
    headers.emplace_back(std::move(name), std::move(value));
    return *this;
  }
  // The bytes on the wire. `cseq` is left out when empty. Content-Length is added when there is a
  // body. Control characters in a value become spaces, so that no value can forge a header.
  std::string print(std::string_view cseq) const;
};

}  // namespace gateway::rtsp
