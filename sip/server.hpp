// A SIP server: registrar (RFC 3261 10), redirect server (8.3) and proxy (16), each on or off,
// around one Location. A Core: a network shell drives it, alone or beside an Endpoint on the same
// sockets (concerns() tells whose a message is).
//
// Pure: no socket, clock, thread or callback. A forwarded message is the bytes that came, with what
// 16.6 and 16.7 change; nothing is rebuilt, and nothing is allocated in a steady state.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sip/accounts.hpp"
#include "sip/authenticator.hpp"
#include "sip/core.hpp"
#include "sip/counters.hpp"
#include "sip/location.hpp"
#include "sip/message.hpp"
#include "sip/overload.hpp"
#include "sip/random.hpp"
#include "sip/reg_notifier.hpp"
#include "sip/registrar.hpp"
#include "sip/time.hpp"

namespace sip {

enum class Proxying : std::uint8_t {
  off,        // requests for users are redirected, or refused
  stateless,  // 16.11: forwarded and forgotten; one target each, no timers
  stateful,   // 16.2: transactions on both sides, forking, timer C
};

// For whom requests to other people's domains are carried.
enum class RelayFor : std::uint8_t {
  nobody,    // 403
  users,     // those that authenticate; without Accounts: loopback
  everyone,  // an open relay: for a closed network, or between two fixed servers
};

// What the configured next hop is for. In-dialog requests follow their Route, whatever this says.
enum class NextHopFor : std::uint8_t {
  nothing,
  foreign,     // requests to other people's domains (an upstream proxy)
  everything,  // also those to our domains: a proxy before one server
};

struct ServerLimits {
  // Beyond: 503 with Retry-After, answered without state. A transaction lives 32 s over UDP, and a
  // proxied request has two.
  std::size_t transactions = 400'000;
  std::size_t contexts = 100'000;           // proxied requests without a final answer
  std::size_t branches = 16;                // of one request, all tries counted
  std::size_t lookups = 10'000;             // requests waiting for DNS; beyond: 503
  std::size_t message_bytes = 1024 * 1024;  // longer: answered 413 or 513, or dropped
  std::uint32_t max_forwards = 70;          // given to requests that have none, and the most
  std::uint32_t max_breadth = 60;           // RFC 5393 5.3.3: of requests that say nothing
  // 16.6 step 11: an INVITE that rings without a further provisional is cancelled. Above 3 min.
  Duration timer_c = std::chrono::seconds(185);
  // Registrations and the like are put off by 503 before the limits above are reached.
  OverloadLimits overload;
};

struct ServerConfig {
  // Hosts whose users are ours, compared without case. The addresses that we listen at are ours
  // anyway.
  std::vector<std::string> domains;
  // User parts that are the server itself, as a GB/T 28181 platform id is: requests to them are
  // answered here, not looked up.
  std::vector<std::string> own_users;
  std::string server = "gbgate";  // Server header of our own answers; empty: none

  bool registrar = true;
  bool redirect = false;  // 302 for our users, in place of proxying
  Proxying proxying = Proxying::stateful;

  // In-dialog requests come through us again (16.6 step 4).
  bool record_route = true;
  // A REGISTER for somebody else's registrar, from a user agent that knows Path, leads back to it
  // by the flow that it came by (RFC 3327, RFC 5626 5.1).
  bool add_path = true;
  bool trying_at_once = true;     // 100 to each INVITE without waiting 200 ms
  bool recurse_redirects = true;  // 3xx of a branch adds its contacts as targets (16.7 step 4)
  // 18.1.1: a request of more than 1,300 bytes leaves by TCP, and by UDP when that is refused.
  // False where peers speak no TCP and do not refuse it either.
  bool large_by_stream = true;
  RelayFor relay_for = RelayFor::users;

  NextHopFor next_hop_for = NextHopFor::nothing;
  // A SIP URI. With `lr` it is put into Route, else it only says where to send. Without a transport
  // parameter the transport is that by which the request came.
  std::string next_hop;

  // Digest. Needs Accounts; without, nobody is asked.
  bool authenticate_register = true;   // 401
  bool authenticate_users = true;      // 407: requests whose From is a user of ours
  bool trust_loopback = false;         // loopback is not asked
  std::string realm;                   // empty: the first domain, else `server`
  AuthenticatorOptions authenticator;  // its realm is the one above
  RegistrarOptions registration;       // its domains: empty: those above

  // With the registrar: SUBSCRIBE with Event: reg to a user of ours is answered here (RFC 3680),
  // for that user alone. Other packages are proxied, or refused with 489.
  bool serve_reg_event = true;
  RegEventOptions reg_event;

  // MESSAGE and the like to the server itself are accepted with 200. False: 405.
  bool accept_messages = true;
  // They get a server transaction, so that a repeated one is answered from memory (17.2.2).
  bool stateful_answers = true;

  // From which flow tokens and dialog marks in Record-Route are made: the same after a restart,
  // calls go on. At least 16 bytes; empty: from the seed.
  std::string secret;

  Timers timers;
  ServerLimits limits;
};

// What the server has seen beyond what Counters say. Numbers that only grow.
struct ServerCounters {
  std::uint64_t forwarded_requests = 0;  // a branch each, retransmissions not counted
  std::uint64_t forwarded_responses = 0;
  std::uint64_t stateless_requests = 0;  // of forwarded_requests: without a transaction
  std::uint64_t stateless_responses = 0;
  std::uint64_t forks = 0;           // requests with more than one branch at once
  std::uint64_t failovers = 0;       // branches tried again at the next address
  std::uint64_t loops = 0;           // 482
  std::uint64_t too_many_hops = 0;   // 483
  std::uint64_t challenges = 0;      // 401, 407
  std::uint64_t relays_refused = 0;  // 403: would have been an open relay
  std::uint64_t timer_c = 0;         // INVITEs given up by timer C
  std::uint64_t registrations = 0;   // REGISTER answered 200
  std::uint64_t redirections = 0;    // 3xx of our own
  std::uint64_t local_answers = 0;   // requests to the server itself
  std::uint64_t bad_tokens = 0;      // flow tokens that are not ours
  std::size_t contexts = 0;          // alive now
};

// A proxied request that has no final answer yet.
struct ProxiedRequest {
  struct Branch {
    std::string target;  // Request-URI
    Flow flow;
    int status = 0;  // last that came, 0: none
    bool cancelled = false;
  };
  std::string method;
  std::string call_id;
  std::string from;
  std::string to;
  Flow source;
  TimePoint since{};
  std::vector<Branch> branches;
};

class Transactions;

class Server final : public Core {
 public:
  // `location` and `accounts` must outlive it; without accounts nobody is asked who they are.
  Server(ServerConfig config, const Seed& seed, Location& location,
         const Accounts* accounts = nullptr);
  ~Server() override;
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Whether a message is this server's business rather than that of another core on the same
  // sockets: a request to or through us, a response with our branch on top. REGISTER to our domain
  // and requests for its users count; requests to `own_users` only when nobody else wants them, so
  // ask the other first.
  bool concerns(const MessageView& message, const Flow& from) const;

  // What time of day it is, for Date in answers to REGISTER; there is none before. Again when the
  // system's clock was set.
  void set_wall_clock(TimePoint now, WallTime wall);

  // Takes bindings of `aor` (canonical) away, as an operator does: one contact, or all when it is
  // empty. False when there was none.
  bool remove(std::string_view aor, std::string_view contact, TimePoint now, Output& out);

  void on_listening(const Listener& listener) override;
  void on_message(std::string_view bytes, const Flow& from, TimePoint now, Output& out) override;
  // The same for a message that was parsed and found without fault.
  void on_parsed(const MessageView& message, const Flow& from, TimePoint now, Output& out);
  void on_connection_closed(const Flow& flow, TimePoint now, Output& out) override;
  void on_send_failed(const Flow& flow, TimePoint now, Output& out) override;
  void on_backlog(unsigned percent) override;
  void on_resolved(LookupId lookup, std::span<const Flow> targets, TimePoint now,
                   Output& out) override;
  void on_deadline(TimePoint now, Output& out) override;
  TimePoint next_deadline() const override;

  const ServerConfig& config() const;
  const Counters& counters() const;
  const Transactions& transactions() const;
  const ServerCounters& server_counters() const;
  // Null without accounts.
  const Authenticator::Counters* authenticator_counters() const;
  // Proxied requests under way, at most `at_most`.
  std::vector<ProxiedRequest> list(std::size_t at_most) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sip
