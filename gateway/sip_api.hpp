// SIP as the HTTP API sees it: traces and what is alive, as plain values.
#pragma once

#include <string>

#include "gateway/device_registry.hpp"
#include "gateway/http/sip_backend.hpp"
#include "gateway/sip_stack.hpp"

namespace gateway {

class SipApi final : public http::SipBackend {
 public:
  // The references must outlive it.
  SipApi(SipStack& stack, DeviceRegistry& registry) : stack_(stack), registry_(registry) {}

  http::Awaitable<http::Page<http::SipTrace>> list_traces(http::Paging paging) override;
  http::Awaitable<http::Reply<http::SipTrace>> trace(std::string id) override;
  http::Awaitable<http::Reply<http::SipTrace>> start_trace(http::SipTraceStart start) override;
  http::Awaitable<http::Reply<http::SipTrace>> stop_trace(std::string id) override;
  http::Awaitable<http::Reply<void>> delete_trace(std::string id) override;
  http::Awaitable<http::Reply<std::string>> trace_ladder(std::string id) override;
  http::Awaitable<http::Reply<std::string>> trace_pcap(std::string id) override;

  http::Awaitable<http::Page<http::SipTransaction>> list_transactions(http::Paging paging) override;
  http::Awaitable<http::Page<http::SipDialog>> list_dialogs(http::Paging paging) override;
  http::Awaitable<http::Reply<http::SipBindingPage>> list_bindings(std::string aor,
                                                                   std::string after,
                                                                   std::size_t limit) override;
  http::Awaitable<http::Reply<void>> delete_binding(std::string aor, std::string contact) override;

 private:
  http::Reply<sip::TraceFilter> filter_of(const http::SipTraceStart& start) const;
  const sip::Trace* find(const std::string& id) const;

  SipStack& stack_;
  DeviceRegistry& registry_;
};

}  // namespace gateway
