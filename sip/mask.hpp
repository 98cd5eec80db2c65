// Takes the secrets out of a message that people will look at.
#pragma once

#include <string>

namespace sip {

// Overwrites with '*' what answers a challenge, and keeps the length, so that sizes and offsets
// stay true: the response of a Digest, everything of any other scheme, in Authorization and
// Proxy-Authorization. Works on bytes that are no whole message, too.
void mask_credentials(std::string& message);

}  // namespace sip
