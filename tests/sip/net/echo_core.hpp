// A core that answers every request with 200 and remembers what it heard, its driver, and the
// sockets that tests listen on.
#pragma once

#include <doctest/doctest.h>

#include <boost/asio/io_context.hpp>
#include <functional>
#include <string>
#include <vector>

#include "sip/message.hpp"
#include "sip/net/core_driver.hpp"

namespace sip::net {

struct EchoCore final : Core {
  void on_listening(const Listener& listener) override { listeners.push_back(listener); }
  void on_message(std::string_view bytes, const Flow& from, TimePoint, Output& out) override {
    heard.emplace_back(bytes);
    last_flow = from;
    const auto message = parse_message(bytes);
    if (!message || !message->is_request()) return;
    std::string answer = "SIP/2.0 200 OK\r\n";
    for (const auto id : {HeaderId::via, HeaderId::from, HeaderId::to, HeaderId::call_id})
      answer += std::string(name_of(id)) + ": " + std::string(message->text(id)) + "\r\n";
    answer += "CSeq: " + std::string(message->text(HeaderId::cseq)) + "\r\n" + extra +
              "Content-Length: 0\r\n\r\n";
    out.send(from, answer);
  }
  void on_connection_closed(const Flow& flow, TimePoint, Output&) override {
    closed.push_back(flow);
  }
  void on_send_failed(const Flow& flow, TimePoint, Output&) override { failed.push_back(flow); }
  void on_resolved(LookupId lookup, std::span<const Flow> targets, TimePoint, Output&) override {
    resolved.push_back({lookup, {targets.begin(), targets.end()}});
  }
  void on_deadline(TimePoint, Output&) override {}
  TimePoint next_deadline() const override { return never; }

  static std::string_view name_of(HeaderId id) {
    return id == HeaderId::via    ? "Via"
           : id == HeaderId::from ? "From"
           : id == HeaderId::to   ? "To"
                                  : "Call-ID";
  }

  struct Resolved {
    LookupId lookup;
    std::vector<Flow> targets;
  };
  std::string extra;  // header lines of every answer
  std::vector<Listener> listeners;
  std::vector<std::string> heard;
  std::vector<Flow> closed, failed;
  std::vector<Resolved> resolved;
  Flow last_flow;
};

// Sees no events: EchoCore has none.
struct Silent final : CoreUser {
  void on_event(const Event&) override {}
};

struct EchoSide {
  explicit EchoSide(boost::asio::io_context& io, TransportLimits limits = {})
      : driver(io, core, user, limits) {}

  Address listen(ListenOn where) {
    if (where.at == Address{}) where.at.ip = IpAddress::loopback();
    const auto got = driver.listen(where);
    REQUIRE(got.has_value());
    return *got;
  }
  void send(const Flow& flow, std::string_view message) {
    driver.run([&](TimePoint, Output& out) { out.send(flow, message); });
  }
  TransportCounters counters() const { return driver.transport_counters(); }

  EchoCore core;
  Silent user;
  CoreDriver driver;
};

inline bool run_until(boost::asio::io_context& io, const std::function<bool()>& done) {
  const auto give_up = Clock::now() + std::chrono::seconds(20);
  while (!done() && Clock::now() < give_up) {
    io.restart();
    io.run_one_for(std::chrono::milliseconds(20));
  }
  return done();
}

inline std::string options(std::string_view transport, std::string_view via_params = "",
                           std::string_view body = "") {
  return "OPTIONS sip:a@example.com SIP/2.0\r\nVia: SIP/2.0/" + std::string(transport) +
         " client.example.com:5071;branch=z9hG4bK1" + std::string(via_params) +
         "\r\nFrom: <sip:b@example.com>;tag=1\r\nTo: <sip:a@example.com>\r\nCall-ID: 1\r\n"
         "CSeq: 1 OPTIONS\r\nContent-Length: " +
         std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
}

inline bool is_200(const std::string& message) {
  return message.starts_with("SIP/2.0 200 OK\r\n");
}

}  // namespace sip::net
