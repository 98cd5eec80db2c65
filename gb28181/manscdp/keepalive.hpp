// The one message that comes all the time, told from others without parsing XML.
#pragma once

#include <string_view>

namespace gb28181::manscdp {

// True only for bodies that parse() reads as a Keepalive with a device id: a Notify of nothing but
// plain CmdType, SN, DeviceID and Status in ASCII, as most devices write it. False says nothing:
// ask parse(). Reads each byte once and allocates nothing.
[[nodiscard]] bool is_plain_keepalive(std::string_view body);

}  // namespace gb28181::manscdp
