// A dialog (RFC 3261 12): what two user agents must remember to go on talking. Pure value.
#pragma once

#include <cstdint>
#include <optional>
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
  std::uint32_t remote_cseq = 0;       // of the peer's last request; 0: none yet
  Flow flow;
  std::optional<bool> asked_by_sips;  // the request of the peer that began it; none: ours did
  // The next hop is a name that `flow` may not lead to: it is to be looked up (RFC 3263).
  bool unresolved = false;
  std::string resolved_hop;  // the named next hop that `flow` leads to; empty: none

  // 12.1.1: we answer `invite`, with `tag` in To.
  static Dialog as_callee(const MessageView& invite, std::string_view tag, const Flow& flow);
  // 12.1.2: our INVITE was answered. What we said ourselves is filled in already.
  void confirm(const MessageView& response);

  // The same for a dialog that the peer's request confirms: the NOTIFY to our SUBSCRIBE (RFC 6665
  // 4.4.1).
  void confirm_by(const MessageView& request);
  // 12.2.1.2, 12.2.2: a Contact in a re-INVITE, UPDATE, SUBSCRIBE, NOTIFY, or in the 2xx to one, is
  // the new target. The route set stays.
  void refresh_target(const MessageView& message);
  // 12.2.2: whether a request with this CSeq is in order; notes it then. Equal numbers are taken
  // for a request that took two ways.
  bool take_cseq(std::uint32_t number);

  // The To tag is ours and the From tag is the peer's (12.2.2).
  bool matches(const MessageView& request) const;

  // Our Contact must be a sips URI (8.1.1.8, 12.1.1).
  bool is_secure() const { return asked_by_sips.value_or(remote_target.starts_with("sips:")); }

  // Where a request inside goes first: the first route, else the target.
  std::string next_hop() const;

  // Start line and headers of a request inside (12.2.1.1), up to those of the body. When the first
  // route is a strict router (no ;lr), the Request-URI is its own and the target comes last in
  // Route. `cseq`:
  // next_cseq(), for ACK that of its INVITE. `via` is the value of the Via header.
  void write_request(MessageBuilder& out, std::string_view method, std::string_view via,
                     std::uint32_t cseq) const;
  std::uint32_t next_cseq() { return ++local_cseq; }
};

}  // namespace sip
