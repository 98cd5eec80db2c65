// What makes two messages belong to one transaction (RFC 3261 17.1.3, 17.2.3), as a text to hash
// and compare. Pure; keys are appended to a buffer that its owner reuses.
#pragma once

#include <string>
#include <string_view>

#include "sip/address.hpp"
#include "sip/message.hpp"

namespace sip {

// A response belongs to the request of ours with its branch and the method of its CSeq (17.1.3).
void append_client_key(std::string& out, std::string_view branch, std::string_view method);

// A request belongs to the transaction with its branch, sent-by and method, when the branch has
// the magic cookie; else (RFC 2543) Request-URI, From tag, Call-ID, CSeq number and Via decide.
// `method` is the request's own, or INVITE to find what an ACK or CANCEL is about.
//
// Beyond the RFC the packet's source and the CSeq number are part of the key: cameras behind
// different NATs write the same private sent-by and count their branches from 1, and some use one
// branch for all requests of a Call-ID. What belongs together has them equal anyway. To tags are
// left out of the RFC 2543 key, since an ACK has one where its INVITE had none.
void append_server_key(std::string& out, const MessageView& request, const Via& via,
                       std::string_view method, const Flow& from);

}  // namespace sip
