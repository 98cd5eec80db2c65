// A proxied request while it has no final answer (RFC 3261 16.7): its tries at targets, and the
// best answer so far. Values and the rules for choosing; Server's inside moves them. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sip/address.hpp"
#include "sip/message.hpp"
#include "sip/time.hpp"
#include "sip/transactions.hpp"

namespace sip {

// Where a request may be sent: one contact of its user, or its own Request-URI.
struct ProxyTarget {
  std::string uri;           // becomes the Request-URI
  std::string path;          // Route values of the binding (RFC 3327); may be empty
  Flow flow;                 // the binding's own, when `has_flow`
  bool has_flow = false;     // else `uri` (or a Route) is resolved
  bool by_token = false;     // the flow is one that we have named in Record-Route or Path
  bool by_next_hop = false;  // goes where the configured next hop is
  std::uint16_t q_1000 = 1000;
};

// One branch. A try that moves on to another address of its target has a new transaction.
struct ProxyTry {
  enum class State : std::uint8_t {
    resolving,   // waits for DNS
    calling,     // no answer yet
    proceeding,  // a provisional one has come
    cancelled,   // CANCEL was sent; a final answer must come
    done,
  };
  State state = State::calling;
  bool cancel_wanted = false;  // as soon as a provisional comes (9.1)
  bool timed_out = false;      // by timer C: what its CANCEL brings counts as 408
  bool large = false;          // TCP was tried because of its size
  bool by_flow = false;        // its target named the flow
  std::uint16_t status = 0;    // last that came
  std::uint32_t target = 0;    // index in ResponseContext::targets
  TransactionId client;
  TimePoint timer = never;   // C, or the end of waiting for an answer after CANCEL
  Flow flow;                 // where it was sent
  std::vector<Flow> others;  // more addresses, last first
};

struct ResponseContext {
  TransactionId server;
  Flow source;
  TimePoint since{};
  bool invite = false;
  bool cancelled = false;  // by whom the request came from: no further tries
  bool closed = false;     // a final answer has gone back, or a 6xx forbids further tries
  bool answered = false;   // a final answer has gone back
  bool trusted = false;    // may be sent to strangers: 3xx are followed
  std::uint32_t breadth = 0;
  std::uint32_t next_target = 0;  // of those that were not tried yet
  std::vector<ProxyTarget> targets;
  std::size_t target_count = 0;  // those in use; the others are kept for their memory
  std::vector<ProxyTry> tries;
  std::string request;                  // as it came, for further tries
  int best_status = 0;                  // 0: none yet
  std::string best;                     // as it would be sent; empty: to be made here
  std::vector<std::string> challenges;  // header lines of 401s and 407s that are not in `best`

  void clear();
  ProxyTarget& add_target();
  std::size_t pending() const;
  TimePoint next_timer() const;
};

// 16.7 step 6: whether a final answer above 299 is to be preferred to another.
bool better_answer(int status, int than);

// WWW-Authenticate and Proxy-Authenticate of a response, each a line.
void collect_challenges(const MessageView& response, std::vector<std::string>& lines);
// Puts header lines behind the first line of a message.
void insert_lines(std::string& message, const std::vector<std::string>& lines);

}  // namespace sip
