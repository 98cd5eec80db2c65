#include "gateway/sip_metrics.hpp"

#include <array>
#include <string>
#include <string_view>

#include "sip/error.hpp"

namespace gateway {
namespace {

using sip::Counters;

constexpr std::array<const char*, sip::counted_transports> transport_names = {"udp", "tcp", "tls",
                                                                              "ws", "wss"};
constexpr std::array<const char*, sip::counted_methods> method_names = {
    "REGISTER",  "MESSAGE", "INVITE", "ACK",    "CANCEL", "BYE",     "INFO", "OPTIONS",
    "SUBSCRIBE", "NOTIFY",  "PRACK",  "UPDATE", "REFER",  "PUBLISH", "other"};

constexpr int named_statuses[] = {100, 180, 183, 200, 202, 301, 302, 305, 400, 401, 403, 404,
                                  405, 407, 408, 413, 415, 416, 420, 421, 423, 430, 439, 440,
                                  480, 481, 482, 483, 484, 485, 486, 487, 488, 489, 491, 493,
                                  500, 501, 502, 503, 504, 505, 513, 600, 603, 604, 606};

class Registration {
 public:
  Registration(Metrics& metrics, SipStack& stack) : metrics_(metrics), stack_(stack) {}

  template <class Read>
  void add(MetricKind kind, const char* name, const char* help, const Labels& labels, Read read,
           Zeros zeros = Zeros::shown) {
    callbacks_.push_back(metrics_.on_render(
        kind, name, help, labels, [read] { return static_cast<double>(read()); }, zeros));
  }

  // Of the endpoint and of the server together: they share the wire.
  template <class Read>
  void sum(MetricKind kind, const char* name, const char* help, const Labels& labels, Read read,
           Zeros zeros = Zeros::shown) {
    auto& stack = stack_;
    const auto total = [&stack, read] {
      auto sum = static_cast<std::uint64_t>(read(stack.endpoint().counters()));
      if (stack.server())
        sum += static_cast<std::uint64_t>(read(stack.server()->core().counters()));
      return sum;
    };
    add(kind, name, help, labels, total, zeros);
  }

  void messages();
  void errors();
  void alive();
  void transport();
  void server();
  std::vector<Metrics::Callback> take() { return std::move(callbacks_); }

 private:
  using Messages = Counters::Messages;
  void by_method(const char* name, const char* help, Counters::PerMethod Messages::*counts);
  void by_status(const char* name, const char* help, Counters::PerStatus Messages::*counts);

  Metrics& metrics_;
  SipStack& stack_;
  std::vector<Metrics::Callback> callbacks_;
};

constexpr auto counter = MetricKind::counter;
constexpr auto gauge = MetricKind::gauge;

void Registration::by_method(const char* name, const char* help,
                             Counters::PerMethod Messages::*counts) {
  for (std::size_t by = 0; by < sip::counted_transports; ++by)
    for (std::size_t i = 0; i < sip::counted_methods; ++i)
      sum(
          counter, name, help, {{"method", method_names[i]}, {"transport", transport_names[by]}},
          [counts, i, by](const Counters& c) { return (c.by_transport[by].*counts)[i]; },
          Zeros::hidden);
}

void Registration::by_status(const char* name, const char* help,
                             Counters::PerStatus Messages::*counts) {
  for (std::size_t by = 0; by < sip::counted_transports; ++by)
    for (const int status : named_statuses)
      sum(
          counter, name, help,
          {{"status", std::to_string(status)}, {"transport", transport_names[by]}},
          [counts, by, at = static_cast<std::size_t>(status - 100)](const Counters& c) {
            return (c.by_transport[by].*counts)[at];
          },
          Zeros::hidden);
}

void Registration::messages() {
  by_method("gbgate_sip_requests_received_total", "SIP requests, without those that came again",
            &Messages::requests_received);
  by_method("gbgate_sip_requests_sent_total", "SIP requests of ours, without repeats",
            &Messages::requests_sent);
  by_status("gbgate_sip_responses_received_total", "SIP responses, without those that came again",
            &Messages::statuses_received);
  by_status("gbgate_sip_responses_sent_total", "SIP responses of ours, without repeats",
            &Messages::statuses_sent);
}

void Registration::errors() {
  sum(counter, "gbgate_sip_retransmissions_sent_total", "SIP messages sent again", {},
      [](const Counters& c) { return c.retransmissions_sent; });
  sum(counter, "gbgate_sip_retransmissions_received_total", "SIP messages that came again", {},
      [](const Counters& c) { return c.retransmissions_received; });
  sum(counter, "gbgate_sip_timeouts_total", "SIP requests never answered", {},
      [](const Counters& c) { return c.timeouts; });
  sum(counter, "gbgate_sip_transport_errors_total", "SIP requests that could not be sent", {},
      [](const Counters& c) { return c.transport_errors; });
  sum(counter, "gbgate_sip_stray_responses_total", "SIP responses to nothing that we sent", {},
      [](const Counters& c) { return c.stray_responses; });
  sum(counter, "gbgate_sip_stray_requests_total", "SIP requests for calls that are not there", {},
      [](const Counters& c) { return c.stray_requests; });
  sum(counter, "gbgate_sip_refused_overload_total", "SIP requests answered 503: a limit", {},
      [](const Counters& c) { return c.refused_overload; });
  sum(counter, "gbgate_sip_junk_total", "Datagrams that are no SIP, pings too", {},
      [](const Counters& c) { return c.junk; });
  constexpr auto last = static_cast<int>(sip::Errc::unsupported_digest);
  for (int code = static_cast<int>(sip::Errc::bad_start_line); code <= last; ++code)
    sum(counter, "gbgate_sip_malformed_total", "SIP messages that could not be read",
        {{"cause", std::string(sip::describe(static_cast<sip::Errc>(code)))}},
        [at = static_cast<std::size_t>(code)](const Counters& c) { return c.parse_errors[at]; });
}

void Registration::alive() {
  sum(gauge, "gbgate_sip_transactions", "SIP transactions alive", {},
      [](const Counters& c) { return c.transactions; });
  sum(gauge, "gbgate_sip_calls", "SIP calls alive", {}, [](const Counters& c) { return c.calls; });
  sum(gauge, "gbgate_sip_subscriptions", "SIP subscriptions alive", {},
      [](const Counters& c) { return c.subscriptions; });
  auto& stack = stack_;
  add(gauge, "gbgate_sip_traces", "SIP traces that run", {}, [&stack] {
    std::size_t running = 0;
    for (const auto& [id, trace] : stack.tracer().traces())
      running += trace.running(sip::Clock::now()) ? 1 : 0;
    return running;
  });
}

void Registration::transport() {
  auto& stack = stack_;
  const auto figure = [&](MetricKind kind, const char* name, const char* help, const Labels& labels,
                          auto read) {
    add(kind, name, help, labels, [&stack, read] { return read(stack.transport_counters()); });
  };
  using T = sip::net::TransportCounters;
  figure(gauge, "gbgate_sip_connections", "SIP stream connections open", {},
         [](const T& t) { return t.connections; });
  figure(counter, "gbgate_sip_datagrams_received_total", "SIP datagrams received", {},
         [](const T& t) { return t.datagrams_received; });
  figure(counter, "gbgate_sip_datagrams_sent_total", "SIP datagrams sent", {},
         [](const T& t) { return t.datagrams_sent; });
  figure(counter, "gbgate_sip_bytes_received_total", "SIP bytes received", {},
         [](const T& t) { return t.bytes_received; });
  figure(counter, "gbgate_sip_bytes_sent_total", "SIP bytes sent", {},
         [](const T& t) { return t.bytes_sent; });
  constexpr auto name = "gbgate_sip_connections_total";
  constexpr auto help = "SIP stream connections, by how they began or ended";
  figure(counter, name, help, {{"how", "accepted"}},
         [](const T& t) { return t.connections_accepted; });
  figure(counter, name, help, {{"how", "opened"}}, [](const T& t) { return t.connections_opened; });
  figure(counter, name, help, {{"how", "refused"}},
         [](const T& t) { return t.connections_refused; });
  figure(counter, name, help, {{"how", "timed_out"}},
         [](const T& t) { return t.connections_timed_out; });
  figure(counter, name, help, {{"how", "broken"}}, [](const T& t) { return t.broken_streams; });
  figure(counter, name, help, {{"how", "tls_failed"}}, [](const T& t) { return t.tls_failures; });
}

void Registration::server() {
  auto* server = stack_.server();
  if (!server) return;
  add(gauge, "gbgate_sip_bindings", "Contacts registered", {},
      [server] { return server->location().bindings(); });
  add(gauge, "gbgate_sip_addresses", "Addresses of record with a contact", {},
      [server] { return server->location().addresses(); });
  const auto stored = [&](MetricKind kind, const char* name, const char* help, auto member) {
    add(kind, name, help, {}, [server, member] {
      const auto* const store = server->store();
      return store ? store->counters().*member : 0;
    });
  };
  using Stored = LocationStore::Counters;
  stored(gauge, "gbgate_sip_location_stored_bytes", "Bytes of the log of registrations",
         &Stored::stored_bytes);
  stored(counter, "gbgate_sip_location_write_errors_total",
         "Writes to the log of registrations that failed", &Stored::write_errors);
  const auto figure = [&](MetricKind kind, const char* name, const char* help, const Labels& labels,
                          auto member) {
    add(kind, name, help, labels,
        [server, member] { return server->core().server_counters().*member; });
  };
  using S = sip::ServerCounters;
  figure(gauge, "gbgate_sip_proxied_requests", "Proxied requests without a final answer", {},
         &S::contexts);
  figure(counter, "gbgate_sip_forwarded_requests_total", "Requests proxied, each branch counted",
         {}, &S::forwarded_requests);
  figure(counter, "gbgate_sip_forwarded_responses_total", "Responses proxied", {},
         &S::forwarded_responses);
  figure(counter, "gbgate_sip_server_registrations_total", "REGISTER of users answered 200", {},
         &S::registrations);
  figure(counter, "gbgate_sip_redirections_total", "Requests redirected", {}, &S::redirections);
  figure(counter, "gbgate_sip_forks_total", "Requests that went to several places", {}, &S::forks);
  figure(counter, "gbgate_sip_failovers_total", "Branches tried again elsewhere", {},
         &S::failovers);
  figure(counter, "gbgate_sip_challenges_total", "401 and 407 sent", {}, &S::challenges);
  constexpr auto name = "gbgate_sip_server_refusals_total";
  constexpr auto help = "Requests that the proxy did not carry";
  figure(counter, name, help, {{"cause", "loop"}}, &S::loops);
  figure(counter, name, help, {{"cause", "too many hops"}}, &S::too_many_hops);
  figure(counter, name, help, {{"cause", "no open relay"}}, &S::relays_refused);
  figure(counter, name, help, {{"cause", "timer C"}}, &S::timer_c);
}

}  // namespace

std::vector<Metrics::Callback> sip_metrics(Metrics& metrics, SipStack& stack) {
  Registration registration(metrics, stack);
  registration.messages();
  registration.errors();
  registration.alive();
  registration.transport();
  registration.server();
  return registration.take();
}

}  // namespace gateway
