// What can be wrong with a SIP message or a part of one, and the status that answers it.
#pragma once

#include <boost/system/error_code.hpp>
#include <boost/system/result.hpp>
#include <cstdint>
#include <string_view>

namespace sip {

// Each value names its cause; status_for() gives the SIP status with which a request that has this
// fault is answered (in brackets), 0 where nothing must be sent.
enum class Errc {
  keep_alive = 1,          // CR, LF or NUL only, or at most 4 bytes: a NAT ping [0]
  not_sip,                 // the first line has no "SIP/" where a start line has it [0]
  bad_start_line,          // neither request line nor status line [400]
  version_not_supported,   // SIP/ but not 2.0 [505]
  start_line_too_long,     // Limits::start_line_bytes [414]
  header_too_long,         // Limits::header_bytes, one header with its folded lines [400]
  too_many_headers,        // more than max_headers [400]
  message_too_large,       // Limits::head_bytes or message_bytes [513]
  bad_header_line,         // no colon, or a name that is not a token [400]
  header_end_missing,      // no empty line after the headers [400]
  bad_content_length,      // not a number, or given twice with different values [400]
  body_truncated,          // fewer body bytes than Content-Length says [400]
  missing_header,          // a header that was asked for or is mandatory is absent [400]
  repeated_header,         // a header that may occur only once is there twice [400]
  bad_uri,                 // [400]
  unsupported_uri_scheme,  // a URI, but not sip, sips or tel [416]
  bad_address,             // name-addr or addr-spec of From, To, Contact, Route ... [400]
  bad_via,                 // [400]
  bad_cseq,                // CSeq is not "number method", or number above 2**31-1 [400]
  method_mismatch,         // method of CSeq differs from the request line [400]
  bad_number,              // Max-Forwards, Expires ... [400]
  bad_date,                // [400]
  bad_content_type,        // [400]
  bad_value,               // any other header value that does not follow its grammar [400]
  bad_credentials,         // Authorization or a challenge that cannot be parsed [400]
  unsupported_digest,      // digest algorithm or qop that we do not have [400]
};

// The SIP status for a request with this fault; 0 when it must not be answered.
[[nodiscard]] int status_for(Errc code);

[[nodiscard]] const boost::system::error_category& error_category();
[[nodiscard]] boost::system::error_code make_error_code(Errc code);
[[nodiscard]] std::string_view describe(Errc code);

// Result of everything that is parsed on demand; the error is an Errc.
template <class T>
using Result = boost::system::result<T>;

// Where a message is broken. `offset` is counted in bytes from the start of what was parsed.
struct ParseError {
  Errc code;
  std::uint32_t offset;
};

template <class T>
using ParseResult = boost::system::result<T, ParseError>;

// Lets result<T, ParseError>::value() throw a system_error.
[[noreturn]] void throw_exception_from_error(const ParseError& error,
                                             const boost::source_location& location);

}  // namespace sip

template <>
struct boost::system::is_error_code_enum<sip::Errc> : std::true_type {};
