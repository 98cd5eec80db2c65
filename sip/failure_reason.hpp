// Why a request failed, in a sentence for an operator: what the status means, with what the answer
// itself says (Reason, Warning, Retry-After, Min-Expires, ...).
#pragma once

#include <string>

#include "sip/message.hpp"

namespace sip {

// `response`: a final one, 300..699. `had_credentials`: its request carried Authorization or
// Proxy-Authorization.
std::string failure_reason(const MessageView& response, bool had_credentials);

}  // namespace sip
