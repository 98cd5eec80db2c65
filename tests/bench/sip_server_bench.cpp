// CPU time and heap allocations of a sip::Server in memory, no sockets: OPTIONS and MESSAGE to
// itself, REGISTER refresh and REGISTER with digest, a whole call through the record-routing proxy
// (INVITE, 100, 200, ACK, BYE, 200: 11 messages in and out), and the bytes that a call holds while
// its transactions live. Virtual time: 32 s of transactions are alive while it measures. Of the
// call the time and the allocations of its two ends, which are written here, are included; for the
// server's part alone: valgrind --tool=callgrind --toggle-collect='sip::Server::on_message*'.
// usage: sip_server_bench [-n COUNT] [-r PER_SECOND] [-w WHAT]
#include <malloc.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <string>

#include "sip/digest.hpp"
#include "sip/server.hpp"
#include "tests/bench/allocations.hpp"

namespace {

using namespace sip;

struct Options {
  std::uint64_t count = 100'000;
  std::uint64_t per_second = 1000;
  std::string what;
};

Flow udp(std::uint16_t remote) {
  return {Transport::udp,
          {IpAddress::loopback(), 15060},
          {IpAddress::loopback(), remote},
          ConnectionId::none};
}
const Flow client = udp(40000), callee = udp(15070);

struct World {
  explicit World(ServerConfig config, const Accounts* accounts = nullptr)
      : server(std::move(config), Seed{1}, location, accounts) {
    server.on_listening({Transport::udp, client.local, {}, 0});
  }
  Location location;
  Server server;
  Output out;
};

std::size_t in_use() {
  const auto info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

template <class Exchange>
void measure(const char* name, World& world, const Options& options, Exchange&& exchange) {
  if (!options.what.empty() && options.what != name) return;
  const auto gap = std::chrono::nanoseconds(1'000'000'000 / options.per_second);
  const auto warm_up = 40 * options.per_second;
  TimePoint now{};
  std::uint64_t allocated = 0;
  std::clock_t begin = 0;
  const auto heap_before = in_use();
  std::size_t heap = 0;
  for (std::uint64_t i = 0; i < warm_up + options.count; ++i, now += gap) {
    if (i == warm_up) {
      heap = in_use() - heap_before;
      begin = std::clock();
      allocated = allocations;
    }
    if (world.server.next_deadline() <= now) world.server.on_deadline(now, world.out);
    world.out.clear();
    exchange(i, now);
  }
  const double ns = static_cast<double>(std::clock() - begin) * 1e9 / CLOCKS_PER_SEC;
  const auto n = static_cast<double>(options.count);
  // What lives is 32 s of exchanges.
  std::printf("%-10s %8.0f ns  %6.2f allocations  %7.0f bytes each alive  %zu transactions\n", name,
              ns / n, static_cast<double>(allocations - allocated) / n,
              static_cast<double>(heap) / (32.0 * static_cast<double>(options.per_second)),
              world.server.counters().transactions);
}

void put_number(std::string& text, std::size_t at, std::uint64_t number) {
  for (int i = 8; i-- > 0; number /= 10)
    text[at + static_cast<std::size_t>(i)] = static_cast<char>('0' + number % 10);
}

std::string head(const char* line, const char* from, const char* to, int cseq, const char* method) {
  return std::string(line) +
         " SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:40000;rport;branch=z9hG4bK00000000\r\nFrom: <" +
         from + ">;tag=f00000000\r\nTo: <" + to +
         ">\r\nCall-ID: 00000000-1@127.0.0.1\r\nCSeq: " + std::to_string(cseq) + " " + method +
         "\r\nMax-Forwards: 70\r\nContact: <sip:34020000001320000000@127.0.0.1:40000>\r\n";
}
std::string tail(const std::string& body, const char* type) {
  std::string text;
  if (*type) text += std::string("Content-Type: ") + type + "\r\n";
  return text + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

const char* const device = "sip:34020000001320000001@3402000000";
const char* const platform = "sip:34020000002000000001@3402000000";

void set_numbers(std::string& text, std::uint64_t number) {
  put_number(text, text.find("z9hG4bK") + 7, number);
  put_number(text, text.find("Call-ID: ") + 9, number);
}

void expect(const World& world, std::size_t sends) {
  if (world.out.sends.size() != sends) {
    std::fprintf(stderr, "%zu messages sent in place of %zu\n", world.out.sends.size(), sends);
    std::exit(1);
  }
}

ServerConfig registrar_config() {
  ServerConfig config;
  config.domains = {"3402000000"};
  config.own_users = {"34020000002000000001"};
  config.proxying = Proxying::off;
  return config;
}

void local(const Options& options) {
  World world(registrar_config());
  auto ping = head("OPTIONS sip:127.0.0.1:15060", device, platform, 1, "OPTIONS") +
              "Accept: application/sdp\r\n" + tail("", "");
  measure("options", world, options, [&](std::uint64_t i, TimePoint now) {
    set_numbers(ping, i);
    world.server.on_message(ping, client, now, world.out);
    expect(world, 1);
  });
  auto message =
      head((std::string("MESSAGE ") + platform).c_str(), device, platform, 20, "MESSAGE") +
      tail(
          "<?xml version=\"1.0\" encoding=\"GB2312\"?>\r\n<Notify>\r\n<CmdType>Keepalive"
          "</CmdType>\r\n<SN>17</SN>\r\n<DeviceID>34020000001320000001</DeviceID>\r\n"
          "<Status>OK</Status>\r\n</Notify>\r\n",
          "Application/MANSCDP+xml");
  measure("message", world, options, [&](std::uint64_t i, TimePoint now) {
    set_numbers(message, i);
    world.server.on_message(message, client, now, world.out);
    expect(world, 1);
  });
}

std::string id_of(std::uint64_t device_number) {
  std::string id = "34020000001320000000";
  put_number(id, 12, device_number);
  return id;
}

// As the load generator writes it.
std::string registration(std::uint64_t n, int cseq, const std::string& credentials = {}) {
  const auto id = id_of(n), uri = "sip:" + id + "@3402000000";
  auto text = head((std::string("REGISTER ") + platform).c_str(), uri.c_str(), uri.c_str(), cseq,
                   "REGISTER");
  set_numbers(text, 2 * n + static_cast<std::uint64_t>(cseq));
  text.replace(text.find("Contact: <sip:") + 14, id.size(), id);
  return text + "Expires: 3600\r\n" + credentials + tail("", "");
}

std::string_view value_of(std::string_view message, std::string_view name) {
  const auto at = message.find(name) + name.size();
  return message.substr(at, message.find("\r\n", at) - at);
}

double cpu_ns() {
  timespec t{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) * 1e9 + static_cast<double>(t.tv_nsec);
}

void registering(const Options& options) {
  World world(registrar_config());
  auto text = head((std::string("REGISTER ") + platform).c_str(), device, device, 1, "REGISTER") +
              "User-Agent: bench\r\nExpires: 3600\r\n" + tail("", "");
  measure("register", world, options, [&](std::uint64_t i, TimePoint now) {
    set_numbers(text, i);
    put_number(text, text.find("To: <sip:") + 9 + 12, i % 50'000);
    put_number(text, text.find("From: <sip:") + 11 + 12, i % 50'000);
    world.server.on_message(text, client, now, world.out);
    expect(world, 1);
  });
}

struct OnePassword : Accounts {
  bool find(std::string_view, std::string_view, Secret& secret) const override {
    secret.password = "12345678";
    return true;
  }
};

// Devices that nobody knows yet, each challenged and then registered, in the batches in which a
// socket brings them. The clients' part is not measured.
void logging_in(const Options& options) {
  if (!options.what.empty() && options.what != "digest") return;
  constexpr std::size_t batch = 32;
  const OnePassword accounts;
  auto config = registrar_config();
  config.authenticator.algorithms = {DigestAlgorithm::md5};
  World world(config, &accounts);
  world.location.keep_changes(true);
  std::string texts[batch];
  double spent_ns[2] = {};
  std::uint64_t devices = 0, allocated = 0;
  const auto serve = [&](double& ns) {
    world.out.clear();
    const auto before = allocations;
    const auto begin = cpu_ns();
    for (const auto& text : texts) world.server.on_message(text, client, {}, world.out);
    ns += cpu_ns() - begin;
    allocated += allocations - before;
    expect(world, batch);
  };
  for (; devices < options.count; devices += batch) {
    for (std::size_t i = 0; i < batch; ++i) texts[i] = registration(devices + i, 1);
    serve(spent_ns[0]);
    for (std::size_t i = 0; i < batch; ++i) {
      DigestClient digest(id_of(devices + i), "12345678");
      const auto challenge = value_of(world.out.bytes(world.out.sends[i]), "WWW-Authenticate: ");
      static_cast<void>(digest.on_challenges({challenge}));
      texts[i] = registration(
          devices + i, 2,
          "Authorization: " + digest.authorization({"REGISTER", {}}, platform, "0a4f113b") +
              "\r\n");
    }
    serve(spent_ns[1]);
    if (devices % 2048 == 0) world.location.take_changes([](auto, auto) {});
  }
  const auto n = static_cast<double>(devices);
  if (world.location.bindings() != devices) std::exit(1);
  std::printf("%-10s %8.0f ns  %6.2f allocations  (401: %.0f ns, checked and bound: %.0f ns)\n",
              "digest", (spent_ns[0] + spent_ns[1]) / n, static_cast<double>(allocated) / n,
              spent_ns[0] / n, spent_ns[1] / n);
}

// The first value of a header of a message, with its line end.
std::string line_of(std::string_view message, std::string_view name) {
  const auto at = message.find(name);
  return std::string(message.substr(at, message.find("\r\n", at) + 2 - at));
}

// A callee's answer: the lines that it copies.
std::string answer(std::string_view request) {
  std::string text = "SIP/2.0 200 OK\r\n";
  auto rest = request.substr(request.find("\r\n") + 2);
  while (!rest.starts_with("\r\n")) {
    const auto line = rest.substr(0, rest.find("\r\n") + 2);
    for (const auto* name : {"Via:", "Record-Route:", "From:", "To:", "Call-ID:", "CSeq:"})
      if (line.starts_with(name)) text += line;
    rest.remove_prefix(line.size());
  }
  const auto to = text.find("\r\n", text.find("To: "));
  if (text.substr(0, to).rfind(";tag=") < text.find("To: ") ||
      text.substr(0, to).rfind(";tag=") == std::string::npos)
    text.insert(to, ";tag=uas1");
  return text + "Contact: <sip:34020000001310000001@127.0.0.1:15070>\r\n" +
         tail("v=0\r\no=34020000001310000001 1174 1174 IN IP4 127.0.0.1\r\ns=Play\r\n",
              "application/sdp");
}

void call(const Options& options) {
  ServerConfig config;
  config.next_hop_for = NextHopFor::everything;
  config.next_hop = "sip:127.0.0.1:15070";
  config.relay_for = RelayFor::everyone;
  config.recurse_redirects = false;
  World world(config);
  const char* const target = "sip:34020000001310000001@127.0.0.1:15060";
  auto invite = head((std::string("INVITE ") + target).c_str(), device, target, 1, "INVITE") +
                tail(
                    "v=0\r\no=34020000002000000001 0 0 IN IP4 127.0.0.1\r\ns=Play\r\nc=IN IP4 "
                    "127.0.0.1\r\nt=0 0\r\nm=video 30000 RTP/AVP 96\r\na=recvonly\r\na=rtpmap:96 "
                    "PS/90000\r\ny=0200000001\r\n",
                    "APPLICATION/SDP");
  const char* const contact = "sip:34020000001310000001@127.0.0.1:15070";
  // Made once by a first exchange; afterwards only numbers change in place.
  std::string ack, bye, ok, bye_ok;
  const auto in_dialog = [&](const char* method, int cseq, std::string_view response) {
    auto text = head((std::string(method) + " " + contact).c_str(), device, target, cseq, method);
    const auto to = text.find("To: ");
    text.replace(to, text.find("\r\n", to) + 2 - to, line_of(response, "To: "));
    auto route = line_of(response, "Record-Route: ");
    route.replace(0, 14, "Route: ");
    return text + route + tail("", "");
  };
  measure("call", world, options, [&](std::uint64_t i, TimePoint now) {
    set_numbers(invite, 3 * i);
    world.server.on_message(invite, client, now, world.out);
    expect(world, 2);  // 100, INVITE
    const auto answered = answer(world.out.bytes(world.out.sends[1]));
    world.out.clear();
    world.server.on_message(answered, callee, now, world.out);
    expect(world, 1);
    const std::string response(world.out.bytes(world.out.sends[0]));
    world.out.clear();
    ack = in_dialog("ACK", 1, response);
    bye = in_dialog("BYE", 2, response);
    put_number(ack, ack.find("z9hG4bK") + 7, 3 * i + 1);
    put_number(ack, ack.find("Call-ID: ") + 9, 3 * i);
    put_number(bye, bye.find("z9hG4bK") + 7, 3 * i + 2);
    put_number(bye, bye.find("Call-ID: ") + 9, 3 * i);
    world.server.on_message(ack, client, now, world.out);
    world.server.on_message(bye, client, now, world.out);
    expect(world, 2);
    const auto ended = answer(world.out.bytes(world.out.sends[1]));
    world.out.clear();
    world.server.on_message(ended, callee, now, world.out);
    expect(world, 1);
    world.out.clear();
  });
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  for (int i = 1; i + 1 < argc; i += 2) {
    if (!std::strcmp(argv[i], "-n")) options.count = std::strtoull(argv[i + 1], nullptr, 10);
    if (!std::strcmp(argv[i], "-r")) options.per_second = std::strtoull(argv[i + 1], nullptr, 10);
    if (!std::strcmp(argv[i], "-w")) options.what = argv[i + 1];
  }
  if (options.count == 0 || options.per_second == 0) return 2;
  local(options);
  registering(options);
  logging_in(options);
  call(options);
}
