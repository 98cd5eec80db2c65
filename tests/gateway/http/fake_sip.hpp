// The SIP side of the fake gateway: lists.
#pragma once

#include <string>
#include <vector>

#include "gateway/http/sip_backend.hpp"

namespace gateway::http {

template <class T>
Page<T> page_of(const std::vector<T>& all, Paging paging) {
  Page<T> page;
  page.total = all.size();
  for (std::size_t i = paging.offset; i < all.size() && page.items.size() < paging.limit; ++i)
    page.items.push_back(all[i]);
  return page;
}

class FakeSip final : public SipBackend {
 public:
  explicit FakeSip(std::string& calls) : calls_(calls) {}

  std::vector<SipTrace> traces;
  std::vector<SipTransaction> transactions;
  std::vector<SipDialog> dialogs;
  std::vector<SipBinding> bindings;

  Awaitable<Page<SipTrace>> list_traces(Paging paging) override {
    co_return page_of(traces, paging);
  }
  Awaitable<Reply<SipTrace>> trace(std::string id) override {
    for (const SipTrace& trace : traces)
      if (trace.id == id) co_return trace;
    co_return missing("trace " + id);
  }
  Awaitable<Reply<SipTrace>> start_trace(SipTraceStart start) override {
    calls_ += "trace " + start.peer + "|" + start.device + "|" + start.call_id + "|" +
              std::to_string(start.lasts.count()) + ";";
    if (start.peer == "here") co_return Refusal(400, "bad_request", "no address");
    SipTrace trace;
    trace.id = std::to_string(traces.size() + 1);
    trace.peer = start.peer;
    trace.running = true;
    traces.push_back(trace);
    co_return trace;
  }
  Awaitable<Reply<SipTrace>> stop_trace(std::string id) override {
    for (SipTrace& trace : traces) {
      if (trace.id != id) continue;
      trace.running = false;
      co_return trace;
    }
    co_return missing("trace " + id);
  }
  Awaitable<Reply<void>> delete_trace(std::string id) override {
    if (std::erase_if(traces, [&](const SipTrace& trace) { return trace.id == id; }) == 0)
      co_return missing("trace " + id);
    co_return Reply<void>();
  }
  Awaitable<Reply<std::string>> trace_ladder(std::string id) override {
    if (traces.empty()) co_return missing("trace " + id);
    co_return std::string("|--INVITE-->|\n");
  }
  Awaitable<Reply<std::string>> trace_pcap(std::string id) override {
    if (traces.empty()) co_return missing("trace " + id);
    co_return std::string("\xd4\xc3\xb2\xa1\0\0", 6);
  }
  Awaitable<Page<SipTransaction>> list_transactions(Paging paging) override {
    co_return page_of(transactions, paging);
  }
  Awaitable<Page<SipDialog>> list_dialogs(Paging paging) override {
    co_return page_of(dialogs, paging);
  }
  Awaitable<Reply<SipBindingPage>> list_bindings(std::string aor, std::string after,
                                                 std::size_t limit) override {
    calls_ += "bindings " + aor + " after " + after + " " + std::to_string(limit) + ";";
    SipBindingPage page;
    page.items = bindings;
    page.total = bindings.size();
    page.next = "sip:z@x";
    co_return page;
  }
  Awaitable<Reply<void>> delete_binding(std::string aor, std::string contact) override {
    calls_ += "unbind " + aor + " " + contact + ";";
    if (bindings.empty()) co_return missing("binding " + aor);
    co_return Reply<void>();
  }

 private:
  static Refusal missing(const std::string& what) {
    return {404, "not_found", "there is no " + what};
  }
  std::string& calls_;
};

}  // namespace gateway::http
