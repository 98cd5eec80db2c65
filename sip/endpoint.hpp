// A SIP user agent core (RFC 3261): any number of user agents, client and server, behind any number
// of sockets. Bytes and time go in, bytes and events come out (output.hpp). It holds the
// transactions with all their timers, the dialogs of calls, and answers what needs no decision.
//
// Pure: no socket, clock, thread or callback. After each call the shell performs all of `out`
// (sends, and events in order) and re-arms one timer with next_deadline(); sip/net/endpoint_driver
// does so.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sip/address.hpp"
#include "sip/core.hpp"
#include "sip/counters.hpp"
#include "sip/ids.hpp"
#include "sip/output.hpp"
#include "sip/overload.hpp"
#include "sip/random.hpp"
#include "sip/specs.hpp"
#include "sip/time.hpp"

namespace sip {

struct EndpointLimits {
  // Beyond: requests to us are answered 503 with Retry-After, ours end as Cause::overloaded. A
  // transaction lives up to 64*T1 (32 s) over UDP, so this is 32 times the sustained request rate.
  std::size_t transactions = 400'000;
  std::size_t calls = 50'000;               // beyond: INVITE is answered 486, ours overloaded
  std::size_t subscriptions = 50'000;       // both sides; beyond: 503, ours overloaded
  std::size_t registrations = 10'000;       // of ours; and as many publications
  std::size_t message_bytes = 1024 * 1024;  // longer: answered 413 or 513, or dropped
  Duration answer_within = std::chrono::seconds(30);  // for the user to answer a request: 500
  Duration accept_within = std::chrono::minutes(3);   // for the user to answer a call: 480
  std::chrono::seconds retry_after{10};  // named in 503 of the user's limits
  // Registrations and the like are put off by 503 before the table of transactions is full.
  OverloadLimits overload;
};

// Lists are separated by commas.
struct EndpointConfig {
  std::string user_agent = "gbgate";  // User-Agent and Server; empty: neither is written
  // Served; others are answered 405, or 501 when nobody knows them. REFER and PUBLISH are left out
  // as they need a user who understands them.
  std::string allow =
      "INVITE, ACK, CANCEL, BYE, OPTIONS, REGISTER, MESSAGE, INFO, SUBSCRIBE, NOTIFY, PRACK, "
      "UPDATE";
  // Host in our Via and Contact, for a machine that others know by another address, where the
  // listener announces none. Empty: the local address of the flow that a message takes.
  std::string host;
  bool answer_options = true;  // 200 with Allow, without asking the user
  // Cameras: a request is taken for that of the only call with its Call-ID whatever its tags and
  // CSeq say, and one request may come twice with other branches. False: as RFC 3261 12.2.2 and
  // 8.2.2.2 (481, 500, 482); and an answer to whatever we ask inside that says that the peer does
  // not know the call, or silence, ends it (12.2.1.2, RFC 5057), not only one to a change.
  bool lenient_dialogs = true;
  // re-INVITE, and UPDATE with a body, are asked of the user (event::IncomingRequest with `call`).
  // False: answered 488, the session stays as agreed.
  bool user_handles_changes = false;
  // Requests inside dialogs go to the first route or the peer's Contact, as 12.2.1.1 says; a name
  // there is looked up (Output::lookups), and one that leads nowhere changes nothing. False: to
  // where its packets come from, for peers behind NAT that name private addresses.
  bool follow_targets = false;
  // Requests above 1,300 bytes, or within 200 of `path_mtu`, leave by TCP
  // instead of UDP, and by UDP after all when nobody takes the connection
  // (18.1.1). Not ACK to a 2xx, which nobody answers. False for peers that
  // never listen on TCP, as cameras.
  bool large_by_stream = true;
  std::size_t path_mtu = 0;  // bytes of the way to the peers; 0: not known
  std::string supported;     // option tags that the user handles, beside 100rel and timer
  std::string demanded;      // option tags that a request must support: else 421
  std::string accept;        // body types taken: others are answered 415; empty: any
  // Packages whose subscriptions the endpoint keeps, "refer" for REFER: others are answered 489.
  // Empty: SUBSCRIBE and REFER are requests like any other, for the user.
  std::string event_packages;
  std::chrono::seconds min_subscription{60}, max_subscription{3600};  // 423 below; cut above
  std::chrono::seconds session_expires{0};  // RFC 4028, wished for in calls to us; 0: not
  std::chrono::seconds min_se{90};          // shorter ones are answered 422
  bool date = false;                        // Date in what we send, once tell_time() was called
  Timers timers;
  EndpointLimits limits;
};

// For lists: what lives in an Endpoint, as values.
struct CallInfo {
  CallId call;
  std::string call_id, local, remote, local_tag, remote_tag;
  bool outgoing = false;
  std::string_view state;  // "calling", "ringing", "established"...
  Flow flow;
  TimePoint since;
  std::uint64_t user_data = 0;
};
struct SubscriptionInfo {
  SubscriptionId subscription;
  std::string call_id, local, remote, event;
  bool notifier = false;
  std::string_view state;  // "asking", "pending", "active"
  Flow flow;
  TimePoint since, ends_at;
  std::uint64_t user_data = 0;
};

class Transactions;

class Endpoint final : public Core {
 public:
  Endpoint(EndpointConfig config, const Seed& seed);
  ~Endpoint() override;
  Endpoint(const Endpoint&) = delete;
  Endpoint& operator=(const Endpoint&) = delete;

  // --- from the network (core.hpp) -------------------------------------------------------------

  // What the listener announces is the host of Via and Contact in what takes a flow with its
  // `local`. One that is announced again replaces the former.
  void on_listening(const Listener& listener) override;
  void on_message(std::string_view bytes, const Flow& from, TimePoint now, Output& out) override;
  // The same for a message that was parsed, and found without fault by validate() if it is a
  // request. Its bytes must live as long as the events.
  void on_parsed(const MessageView& message, const Flow& from, TimePoint now, Output& out);
  // Requests waiting on it fail, calls live on.
  void on_connection_closed(const Flow& flow, TimePoint now, Output& out) override;
  void on_send_failed(const Flow& flow, TimePoint now, Output& out) override;
  void on_backlog(unsigned percent) override;
  void on_resolved(LookupId lookup, std::span<const Flow> targets, TimePoint now,
                   Output& out) override;
  void on_deadline(TimePoint now, Output& out) override;
  TimePoint next_deadline() const override;

  // --- requests outside of calls ---------------------------------------------------------------

  // Always yields one event::RequestDone, at once if it cannot be sent. A destination without a
  // remote port is looked up (Output::lookups).
  RequestId send_request(const RequestSpec& spec, TimePoint now, Output& out);
  // Answers event::IncomingRequest. False when it is answered already or gone.
  bool respond(ServerTransactionId transaction, const ResponseSpec& spec, TimePoint now,
               Output& out);

  // --- calls -----------------------------------------------------------------------------------

  // Always yields one event::CallFailed or, after an answer, event::CallEnded.
  CallId invite(const InviteSpec& spec, TimePoint now, Output& out);
  // Answers event::IncomingCall: below 200 rings, 2xx accepts (and is repeated until ACK), anything
  // else refuses and ends the call without a further event. False when there is nothing to answer,
  // or a reliable answer is asked for that the caller does not support or while one waits for PRACK
  // (421 to a caller is the user's to send).
  bool answer(CallId call, const ResponseSpec& spec, TimePoint now, Output& out);
  // With InviteSpec::late_offer: our answer to the offer that came in a 2xx (it goes out in ACK) or
  // in a reliable 1xx (in PRACK). False when none waits for it. Without it within accept_within the
  // call is ended.
  bool acknowledge(CallId call, const InCallRequestSpec& answer, TimePoint now, Output& out);
  // CANCEL before the answer, BYE after it (also when the 2xx crosses our CANCEL), 603 for a call
  // that rings here. False when there is no such call. The end is reported as by others.
  bool hang_up(CallId call, TimePoint now, Output& out);
  // A request inside an answered call. Yields event::RequestDone, at once (Cause::invalid, 481) if
  // there is no such call. Unless lenient_dialogs, 481, 408 and their like end the call.
  RequestId send_in_call(CallId call, const InCallRequestSpec& spec, TimePoint now, Output& out);
  // Changes a call that is up; UPDATE also while it rings, once there is a dialog. Yields one
  // event::RequestDone; at once with Cause::invalid and 491 while another change is under way. 491
  // from the peer is tried again (14.1), 481 and 408 end the call (12.2.1.2).
  RequestId change_call(CallId call, const ChangeSpec& spec, TimePoint now, Output& out);
  // In-dialog requests go to `flow` from now on: the device came back from another port.
  bool move_call(CallId call, const Flow& flow);

  // The Call-ID header of a call, for logs and for finding it in a capture. Empty when gone. Valid
  // until the call ends.
  std::string_view call_id_header(CallId call) const;

  // --- events (RFC 6665) -----------------------------------------------------------------------

  // Subscribes and refreshes until unsubscribe() or the end; always yields one
  // event::SubscriptionEnded. REFER (spec.request.method "REFER", with Refer-To among its headers)
  // subscribes to its outcome (RFC 3515), inside `call` if that is given.
  SubscriptionId subscribe(const SubscribeSpec& spec, TimePoint now, Output& out, CallId call = {});
  // Either side. Ours: SUBSCRIBE with Expires 0, then the last NOTIFY. Theirs: NOTIFY terminated.
  bool unsubscribe(SubscriptionId subscription, TimePoint now, Output& out);
  // Answers event::IncomingSubscription: 2xx accepts (Expires is written), else refuses.
  bool answer_subscription(SubscriptionId subscription, const ResponseSpec& spec, TimePoint now,
                           Output& out);
  // Tells the subscriber; phase terminated ends it. False when there is none, or not accepted yet.
  bool notify(SubscriptionId subscription, const NotifySpec& spec, TimePoint now, Output& out);

  // --- what is kept at a peer ------------------------------------------------------------------

  // Registers and keeps registered: event::RegistrationChanged tells each turn. Until removed or
  // refused for good.
  RegistrationId keep_registered(const RegistrationSpec& spec, TimePoint now, Output& out);
  bool remove(RegistrationId registration, TimePoint now, Output& out);
  // Publishes event state and keeps it alive: event::PublicationChanged.
  PublicationId publish(const PublicationSpec& spec, TimePoint now, Output& out);
  bool modify(PublicationId publication, std::string_view content_type, std::string_view body,
              TimePoint now, Output& out);
  bool remove(PublicationId publication, TimePoint now, Output& out);

  // --- looking ---------------------------------------------------------------------------------

  // Pages: what comes after `after` (default: from the start), in no special order.
  std::vector<CallInfo> list_calls(CallId after, std::size_t at_most) const;
  std::vector<SubscriptionInfo> list_subscriptions(SubscriptionId after, std::size_t at_most) const;

  const Transactions& transactions() const;

  // The time of day at `now`, for Date. Call it again after a step of the clock.
  void tell_time(WallTime wall, TimePoint now);

  const Counters& counters() const;
  const EndpointConfig& config() const;
  // Random text for tags and the like, from the seed: `bytes` bytes as lower-case hex.
  std::string random_token(std::size_t bytes);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sip
