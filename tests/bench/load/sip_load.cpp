// A load generator for one SIP server on the loopback: windowed (closed loop) or paced (open loop)
// OPTIONS, keepalive MESSAGEs, registrations (with or without digest), and calls through a proxy,
// whose called side it plays too. It counts answers, retransmissions and failures, keeps every
// latency, and reads what the server's processes used from the system. Prints one line of JSON.
//
// usage: sip_load --mode options|message|register|register_auth|invite [--proto udp|tcp]
//   [--host 127.0.0.1] [--port N] [--count N] [--window N] [--rate PER_SECOND] [--sockets N]
//   [--first N] [--aors N] [--uas-port N] [--expires S] [--server-pid PID] [--local-port N]
//   [--limit S] [--label TEXT]
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <map>
#include <string>
#include <vector>

#include "tests/bench/load/connection.hpp"
#include "tests/bench/load/process_usage.hpp"
#include "tests/bench/load/scenario.hpp"

namespace load {
namespace {

std::uint64_t now_ns(clockid_t clock = CLOCK_MONOTONIC) {
  timespec t{};
  clock_gettime(clock, &t);
  return static_cast<std::uint64_t>(t.tv_sec) * 1'000'000'000U +
         static_cast<std::uint64_t>(t.tv_nsec);
}

constexpr std::uint64_t second = 1'000'000'000;

class Load {
 public:
  explicit Load(const Options& o)
      : o_(o), connections_([this](Connection& c, std::string_view m) { on_message(c, m); }) {
    for (int i = 0; i < o.sockets; ++i)
      clients_.push_back(
          &connections_.connect(o.udp, o.host, o.port, o.local_port ? o.local_port + i : 0));
    if (o.mode == Mode::invite) connections_.listen(o.udp, o.uas_port, o.host, o.port);
    runs_.resize(o.window);
    for (auto i = o.window; i-- > 0;) free_.push_back(i);
    latency_us_.reserve(o.count);
  }

  int run() {
    const auto usage = usage_of(o_.server_pid);
    const auto cpu = now_ns(CLOCK_PROCESS_CPUTIME_ID);
    const auto begin = now_ns();
    loop(begin);
    const auto seconds = static_cast<double>(now_ns() - begin) / 1e9;
    const auto own_us = static_cast<double>(now_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu) / 1e3;
    print(seconds, own_us, usage, usage_of(o_.server_pid));
    return failed_ != 0 || finished_ < o_.count ? 1 : 0;
  }

 private:
  void loop(std::uint64_t begin) {
    auto scanned = begin;
    while (finished_ < o_.count) {
      const auto now = now_ns();
      const auto seconds = static_cast<double>(now - begin) / 1e9;
      if (seconds > o_.limit_s) break;
      const auto due =
          o_.rate > 0
              ? static_cast<std::uint32_t>(std::min<double>(o_.count, seconds * o_.rate + 1))
              : o_.count;
      while (started_ < due && !free_.empty()) start();
      connections_.flush();
      connections_.wait(o_.rate > 0 || connections_.unsent() ? 1 : 50);
      connections_.flush();
      if (now - scanned < 50'000'000) continue;
      scanned = now;
      for (std::uint32_t slot = 0; slot < runs_.size(); ++slot) retransmit(slot, now);
    }
  }

  void start() {
    const auto slot = free_.back();
    free_.pop_back();
    auto& run = runs_[slot];
    run.busy = true;
    run.index = started_++;
    run.step = 0;
    run.connection = clients_[run.index % clients_.size()];
    run.began_ns = now_ns();
    send(slot, request(o_, slot, run, {}));
  }
  void send(std::uint32_t slot, std::string message) {
    auto& run = runs_[slot];
    run.sent_ns = now_ns();
    run.again_ns = run.sent_ns + second / 2;
    run.tries = 0;
    run.last = message;
    connections_.post(*run.connection, std::move(message));
  }
  void finish(std::uint32_t slot, bool good) {
    auto& run = runs_[slot];
    run.busy = false;
    free_.push_back(slot);
    ++finished_;
    if (good) {
      latency_us_.push_back(static_cast<std::uint32_t>((now_ns() - run.began_ns) / 1000));
    } else {
      ++failed_;
    }
  }
  // As timers E and F do: 0.5, 1, 2, 4, 4... seconds, given up after 32 (RFC 3261 17.1.2.2).
  void retransmit(std::uint32_t slot, std::uint64_t now) {
    auto& run = runs_[slot];
    if (!run.busy || now < run.again_ns) return;
    if (now - run.sent_ns >= 32 * second) {
      ++statuses_[0];
      return finish(slot, false);
    }
    if (run.shed) {
      run.shed = false;
      return send(slot, request(o_, slot, run, {}));
    }
    run.again_ns = now + std::min(4 * second, (second / 2) << ++run.tries);
    if (!run.connection->udp) return;
    ++retransmitted_;
    connections_.post(*run.connection, run.last);
  }
  // 503 with Retry-After: begun again when the server says, as a new request.
  bool begin_again(Run& run, std::string_view message) {
    const std::string after(header(message, "\r\nRetry-After:"));
    if (after.empty()) return false;
    ++shed_;
    run.shed = true;
    run.step = 0;
    run.sent_ns = now_ns();
    run.again_ns = run.sent_ns + static_cast<std::uint64_t>(std::atoi(after.c_str())) * second;
    return true;
  }

  void on_message(Connection& c, std::string_view message) {
    if (message.starts_with("SIP/2.0 ")) return on_answer(message);
    if (!message.starts_with("ACK ")) connections_.post(c, answer(o_, message, c.udp));
  }
  void on_answer(std::string_view message) {
    Belongs to;
    const bool known = read_branch(message, to) && to.slot < runs_.size();
    const int status = std::atoi(std::string(message.substr(8, 3)).c_str());
    if (known && status < 200) return;
    auto* run = known ? &runs_[to.slot] : nullptr;
    if (!run || !run->busy || run->index != to.index || run->step != to.step) {
      ++stray_;
      return;
    }
    if (o_.mode == Mode::register_auth && run->step == 0 && status == 401) {
      run->step = 1;
      return send(to.slot, request(o_, to.slot, *run, message));
    }
    if (status == 503 && begin_again(*run, message)) return;
    if (status != 200) {
      ++statuses_[status];
      return finish(to.slot, false);
    }
    if (o_.mode == Mode::invite && run->step == 0) return confirm(to.slot, message);
    finish(to.slot, true);
  }
  // ACK to a 2xx is a transaction of its own: another branch.
  void confirm(std::uint32_t slot, std::string_view ok) {
    auto& run = runs_[slot];
    run.step = 1;
    connections_.post(*run.connection, in_dialog(o_, "ACK", slot, run, 1, ok));
    run.step = 2;
    send(slot, in_dialog(o_, "BYE", slot, run, 2, ok));
  }

  std::uint32_t quantile(double q) const {
    if (latency_us_.empty()) return 0;
    const auto at = static_cast<std::size_t>(q * static_cast<double>(latency_us_.size()));
    return latency_us_[std::min(latency_us_.size() - 1, at)];
  }
  void print(double seconds, double own_us, const ProcessUsage& before, const ProcessUsage& after) {
    std::ranges::sort(latency_us_);
    const auto done = std::max<double>(1, static_cast<double>(latency_us_.size()));
    std::printf(
        "{\"label\":\"%s\",\"mode\":\"%s\",\"proto\":\"%s\",\"window\":%u,\"rate\":%.0f,\"ok\":%zu,"
        "\"failed\":%u,\"shed\":%u,\"retransmitted\":%u,\"stray\":%u,\"seconds\":%.3f,\"per_s\":%."
        "0f,"
        "\"p50_us\":%u,\"p99_us\":%u,\"max_us\":%u,\"server_cpu_us\":%.3f,\"client_cpu_us\":%.3f,"
        "\"server_pss_kb_before\":%ld,\"server_pss_kb\":%ld,\"statuses\":{",
        o_.label.c_str(), o_.mode_name.c_str(), o_.udp ? "udp" : "tcp", o_.window, o_.rate,
        latency_us_.size(), failed_ + (o_.count - finished_), shed_, retransmitted_, stray_,
        seconds, static_cast<double>(latency_us_.size()) / seconds, quantile(0.5), quantile(0.99),
        quantile(1.0), (after.cpu_us - before.cpu_us) / done, own_us / done, before.pss_kb,
        after.pss_kb);
    const char* comma = "";
    for (const auto& [status, count] : statuses_) {
      std::printf("%s\"%d\":%u", comma, status, count);
      comma = ",";
    }
    std::printf("}}\n");
  }

  const Options& o_;
  Connections connections_;
  std::vector<Connection*> clients_;
  std::vector<Run> runs_;
  std::vector<std::uint32_t> free_, latency_us_;
  std::map<int, std::uint32_t> statuses_;  // that were not 200; 0: no answer
  std::uint32_t started_ = 0, finished_ = 0, failed_ = 0, retransmitted_ = 0, stray_ = 0;
  std::uint32_t shed_ = 0;  // 503, begun again later
};

bool set(Options& o, const std::string& key, const std::string& value) {
  static const std::map<std::string, Mode> modes{{"options", Mode::options},
                                                 {"message", Mode::message},
                                                 {"register", Mode::register_},
                                                 {"register_auth", Mode::register_auth},
                                                 {"invite", Mode::invite}};
  const auto number = [&] {
    return static_cast<std::uint32_t>(std::strtoul(value.c_str(), nullptr, 10));
  };
  const std::map<std::string, int*> ints{
      {"--port", &o.port},       {"--uas-port", &o.uas_port}, {"--local-port", &o.local_port},
      {"--sockets", &o.sockets}, {"--expires", &o.expires},   {"--server-pid", &o.server_pid}};
  const std::map<std::string, std::uint32_t*> counts{
      {"--count", &o.count}, {"--window", &o.window}, {"--first", &o.first}, {"--aors", &o.aors}};
  const std::map<std::string, double*> reals{{"--rate", &o.rate}, {"--limit", &o.limit_s}};
  if (ints.contains(key)) {
    *ints.at(key) = std::atoi(value.c_str());
  } else if (counts.contains(key)) {
    *counts.at(key) = number();
  } else if (reals.contains(key)) {
    *reals.at(key) = std::strtod(value.c_str(), nullptr);
  } else if (key == "--mode" && modes.contains(value)) {
    o.mode = modes.at(value);
    o.mode_name = value;
  } else if (key == "--proto" && (value == "udp" || value == "tcp")) {
    o.udp = value == "udp";
  } else if (key == "--host" && value.starts_with("127.")) {
    o.host = value;
  } else if (key == "--label") {
    o.label = value;
  } else {
    return false;
  }
  return true;
}

}  // namespace
}  // namespace load

int main(int argc, char** argv) {
  load::Options options;
  for (int i = 1; i < argc; i += 2) {
    if (i + 1 < argc && load::set(options, argv[i], argv[i + 1])) continue;
    std::fprintf(stderr, "sip_load: what is %s? (loopback only; see the head of the source)\n",
                 argv[i]);
    return 2;
  }
  return load::Load(options).run();
}
