// The live transactions of a Core: matched by key, timed out by one deadline (RFC 3261 17). Pure. A
// match allocates nothing; a new transaction uses the memory of an old one.
//
// Very many may live at once, most of them answered and only waiting for their end: one holds about
// 300 bytes and the message that it may have to repeat, and nothing that nobody will ask for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "sip/counters.hpp"
#include "sip/deadline_queue.hpp"
#include "sip/invite_client.hpp"
#include "sip/invite_server.hpp"
#include "sip/message.hpp"
#include "sip/non_invite_client.hpp"
#include "sip/non_invite_server.hpp"
#include "sip/output.hpp"
#include "sip/slot_map.hpp"
#include "sip/text_pool.hpp"
#include "sip/transaction_key.hpp"

namespace sip {

using TransactionId = Id<struct TransactionTag>;

// On whose behalf a transaction runs.
enum class Purpose : std::uint8_t {
  request,          // one request of ours or of a peer
  in_call_request,  // INFO and the like
  invite,           // the INVITE of `call`
  cancel,           // its CANCEL
  ack,              // ACK to a 2xx of `call` that waits for a look-up; has no transaction
  bye,              // its BYE
  stray_bye,        // BYE for an answer that belongs to no call
  proxy,            // either side of a relayed request: a 2xx to INVITE is not kept, for others
                    // repeat it; nor is, once it is answered so, the INVITE
  attempt,          // one try of a request that may be tried again: `user_data` names it
  change,           // re-INVITE or UPDATE of `call`, ours or the peer's
  prack,            // of `call`
  subscribe,        // SUBSCRIBE or REFER of the subscription that `call` stands for
  notify,           // its NOTIFY
  kept,             // REGISTER or PUBLISH of what `call` stands for
};
struct Owner {
  Purpose purpose = Purpose::request;
  CallId call;
  std::uint64_t user_data = 0;
};

// What a deadline or a failed flow did to one transaction. A client that is reported has ended.
struct TransactionReport {
  TransactionId id;
  Owner owner;
  Action what;  // timeout or transport_error
  bool server;  // timeout of a server: its user has not answered yet, the transaction waits on
};

struct Transaction {
  using Machine =
      std::variant<std::monostate, NonInviteClient, NonInviteServer, InviteClient, InviteServer>;
  Machine machine;
  Flow flow;
  Owner owner;
  // Server: the request without its body, to build answers from; empty after a final answer.
  PooledText head;
  // Client: the request, while it may have to be sent again or cancelled; then the ACK to a
  // failure. Server: the last response.
  PooledText message;
  std::string to_tag;            // server: the tag that we add to To
  TimePoint abandon_at = never;  // server: the user should have answered
  TimePoint started_at{};
  Method method = Method::unknown;  // of the request

  bool is_client() const { return machine.index() == 1 || machine.index() == 3; }
  bool is_server() const { return machine.index() == 2 || machine.index() == 4; }
  bool is_invite() const { return machine.index() >= 3; }
  // As the RFC calls it: "Trying", "Proceeding", "Completed", "Accepted", ...
  std::string_view state_name() const;

 private:
  friend class Transactions;
  TransactionKey key;
  std::uint32_t next_in_bucket = 0;
  std::uint32_t next_on_flow = 0;  // clients only
  std::uint32_t previous_on_flow = 0;
};

class Transactions {
 public:
  // `counters` must outlive it. `hash_seed` keeps peers from choosing keys that collide.
  Transactions(const Timers& timers, std::size_t limit, std::uint64_t hash_seed,
               Counters& counters);
  ~Transactions();
  Transactions(const Transactions&) = delete;
  Transactions& operator=(const Transactions&) = delete;

  bool full() const { return slots_.size() >= limit_; }
  std::size_t size() const { return slots_.size(); }

  TransactionKey response_key(std::string_view branch, std::string_view method) const {
    return client_key(branch, method, hash_seed_);
  }
  TransactionKey request_key(const MessageView& request, const Via& via, std::string_view method,
                             const Flow& from) const {
    return server_key(request, via, method, from, hash_seed_);
  }
  TransactionId find(const TransactionKey& key) const;  // an empty id when there is none
  // The INVITE that an ACK or a CANCEL is about (9.2, 17.2.3).
  TransactionId find_invite(const MessageView& about, const Via& via, const Flow& from) const {
    return find(request_key(about, via, "INVITE", from));
  }
  Transaction* get(TransactionId id) { return slots_.find(id); }

  // Sends `request`. The key must be new; not when full().
  TransactionId start_client(bool invite, const TransactionKey& key, std::string_view request,
                             const Flow& flow, const Owner& owner, TimePoint now, Output& out);
  // True when the response is news for the owner. A final response may end the transaction; a
  // failure of an INVITE is acknowledged here.
  bool on_response(TransactionId id, const MessageView& response, TimePoint now, Output& out);
  // Sends CANCEL for an INVITE of ours that has no final answer yet. Whether one may be sent before
  // a provisional answer is the caller's to decide (9.1). An empty id when there is nothing to
  // cancel, or when full(); the same one when it is cancelled already.
  TransactionId cancel(TransactionId invite, const Owner& owner, TimePoint now, Output& out);

  // The user has until `abandon_at` to answer.
  // Of a client that has heard nothing yet: `request`, of the same branch, goes
  // by another flow and all timers begin anew (RFC 3261 18.1.1). False when it
  // is too late.
  bool restart_client(TransactionId id, std::string_view request, const Flow& flow, TimePoint now,
                      Output& out);
  TransactionId start_server(const TransactionKey& key, const MessageView& request,
                             const Flow& flow, const Owner& owner, TimePoint abandon_at,
                             TimePoint now);
  void on_retransmission(TransactionId id, Output& out);
  bool on_ack(TransactionId id, TimePoint now, Output& out);  // true: it is for the owner
  // False when it comes too late.
  bool respond(TransactionId id, int status, std::string_view response, TimePoint now, Output& out);
  // Repeats the last response (a 2xx to INVITE, until ACK).
  void repeat_response(TransactionId id, Output& out);

  // Ends a transaction without a word.
  void drop(TransactionId id);

  void on_deadline(TimePoint now, Output& out, std::vector<TransactionReport>& reports);
  // Clients that sent to this flow fail. For a connection that is gone, its id decides, or the
  // remote address for those that wait for one to be opened.
  void on_flow_failed(const Flow& flow, std::vector<TransactionReport>& reports);
  // Those that would fail.
  std::vector<TransactionId> clients_on(const Flow& flow);
  TimePoint next_deadline() const {
    arm_newest();
    return deadlines_.next();
  }

  // For whoever wants to see them: calls f(id, const Transaction&) for at most `at_most` of them,
  // from slot `from` on. Returns where to go on, 0 at the end. What comes and goes between two
  // calls may be missed, nothing is told twice.
  template <class F>
  std::uint32_t walk(std::uint32_t from, std::size_t at_most, F&& f) const {
    for (auto i = from; i < slots_.slot_count(); ++i) {
      if (!slots_.live(i)) continue;
      if (at_most-- == 0) return i;
      f(slots_.id_of(i), slots_.at(i));
    }
    return 0;
  }

 private:
  static constexpr std::uint32_t nothing = ~std::uint32_t{0};
  using Buckets = std::vector<std::uint32_t>;  // first of each chain

  std::uint32_t& bucket(const TransactionKey& key) {
    return buckets_[key.low & (buckets_.size() - 1)];
  }
  std::uint32_t& flow_bucket(const Flow& flow);
  TransactionId insert(const TransactionKey& key, const Flow& flow, const Owner& owner,
                       TimePoint now);
  void link(std::uint32_t index);
  void unlink(std::uint32_t index);
  void link_to_flow(std::uint32_t index);
  void unlink_from_flow(std::uint32_t index);
  void grow();
  void release(std::uint32_t index);
  void settle(std::uint32_t index);
  void arm_newest() const;
  void expire(std::uint32_t index, TimePoint now, Output& out,
              std::vector<TransactionReport>& reports);
  void send_first(std::uint32_t index, bool invite, std::string_view request, TimePoint now,
                  Output& out);
  void collect_clients_on(const Flow& flow);
  void collect_all_clients_on(const Flow& flow);
  void fail(std::uint32_t index, std::vector<TransactionReport>& reports);
  bool perform(const Transaction& t, std::string_view message, Output& out);
  void acknowledge(Transaction& t, const MessageView& response, bool first, Output& out);
  void forget_request(Transaction& t);
  void send_trying(Transaction& t, Output& out);

  const Timers timers_;  // the machines refer to them
  std::size_t limit_;
  std::uint64_t hash_seed_;
  Counters& counters_;
  TextPool texts_;
  SlotMap<Transaction, TransactionTag> slots_;
  Buckets buckets_;
  Buckets flow_buckets_;             // clients, by where a failure would come from
  mutable DeadlineQueue deadlines_;  // asking it puts it in order
  // A server whose deadline is not set yet: most are answered at once, and have another then.
  mutable std::uint32_t newest_ = nothing;
  std::vector<std::uint32_t> failed_;  // whom a failed flow concerns
  Actions actions_;
  MessageView stored_;  // a message kept in a transaction, parsed again
  std::string scratch_;
};

}  // namespace sip
