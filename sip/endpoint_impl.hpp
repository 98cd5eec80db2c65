// The inside of Endpoint; endpoint_*.cpp implement it by subject. For nobody else to include.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "sip/deadline_heap.hpp"
#include "sip/endpoint.hpp"
#include "sip/endpoint_state.hpp"
#include "sip/keyed_hash.hpp"
#include "sip/message.hpp"
#include "sip/recent_requests.hpp"
#include "sip/request_writer.hpp"
#include "sip/slot_map.hpp"
#include "sip/transactions.hpp"

namespace sip {

// What is being handled: the message that just came, if any.
struct Turn {
  TimePoint now;
  Output& out;
  const MessageView* message = nullptr;
  Flow flow{};
};

// How a request of ours came out.
struct Outcome {
  Cause cause;
  int status;
  const MessageView* message;
};

struct Endpoint::Impl {
  Impl(EndpointConfig configuration, const Seed& seed);

  // endpoint_receive.cpp: messages from the network.
  void on_message(std::string_view bytes, const Flow& from, TimePoint now, Output& out);
  void on_parsed(const MessageView& message, const Flow& from, TimePoint now, Output& out);
  void on_broken(Errc code, Turn& turn);
  void on_response(Turn& turn);
  void deliver_response(const Owner& owner, TransactionId id, Turn& turn);
  void on_request(Turn& turn);
  void on_ack(const Via& via, Turn& turn);
  void on_cancel(const Via& via, TransactionId cancel, Turn& turn);
  void on_new_request(const Via& via, const TransactionKey& key, Turn& turn);
  void dispatch(TransactionId id, Turn& turn);
  void dispatch_in_dialog(TransactionId id, Turn& turn);
  void to_user(TransactionId id, CallId call, Turn& turn);

  // endpoint_checks.cpp: RFC 3261 8.2.1 to 8.2.3. True: answered.
  bool refused(TransactionId id, Turn& turn);
  bool refused_extension(TransactionId id, Turn& turn);
  bool refused_content(TransactionId id, Turn& turn);
  bool merged(TransactionId id, Turn& turn);
  bool allows(Method method, std::string_view text) const;

  // endpoint_requests.cpp: requests outside of calls, answers.
  RequestId send_request(const RequestSpec& spec, TimePoint now, Output& out);
  // Sends what the writer has just written, with persistence when there is any.
  RequestId start_request(std::string_view method, const Flow& flow, const Owner& owner,
                          const Persistence& persistence, bool own_contact, TimePoint now,
                          Output& out, std::string hop = {});
  RequestId fail_at_once(const Owner& owner, Cause cause, int status, Output& out);
  bool respond_for_user(TransactionId id, const ResponseSpec& spec, TimePoint now, Output& out);
  bool respond(TransactionId id, const ResponseSpec& spec, std::string_view contact, TimePoint now,
               Output& out);
  void respond_plainly(TransactionId id, int status, Turn& turn);
  void respond_with(TransactionId id, int status, HeaderField field, Turn& turn);
  void respond_statelessly(int status, Turn& turn);
  std::string stateless_tag(const MessageView& request) const;
  const MessageView* request_of(TransactionId id);
  void on_reports(TimePoint now, Output& out);
  void on_report(const TransactionReport& report, Turn& turn);
  void finish(const Owner& owner, RequestId id, const Outcome& outcome, Turn& turn);

  // endpoint_transport.cpp: by what a request leaves.
  bool is_too_large_for(const Flow& flow) const;
  void send_ack_by(const Flow& flow, Output& out);
  TransactionId start_client(std::string_view method, const Flow& flow, const Owner& owner,
                             TimePoint now, Output& out);
  void fall_back(const Flow& failed, TimePoint now, Output& out);
  RequestId start_in_dialog(const Dialog& dialog, std::string_view method, const Owner& owner,
                            const Persistence& persistence, bool own_contact, TimePoint now,
                            Output& out);
  void send_in_dialog(const Dialog& dialog, std::string_view method, const Owner& owner,
                      TimePoint now, Output& out);
  void send_found(const Owner& owner, std::string_view method, const Flow& flow, TimePoint now,
                  Output& out);
  void note_way(const Attempt& attempt, const Flow& flow);
  void aim(Dialog& dialog) const;  // EndpointConfig::follow_targets
  // Of one end of a call or subscription whose request `owner` is; null: of none.
  Dialog* dialog_of(const Owner& owner, std::string_view remote_tag);
  bool full() const;  // no room for another request
  void on_flow_failed(const Flow& flow, TimePoint now, Output& out);

  // endpoint_attempts.cpp: requests that are tried again.
  AttemptId take_attempt(const Persistence& persistence, const Flow& flow, const Owner& owner,
                         bool own_contact);
  bool try_again(AttemptId id, const Outcome& outcome, Turn& turn);
  bool try_next_flow(AttemptId id, Turn& turn);
  bool follow_redirection(AttemptId id, Turn& turn);
  void look_up(AttemptId id, std::string uri, Output& out);
  void look_up_first(AttemptId id, std::string hop, Output& out);
  // Where it would go by itself: its first Route, else its Request-URI.
  static std::string next_hop_of(const MessageView& request);
  void on_resolved(LookupId lookup, std::span<const Flow> targets, Turn& turn);
  bool resend(AttemptId id, std::string_view uri, const Flow& flow, Turn& turn);
  void resend_invite(const Attempt& a, std::uint32_t cseq, std::string_view uri, Turn& turn);
  void rename_refer(const Owner& owner, std::string_view method, std::uint32_t cseq);
  void fail_attempt(AttemptId id, const Outcome& outcome, Turn& turn);

  // endpoint_login.cpp: challenges.
  Login* login_of(const Owner& owner);  // that outlives one request; null: there is none
  Login& login_of(Attempt& attempt);
  bool answer_challenge(Login& login, Challenged& challenged, const Credentials& credentials,
                        const MessageView& response);
  void add_credentials(std::vector<HeaderField>& headers, Login* login, std::string_view method,
                       std::string_view body, std::string_view uri);
  void repeat_credentials(TransactionId invite, std::vector<HeaderField>& headers);
  void on_authentication_info(const Owner& owner);

  // endpoint_calls.cpp: calls.
  CallId invite(const InviteSpec& spec, TimePoint now, Output& out);
  void prepare_outgoing(Call& call, const InviteSpec& spec);
  bool answer(CallId id, const ResponseSpec& spec, TimePoint now, Output& out);
  void send_answer(CallId id, Call& call, const ResponseSpec& spec, Turn& turn);
  bool hang_up(CallId id, TimePoint now, Output& out);
  RequestId send_in_call(CallId id, const InCallRequestSpec& spec, TimePoint now, Output& out);
  void on_incoming_call(TransactionId id, Turn& turn);
  void begin_incoming_call(TransactionId id, Turn& turn);
  void on_invite_response(const Owner& owner, Turn& turn);
  void on_bye(TransactionId id, Turn& turn);
  void on_call_deadlines(TimePoint now, Output& out);
  CallId take_call(std::string_view call_id, TimePoint now);
  CallId find_call(const MessageView& message, bool tags_must_match);
  void release_call(CallId id);
  void refuse_pending_change(const Call& call, Turn& turn);
  void drop_invite(TransactionId invite);

  // endpoint_early.cpp: answers of several branches, and reliable ones (RFC 3262).
  bool on_early_answer(CallId id, Call& call, Turn& turn);  // false: it is no news
  EarlyDialog& early_dialog(Call& call, Turn& turn);
  Dialog* dialog_of(Call& call);  // where requests can be sent now; null: nowhere
  Dialog& dialog_with(Call& call, std::string_view remote_tag);  // an early one, else the call's
  void send_prack(CallId id, EarlyDialog& early, std::uint32_t rseq, std::uint32_t invite_cseq,
                  const InCallRequestSpec& spec, Turn& turn);
  bool acknowledge(CallId id, const InCallRequestSpec& spec, TimePoint now, Output& out);
  void on_other_branch(CallId original, TransactionId invite, Turn& turn);
  CallId find_branch(const MessageView& response);
  bool answer_reliably(CallId id, Call& call, const ResponseSpec& spec, Turn& turn);
  void on_prack(TransactionId id, CallId call, Turn& turn);
  void on_reliable_deadline(CallId id, Call& call, Turn& turn);

  // endpoint_changes.cpp: our re-INVITE and UPDATE.
  RequestId change(CallId id, const ChangeSpec& spec, bool internal, TimePoint now, Output& out);
  void send_change(CallId id, Call& call, Turn& turn);
  void on_change_response(const Owner& owner, Turn& turn);
  void on_change_success(CallId id, Call& call, Turn& turn);
  void on_change_failure(CallId id, const Outcome& outcome, Turn& turn);
  bool ends_call(const Outcome& outcome) const;
  bool retry_change(CallId id, Call& call, const Outcome& outcome, Turn& turn);
  void acknowledge_change(CallId id, Call& call, const InCallRequestSpec& spec, Turn& turn);
  void retry_after_glare(CallId id, Call& call, Turn& turn);
  void give_up_change(CallId id, OurChange& ours, Turn& turn);

  // endpoint_peer_changes.cpp: the peer's.
  void on_change_request(TransactionId id, CallId call, Turn& turn);
  bool refuse_change(TransactionId id, Call& call, Turn& turn);
  bool answer_refresh(TransactionId id, Call& call, Turn& turn);
  bool respond_to_change(TransactionId id, CallId call, const ResponseSpec& spec, Turn& turn);
  void respond_plainly_to_change(TransactionId id, CallId call, int status, Turn& turn);

  // endpoint_call_timers.cpp: what is due, session timers.
  void on_change_deadline(CallId id, Call& call, Turn& turn);
  void on_timer_deadline(CallId id, Call& call, Turn& turn);
  void add_timer_headers(std::vector<HeaderField>& headers, const SessionTimer& timer) const;
  void remember_session(Call& call, std::string_view type, std::string_view local);
  TimePoint deadline_of(const Call& call) const;
  void lose_call(CallId id, CallAction how, Turn& turn);

  // endpoint_call_actions.cpp: what a session asks for.
  void perform(CallId id, Turn& turn);  // all of call_actions_, then the deadline or the end
  void perform(CallAction action, CallId id, Call& call, Turn& turn);
  void send_cancel(CallId id, const Call& call, Turn& turn);
  void send_ack(CallId id, Call& call, Turn& turn);
  void write_ack(CallId id, Call& call, const InCallRequestSpec& spec, Turn& turn);
  void send_bye(CallId id, Call& call, Turn& turn);
  void refuse_stray_answer(TransactionId invite, Turn& turn);
  void report_failure(CallId id, const Call& call, Turn& turn);
  void report_end(CallId id, const Call& call, EndedBy by, Turn& turn);

  // endpoint_subscriptions.cpp: ours. endpoint_notifier.cpp: those of peers.
  SubscriptionId subscribe(const SubscribeSpec& spec, CallId call, TimePoint now, Output& out);
  bool unsubscribe(SubscriptionId id, TimePoint now, Output& out);
  void send_subscribe(SubscriptionId id, Subscription& s, TimePoint now, Output& out);
  void on_subscribe_done(SubscriptionId id, const Outcome& outcome, Turn& turn);
  bool on_notify(TransactionId id, Turn& turn);  // false: of none of ours
  SubscriptionId fork_subscription(SubscriptionId original, Turn& turn);
  void on_notified(SubscriptionId id, TransactionId transaction, Turn& turn);
  void on_subscription_deadlines(TimePoint now, Output& out);
  void end_subscription(SubscriptionId id, const Outcome& outcome, std::string_view reason,
                        std::uint32_t retry_after, Turn& turn);
  SubscriptionId take_subscription(std::string_view call_id, TimePoint now);
  SubscriptionId find_subscription(const MessageView& request, bool notifier);
  void release_subscription(SubscriptionId id);
  void arm(SubscriptionId id);
  Dialog& dialog_of(Subscription& s);
  void on_subscribe(TransactionId id, Turn& turn);
  void on_new_subscription(TransactionId id, CallId call, Turn& turn);
  void on_subscription_refresh(SubscriptionId id, TransactionId transaction, Turn& turn);
  bool answer_subscription(SubscriptionId id, const ResponseSpec& spec, TimePoint now, Output& out);
  bool notify(SubscriptionId id, const NotifySpec& spec, TimePoint now, Output& out);
  void on_notify_done(SubscriptionId id, const Outcome& outcome, Turn& turn);
  std::uint32_t granted_expires(const MessageView& request) const;

  // endpoint_registrations.cpp: registrations and publications of ours.
  RegistrationId keep_registered(const RegistrationSpec& spec, TimePoint now, Output& out);
  PublicationId publish(const PublicationSpec& spec, TimePoint now, Output& out);
  bool modify(PublicationId id, std::string_view type, std::string_view body, TimePoint now,
              Output& out);
  KeptId keep(Kept fresh, bool possible, TimePoint now, Output& out);
  bool remove(KeptId id, TimePoint now, Output& out);
  void send_kept(KeptId id, TimePoint now, Output& out);
  void on_kept_done(KeptId id, const Outcome& outcome, Turn& turn);
  SoftState::Next settle(Kept& kept, const Outcome& outcome, TimePoint now);
  void keep_flow(Kept& kept, const MessageView& response, Turn& turn);
  void on_kept_flow_failed(const Flow& flow, TimePoint now, Output& out);
  void on_kept_deadlines(TimePoint now, Output& out);

  void on_deadline(TimePoint now, Output& out);
  TimePoint next_deadline() const;

  CallId dead_call_id() { return {~std::uint32_t{0}, ++dead_ids_}; }
  RequestId dead_request_id() { return {~std::uint32_t{0}, ++dead_ids_}; }
  double chance() { return static_cast<double>(random.next()) / 4294967296.0; }

  struct TextHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>()(text);
    }
  };
  template <class Id>
  using ByCallId = std::unordered_multimap<std::string, Id, TextHash, std::equal_to<>>;

  const EndpointConfig config;
  std::uint32_t allowed = 0;  // bits of Method
  Limits limits;
  Random random;
  HashKey tag_key;  // of answers without state
  Counters counters;
  Transactions transactions;
  SlotMap<Call, CallTag> calls;
  ByCallId<CallId> calls_by_call_id;
  DeadlineHeap call_deadlines;
  SlotMap<Subscription, SubscriptionTag> subscriptions;
  ByCallId<SubscriptionId> subscriptions_by_call_id;
  DeadlineHeap subscription_deadlines;
  SlotMap<Kept, KeptTag> kept;
  std::size_t kept_publications = 0;  // of them; the others are registrations
  DeadlineHeap kept_deadlines;
  SlotMap<Attempt, AttemptTag> attempts;
  std::unordered_map<std::uint64_t, AttemptId> lookups;
  std::uint64_t last_lookup = 0;
  std::unordered_map<std::uint32_t, LargeRequest> large_requests;  // by index of the transaction
  RecentRequests recent;
  RequestWriter writer;
  Overload overload;

  MessageView view;       // of the message that is being handled
  TransactionId current;  // the server transaction that it began
  MessageView stored;     // of a request kept by its transaction
  std::string scratch;
  std::vector<TransactionReport> reports;
  CallActions call_actions;
  std::uint32_t dead_ids_ = 0;  // named things that never lived
};

CountedMethod counted(Method method);
// The user part of To; "" when there is none.
std::string_view user_of_to(const MessageView& request);
bool has_to_tag(const MessageView& message);
inline bool is_update(const ChangeSpec& spec) {
  return spec.method == "UPDATE";
}

}  // namespace sip
