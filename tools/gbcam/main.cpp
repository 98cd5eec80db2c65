// gbcam: simulated GB/T 28181 cameras. Registers, answers, streams a media file as PS over RTP, and
// misbehaves on request. One thread, one SIP socket for all devices.
#include <fmt/format.h>
#include <sys/resource.h>

#include <boost/asio/signal_set.hpp>
#include <csignal>
#include <cstdlib>
#include <exception>
#include <optional>

#include "tools/gbcam/fleet.hpp"

namespace gbcam {
namespace {

Media load(const MediaOptions& options) {
  Media media;
  if (options.file.empty()) return media;
  if (options.raw_ps)
    media.ps_file = load_ps_file(options.file);
  else
    media.clip =
        load_clip(options.file,
                  {.fps = options.fps, .audio = options.audio && !options.map.audio_only_in_map});
  for (const std::string& warning : media.clip.warnings)
    fmt::print(stderr, "gbcam: {}: {}\n", options.file, warning);
  return media;
}

// Each call has two sockets.
void allow_many_files() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

class Program {
 public:
  explicit Program(const Options& options)
      : options_(options),
        roster_(options.fleet),
        media_(load(options.media)),
        journal_(options.life.quiet),
        io_(1),
        clock_(io_),
        random_(options.media.faults.seed),
        signals_(io_, SIGINT, SIGTERM),
        die_(clock_, [this](sip::TimePoint) { die(); }),
        restart_(clock_, [this](sip::TimePoint) { restart(); }),
        end_(clock_, [this](sip::TimePoint) { leave(); }) {}

  int run() {
    fleet_.emplace(ground());
    arm(die_, options_.life.die_after);
    arm(restart_, options_.life.restart_after);
    arm(end_, options_.life.run_for);
    wait_for_signal();
    io_.run();
    return save() ? 0 : 1;
  }

 private:
  Ground ground() { return {options_, roster_, media_, journal_, io_, clock_, random_}; }

  static void arm(gateway::Alarm& alarm, Seconds after) {
    if (after.count() > 0) alarm.set(sip::Clock::now() + in_clock(after));
  }

  void wait_for_signal() {
    signals_.async_wait([this](const boost::system::error_code& error, int) {
      if (!error) leave();
    });
  }

  // The first signal ends in order, the second at once.
  void leave() {
    if (leaving_ || !fleet_) return io_.stop();
    leaving_ = true;
    journal_.event("leaving", "devices={}", roster_.devices());
    fleet_->leave([this] { io_.stop(); });
    wait_for_signal();
  }

  [[noreturn]] void die() {
    journal_.event("died", "devices={}", roster_.devices());
    save();
    std::_Exit(0);
  }

  // Once away, once back.
  void restart() {
    if (leaving_) return;
    if (!fleet_) {
      fleet_.emplace(ground());
      journal_.event("back", "devices={}", roster_.devices());
      return;
    }
    fleet_.reset();
    journal_.event("away", "for={}", options_.life.restart_pause.count());
    arm(restart_, options_.life.restart_pause);
  }

  bool save() {
    if (options_.life.stats_file.empty() || journal_.write(options_.life.stats_file)) return true;
    fmt::print(stderr, "gbcam: {}: cannot be written\n", options_.life.stats_file);
    return false;
  }

  const Options& options_;
  Roster roster_;
  Media media_;
  Journal journal_;
  boost::asio::io_context io_;
  gateway::AlarmClock clock_;
  std::mt19937_64 random_;
  boost::asio::signal_set signals_;
  gateway::Alarm die_, restart_, end_;
  std::optional<Fleet> fleet_;
  bool leaving_ = false;
};

}  // namespace
}  // namespace gbcam

int main(int argc, char** argv) {
  const gbcam::Options options = gbcam::read_options(argc, argv);
  std::signal(SIGPIPE, SIG_IGN);
  try {
    gbcam::allow_many_files();
    return gbcam::Program(options).run();
  } catch (const std::exception& error) {
    fmt::print(stderr, "gbcam: {}\n", error.what());
    return 1;
  }
}
