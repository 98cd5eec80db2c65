// CPU time and heap allocations for a whole exchange: a camera's keepalive comes in, is matched,
// shown to the user and answered 200, while 32 s of transactions stay alive (timer J). And for the
// same as its sender. usage: sip_endpoint_bench [-n EXCHANGES] [-r PER_SECOND]
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <string>

#include "sip/endpoint.hpp"
#include "tests/bench/allocations.hpp"

namespace {

using namespace sip;

struct Result {
  double ns_per_exchange;
  double allocations_per_exchange;
  std::size_t transactions;
};

// Runs `exchange(i, now)` in virtual time at the given rate, `count` times after a warm-up of the
// 32 s in which transactions pile up.
template <class Exchange>
Result measure(Endpoint& endpoint, std::uint64_t count, std::uint64_t per_second,
               Exchange&& exchange) {
  const auto gap = std::chrono::nanoseconds(1'000'000'000 / per_second);
  const auto warm_up = 40 * per_second;
  TimePoint now{};
  std::uint64_t allocated = 0;
  std::clock_t begin = 0;
  for (std::uint64_t i = 0; i < warm_up + count; ++i, now += gap) {
    if (i == warm_up) {
      begin = std::clock();
      allocated = allocations;
    }
    exchange(i, now);
  }
  const double took_ns = static_cast<double>(std::clock() - begin) * 1e9 / CLOCKS_PER_SEC;
  return {took_ns / static_cast<double>(count),
          static_cast<double>(allocations - allocated) / static_cast<double>(count),
          endpoint.counters().transactions};
}

const Flow camera{Transport::udp,
                  {IpAddress::loopback(), 5060},
                  {IpAddress::loopback(), 40000},
                  ConnectionId::none};

std::string keepalive() {
  const std::string body =
      "<?xml version=\"1.0\"?>\r\n<Notify>\r\n<CmdType>Keepalive</CmdType>\r\n<SN>17</SN>\r\n"
      "<DeviceID>34020000001320000001</DeviceID>\r\n<Status>OK</Status>\r\n</Notify>\r\n";
  return "MESSAGE sip:34020000002000000001@3402000000 SIP/2.0\r\n"
         "Via: SIP/2.0/UDP 192.168.1.64:5060;rport;branch=z9hG4bK0000000000\r\n"
         "From: <sip:34020000001320000001@3402000000>;tag=1563912365\r\n"
         "To: <sip:34020000002000000001@3402000000>\r\nCall-ID: 1205136491\r\nCSeq: 20 MESSAGE\r\n"
         "Content-Type: Application/MANSCDP+xml\r\nMax-Forwards: 70\r\nUser-Agent: IP Camera\r\n"
         "Content-Length: " +
         std::to_string(body.size()) + "\r\n\r\n" + body;
}

Result serve(std::uint64_t count, std::uint64_t per_second) {
  Endpoint endpoint({}, Seed{1});
  Output out;
  auto request = keepalive();
  const auto branch_at = request.find("0000000000");
  char digits[24];
  const ResponseSpec ok;
  return measure(endpoint, count, per_second, [&](std::uint64_t i, TimePoint now) {
    std::snprintf(digits, sizeof digits, "%010llu", static_cast<unsigned long long>(i));
    std::memcpy(request.data() + branch_at, digits, 10);
    if (endpoint.next_deadline() <= now) endpoint.on_deadline(now, out);
    endpoint.on_message(request, camera, now, out);
    for (const auto& event : out.events)
      if (const auto* e = std::get_if<event::IncomingRequest>(&event))
        endpoint.respond(e->transaction, ok, now, out);
    if (out.sends.size() != 1) std::abort();
    out.clear();
  });
}

Result ask(std::uint64_t count, std::uint64_t per_second) {
  Endpoint client({}, Seed{1}), server({}, Seed{2});
  Output asked, answered;
  RequestSpec spec;
  spec.method = "MESSAGE";
  spec.request_uri = "sip:34020000002000000001@3402000000";
  spec.from = "<sip:34020000001320000001@3402000000>";
  spec.to = "<sip:34020000002000000001@3402000000>";
  spec.destination = camera;
  spec.content_type = "Application/MANSCDP+xml";
  spec.body = std::string(180, 'x');
  return measure(client, count, per_second, [&](std::uint64_t, TimePoint now) {
    client.send_request(spec, now, asked);
    for (auto* endpoint : {&client, &server})
      if (endpoint->next_deadline() <= now) endpoint->on_deadline(now, asked);
    const std::string request(asked.bytes(asked.sends.back()));
    asked.clear();
    server.on_message(request, camera, now, answered);
    const auto* e = std::get_if<event::IncomingRequest>(&answered.events.at(0));
    server.respond(e->transaction, {}, now, answered);
    const std::string response(answered.bytes(answered.sends.at(0)));
    client.on_message(response, camera, now, asked);
    if (asked.events.size() != 1) std::abort();
    asked.clear();
    answered.clear();
  });
}

void print(const char* what, const Result& r) {
  std::printf("%-28s %8.0f ns/exchange  %9.0f exchanges/s/core  %6.2f allocations  %zu alive\n",
              what, r.ns_per_exchange, 1e9 / r.ns_per_exchange, r.allocations_per_exchange,
              r.transactions);
}

}  // namespace

int main(int argc, char** argv) {
  std::uint64_t count = 200'000, per_second = 2000;
  for (int i = 1; i + 1 < argc; i += 2) {
    if (!std::strcmp(argv[i], "-n")) count = std::strtoull(argv[i + 1], nullptr, 10);
    if (!std::strcmp(argv[i], "-r")) per_second = std::strtoull(argv[i + 1], nullptr, 10);
  }
  if (count == 0 || per_second == 0) return 2;
  print("serve a keepalive", serve(count, per_second));
  print("send, serve, and be answered", ask(count, per_second));
}
