// Datagrams between two transports on loopback, in bursts: what goes to one peer in one size passes
// the system as one, and arrives as it was.
#include "sip/net/udp_transport.hpp"

#include <doctest/doctest.h>

#include <boost/asio/io_context.hpp>
#include <string>
#include <vector>

using namespace std::chrono_literals;
using namespace sip;
using sip::net::MessageSink;
using sip::net::TransportCounters;
using sip::net::TransportLimits;
using sip::net::UdpTransport;

namespace {

struct Sink final : MessageSink {
  void begin_batch() override {}
  void end_batch() override {}
  void on_message(std::string_view bytes, const Flow&) override { messages.emplace_back(bytes); }
  void on_backlog(unsigned) override {}
  void on_send_failed(const Flow&) override { ++failed; }
  void on_connection_closed(const Flow&) override {}

  std::vector<std::string> messages;
  int failed = 0;
};

struct Side {
  Side(boost::asio::io_context& io, const IpAddress& ip)
      : udp(io, sink, limits, counters), at(*udp.listen({ip, 0})) {}

  Sink sink;
  TransportLimits limits;
  TransportCounters counters;
  UdpTransport udp;
  Address at;
};

}  // namespace

TEST_CASE("a burst of datagrams arrives whole and in order, whatever their sizes") {
  struct Run {
    std::size_t count, bytes;
    bool to_other = false;
  };
  const std::vector<Run> bursts[] = {
      {{100, 300}},                                        // more than a batch
      {{20, 300}, {1, 301}, {20, 300}},                    // one between them
      {{3, 1400}, {3, 1401}, {2, 9000}, {1, 60000}},       // what fits a packet, and what does not
      {{5, 300, false}, {5, 300, true}, {5, 300, false}},  // two peers
      {{60, 1300}},
  };
  boost::asio::io_context io;
  const auto loopback = IpAddress::v4({127, 0, 0, 1});
  for (const auto& any : {loopback, IpAddress::v4({0, 0, 0, 0})}) {
    Side from(io, any), to(io, loopback), other(io, loopback);
    for (const auto& burst : bursts) {
      Output out;
      std::vector<std::string> sent, sent_to_other;
      for (const auto& run : burst) {
        for (std::size_t n = 0; n < run.count; ++n) {
          std::string message(run.bytes, static_cast<char>('a' + sent.size() % 26));
          message[0] = static_cast<char>('A' + sent.size() % 26);
          const auto& peer = run.to_other ? other.at : to.at;
          out.send({Transport::udp, {loopback, from.at.port}, peer, {}}, message);
          (run.to_other ? sent_to_other : sent).push_back(std::move(message));
        }
      }
      to.sink.messages.clear();
      other.sink.messages.clear();
      from.udp.send(out);
      const auto end = std::chrono::steady_clock::now() + 2s;
      while (to.sink.messages.size() + other.sink.messages.size() < out.sends.size() &&
             std::chrono::steady_clock::now() < end)
        io.run_one_for(100ms);
      CHECK(to.sink.messages == sent);
      CHECK(other.sink.messages == sent_to_other);
    }
    CHECK(from.sink.failed == 0);
    CHECK(from.counters.datagrams_sent == 225);
    CHECK(from.counters.send_calls <= 8);
  }
}
