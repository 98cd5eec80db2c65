// What a registration costs: time, memory and allocations, from a thousand bindings to a million.
//   sip_registrar_bench                    all of it
//   sip_registrar_bench refresh|digest N   only that, N times: for callgrind
#include <fmt/format.h>
#include <malloc.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>
#include <vector>

#include "sip/authenticator.hpp"
#include "sip/digest.hpp"
#include "sip/registrar.hpp"
#include "tests/bench/allocations.hpp"

namespace {

using namespace sip;

const auto start = TimePoint{} + std::chrono::hours(100);
const WallTime wall{std::chrono::seconds(1795000000)};
const std::string domain = "3402000000";

double cpu_seconds() {
  timespec t{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

std::size_t resident_bytes() {
  std::size_t pages = 0, resident = 0;
  std::ifstream("/proc/self/statm") >> pages >> resident;
  return resident * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

std::string device(std::size_t n) {
  return fmt::format("3402000000132{:07}", n);
}

Flow flow_of(std::size_t n) {
  Flow flow;
  flow.local = *Address::parse("127.0.0.1:5060");
  flow.remote = {IpAddress::loopback(), static_cast<std::uint16_t>(20000 + n % 40000)};
  return flow;
}

// As the load generator of the measurements writes it.
std::string request(std::size_t n, unsigned cseq, const std::string& more = {}) {
  const auto id = device(n);
  return fmt::format(
      "REGISTER sip:34020000002000000001@3402000000 SIP/2.0\r\n"
      "Via: SIP/2.0/UDP 127.0.0.1:20000;rport;branch=z9hG4bK{0:08x}.{1:08x}.0\r\n"
      "From: <sip:{2}@3402000000>;tag=f{0:08x}\r\nTo: <sip:{2}@3402000000>\r\n"
      "Call-ID: {0:08x}-20000@127.0.0.1\r\nCSeq: {1} REGISTER\r\nMax-Forwards: 70\r\n"
      "Contact: <sip:{2}@127.0.0.1:20000>\r\nUser-Agent: blaster\r\nExpires: 3600\r\n{3}"
      "Content-Length: 0\r\n\r\n",
      n, cseq, id, more);
}

struct OnePassword : Accounts {
  bool find(std::string_view, std::string_view, Secret& secret) const override {
    secret.password = "12345678";
    return true;
  }
};

struct Server {
  Location location{{}, 0x1234567890abcdef};
  OnePassword accounts;
  Registrar registrar{{.domains = {domain}}, location, &accounts};
  Authenticator authenticator{{.realm = domain}, accounts, {1, 2}};
  std::string buffer;

  bool handle(const std::string& text, std::size_t n, std::string_view user = {}) {
    MessageView message;
    if (!parse_message(text, message)) return false;
    return registrar.on_register({message, flow_of(n), start, wall, user, "0123456789"}, buffer)
               .status == 200;
  }
};

void must(bool ok, std::string_view what = "a request was not answered as expected") {
  if (ok) return;
  fmt::print(stderr, "{}\n", what);
  std::exit(1);
}

// Registrations of `bindings` devices, refreshed one after another in no order of memory.
void refresh(Server& server, std::size_t bindings, std::size_t times) {
  std::vector<std::string> texts;
  const std::size_t block = 2000;
  double spent = 0;
  std::size_t done = 0, allocated = 0;
  static unsigned cseq = 1;
  for (unsigned round = 0; done < times; ++round) {
    texts.clear();
    ++cseq;
    for (std::size_t i = 0; i < block; ++i)
      texts.push_back(request((round * block + i) * 7919 % bindings, cseq));
    const auto before = cpu_seconds();
    const auto allocations_before = allocations;
    for (std::size_t i = 0; i < block; ++i)
      must(server.handle(texts[i], (round * block + i) * 7919 % bindings));
    spent += cpu_seconds() - before;
    allocated += allocations - allocations_before;
    done += block;
  }
  fmt::print("refresh, parsed and answered     {:>9} bindings {:7.0f} ns  {:.2f} allocations\n",
             bindings, spent / static_cast<double>(done) * 1e9,
             static_cast<double>(allocated) / static_cast<double>(done));
}

void lookups(const Server& server, std::size_t bindings) {
  std::vector<std::string> aors;
  for (std::size_t i = 0; i < 200'000; ++i)
    aors.push_back("sip:" + device(i * 7919 % bindings) + "@" + domain);
  std::size_t found = 0;
  const auto before = cpu_seconds();
  for (const auto& aor : aors)
    found += server.location.visit(aor, start, [](const BindingView&) {});
  const auto spent = cpu_seconds() - before;
  must(found == aors.size());
  fmt::print("look-up                          {:>9} bindings {:7.0f} ns\n", bindings,
             spent / static_cast<double>(aors.size()) * 1e9);
}

// Fills; says what a binding costs and how long the slowest one took.
void fill(Server& server, std::size_t from, std::size_t to) {
  malloc_trim(0);
  const auto resident = resident_bytes();
  double slowest = 0;
  const auto begin = cpu_seconds();
  for (auto n = from; n < to; ++n) {
    const auto text = request(n, 1);
    const auto before = cpu_seconds();
    must(server.handle(text, n), server.buffer);
    slowest = std::max(slowest, cpu_seconds() - before);
  }
  fmt::print("new bindings {:>9} to {:>9}: {:.0f} bytes each, {:.0f} ns each, slowest {:.2f} ms\n",
             from, to,
             static_cast<double>(resident_bytes() - resident) / static_cast<double>(to - from),
             (cpu_seconds() - begin) / static_cast<double>(to - from) * 1e9, slowest * 1e3);
}

// The challenge of this algorithm in a 401.
std::string challenge_in(const std::string& answer, DigestAlgorithm algorithm) {
  MessageView message;
  must(parse_message(answer, message).has_value());
  for (std::size_t h = 0; h < message.header_count(); ++h) {
    const auto c = parse_digest_challenge(message.header(h).value);
    if (c && c->algorithm == algorithm) return std::string(message.header(h).value);
  }
  return {};
}

void challenge(Server& server, const std::string& text, const Flow& flow) {
  MessageView message;
  must(parse_message(text, message).has_value());
  const auto verdict =
      server.authenticator.check(message, Authenticator::Kind::registrar, flow, start);
  server.authenticator.refuse(message, Authenticator::Kind::registrar, verdict, flow, start,
                              {.source = flow.remote, .to_tag = "0123456789"}, server.buffer);
}

void check_and_register(Server& server, const std::string& text, const Flow& flow) {
  MessageView message;
  must(parse_message(text, message).has_value());
  const auto verdict =
      server.authenticator.check(message, Authenticator::Kind::registrar, flow, start);
  must(verdict.finding == Authenticator::Finding::accepted);
  must(server.registrar
           .on_register({message, flow, start, wall, verdict.user, "0123456789"}, server.buffer)
           .status == 200);
}

// Two requests: challenged, then answered. In blocks, since looking at the clock costs as much as
// what is measured.
void digest(Server& server, std::size_t times, DigestAlgorithm algorithm) {
  const std::size_t block = 1000;
  const std::string uri = "sip:34020000002000000001@3402000000";
  static unsigned cseq = 10;
  double challenging = 0, checking = 0;
  std::size_t allocated = 0, done = 0;
  std::vector<std::string> requests(block), answers(block);
  for (; done < times; done += block, cseq += 2) {
    for (std::size_t i = 0; i < block; ++i) requests[i] = request(i, cseq);
    auto before = cpu_seconds();
    auto allocations_before = allocations;
    for (std::size_t i = 0; i < block; ++i) {
      challenge(server, requests[i], flow_of(i));
      answers[i].swap(server.buffer);
    }
    challenging += cpu_seconds() - before;
    allocated += done == 0 ? 0 : allocations - allocations_before;  // the buffers' first growth
    for (std::size_t i = 0; i < block; ++i) {
      DigestClient client(device(i), "12345678");
      must(client.on_challenges({challenge_in(answers[i], algorithm)}).has_value());
      requests[i] = request(
          i, cseq + 1,
          "Authorization: " +
              client.authorization({.method = "REGISTER", .body = {}}, uri, "0a4f113b") + "\r\n");
    }
    before = cpu_seconds();
    allocations_before = allocations;
    for (std::size_t i = 0; i < block; ++i) check_and_register(server, requests[i], flow_of(i));
    allocated += allocations - allocations_before;
    checking += cpu_seconds() - before;
  }
  const auto n = static_cast<double>(done);
  fmt::print(
      "digest {:<12} 401 {:5.0f} ns, checked and registered {:5.0f} ns, {:.2f} allocations\n",
      to_string(algorithm), challenging / n * 1e9, checking / n * 1e9,
      static_cast<double>(allocated) / n);
}

void expiry(Server& server) {
  double slowest = 0, all = 0;
  std::size_t calls = 0;
  const auto end = start + std::chrono::hours(2);
  const auto count = server.location.bindings();
  while (server.location.next_deadline() <= end) {
    const auto before = cpu_seconds();
    server.location.on_deadline(end);
    const auto spent = cpu_seconds() - before;
    slowest = std::max(slowest, spent);
    all += spent;
    ++calls;
  }
  must(server.location.bindings() == 0);
  fmt::print("{} bindings expired at once: {} calls, {:.0f} ns a binding, slowest call {:.2f} ms\n",
             count, calls, all / static_cast<double>(count) * 1e9, slowest * 1e3);
}

void everything() {
  Server server;
  std::size_t have = 0;
  for (const std::size_t count : {1'000u, 100'000u, 1'000'000u}) {
    fill(server, have, count);
    have = count;
    lookups(server, count);
    refresh(server, count, 100'000);
  }
  Server second;
  fill(second, 0, 1000);
  for (const auto algorithm :
       {DigestAlgorithm::md5, DigestAlgorithm::sha256, DigestAlgorithm::sha512_256})
    digest(second, 50'000, algorithm);
  expiry(server);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return everything(), 0;
  Server server;
  fill(server, 0, 1000);
  const auto times = std::strtoull(argv[2], nullptr, 10);
  if (std::strcmp(argv[1], "digest") == 0)
    digest(server, times, DigestAlgorithm::md5);
  else
    refresh(server, 1000, times);
}
