// Many viewers in one thread, viewer i of PATH(i % STREAMS), or of PATH with --streams 0. A line of
// JSON for each 'm' on standard input: what they saw since the last one. With --joins they come one
// after the other, each to leave as soon as it saw a key frame; then it says how long that took and
// ends.
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <array>
#include <cstdio>
#include <memory>
#include <utility>
#include <vector>

#include "tests/bench/load/arguments.hpp"
#include "tests/bench/load/rtsp_session.hpp"

namespace {

constexpr const char* usage =
    "rtsp_viewers --port P [--viewers 1 ] [--streams 1 ] [--path s] [--transport tcp|udp] "
    "[--protocol rtsp|raw] [--ramp-ms 500 ] [--joins N] [--every-ms 40 ] [--give-up-ms 10000 ]";

using load::RtspSession;
using State = RtspSession::State;

void write_delays(const char* name, const load::Delays& delays) {
  std::printf("\"%s\":{\"n\":%lu,\"p50\":%.3f,\"p99\":%.3f,\"most\":%.3f}", name, delays.count(),
              delays.percentile_ms(0.5), delays.percentile_ms(0.99), delays.most_ms());
}

class Viewers {
 public:
  explicit Viewers(const load::Arguments& arguments)
      : streams_(arguments.number("streams", 1)),
        joins_(arguments.number("joins", 0)),
        give_up_ns_(arguments.number("give-up-ms", 10000) * 1'000'000),
        path_(arguments.text("path", "s")) {
    target_ = {.port = static_cast<int>(arguments.number("port", 8554)),
               .path = {},
               .udp = arguments.text("transport", "tcp") == "udp",
               .raw = arguments.text("protocol", "rtsp") == "raw"};
    const auto count = joins_ ? joins_ : arguments.number("viewers", 1);
    const auto ramp = arguments.number("ramp-ms", 500) * 1'000'000 / count;
    every_ns_ = joins_ ? arguments.number("every-ms", 40) * 1'000'000 : ramp;
    for (long i = 0; i < count; ++i) {
      auto target = target_;
      target.path = streams_ ? path_ + std::to_string(i % streams_) : path_;
      sessions_.push_back(std::make_unique<RtspSession>(target));
    }
  }

  void run() {
    epoll_event input{};
    input.events = EPOLLIN;
    input.data.u32 = input_tag;
    epoll_ctl(poll_, EPOLL_CTL_ADD, STDIN_FILENO, &input);
    std::array<epoll_event, 256> events;
    auto next_alive = load::clock_ns() + alive_ns;
    for (begin_ns_ = load::clock_ns(); !done_;) {
      const int ready = epoll_wait(poll_, events.data(), 256, timeout_ms());
      for (int i = 0; i < ready; ++i) on_event(events[static_cast<std::size_t>(i)].data.u32);
      const auto now = load::clock_ns();
      if (now > next_alive) {
        next_alive += alive_ns;
        for (auto& session : sessions_) session->keep_alive();
      }
      begin_some(now);
      if (joins_) end_joins(now);
    }
  }

 private:
  static constexpr std::uint32_t input_tag = 0xffffffff;
  static constexpr std::int64_t alive_ns = 20'000'000'000;

  std::int64_t due_ns(std::size_t index) const {
    return begin_ns_ + static_cast<std::int64_t>(index) * every_ns_;
  }

  int timeout_ms() const {
    if (joins_) return 1;
    if (begun_ == sessions_.size()) return 1000;
    return static_cast<int>(std::max<std::int64_t>(due_ns(begun_) - load::clock_ns(), 0) /
                            1'000'000);
  }

  void on_event(std::uint32_t tag) {
    if (tag != input_tag) return sessions_[tag]->on_ready(load::clock_ns(), seen_);
    const auto command = load::read_command();
    if (command == load::Command::quit) done_ = true;
    if (command == load::Command::mark) report();
  }

  void begin_some(std::int64_t now) {
    for (; begun_ < sessions_.size() && due_ns(begun_) <= now; ++begun_)
      sessions_[begun_]->begin(poll_, static_cast<std::uint32_t>(begun_));
  }

  // Joins overlap when pictures are slow to come.
  void end_joins(std::int64_t now) {
    for (std::size_t i = ended_; i < begun_; ++i) {
      auto& session = *sessions_[i];
      const bool seen = session.watch().key_ns().has_value();
      if (seen || now > due_ns(i) + give_up_ns_) session.leave();
      if (session.state() == State::gone && i == ended_) ++ended_;
    }
    if (ended_ < sessions_.size()) return;
    report();
    done_ = true;
  }

  void report() {
    long playing = 0, gone = 0, silent = 0;
    std::uint64_t drops = 0;
    std::string why;
    load::Delays join, age;
    for (auto& session : sessions_) {
      auto& watch = session->watch();
      playing += session->state() == State::playing;
      gone += session->state() == State::gone;
      if (why.empty()) why = session->why();
      silent += watch.take_packets() == 0;
      drops += session->own_drops();
      if (watch.key_ns()) join.add(*watch.key_ns() - session->play_sent_ns());
      if (watch.key_age_ns()) age.add(*watch.key_age_ns());
    }
    std::printf(
        "{\"viewers\":%zu,\"playing\":%ld,\"gone\":%ld,\"silent\":%ld,\"packets\":%lu,"
        "\"bytes\":%lu,\"lost\":%lu,\"reordered\":%lu,\"frames\":%lu,\"lost_frames\":%lu,"
        "\"own_drops\":%lu,",
        sessions_.size(), playing, gone, silent, seen_.packets, seen_.bytes, seen_.lost,
        seen_.reordered, seen_.frames, seen_.lost_frames, drops);
    write_delays("delay_ms", seen_.delay);
    std::putchar(',');
    write_delays("join_ms", join);
    std::putchar(',');
    write_delays("age_ms", age);
    for (auto& letter : why)
      if (letter == '"' || letter == '\\' || letter < ' ') letter = ' ';
    const auto since = std::exchange(reported_ns_, load::clock_ns());
    std::printf(",\"seconds\":%.4f,\"why\":\"%s\"}\n",
                static_cast<double>(reported_ns_ - since) / 1e9, why.c_str());
    std::fflush(stdout);
    seen_ = {};
  }

  long streams_, joins_;
  std::int64_t give_up_ns_, every_ns_ = 0, begin_ns_ = 0;
  std::string path_;
  load::RtspTarget target_;
  int poll_ = epoll_create1(0);
  std::vector<std::unique_ptr<RtspSession>> sessions_;
  std::size_t begun_ = 0, ended_ = 0;
  load::Seen seen_;
  std::int64_t reported_ns_ = load::clock_ns();
  bool done_ = false;
};

}  // namespace

int main(int argc, char** argv) {
  const load::Arguments arguments(argc, argv, usage);
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  prctl(PR_SET_TIMERSLACK, 1000);  // ns
  Viewers(arguments).run();
}
