// The inside of Endpoint; endpoint_*.cpp implement it by subject. For nobody else to include.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "sip/deadline_heap.hpp"
#include "sip/dialog.hpp"
#include "sip/endpoint.hpp"
#include "sip/invite_session.hpp"
#include "sip/message.hpp"
#include "sip/request_writer.hpp"
#include "sip/slot_map.hpp"
#include "sip/transactions.hpp"

namespace sip {

// One call. Its session and its INVITE's transaction end at different times.
struct Call {
  std::optional<InviteSession> session;
  Dialog dialog;
  TransactionId invite;
  std::uint32_t invite_cseq = 0;
  std::string ack;                // to the 2xx, to be repeated
  Cause cause = Cause::answered;  // of a failure that is not the peer's
  std::uint64_t user_data = 0;
};

// What is being handled: the message that just came, if any.
struct Turn {
  TimePoint now;
  Output& out;
  const MessageView* message = nullptr;
  Flow flow{};
};

struct Endpoint::Impl {
  Impl(EndpointConfig configuration, const Seed& seed);

  // endpoint_receive.cpp: messages from the network.
  void on_message(std::string_view bytes, const Flow& from, TimePoint now, Output& out);
  void on_broken(Errc code, Turn& turn);
  void on_response(Turn& turn);
  void deliver_response(const Owner& owner, TransactionId id, Turn& turn);
  void on_request(Turn& turn);
  void on_ack(const Via& via, Turn& turn);
  void on_cancel(const Via& via, TransactionId cancel, Turn& turn);
  void on_new_request(const Via& via, Turn& turn);
  void dispatch(TransactionId id, Turn& turn);
  bool refused(Turn& turn);  // by method, before a user sees it
  bool allows(std::string_view method) const;

  // endpoint_requests.cpp: requests outside of calls, answers.
  RequestId send_request(const RequestSpec& spec, TimePoint now, Output& out);
  TransactionId start_client(std::string_view method, const Flow& flow, const Owner& owner,
                             TimePoint now, Output& out);
  void request_failed(RequestId id, const Owner& owner, Cause cause, int status, Output& out);
  bool respond(TransactionId id, const ResponseSpec& spec, std::string_view contact, TimePoint now,
               Output& out);
  void respond_plainly(TransactionId id, int status, Turn& turn);
  void respond_statelessly(int status, Turn& turn);
  const MessageView* request_of(TransactionId id);
  void on_reports(TimePoint now, Output& out);
  void on_report(const TransactionReport& report, Turn& turn);

  // endpoint_calls.cpp: calls.
  CallId invite(const InviteSpec& spec, TimePoint now, Output& out);
  bool answer(CallId id, const ResponseSpec& spec, TimePoint now, Output& out);
  bool hang_up(CallId id, TimePoint now, Output& out);
  RequestId send_in_call(CallId id, const InCallRequestSpec& spec, TimePoint now, Output& out);
  void on_incoming_call(TransactionId id, Turn& turn);
  void on_invite_response(const Owner& owner, Turn& turn);
  void on_bye(TransactionId id, Turn& turn);
  void on_call_deadlines(TimePoint now, Output& out);
  CallId take_call(std::string_view call_id);
  CallId find_call(const MessageView& message, bool tags_must_match);
  void release_call(CallId id);

  // endpoint_call_actions.cpp: what a session asks for.
  void perform(CallId id, Turn& turn);  // all of call_actions_, then the deadline or the end
  void perform(CallAction action, CallId id, Call& call, Turn& turn);
  void send_cancel(CallId id, const Call& call, Turn& turn);
  void send_ack(Call& call, Turn& turn);
  void send_bye(CallId id, Call& call, Turn& turn);
  void refuse_stray_answer(TransactionId invite, Turn& turn);
  void report_failure(CallId id, const Call& call, Turn& turn);
  void report_end(CallId id, const Call& call, EndedBy by, Turn& turn);

  CallId dead_call_id() { return {~std::uint32_t{0}, ++dead_ids_}; }
  RequestId dead_request_id() { return {~std::uint32_t{0}, ++dead_ids_}; }

  struct TextHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>()(text);
    }
  };

  const EndpointConfig config;
  Limits limits;
  Random random;
  Counters counters;
  Transactions transactions;
  SlotMap<Call, CallTag> calls;
  std::unordered_multimap<std::string, CallId, TextHash, std::equal_to<>> calls_by_call_id;
  DeadlineHeap call_deadlines;
  RequestWriter writer;

  MessageView view;       // of the message that is being handled
  TransactionId current;  // the server transaction that it began
  MessageView stored;     // of a request kept by its transaction
  std::string key;
  std::vector<TransactionReport> reports;
  CallActions call_actions;
  std::uint32_t dead_ids_ = 0;  // named things that never lived
};

CountedMethod counted(Method method);

inline TransactionId transaction_of(RequestId id) {
  return {id.index, id.generation};
}
inline TransactionId transaction_of(ServerTransactionId id) {
  return {id.index, id.generation};
}
inline RequestId request_id(TransactionId id) {
  return {id.index, id.generation};
}

}  // namespace sip
