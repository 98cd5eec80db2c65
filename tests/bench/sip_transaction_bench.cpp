// What a transaction costs apart from parsing: CPU time and allocations of one that is begun,
// answered and ended while 32 s of others stay alive; building its response; and the memory of
// 100,000 that are held, answered MESSAGEs and whole proxied calls.
// usage: sip_transaction_bench [-n COUNT] [-r PER_SECOND] [serve|ask|build|held|calls]...
// For instructions: valgrind --tool=callgrind with one name and two COUNTs, and their difference.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fstream>
#include <string>
#include <vector>

#include "sip/message_builder.hpp"
#include "sip/transactions.hpp"
#include "tests/bench/allocations.hpp"

namespace {

using namespace sip;

const Flow camera{Transport::udp,
                  {IpAddress::loopback(), 5060},
                  {IpAddress::loopback(), 40000},
                  ConnectionId::none};

[[noreturn]] void fail(const char* what) {
  std::fprintf(stderr, "%s\n", what);
  std::exit(1);
}

// A message whose branch can be changed where it stands, so that its index stays good.
class Sample {
 public:
  Sample(std::string_view start, std::string_view method, std::size_t body_bytes) {
    text_ = std::string(start) +
            "\r\nVia: SIP/2.0/UDP 192.168.1.64:5060;rport;branch=z9hG4bK0000000000\r\n"
            "From: <sip:34020000001320000001@3402000000>;tag=1563912365\r\n"
            "To: <sip:34020000002000000001@3402000000>;tag=9f2c11\r\n"
            "Call-ID: 1205136491@192.168.1.64\r\nCSeq: 20 " +
            std::string(method) +
            "\r\nContact: <sip:34020000001320000001@192.168.1.64:5060>\r\nMax-Forwards: 70\r\n"
            "User-Agent: IP Camera\r\nContent-Type: Application/MANSCDP+xml\r\nContent-Length: " +
            std::to_string(body_bytes) + "\r\n\r\n" + std::string(body_bytes, 'x');
    branch_at_ = text_.find("0000000000\r\n");
    if (!parse_message(text_, view)) fail("the sample cannot be parsed");
    via = *view.via();
  }
  Sample(const Sample&) = delete;

  void number(std::uint64_t n) {
    for (std::size_t i = 10; i-- > 0; n /= 10)
      text_[branch_at_ + i] = static_cast<char>('0' + n % 10);
  }
  std::string_view text() const { return text_; }
  std::string_view branch() const { return via.branch; }

  MessageView view;
  Via via;

 private:
  std::string text_;
  std::size_t branch_at_ = 0;
};

struct Table {
  Counters counters;
  Transactions transactions{{}, 4'000'000, 0x5eed5eed5eedu, counters};
  Output out;
  std::vector<TransactionReport> reports;

  void pass(TimePoint now) {
    if (transactions.next_deadline() <= now) transactions.on_deadline(now, out, reports);
    reports.clear();
  }
  TransactionId receive(const Sample& s, Purpose purpose, TimePoint now) {
    const auto key = transactions.request_key(s.view, s.via, s.view.method_text(), camera);
    if (transactions.find(key)) fail("a new request was known");
    return transactions.start_server(key, s.view, camera, {purpose, {}, 7},
                                     now + std::chrono::seconds(30), now);
  }
  TransactionId send(const Sample& s, Purpose purpose, TimePoint now) {
    const auto key = transactions.response_key(s.branch(), s.view.method_text());
    return transactions.start_client(s.view.method() == Method::invite, key, s.text(), camera,
                                     {purpose, {}, 7}, now, out);
  }
};

std::string response_of(const Sample& sample) {
  std::string text;
  MessageBuilder(text)
      .respond_to(sample.view, 200, {}, {.source = camera.remote, .to_tag = "t"})
      .header(HeaderId::server, "gbgate, an answer of about four hundred bytes in all, as they are")
      .finish();
  return text;
}

// Runs `exchange(i, now)` at the given rate in virtual time, after the 40 s in which it fills up.
template <class Exchange>
void measure(const char* what, const Table& table, std::uint64_t count, std::uint64_t per_second,
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
  const auto n = static_cast<double>(count);
  const auto ns = static_cast<double>(std::clock() - begin) * 1e9 / CLOCKS_PER_SEC / n;
  std::printf("%-34s %7.0f ns  %5.2f allocations  %zu alive\n", what, ns,
              static_cast<double>(allocations - allocated) / n, table.transactions.size());
}

void serve(std::uint64_t count, std::uint64_t per_second) {
  Table table;
  Sample request("MESSAGE sip:34020000002000000001@3402000000 SIP/2.0", "MESSAGE", 170);
  const auto response = response_of(request);
  measure("serve a MESSAGE", table, count, per_second, [&](std::uint64_t i, TimePoint now) {
    request.number(i);
    table.pass(now);
    const auto id = table.receive(request, Purpose::request, now);
    table.transactions.respond(id, 200, response, now, table.out);
    table.out.clear();
  });
}

void ask(std::uint64_t count, std::uint64_t per_second) {
  Table table;
  Sample request("MESSAGE sip:34020000002000000001@3402000000 SIP/2.0", "MESSAGE", 170);
  Sample response("SIP/2.0 200 OK", "MESSAGE", 0);
  measure(
      "send a MESSAGE, be answered", table, count, per_second, [&](std::uint64_t i, TimePoint now) {
        request.number(i);
        table.pass(now);
        table.send(request, Purpose::request, now);
        const auto id =
            table.transactions.find(table.transactions.response_key(request.branch(), "MESSAGE"));
        if (!table.transactions.on_response(id, response.view, now, table.out)) fail("no news");
        table.out.clear();
      });
}

void build(std::uint64_t count) {
  const Sample request("MESSAGE sip:34020000002000000001@3402000000 SIP/2.0", "MESSAGE", 170);
  std::string buffer;
  const auto begin = std::clock();
  const auto allocated = allocations;
  for (std::uint64_t i = 0; i < count; ++i)
    MessageBuilder(buffer)
        .respond_to(request.view, 200, {}, {.source = camera.remote, .to_tag = "t"})
        .finish();
  const auto n = static_cast<double>(count);
  std::printf("%-34s %7.0f ns  %5.2f allocations  %zu bytes\n", "build a response",
              static_cast<double>(std::clock() - begin) * 1e9 / CLOCKS_PER_SEC / n,
              static_cast<double>(allocations - allocated) / n, buffer.size());
}

double pss_bytes() {
  std::ifstream in("/proc/self/smaps_rollup");
  for (std::string word; in >> word;)
    if (word == "Pss:" && in >> word) return std::stod(word) * 1024;
  fail("no /proc/self/smaps_rollup");
}

constexpr std::uint64_t held_count = 100'000;

void held() {
  Table table;
  Sample request("MESSAGE sip:34020000002000000001@3402000000 SIP/2.0", "MESSAGE", 170);
  const auto response = response_of(request);
  const auto before = pss_bytes();
  for (std::uint64_t i = 0; i < held_count; ++i) {
    request.number(i);
    const auto id = table.receive(request, Purpose::request, {});
    table.transactions.respond(id, 200, response, {}, table.out);
    table.out.clear();
  }
  std::printf("%-34s %7.0f bytes each, of them a response of %zu\n", "held MESSAGE transactions",
              (pss_bytes() - before) / static_cast<double>(table.transactions.size()),
              response.size());
}

// INVITE answered 200 and BYE answered 200, both sides of both still there.
void calls() {
  Table table;
  auto& transactions = table.transactions;
  Sample invite("INVITE sip:34020000002000000001@3402000000 SIP/2.0", "INVITE", 300);
  Sample bye("BYE sip:34020000002000000001@3402000000 SIP/2.0", "BYE", 0);
  Sample accepted("SIP/2.0 200 OK", "INVITE", 300), ended("SIP/2.0 200 OK", "BYE", 0);
  const auto before = pss_bytes();
  for (std::uint64_t i = 0; i < held_count; ++i) {
    const auto relay = [&](Sample& request, Sample& response) {
      request.number(i);
      const auto server = table.receive(request, Purpose::proxy, {});
      const auto client = table.send(request, Purpose::proxy, {});
      transactions.on_response(client, response.view, {}, table.out);
      transactions.respond(server, 200, response.text(), {}, table.out);
      table.out.clear();
    };
    relay(invite, accepted);
    relay(bye, ended);
  }
  std::printf("%-34s %7.0f bytes each, %zu transactions in all\n", "held proxied calls",
              (pss_bytes() - before) / static_cast<double>(held_count), transactions.size());
}

}  // namespace

int main(int argc, char** argv) {
  std::uint64_t count = 1'000'000, per_second = 10'000;
  std::vector<std::string_view> what;
  for (int i = 1; i < argc; ++i) {
    if (!std::strcmp(argv[i], "-n") && i + 1 < argc) {
      count = std::strtoull(argv[++i], nullptr, 10);
    } else if (!std::strcmp(argv[i], "-r") && i + 1 < argc) {
      per_second = std::strtoull(argv[++i], nullptr, 10);
    } else {
      what.push_back(argv[i]);
    }
  }
  if (count == 0 || per_second == 0) return 2;
  const auto wanted = [&](std::string_view name) {
    return what.empty() || std::find(what.begin(), what.end(), name) != what.end();
  };
  if (wanted("held")) held();  // memory first, while nothing has been given back
  if (wanted("calls")) calls();
  if (wanted("serve")) serve(count, per_second);
  if (wanted("ask")) ask(count, per_second);
  if (wanted("build")) build(count);
}
