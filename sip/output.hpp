// What an Endpoint wants done: bytes to send and events for its user. Owned and reused by the
// caller, so that a steady state allocates nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "sip/address.hpp"
#include "sip/error.hpp"
#include "sip/ids.hpp"
#include "sip/message.hpp"
#include "sip/time.hpp"

namespace sip {

// Why a request or a call came to its end.
enum class Cause : std::uint8_t {
  answered,    // the peer's final response; `status` and `message` are its own
  timeout,     // no final response in time; `status` is 408 (RFC 3261 8.1.3.1)
  transport,   // it could not be sent, or the connection closed; `status` is 503
  overloaded,  // a limit of ours was reached, nothing was sent; `status` is 503
  cancelled,   // we hung up before the answer; `status` is 487
  invalid,     // the spec asks for an impossible message (a line break in a value); `status` is 400
};
std::string_view to_string(Cause cause);

enum class EndedBy : std::uint8_t {
  remote_bye,       // the peer sent BYE
  remote_cancel,    // the peer gave up before our final answer (CANCEL)
  local,            // hang_up() or a final refusal; BYE is answered, or given up
  no_answer,        // an incoming call that we did not answer within the limit
  no_ack,           // our 200 was never acknowledged (64*T1); BYE was sent (13.3.1.4)
  session_expired,  // nobody refreshed the session timer (RFC 4028 10); BYE was sent
  dialog_lost,      // the peer does not know the call any more (481, 408 inside it; 12.2.1.2)
};
std::string_view to_string(EndedBy by);

// Where something stands that is kept alive at a peer: a registration, a publication.
enum class SoftStateNews : std::uint8_t {
  active,   // accepted, for the first time or again
  waiting,  // refused or unreachable; tried again later
  refused,  // refused for good: it is over
  removed,  // taken away by us: it is over
};
std::string_view to_string(SoftStateNews news);

// Views and `message` pointers inside events are valid until the next on_message(), on_deadline(),
// on_connection_closed() or on_send_failed(), and while the bytes given to on_message() live. Calls
// by which the user answers (respond, invite, ...) do not disturb them.
namespace event {

// A request to answer with Endpoint::respond(): anything but ACK, CANCEL, BYE, a first INVITE, and
// what the endpoint answers itself. With `call` set and the method INVITE or UPDATE it is a change
// of that call, whose 2xx carries the answer. Unanswered, it is answered 500 after a while.
struct IncomingRequest {
  ServerTransactionId transaction;
  const MessageView* message;
  Flow flow;
  CallId call;                  // set when it belongs to a call (INFO, re-INVITE, UPDATE, PRACK)
  std::uint64_t user_data = 0;  // of the call
};

// A request that we sent has its final response or will have none. Exactly one for each.
struct RequestDone {
  RequestId request;
  Cause cause;
  int status;                  // 200..699
  const MessageView* message;  // null unless `cause` is answered
  CallId call;                 // set when it was sent inside a call
  std::uint64_t user_data;     // of the request
};

// Calls that we make. A call ends with exactly one of CallFailed (before it was answered) or
// CallEnded (after); its CallId means nothing thereafter.
struct CallProgress {
  CallId call;
  int status;  // 101..199; a plain 100 is not reported
  const MessageView* message;
  std::uint64_t user_data;
};
struct CallAnswered {  // 2xx; ACK has been sent, and will be again if the 2xx is repeated
  CallId call;
  const MessageView* message;  // its body is the answer (SDP)
  Flow flow;                   // where the answer came from
  std::uint64_t user_data;
};
struct CallFailed {
  CallId call;
  Cause cause;
  int status;                  // 300..699
  const MessageView* message;  // null unless the peer refused
  std::uint64_t user_data;
};
struct CallEnded {
  CallId call;
  EndedBy by;
  const MessageView* message;  // the BYE or CANCEL; null unless the peer ended it
  std::uint64_t user_data;
  // What became of our BYE: unless it was answered, the peer may not know that the call is over.
  Cause cause = Cause::answered;
};

// Calls that come to us. Answer with Endpoint::answer().
struct IncomingCall {
  CallId call;
  const MessageView* message;  // the INVITE; its body is the offer
  Flow flow;
};
struct CallConfirmed {  // ACK to our 2xx has come (also that of a re-INVITE): media may start
  CallId call;
  const MessageView* message;
  std::uint64_t user_data;
};

// Another branch of our forked INVITE has answered too, and InviteSpec::keep_forks let it live: a
// call of its own. ACK has been sent.
struct CallForked {
  CallId call;
  CallId original;
  const MessageView* message;  // the 2xx
  Flow flow;
  std::uint64_t user_data;  // of the original
};
// PRACK to our reliable provisional answer has come, or (null) never came: the call was refused
// with 504 and ends (RFC 3262 3).
struct ProvisionalAcknowledged {
  CallId call;
  const MessageView* message;
  std::uint64_t user_data;
};

// Subscriptions of peers with us (RFC 6665 4.2). Answer with Endpoint::answer_subscription(), then
// notify(). Only for the packages in EndpointConfig::event_packages; and REFER when it lists
// "refer".
struct IncomingSubscription {
  SubscriptionId subscription;
  const MessageView* message;  // SUBSCRIBE or REFER
  Flow flow;
  CallId call;            // REFER inside a call
  std::uint32_t expires;  // seconds that it will last when accepted; 0: one NOTIFY is wanted
};
// The peer refreshed it (answered 200 already), or with 0 leaves: say where things stand by
// notify(), which 6665 4.2.1.3 wants each time. One who leaves and is told nothing gets an empty
// NOTIFY at the next deadline.
struct SubscriptionRefreshed {
  SubscriptionId subscription;
  const MessageView* message;
  std::uint32_t expires;
  std::uint64_t user_data;
};

// Subscriptions of ours.
struct SubscriptionAccepted {  // 2xx, also to refreshes
  SubscriptionId subscription;
  const MessageView* message;
  std::uint32_t expires;
  std::uint64_t user_data;
};
struct Notified {  // answered 200 already
  SubscriptionId subscription;
  const MessageView* message;  // its body is the state
  SubscriptionState::State state;
  std::uint64_t user_data;
};
// A NOTIFY from another branch of a forked SUBSCRIBE: a subscription of its own (4.1.2.4). Its
// Notified follows.
struct SubscriptionForked {
  SubscriptionId subscription;
  SubscriptionId original;
  std::uint64_t user_data;
};
// Either side; the id means nothing thereafter. Ours: NOTIFY with terminated, a refusal (`status`),
// no NOTIFY in time (408). Theirs: expired, unreachable.
struct SubscriptionEnded {
  SubscriptionId subscription;
  Cause cause;
  int status;                  // 200 when it ended as it should
  const MessageView* message;  // the NOTIFY or the refusal; may be null
  std::string_view reason;     // of Subscription-State: "timeout", "rejected"...; may be empty
  std::uint32_t retry_after;   // seconds; 0: not said
  std::uint64_t user_data;
};

struct RegistrationChanged {
  RegistrationId registration;
  SoftStateNews news;
  Cause cause;
  int status;
  const MessageView* message;  // null unless `cause` is answered
  Duration next;               // until the refresh, or the next try
  std::uint64_t user_data;
};
struct PublicationChanged {
  PublicationId publication;
  SoftStateNews news;
  Cause cause;
  int status;
  const MessageView* message;  // null unless `cause` is answered
  Duration next;
  std::uint64_t user_data;
};

// Something that begins like SIP and cannot be read. Answered already when it could be. Counted;
// do not log each.
struct BadMessage {
  Errc error;
  Flow flow;
};
// A stream connection is gone; everything pending on it has been reported before this.
struct ConnectionClosed {
  Flow flow;
};

}  // namespace event

using Event =
    std::variant<event::IncomingRequest, event::RequestDone, event::CallProgress,
                 event::CallAnswered, event::CallFailed, event::CallEnded, event::IncomingCall,
                 event::CallConfirmed, event::BadMessage, event::ConnectionClosed,
                 event::CallForked, event::ProvisionalAcknowledged, event::IncomingSubscription,
                 event::SubscriptionRefreshed, event::SubscriptionAccepted, event::Notified,
                 event::SubscriptionForked, event::SubscriptionEnded, event::RegistrationChanged,
                 event::PublicationChanged>;

// One message to put on the wire. Its bytes lie in Output.
struct Send {
  Flow flow;
  std::size_t offset = 0;
  std::size_t size = 0;
};

// A host to be found (RFC 3263): the shell resolves `uri` (a SIP or SIPS URI, without <>) and calls
// Core::on_resolved with the same id.
enum class LookupId : std::uint64_t {};
struct Lookup {
  LookupId id;
  std::string uri;
};

// A stream that we opened is to be pinged so often (an empty line pair, RFC 5626 4.4.1): one that
// does not answer within 10 s has failed, and Core::on_connection_closed comes. The last word for a
// flow counts.
struct KeepAlive {
  Flow flow;
  Duration every;
};

// Sends may be gathered over several calls and flushed together; events must be handled before
// the next input, because of their views. Handling one may append more of both: go by index.
class Output {
 public:
  std::vector<Event> events;
  std::vector<Send> sends;
  std::vector<Lookup> lookups;
  std::vector<KeepAlive> keep_alives;

  // Valid until the next send() or clear().
  std::string_view bytes(const Send& s) const { return {bytes_.data() + s.offset, s.size}; }

  void send(const Flow& flow, std::string_view message) {
    sends.push_back({flow, bytes_.size(), message.size()});
    bytes_.insert(bytes_.end(), message.begin(), message.end());
  }
  void clear_sends() {
    sends.clear();
    bytes_.clear();
    if (bytes_.capacity() > worth_keeping) bytes_ = {};
  }
  void clear() {
    events.clear();
    lookups.clear();
    keep_alives.clear();
    clear_sends();
  }
  bool empty() const {
    return events.empty() && sends.empty() && lookups.empty() && keep_alives.empty();
  }

 private:
  static constexpr std::size_t worth_keeping = 4 << 20;  // a burst should not stay for ever
  std::vector<char> bytes_;
};

}  // namespace sip
