// What the HTTP API needs of the SIP side: traces, and what is alive there. As in backend.hpp,
// plain values cross.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "gateway/http/values.hpp"

namespace gateway::http {

// Messages that fit any of what is set; all when nothing is.
struct SipTraceStart {
  std::string peer;                 // "10.0.0.5" or "10.0.0.5:5060"
  std::string device;               // a device id or a user's name: From, To or Request-URI name it
  std::string call_id;              // the Call-ID header
  std::chrono::seconds lasts{600};  // then it stops by itself
};
struct SipTrace {
  std::string id, peer, device, call_id;
  WallTime started{}, ends{};
  bool running = false;
  std::size_t messages = 0, bytes = 0;
  std::uint64_t dropped = 0;  // older ones, for want of room
};

struct SipTransaction {
  std::string core;  // "endpoint" (GB/T 28181) or "server"
  std::string kind;  // "client" or "server": who asks
  std::string method;
  std::string state;  // as RFC 3261 17 calls it: "proceeding", ...
  std::string transport, remote_address;
  std::int64_t age_ms = 0;
};

struct SipDialog {
  std::string kind;   // "call", "subscription", "proxied": a request without a final answer yet
  std::string state;  // "ringing", "established", "active", ...
  std::string call_id, local_uri, remote_uri;
  std::string transport, remote_address;
  std::string detail;  // direction, event package, branches of a proxied request
  std::int64_t age_ms = 0;
};

struct SipBinding {
  std::string aor, contact;
  double q = 1;
  WallTime expires{};
  std::string call_id, path, instance, user_agent;
  std::string transport, remote_address;
};
struct SipBindingPage {
  std::vector<SipBinding> items;
  std::size_t total = 0;  // of all addresses of record
  std::string next;       // for `after`; empty at the end
};

class SipBackend {
 public:
  virtual ~SipBackend() = default;

  virtual Awaitable<Page<SipTrace>> list_traces(Paging paging) = 0;
  virtual Awaitable<Reply<SipTrace>> trace(std::string id) = 0;
  // 400 when the peer is no address, 503 when as many run as may.
  virtual Awaitable<Reply<SipTrace>> start_trace(SipTraceStart start) = 0;
  virtual Awaitable<Reply<SipTrace>> stop_trace(std::string id) = 0;
  virtual Awaitable<Reply<void>> delete_trace(std::string id) = 0;
  virtual Awaitable<Reply<std::string>> trace_ladder(std::string id) = 0;
  virtual Awaitable<Reply<std::string>> trace_pcap(std::string id) = 0;

  virtual Awaitable<Page<SipTransaction>> list_transactions(Paging paging) = 0;
  virtual Awaitable<Page<SipDialog>> list_dialogs(Paging paging) = 0;

  // Of one address of record, or of all: at most `limit` (a few more when one has many), after the
  // address `after`. In no special order.
  virtual Awaitable<Reply<SipBindingPage>> list_bindings(std::string aor, std::string after,
                                                         std::size_t limit) = 0;
  // All of an address of record when `contact` is empty. 404 when there is none.
  virtual Awaitable<Reply<void>> delete_binding(std::string aor, std::string contact) = 0;
};

}  // namespace gateway::http
