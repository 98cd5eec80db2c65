// Why reading or carrying media failed. One category for rtp/ and its subfolders.
#pragma once

#include <boost/system/error_code.hpp>
#include <boost/system/result.hpp>

namespace rtp {

enum class Errc {
  truncated = 1,    // the input ends before a length or a fixed header says
  bad_version,      // the two version bits are not 2 (RFC 3550 5.1)
  bad_padding,      // the padding count is 0 or larger than the packet
  bad_length,       // a length field contradicts what surrounds it
  bad_value,        // a field holds something its grammar does not allow
  too_large,        // a documented limit was exceeded
  out_of_sync,      // a framed stream is damaged beyond what the framer repairs; close it
  no_free_port,     // every pair of the port range is in use, resting or taken by others
  odd_port,         // RTP must have the even port of a pair (RFC 3550 11)
  not_open,         // the port is closed or not yet connected
  connection_gone,  // the peer closed or reset the media connection
  connect_failed,   // no attempt to connect succeeded
  send_queue_full,  // the peer does not read; the packet was not sent
};

const boost::system::error_category& error_category();

inline boost::system::error_code make_error_code(Errc e) {
  return {static_cast<int>(e), error_category()};
}

// What functions of rtp/ that can fail return. Look before you take: value() throws.
template <class T>
using Result = boost::system::result<T>;

}  // namespace rtp

template <>
struct boost::system::is_error_code_enum<rtp::Errc> : std::true_type {};
