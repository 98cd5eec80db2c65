// The two requests that are made out of an INVITE rather than written anew: ACK to a failure and
// CANCEL. Pure.
#pragma once

#include <string>

#include "sip/message.hpp"

namespace sip {

// RFC 3261 17.1.1.3: the INVITE's Request-URI, Call-ID, From, CSeq number, Route and topmost Via;
// the To of the response. Written to `out`, which is cleared.
void build_ack_to_failure(std::string& out, const MessageView& invite, const MessageView& response);

// RFC 3261 9.1: as above, with the INVITE's own To.
void build_cancel(std::string& out, const MessageView& invite);

}  // namespace sip
