#include "sip/error.hpp"

#include <array>
#include <boost/system/system_error.hpp>
#include <string>

namespace sip {
namespace {

struct Fault {
  Errc code;
  int status;
  std::string_view text;
};

constexpr Fault faults[] = {
    {Errc::keep_alive, 0, "keep-alive"},
    {Errc::not_sip, 0, "not SIP"},
    {Errc::bad_start_line, 400, "bad start line"},
    {Errc::version_not_supported, 505, "SIP version is not 2.0"},
    {Errc::start_line_too_long, 414, "start line too long"},
    {Errc::header_too_long, 400, "header too long"},
    {Errc::too_many_headers, 400, "too many headers"},
    {Errc::message_too_large, 513, "message too large"},
    {Errc::bad_header_line, 400, "bad header line"},
    {Errc::header_end_missing, 400, "no empty line after the headers"},
    {Errc::bad_content_length, 400, "bad Content-Length"},
    {Errc::body_truncated, 400, "body shorter than Content-Length"},
    {Errc::missing_header, 400, "missing header"},
    {Errc::repeated_header, 400, "repeated header"},
    {Errc::bad_uri, 400, "bad URI"},
    {Errc::unsupported_uri_scheme, 416, "unsupported URI scheme"},
    {Errc::bad_address, 400, "bad address"},
    {Errc::bad_via, 400, "bad Via"},
    {Errc::bad_cseq, 400, "bad CSeq"},
    {Errc::method_mismatch, 400, "method differs from CSeq"},
    {Errc::bad_number, 400, "bad number"},
    {Errc::bad_date, 400, "bad date"},
    {Errc::bad_content_type, 400, "bad Content-Type"},
    {Errc::bad_value, 400, "bad header value"},
    {Errc::bad_credentials, 400, "bad credentials"},
    {Errc::unsupported_digest, 400, "unsupported digest algorithm"},
};

const Fault& fault_of(Errc code) {
  static constexpr Fault none{Errc{}, 500, "unknown fault"};
  for (const auto& fault : faults)
    if (fault.code == code) return fault;
  return none;
}

class Category final : public boost::system::error_category {
 public:
  const char* name() const noexcept override { return "sip"; }
  std::string message(int value) const override {
    return std::string(describe(static_cast<Errc>(value)));
  }
};

}  // namespace

int status_for(Errc code) {
  return fault_of(code).status;
}

std::string_view describe(Errc code) {
  return fault_of(code).text;
}

const boost::system::error_category& error_category() {
  static const Category category;
  return category;
}

boost::system::error_code make_error_code(Errc code) {
  return {static_cast<int>(code), error_category()};
}

void throw_exception_from_error(const ParseError& error, const boost::source_location&) {
  throw boost::system::system_error(make_error_code(error.code),
                                    "at byte " + std::to_string(error.offset));
}

}  // namespace sip
