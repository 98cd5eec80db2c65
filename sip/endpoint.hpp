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

#include "sip/address.hpp"
#include "sip/core.hpp"
#include "sip/counters.hpp"
#include "sip/ids.hpp"
#include "sip/output.hpp"
#include "sip/random.hpp"
#include "sip/specs.hpp"
#include "sip/time.hpp"

namespace sip {

struct EndpointLimits {
  // Beyond: requests to us are answered 503, ours end as Cause::overloaded. A transaction lives
  // up to 64*T1 (32 s) over UDP, so this is 32 times the sustained request rate.
  std::size_t transactions = 400'000;
  std::size_t calls = 50'000;               // beyond: INVITE is answered 486, ours overloaded
  std::size_t message_bytes = 1024 * 1024;  // longer: answered 413 or 513, or dropped
  Duration answer_within = std::chrono::seconds(30);  // for the user to answer a request: 500
  Duration accept_within = std::chrono::minutes(3);   // for the user to answer a call: 480
};

struct EndpointConfig {
  std::string user_agent = "gbgate";  // User-Agent and Server; empty: neither is written
  std::string allow =
      "INVITE, ACK, CANCEL, BYE, OPTIONS, REGISTER, MESSAGE, INFO, SUBSCRIBE, NOTIFY";
  // Host in our Via and Contact, for a machine that others know by another address, where the
  // listener announces none. Empty: the local address of the flow that a message takes.
  std::string host;
  bool answer_options = true;  // 200 with Allow, without asking the user
  Timers timers;
  EndpointLimits limits;
};

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
  // Requests waiting on it fail, calls live on.
  void on_connection_closed(const Flow& flow, TimePoint now, Output& out) override;
  void on_send_failed(const Flow& flow, TimePoint now, Output& out) override;
  void on_resolved(LookupId lookup, std::span<const Flow> targets, TimePoint now,
                   Output& out) override;
  void on_deadline(TimePoint now, Output& out) override;
  TimePoint next_deadline() const override;

  // --- requests outside of calls ---------------------------------------------------------------

  // Always yields one event::RequestDone, at once if it cannot be sent.
  RequestId send_request(const RequestSpec& spec, TimePoint now, Output& out);
  // Answers event::IncomingRequest. False when it is answered already or gone.
  bool respond(ServerTransactionId transaction, const ResponseSpec& spec, TimePoint now,
               Output& out);

  // --- calls -----------------------------------------------------------------------------------

  // Always yields one event::CallFailed or, after an answer, event::CallEnded.
  CallId invite(const InviteSpec& spec, TimePoint now, Output& out);
  // Answers event::IncomingCall: below 200 rings, 2xx accepts (and is repeated until ACK), anything
  // else refuses and ends the call without a further event. False when there is nothing to answer.
  bool answer(CallId call, const ResponseSpec& spec, TimePoint now, Output& out);
  // CANCEL before the answer, BYE after it (also when the 2xx crosses our CANCEL), 603 for a call
  // that rings here. False when there is no such call. The end is reported as by others.
  bool hang_up(CallId call, TimePoint now, Output& out);
  // A request inside an answered call. Yields event::RequestDone, at once (Cause::invalid, 481) if
  // there is no such call.
  RequestId send_in_call(CallId call, const InCallRequestSpec& spec, TimePoint now, Output& out);
  // In-dialog requests go to `flow` from now on: the device came back from another port.
  bool move_call(CallId call, const Flow& flow);

  // The Call-ID header of a call, for logs and for finding it in a capture. Empty when gone. Valid
  // until the call ends.
  std::string_view call_id_header(CallId call) const;

  const Counters& counters() const;
  const EndpointConfig& config() const;
  // Random text for tags and the like, from the seed: `bytes` bytes as lower-case hex.
  std::string random_token(std::size_t bytes);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sip
