// The live transactions of an Endpoint: matched by key, timed out by one deadline (RFC 3261 17).
// Pure. A match allocates nothing; a new transaction uses the memory of an old one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "sip/counters.hpp"
#include "sip/deadline_heap.hpp"
#include "sip/invite_client.hpp"
#include "sip/invite_server.hpp"
#include "sip/message.hpp"
#include "sip/non_invite_client.hpp"
#include "sip/non_invite_server.hpp"
#include "sip/output.hpp"
#include "sip/slot_map.hpp"

namespace sip {

using TransactionId = Id<struct TransactionTag>;

// On whose behalf a transaction runs.
enum class Purpose : std::uint8_t {
  request,          // one request of ours or of a peer
  in_call_request,  // INFO and the like
  invite,           // the INVITE of `call`
  cancel,           // its CANCEL
  bye,              // its BYE
  stray_bye,        // BYE for an answer that belongs to no call
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
  std::string key;
  std::string head;              // server: the request without its body, to build answers from
  std::string message;           // client: the request; server: the last response
  std::string to_tag;            // server: the tag that we add to To
  TimePoint abandon_at = never;  // server: the user should have answered

  bool is_client() const { return machine.index() == 1 || machine.index() == 3; }
  bool is_server() const { return machine.index() == 2 || machine.index() == 4; }
  bool is_invite() const { return machine.index() >= 3; }

 private:
  friend class Transactions;
  std::uint64_t hash = 0;
  std::uint32_t next_in_bucket = 0;
  std::uint32_t client_position = 0;  // in Transactions::clients_
};

class Transactions {
 public:
  // `counters` must outlive it. `hash_seed` keeps peers from choosing keys that collide.
  Transactions(const Timers& timers, std::size_t limit, std::uint64_t hash_seed,
               Counters& counters);

  bool full() const { return slots_.size() >= limit_; }
  std::size_t size() const { return slots_.size(); }

  TransactionId find(std::string_view key);  // an empty id when there is none
  Transaction* get(TransactionId id) { return slots_.find(id); }

  // Sends `request`. The key must be new; not when full().
  TransactionId start_client(bool invite, std::string_view key, std::string_view request,
                             const Flow& flow, const Owner& owner, TimePoint now, Output& out);
  // True when the response is news for the owner. A final response may end the transaction; a
  // failure of an INVITE is acknowledged here.
  bool on_response(TransactionId id, const MessageView& response, TimePoint now, Output& out);

  // The user has until `abandon_at` to answer.
  TransactionId start_server(std::string_view key, const MessageView& request, const Flow& flow,
                             const Owner& owner, TimePoint abandon_at, TimePoint now);
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
  TimePoint next_deadline() const { return deadlines_.next(); }

 private:
  static constexpr std::uint32_t nothing = ~std::uint32_t{0};

  std::uint64_t hash(std::string_view key) const;
  std::uint32_t& bucket(std::uint64_t hash) { return buckets_[hash & (buckets_.size() - 1)]; }
  TransactionId insert(std::string_view key, const Flow& flow, const Owner& owner);
  void unlink(std::uint32_t index);
  void grow();
  void release(std::uint32_t index);
  void settle(std::uint32_t index);
  void expire(std::uint32_t index, TimePoint now, Output& out,
              std::vector<TransactionReport>& reports);
  void fail(std::uint32_t index, std::vector<TransactionReport>& reports);
  bool perform(Transaction& t, const MessageView* response, Output& out);
  void acknowledge(const Transaction& t, const MessageView& response, Output& out);
  void send_trying(Transaction& t, Output& out);

  Timers timers_;
  std::size_t limit_;
  std::uint64_t hash_seed_;
  Counters& counters_;
  SlotMap<Transaction, TransactionTag> slots_;
  std::vector<std::uint32_t> buckets_;  // first of each chain
  std::vector<std::uint32_t> clients_;  // those that a failed flow may concern
  DeadlineHeap deadlines_;
  Actions actions_;
  MessageView stored_;  // a message kept in a transaction, parsed again
  std::string scratch_;
};

}  // namespace sip
