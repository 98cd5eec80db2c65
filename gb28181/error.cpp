#include "gb28181/error.hpp"

#include <string>

namespace gb28181 {
namespace {

const char* text_of(Errc e) {
  switch (e) {
    case Errc::empty_body:
      return "empty body";
    case Errc::body_too_large:
      return "body too large";
    case Errc::malformed_xml:
      return "not XML";
    case Errc::xml_limit:
      return "XML too deep or too large";
    case Errc::unknown_root:
      return "root element is none of Control, Query, Notify, Response";
    case Errc::missing_cmd_type:
      return "no CmdType";
    case Errc::missing_device_id:
      return "no DeviceID";
    case Errc::bad_value:
      return "a needed element has no usable value";
    case Errc::bad_id:
      return "not an id of 1 to 32 characters";
    case Errc::malformed_sdp:
      return "malformed SDP";
    case Errc::media_refused:
      return "media refused: port 0";
    case Errc::unsupported_media:
      return "no supported payload type";
    case Errc::malformed_subject:
      return "malformed Subject";
    case Errc::ssrc_exhausted:
      return "no SSRC left";
  }
  return "unknown error";
}

class Category final : public boost::system::error_category {
 public:
  const char* name() const noexcept override { return "gb28181"; }
  std::string message(int value) const override { return text_of(static_cast<Errc>(value)); }
};

}  // namespace

const boost::system::error_category& error_category() {
  static const Category category;
  return category;
}

}  // namespace gb28181
