// What an Endpoint keeps of each thing that lives in it: requests that are tried again, calls,
// subscriptions, registrations; and how these are named to their transactions. For endpoint_*.cpp
// alone.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sip/dialog.hpp"
#include "sip/digest.hpp"
#include "sip/invite_session.hpp"
#include "sip/message.hpp"
#include "sip/offer_answer.hpp"
#include "sip/output.hpp"
#include "sip/redirection.hpp"
#include "sip/session_timer.hpp"
#include "sip/slot_map.hpp"
#include "sip/soft_state.hpp"
#include "sip/specs.hpp"
#include "sip/transactions.hpp"

namespace sip {

using AttemptId = Id<struct AttemptTag>;

// Who we are to those who ask (RFC 7616). What was learnt for one request serves the next ones of
// the same call, subscription or registration: nonces, and what Authentication-Info replaces them
// by.
struct Login {
  std::optional<DigestClient> www, proxy;
};
// How often one request has answered challenges.
struct Challenged {
  std::uint8_t www = 0, proxy = 0;
};

// A request that is tried again by itself: with credentials, at another place (Persistence). It
// goes through several transactions, one after the other.
struct Attempt {
  std::string message;  // as it was sent last
  Flow flow;
  std::vector<Flow> further;
  std::size_t next_flow = 0;
  Redirection redirection;
  Credentials credentials;
  Login login;  // unless the owner has one
  Challenged challenged;
  bool own_contact = false;          // Contact names our address on the flow
  bool sent = true;                  // false: it waits for its first look-up
  std::vector<HeaderField> headers;  // that replace others in the next try
  std::string target;                // of a redirection that is being looked up
  std::string hop;                   // what is looked up for its first try
  Owner owner;
  LookupId lookup{};  // waited for; 0: none
};

// One branch of a forked INVITE of ours that is not answered finally.
struct EarlyDialog {
  Dialog dialog;
  std::uint32_t rseq = 0;          // of the last reliable provisional answer (RFC 3262)
  std::uint32_t awaits_prack = 0;  // RSeq of one whose offer the user must answer
};

// Our reliable provisional answer, until its PRACK.
struct ReliableAnswer {
  std::uint32_t rseq = 0;
  std::string bytes;
  Duration gap{};
  TimePoint repeat_at = never;
  TimePoint give_up_at = never;
  bool has_body = false;
  std::optional<ResponseSpec> final;  // 2xx that must wait (RFC 3262 3)
};

// Our re-INVITE or UPDATE.
struct OurChange {
  bool active = false;
  bool internal = false;  // a refresh of the session timer: no event
  ChangeSpec spec;
  RequestId id;
  TransactionId transaction;
  TimePoint answer_by = never;  // a re-INVITE that rings has no timer of its own
  bool cancelled = false;
  std::uint32_t cseq = 0;
  std::string ack;  // to the last 2xx of a re-INVITE; repeated with it
  std::uint32_t ack_cseq = 0;
  bool awaits_ack = false;  // the user's answer goes into it
  TimePoint retry_at = never;
  std::uint8_t tries = 0;
  Challenged challenged;
};

// The peer's.
struct TheirChange {
  TransactionId transaction;  // not answered yet, or our 2xx waits for ACK
  Method method = Method::unknown;
  std::uint32_t cseq = 0;
  bool answered = false;
  TimePoint answer_by = never;  // of a re-INVITE
  Duration gap{};
  TimePoint repeat_at = never;
  TimePoint ack_by = never;
};

// What few calls need.
struct CallExtra {
  std::vector<EarlyDialog> early;
  std::optional<ReliableAnswer> reliable;
  std::uint32_t next_rseq = 0;
  OurChange ours;
  TheirChange theirs;
  std::optional<SessionTimer> timer;
  std::string local_type, local_body;  // as agreed last; kept while a timer may repeat them
  std::string remote_body;
  Credentials credentials;
  Login login;
  TimePoint acknowledge_by = never;  // the user's ACK body to a late offer
};

// One call. Its session and its INVITE's transaction end at different times.
struct Call {
  std::optional<InviteSession> session;
  Dialog dialog;
  TransactionId invite;
  AttemptId attempt;
  std::uint32_t invite_cseq = 0;
  std::string ack;                // to the 2xx, to be repeated
  Cause cause = Cause::answered;  // of a failure that is not the peer's
  OfferAnswer offer_answer;
  bool confirmed = false;  // outgoing: a 2xx has made the dialog
  bool keep_forks = false;
  bool late_offer = false;
  bool shares_dialog = false;  // subscriptions live in it too
  bool peer_takes_update = false;
  bool peer_takes_100rel = false;
  TimePoint since{};
  std::uint64_t user_data = 0;
  std::unique_ptr<CallExtra> extra;

  CallExtra& more() {
    if (!extra) extra = std::make_unique<CallExtra>();
    return *extra;
  }
};

// One subscription, on either side (RFC 6665).
struct Subscription {
  enum class State : std::uint8_t { asking, pending, active };
  State state = State::asking;
  bool notifier = false;
  bool refer = false;
  bool confirmed = false;  // the dialog has a remote side
  bool told = false;       // notifier: NOTIFY since the last SUBSCRIBE
  Dialog dialog;
  CallId call;  // whose dialog it shares
  std::string event;
  std::unique_ptr<SubscribeSpec> spec;  // subscriber
  std::optional<SoftState> soft;        // subscriber
  std::unique_ptr<Login> login;         // subscriber with credentials
  TransactionId incoming;               // notifier: not answered yet
  TimePoint ends_at = never;            // expiry; subscriber: no NOTIFY in time (timer N)
  TimePoint since{};
  std::uint64_t user_data = 0;
};

// A registration (RFC 3261 10.2) or a publication (RFC 3903) of ours.
struct Kept {
  RequestSpec request;
  std::string event;  // of a publication; a registration has none
  std::string etag;
  std::optional<SoftState> soft;
  Login login;
  Flow flow;  // of a registration that keeps it alive; connection none: no stream
  bool keep_flow = false;
  bool changed = false;  // a publication's body has not been sent yet
  bool leaving = false;  // the request under way removes it

  bool publishes() const { return !event.empty(); }
};
using KeptId = Id<struct KeptTag>;

// A request that went by TCP because of its size, until it is answered
// (18.1.1).
struct LargeRequest {
  TransactionId transaction;
  Flow datagram;  // by which it would have gone
};

// --- names
// ----------------------------------------------------------------------------------------

inline TransactionId transaction_of(RequestId id) {
  return {id.index, id.generation};
}
inline TransactionId transaction_of(ServerTransactionId id) {
  return {id.index, id.generation};
}
inline ServerTransactionId server_transaction_id(TransactionId id) {
  return {id.index, id.generation};
}
// Requests that may be tried again are named by their attempt, others by their transaction.
inline RequestId request_id(TransactionId id) {
  return {id.index, id.generation};
}
inline RequestId request_id(AttemptId id) {
  return {id.index | 0x80000000u, id.generation};
}
// Owner::call stands for the thing whose request it is; Owner::user_data for the attempt.
template <class To, class From>
To id_as(From id) {
  return {id.index, id.generation};
}
template <class To>
To owned(CallId id) {
  return id_as<To>(id);
}
template <class From>
CallId owner_id(From id) {
  return id_as<CallId>(id);
}
inline std::uint64_t packed(AttemptId id) {
  return std::uint64_t{id.generation} << 32 | id.index;
}
inline AttemptId attempt_of(std::uint64_t packed) {
  return {static_cast<std::uint32_t>(packed), static_cast<std::uint32_t>(packed >> 32)};
}

}  // namespace sip
