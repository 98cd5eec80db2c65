// What the user of an Endpoint wants sent. The endpoint adds what SIP needs around it: Via, tags,
// Call-ID, CSeq, Max-Forwards, Content-Length, User-Agent. Plain values, copied from during the
// call.
#pragma once

#include <chrono>
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

// Who we are when a 401 or 407 asks (RFC 7616). Without a username challenges are reported like any
// other answer. Kept in memory as long as what it was given for; never written but as a digest.
struct Credentials {
  std::string username;
  std::string password;
};

// What the endpoint does by itself when a request fails; only the last answer is reported.
struct Persistence {
  Credentials credentials;    // answers a challenge, once for each of 401 and 407 (and stale ones)
  std::vector<Flow> further;  // tried in order after a timeout, a failed send or 503 (RFC 3263 4.3)
  // How many contacts of 3xx are tried at most, best q first, never one twice (8.1.3.4). Each is
  // looked up (Output::lookups).
  unsigned redirections = 0;

  bool any() const {
    return !credentials.username.empty() || !further.empty() || redirections != 0;
  }
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
  Persistence persistence;
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
  // A provisional answer to a call that is repeated until its PRACK comes (RFC 3262), if the caller
  // supports that; one at a time.
  bool reliable = false;
};

// 100rel in what we call with (RFC 3262).
enum class Reliable100 : std::uint8_t { unsupported, supported, required };

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
  Persistence persistence;      // its credentials serve all requests of the call
  Reliable100 reliable = Reliable100::unsupported;
  // The offer comes from the peer (no body here): ACK or PRACK wait for Endpoint::acknowledge().
  bool late_offer = false;
  // Every branch of a fork that answers becomes a call of its own (event::CallForked). Else the
  // first is taken, the others are ended.
  bool keep_forks = false;
  std::chrono::seconds session_expires{0};  // RFC 4028; 0: no session timer of our own wish
};

// A request inside a call: INFO, UPDATE, REFER, and anything else that is not INVITE, ACK, CANCEL,
// BYE. Also the body of an ACK or PRACK.
struct InCallRequestSpec {
  std::string method = "INFO";
  std::vector<HeaderField> headers;
  std::string content_type;
  std::string body;
  std::uint64_t user_data = 0;
};

// A change of a call that is up: re-INVITE (14) or UPDATE (RFC 3311).
struct ChangeSpec {
  std::string method = "INVITE";  // or "UPDATE"
  std::vector<HeaderField> headers;
  std::string content_type = "application/sdp";
  std::string body;  // the offer; empty: the peer is asked for one (re-INVITE), or none is made
  bool late_offer = false;  // as in InviteSpec
  std::uint64_t user_data = 0;
};

// A subscription that we make (RFC 6665 4.1).
struct SubscribeSpec {
  RequestSpec request;  // its method is set here: SUBSCRIBE, or REFER with its Refer-To header
  std::string event;    // "presence", "reg", "Catalog;id=1"; for REFER it is "refer"
  std::string accept;   // "application/pidf+xml"; empty: no Accept
  std::chrono::seconds expires{3600};  // 0: fetch once. It is refreshed before it runs out
};

enum class SubscriptionPhase : std::uint8_t { active, pending, terminated };

// What a notifier says.
struct NotifySpec {
  SubscriptionPhase phase = SubscriptionPhase::active;
  std::string reason;                   // of terminated: "deactivated", "noresource"...
  std::chrono::seconds retry_after{0};  // of terminated; 0: not said
  std::vector<HeaderField> headers;
  std::string content_type;
  std::string body;
};

// We, registered at a registrar and kept so (RFC 3261 10.2): refreshed before it expires, tried
// again after failures, until it is removed.
struct RegistrationSpec {
  RequestSpec request;  // method is set here. request_uri: of the registrar; contact: must be there
  std::chrono::seconds expires{3600};
  Duration retry_base =
      std::chrono::seconds(30);  // RFC 5626 4.5: doubled on each failure, jittered
  Duration retry_max = std::chrono::minutes(30);
  // Over a stream: the connection is kept alive (Output::keep_alives) as often as the registrar's
  // Flow-Timer says, else every two minutes, and when it is gone we register anew (RFC 5626 4.4.1,
  // 4.5). What else outbound wants (;ob, reg-id, +sip.instance, Supported) is the user's to write.
  bool keep_flow = false;
};

// Event state of ours at a compositor, kept until removed (RFC 3903).
struct PublicationSpec {
  RequestSpec request;  // method is set here; its body is the state
  std::string event;
  std::chrono::seconds expires{3600};
  Duration retry_base = std::chrono::seconds(30);
  Duration retry_max = std::chrono::minutes(30);
};

}  // namespace sip
