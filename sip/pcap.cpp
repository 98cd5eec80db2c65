#include "sip/pcap.hpp"

#include <algorithm>
#include <cstdint>
#include <map>
#include <string_view>

namespace sip {
namespace {

constexpr std::uint32_t linktype_raw = 101;
constexpr std::size_t segment_bytes = 1400;     // of a stream's message, as a network would
constexpr std::size_t datagram_bytes = 65'000;  // what an IP packet holds, headers left out
constexpr std::uint8_t protocol_tcp = 6, protocol_udp = 17;
constexpr std::uint8_t tcp_syn = 2, tcp_push = 8, tcp_ack = 16;

void put16(std::string& out, std::uint32_t v) {
  out += static_cast<char>(v >> 8 & 0xff);
  out += static_cast<char>(v & 0xff);
}
void put32(std::string& out, std::uint32_t v) {
  put16(out, v >> 16);
  put16(out, v & 0xffff);
}
void put32_little(std::string& out, std::uint32_t v) {
  for (int shift = 0; shift < 32; shift += 8) out += static_cast<char>(v >> shift & 0xff);
}
void put(std::string& out, const IpAddress& ip) {
  out.append(reinterpret_cast<const char*>(ip.bytes().data()), ip.size());
}

// RFC 1071; `sum` carries a pseudo header.
std::uint16_t checksum(std::string_view bytes, std::uint32_t sum = 0) {
  for (std::size_t i = 0; i < bytes.size(); i += 2) {
    const auto high = static_cast<std::uint8_t>(bytes[i]);
    const auto low = i + 1 < bytes.size() ? static_cast<std::uint8_t>(bytes[i + 1]) : 0U;
    sum += static_cast<std::uint32_t>(high << 8) | low;
  }
  while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>(~sum);
}

std::uint32_t sum_of(const IpAddress& ip) {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < ip.size(); i += 2)
    sum += static_cast<std::uint32_t>(ip.bytes()[i] << 8) | ip.bytes()[i + 1];
  return sum;
}

struct Ends {
  Address from, to;
};

// An address of the other family would make a packet that nothing can read.
IpAddress of_family(const IpAddress& ip, bool v6) {
  if (ip.is_v6() == v6) return ip;
  return v6 ? IpAddress::v6({}) : IpAddress();
}

class Writer {
 public:
  explicit Writer(const Trace& trace) : trace_(trace) {
    for (const std::uint32_t word : {0xa1b2c3d4U, 0x00040002U, 0U, 0U, 262'144U, linktype_raw})
      put32_little(file_, word);
  }

  void learn(const TracedMessage& message);
  void add(const TracedMessage& message);
  std::string take() { return std::move(file_); }

 private:
  struct Connection {
    Address local;
    bool begun = false;
    std::uint32_t our_next = 0, their_next = 0;
  };

  void datagram(const TracedMessage& message, const Ends& ends);
  void stream(const TracedMessage& message);
  void segment(TimePoint at, const Connection& c, const Address& remote, bool sent,
               std::uint8_t flags, std::string_view payload);
  void packet(TimePoint at, const Ends& ends, std::uint8_t protocol);
  void finish_checksum(const Ends& ends, std::uint8_t protocol);

  const Trace& trace_;
  std::string file_;
  std::string transport_;  // header and payload of the packet being made
  std::map<std::pair<Transport, Address>, Connection> connections_;
};

Ends ends_of(const Address& local, const Address& remote, bool sent) {
  Address ours{of_family(local.ip, remote.ip.is_v6()), local.port};
  return sent ? Ends{ours, remote} : Ends{remote, ours};
}

// What comes tells our end of a connection; what is sent may only know where it should go.
void Writer::learn(const TracedMessage& message) {
  const auto& flow = message.flow;
  if (flow.transport == Transport::udp) return;
  auto& c = connections_[{flow.transport, flow.remote}];
  if (!message.sent || c.local.port == 0) c.local = flow.local;
}

void Writer::add(const TracedMessage& message) {
  if (message.flow.transport != Transport::udp) return stream(message);
  datagram(message, ends_of(message.flow.local, message.flow.remote, message.sent));
}

void Writer::datagram(const TracedMessage& message, const Ends& ends) {
  const auto payload = std::string_view(message.bytes).substr(0, datagram_bytes);
  transport_.clear();
  put16(transport_, ends.from.port);
  put16(transport_, ends.to.port);
  put16(transport_, static_cast<std::uint32_t>(8 + payload.size()));
  put16(transport_, 0);
  transport_ += payload;
  packet(message.at, ends, protocol_udp);
}

// For a dissector, plain SIP is what comes on 5060.
void show_as_sip(Transport transport, Address& local, Address& remote) {
  if (transport == Transport::tcp) return;
  auto& server = local.port != 0 && local.port <= remote.port ? local : remote;
  server.port = 5060;
}

void Writer::stream(const TracedMessage& message) {
  const auto& flow = message.flow;
  auto& c = connections_[{flow.transport, flow.remote}];
  auto remote = flow.remote;
  auto shown = c;
  show_as_sip(flow.transport, shown.local, remote);
  if (!c.begun) {
    c.begun = true;
    segment(message.at, shown, remote, message.sent, tcp_syn, {});
    (message.sent ? shown.our_next : shown.their_next) = 1;
    segment(message.at, shown, remote, !message.sent, tcp_syn | tcp_ack, {});
    (message.sent ? shown.their_next : shown.our_next) = 1;
    segment(message.at, shown, remote, message.sent, tcp_ack, {});
  }
  for (std::string_view rest = message.bytes; !rest.empty();) {
    const auto piece = rest.substr(0, segment_bytes);
    rest.remove_prefix(piece.size());
    const auto flags = static_cast<std::uint8_t>(rest.empty() ? tcp_ack | tcp_push : tcp_ack);
    segment(message.at, shown, remote, message.sent, flags, piece);
    (message.sent ? shown.our_next : shown.their_next) += static_cast<std::uint32_t>(piece.size());
  }
  c.our_next = shown.our_next;
  c.their_next = shown.their_next;
}

void Writer::segment(TimePoint at, const Connection& c, const Address& remote, bool sent,
                     std::uint8_t flags, std::string_view payload) {
  const auto ends = ends_of(c.local, remote, sent);
  transport_.clear();
  put16(transport_, ends.from.port);
  put16(transport_, ends.to.port);
  put32(transport_, sent ? c.our_next : c.their_next);
  put32(transport_, (flags & tcp_ack) == 0 ? 0 : sent ? c.their_next : c.our_next);
  put16(transport_, 5U << 12 | flags);  // a header of five words
  put16(transport_, 65'535);            // window
  put32(transport_, 0);                 // checksum, urgent pointer
  transport_ += payload;
  packet(at, ends, protocol_tcp);
}

void Writer::finish_checksum(const Ends& ends, std::uint8_t protocol) {
  const auto pseudo = sum_of(ends.from.ip) + sum_of(ends.to.ip) + protocol +
                      static_cast<std::uint32_t>(transport_.size());
  auto sum = checksum(transport_, pseudo);
  if (protocol == protocol_udp && sum == 0) sum = 0xffff;  // 0 would say: none
  const std::size_t at = protocol == protocol_udp ? 6 : 16;
  transport_[at] = static_cast<char>(sum >> 8);
  transport_[at + 1] = static_cast<char>(sum & 0xff);
}

std::string ip_header(const Ends& ends, std::uint8_t protocol, std::size_t payload) {
  std::string header;
  if (ends.to.ip.is_v6()) {
    put32(header, 6U << 28);
    put16(header, static_cast<std::uint32_t>(payload));
    put16(header, static_cast<std::uint32_t>(protocol << 8 | 64));
  } else {
    put16(header, 0x4500);
    put16(header, static_cast<std::uint32_t>(20 + payload));
    put32(header, 0x4000);  // identification 0, do not fragment
    put16(header, static_cast<std::uint32_t>(64 << 8 | protocol));
    put16(header, 0);
  }
  put(header, ends.from.ip);
  put(header, ends.to.ip);
  if (ends.to.ip.is_v6()) return header;
  const auto sum = checksum(header);
  header[10] = static_cast<char>(sum >> 8);
  header[11] = static_cast<char>(sum & 0xff);
  return header;
}

void Writer::packet(TimePoint at, const Ends& ends, std::uint8_t protocol) {
  finish_checksum(ends, protocol);
  const auto header = ip_header(ends, protocol, transport_.size());
  const auto since = trace_.wall(at).time_since_epoch();
  const auto us = std::chrono::duration_cast<std::chrono::microseconds>(since).count();
  const auto size = static_cast<std::uint32_t>(header.size() + transport_.size());
  put32_little(file_, static_cast<std::uint32_t>(us / 1'000'000));
  put32_little(file_, static_cast<std::uint32_t>(us % 1'000'000));
  put32_little(file_, size);
  put32_little(file_, size);
  file_ += header;
  file_ += transport_;
}

}  // namespace

std::string pcap(const Trace& trace) {
  Writer writer(trace);
  for (const auto& message : trace.messages()) writer.learn(message);
  for (const auto& message : trace.messages()) writer.add(message);
  return writer.take();
}

}  // namespace sip
