// The inside of Server; server_*.cpp implement it by subject. For nobody else to include.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "sip/deadline_heap.hpp"
#include "sip/forward.hpp"
#include "sip/interfaces.hpp"
#include "sip/keyed_hash.hpp"
#include "sip/message_builder.hpp"
#include "sip/overload.hpp"
#include "sip/proxy_branch.hpp"
#include "sip/proxy_route.hpp"
#include "sip/redirect.hpp"
#include "sip/reg_notifier.hpp"
#include "sip/registrar.hpp"
#include "sip/response_context.hpp"
#include "sip/server.hpp"
#include "sip/slot_map.hpp"
#include "sip/transactions.hpp"

namespace sip {

CountedMethod counted(Method method);  // of endpoint.cpp

using ContextId = Id<struct ContextTag>;

struct Server::Impl {
  // What is being handled.
  struct Turn {
    TimePoint now;
    Output& out;
    const MessageView* message = nullptr;
    Flow flow{};
    Via via{};  // the topmost of a request
    // Of a request whose route was read: what read_route() has left, and what it means.
    Uri uri{};
    bool to_ours = false;  // to a user of ours, or to ourselves
    std::uint32_t loop = 0;
    TransactionKey transaction{};  // of a request that might be a repetition
  };
  // A request with its routing, ready to be written for one target after another.
  struct Outgoing {
    const MessageView* request;
    const Via* via;
    Flow source;
    const ProxyRoute* route;
    const Uri* uri;  // that of `route`; null: not parsed
    std::uint32_t loop;
    std::uint32_t breadth = 60;
  };
  // A request of the stateless proxy that waits for DNS.
  struct Held {
    std::string bytes;
    Flow source;
  };
  enum class Admission : std::uint8_t { admitted, challenged, refused };
  // How to get to a target.
  struct Way {
    enum class Kind : std::uint8_t { flow, lookup, nowhere };
    Kind kind = Kind::nowhere;
    Flow flow;
  };

  Impl(ServerConfig configuration, const Seed& seed, Location& bindings, const Accounts* who);

  // --- server.cpp: in and out
  void on_message(std::string_view bytes, const Flow& from, TimePoint now, Output& out);
  void on_valid(const MessageView& message, const Flow& from, TimePoint now, Output& out);
  void on_broken(Errc code, Turn& turn);
  bool concerns(const MessageView& message, const Flow& from) const;
  void on_resolved(LookupId lookup, std::span<const Flow> targets, TimePoint now, Output& out);
  void on_reports(TimePoint now, Output& out);
  void on_deadline(TimePoint now, Output& out);
  TimePoint next_deadline() const;
  std::vector<ProxiedRequest> list(std::size_t at_most);

  // --- server_answers.cpp: answers of our own
  void count_answer(int status, Transport transport) {
    counters.count_response_sent(status, transport);
  }
  MessageBuilder begin_answer(int status, Turn& turn);
  void send_answer(std::string_view bytes, Turn& turn);
  void answer(int status, Turn& turn);  // without state
  void answer_overloaded(Turn& turn);
  void answer_unsupported(HeaderId required, Turn& turn);
  void answer_here(Turn& turn);  // a request to the server itself
  void answer_remembered(int status, Turn& turn);
  void answer_options(Turn& turn);
  void redirect(Turn& turn);
  void register_here(Turn& turn);
  void respond_remembered(MessageBuilder& answer, int status, Turn& turn);
  std::string_view tag_of(const MessageView& request, const Via& via);
  // Of a To: an answer of ours, given without state, put its tag there.
  bool has_our_tag(std::string_view to) const { return to.find(tag_prefix) != to.npos; }

  // --- server_events.cpp: the reg event
  bool takes_subscription(const Turn& turn) const;
  void subscribe_here(Turn& turn);
  int fault_of_subscribe(const Turn& turn, WatcherId inside) const;  // 0: none
  bool may_watch(const Turn& turn, std::string_view who, std::string_view whom);
  void refuse_subscribe(int status, Turn& turn);
  void accept_subscribe(std::uint32_t expires, Turn& turn);
  void on_bindings_changed(const Registrar::Outcome& done, TimePoint now, Output& out);
  bool remove(std::string_view whose, std::string_view contact, TimePoint now, Output& out);
  void tell_watchers(TimePoint now, Output& out);
  void send_notify(WatcherId id, TimePoint now, Output& out);
  void on_notify_answer(const Owner& owner, int status, TimePoint now, Output& out);
  std::string contact_at(const Flow& flow) const;

  // --- server_requests.cpp: what to do with a request
  void on_request(Turn& turn);
  void on_ack(Turn& turn);
  void on_cancel(Turn& turn);
  void dispatch(Turn& turn);
  void read(Turn& turn);
  void proxy(Turn& turn);
  int fault_of(Turn& turn);  // 16.3; 0: none
  bool answer_at_once(Turn& turn);
  // `may_ask` is false for what cannot be challenged.
  Admission admission(Turn& turn, bool may_ask);
  std::optional<std::string_view> authenticated(Turn& turn, Authenticator::Kind kind);
  bool trusts(const Flow& from) const {
    return config.trust_loopback && from.remote.ip.is_loopback();
  }
  bool is_self(const Uri& uri) const;
  bool is_stray(Turn& turn);  // an ACK or CANCEL that is not passed on
  int find_targets(const Turn& turn, ResponseContext& into);  // 0, or why there are none
  int find_user(const Uri& uri, TimePoint now, ResponseContext& into);

  // --- proxy_forward.cpp: one target
  Outgoing outgoing(const Turn& turn) const;
  Way way_to(const ProxyTarget& target, const Outgoing& what);
  Way way_to_next_hop(const Flow& near) const;
  Way way_to_uri(const Uri& uri, const Flow& near) const;
  bool prefer_stream(const ProxyTry& t, std::size_t size, Flow& to, const Flow& near) const;
  bool settle_local(Flow& flow, const Flow& near) const;
  void write_request(std::string& out, const ProxyTarget& target, const Flow& to,
                     const Outgoing& what, const ProxyBranch& with);
  bool wants_path(const Outgoing& what) const;
  void write_path(const Outgoing& what, const Flow& to);
  void write_record_route(const Outgoing& what, const ProxyTarget& target, const Flow& to);
  std::optional<Flow> flow_of_caller(const Outgoing& what) const;
  std::string_view next_uri(const ProxyTarget& target) const;

  // --- proxy_stateful.cpp: tries
  void forward_statefully(Turn& turn);
  void start_next(ContextId id, ResponseContext& c, const Outgoing& what, TimePoint now,
                  Output& out);
  void start_try(ContextId id, ResponseContext& c, std::size_t n, const Outgoing& what,
                 TimePoint now, Output& out);
  void send_try(ContextId id, ResponseContext& c, std::size_t n, const Flow& by,
                const Outgoing& what, TimePoint now, Output& out);
  void note_way_around(ResponseContext& c, std::size_t n, const Outgoing& what);
  bool retry_elsewhere(ContextId id, ResponseContext& c, std::size_t n, TimePoint now, Output& out);
  std::optional<Outgoing> reread(const ResponseContext& c);
  void on_try_resolved(std::uint64_t name, std::span<const Flow> found, TimePoint now, Output& out);
  void on_try_failed(TransactionId client, const Owner& owner, int status, TimePoint now,
                     Output& out);
  void fail_try(ContextId id, ResponseContext& c, std::size_t n, int status, TimePoint now,
                Output& out);
  void cancel_all(ResponseContext& c, TimePoint now, Output& out);
  void cancel_try(ResponseContext& c, ProxyTry& t, TimePoint now, Output& out);
  void send_cancel(ResponseContext& c, ProxyTry& t, TimePoint now, Output& out);
  void on_context_deadlines(TimePoint now, Output& out);
  void on_timers(ResponseContext& c, TimePoint now, Output& out);
  void release(ContextId id);

  // --- proxy_responses.cpp: answers and the best of them
  void on_response(Turn& turn);
  void on_try_response(TransactionId client, const Owner& owner, Turn& turn);
  void on_provisional(ResponseContext& c, ProxyTry& t, Turn& turn);
  void on_success(ResponseContext& c, Turn& turn);
  void on_failure(ContextId id, ResponseContext& c, std::size_t n, Turn& turn);
  void take_answer(ResponseContext& c, int status, const MessageView* response);
  bool follow_redirect(ResponseContext& c, const MessageView& response);
  void pass_up(ResponseContext& c, Turn& turn);
  void pass_late_answer(const Owner& owner, Turn& turn);
  void check(ContextId id, ResponseContext& c, TimePoint now, Output& out);
  void finish(ResponseContext& c, TimePoint now, Output& out);
  void answer_from_memory(ResponseContext& c, int status, TimePoint now, Output& out);

  // --- proxy_stateless.cpp
  void forward_statelessly(Turn& turn);
  void send_statelessly(const ProxyTarget& target, const Flow& to, const Outgoing& what,
                        Output& out);
  void pass_statelessly(Turn& turn);
  void on_held_resolved(std::uint64_t name, std::span<const Flow> found, TimePoint now,
                        Output& out);

  static constexpr std::uint64_t held_bit = std::uint64_t{1} << 63;  // of a LookupId
  static std::uint64_t user_data(ContextId id, std::size_t n) {
    return std::uint64_t{id.index} << 32 | std::uint64_t{id.generation & 0xffffffu} << 8 | n;
  }
  ContextId context_of(std::uint64_t user_data) const;

  const ServerConfig config;
  sip::Limits limits;
  Random random;
  HashKey key;
  Location& location;
  const Accounts* accounts;
  Counters counters;
  ServerCounters stats;
  Interfaces interfaces;
  ProxyBranches branches;
  std::string tag_prefix;
  std::string realm;
  std::optional<Flow> next_hop_flow;  // when it is a number: transport and remote
  bool next_hop_keeps_transport = false;
  std::string next_hop_route;  // what a loose next hop adds to Route; else empty

  Transactions transactions;
  Registrar registrar;
  Redirect redirector;
  RegNotifier watchers;
  Overload overload;
  std::optional<Authenticator> authenticator;  // with accounts
  WallTime wall{};                             // when it was
  TimePoint wall_known_at{};
  SlotMap<ResponseContext, ContextTag> contexts;
  DeadlineHeap context_deadlines;
  std::unordered_map<std::uint64_t, Held> held;
  std::uint64_t held_ids = 0;
  std::size_t lookups = 0;  // under way

  // Used again from message to message.
  MessageView view, stored;
  Via stored_via;
  ProxyRoute route, stored_route;
  NextHop next_hop;
  ResponseContext passing;  // of a request that is forwarded without state
  std::vector<TransactionReport> reports;
  std::string scratch, branch, record_route, aor, token_text;
};

}  // namespace sip
