// What can go wrong when reading or writing GB/T 28181 bodies. Each value says its cause and the
// SIP status that answers a request which carried it.
#pragma once

#include <boost/system/error_code.hpp>
#include <boost/system/result.hpp>

namespace gb28181 {

enum class Errc {
  empty_body = 1,     // nothing but white space or NULs: 400
  body_too_large,     // more bytes than Limits::bytes: 413
  malformed_xml,      // no element could be saved: 400
  xml_limit,          // deeper, more elements or more text than the limits: 413
  unknown_root,       // the root is none of Control, Query, Notify, Response: 400
  missing_cmd_type,   // no CmdType: 400
  missing_device_id,  // no DeviceID where the command needs one: 400
  bad_value,          // an element that the command needs has no usable value: 400
  bad_id,             // not 1..32 visible characters: 400
  malformed_sdp,      // no m= line, or one that cannot be read: 400
  media_refused,      // the answer's port is 0 (RFC 3264 6): 488
  unsupported_media,  // no payload type that this profile knows: 488
  malformed_subject,  // a Subject header without the two parts of annex L: 400
  ssrc_exhausted,     // all 10 000 numbers of this kind are in use or cooling down: 486
};

const boost::system::error_category& error_category();

inline boost::system::error_code make_error_code(Errc e) {
  return {static_cast<int>(e), error_category()};
}

template <class T>
using Result = boost::system::result<T>;

}  // namespace gb28181

namespace boost::system {
template <>
struct is_error_code_enum<gb28181::Errc> : std::true_type {};
}  // namespace boost::system
