// What the user of an Endpoint wants sent. The endpoint adds what SIP needs around it: Via, tags,
// Call-ID, CSeq, Max-Forwards, Content-Length, User-Agent. Plain values, copied from during the
// call.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sip/address.hpp"
#include "sip/time.hpp"

namespace sip {

// A header that the endpoint does not write itself, without CR and LF: {"Expires", "3600"}.
struct HeaderField {
  std::string name;
  std::string value;
};

// A request outside of any call: REGISTER, MESSAGE, OPTIONS, SUBSCRIBE, NOTIFY... (RFC 3261 8.1.1).
struct RequestSpec {
  std::string method;       // "MESSAGE"
  std::string request_uri;  // "sip:34020000001320000001@3402000000"
  std::string from;         // "<sip:34020000002000000001@3402000000>"; a tag is added if absent
  std::string to;           // "<sip:34020000001320000001@3402000000>"; with a tag only in a dialog
  Flow destination;         // where it goes, whatever the URI says
  std::string contact;      // "<sip:id@host:port>"; empty: no Contact
  std::string call_id;      // empty: a fresh one
  std::uint32_t cseq = 0;   // 0: 1. REGISTER refreshes keep their Call-ID and count up (10.2.4)
  std::vector<HeaderField> headers;  // Expires, Authorization, Event, X-GB-Ver...
  std::string content_type;          // empty: none
  std::string body;                  // any bytes
  std::uint64_t user_data = 0;       // comes back in event::RequestDone
};

// An answer. Provisional below 200.
struct ResponseSpec {
  int status = 200;
  std::string reason;   // empty: the usual phrase for the status
  std::string contact;  // empty: none, except in answers that make a dialog: our own address then
  std::string to_tag;   // empty: one is made; the same for all answers to one request
  std::vector<HeaderField> headers;
  std::string content_type;
  std::string body;
};

// A call that we make (RFC 3261 13.2).
struct InviteSpec {
  std::string request_uri;
  std::string from;  // a tag is added
  std::string to;
  Flow destination;
  std::string contact;                           // empty: "<sip:user of From@our address>"
  std::string call_id;                           // empty: a fresh one
  std::vector<HeaderField> headers;              // Subject...
  std::string content_type = "application/sdp";  // not written when the body is empty
  std::string body;
  // How long it may stay without a final answer once a provisional one has come; then it is
  // cancelled and fails with 408. Before any answer, timer B (64*T1) rules.
  Duration answer_within = std::chrono::minutes(3);
  std::uint64_t user_data = 0;  // comes back in every event of the call
};

// A request inside a call: INFO, and anything else that is not INVITE, ACK, CANCEL, BYE.
struct InCallRequestSpec {
  std::string method = "INFO";
  std::vector<HeaderField> headers;
  std::string content_type;
  std::string body;
  std::uint64_t user_data = 0;
};

}  // namespace sip
