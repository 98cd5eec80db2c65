// A dialog (RFC 3261 12): what two user agents must remember to go on talking. Pure value.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sip/address.hpp"
#include "sip/message.hpp"
#include "sip/message_builder.hpp"

namespace sip {

// Field practice that it follows: a 2xx without To tag makes a dialog with an empty remote tag;
// requests inside go to `flow`, where the peer's packets come from, and name its Contact only in
// the Request-URI, since cameras write private or unspecified addresses there.
struct Dialog {
  std::string call_id;
  std::string local;   // our From: address with our tag
  std::string remote;  // our To: address with the peer's tag
  std::string local_tag;
  std::string remote_tag;
  std::string remote_target;           // a URI: the peer's Contact, else where we first called
  std::vector<std::string> route_set;  // values of Route, in the order in which we write them
  std::uint32_t local_cseq = 0;        // of our last request
  std::uint32_t remote_cseq = 0;       // of the peer's last request; not enforced
  Flow flow;

  // 12.1.1: we answer `invite`, with `tag` in To.
  static Dialog as_callee(const MessageView& invite, std::string_view tag, const Flow& flow);
  // 12.1.2: our INVITE was answered. What we said ourselves is filled in already.
  void confirm(const MessageView& response);

  // The To tag is ours and the From tag is the peer's (12.2.2).
  bool matches(const MessageView& request) const;

  // Start line and headers of a request inside (12.2.1.1), up to those of the body. `cseq`:
  // next_cseq(), for ACK that of its INVITE. `via` is the value of the Via header.
  void write_request(MessageBuilder& out, std::string_view method, std::string_view via,
                     std::uint32_t cseq) const;
  std::uint32_t next_cseq() { return ++local_cseq; }
};

}  // namespace sip
