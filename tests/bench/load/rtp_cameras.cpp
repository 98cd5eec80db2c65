// Many cameras in one thread: each sends the same clip as program streams over RTP, in real time,
// evenly spread over a frame's duration and over the group of pictures. Waking at most once a
// quantum, as frames of cameras that share a switch arrive. A line of JSON for each 'm' on standard
// input.
#include <sys/prctl.h>

#include <algorithm>
#include <cstdio>
#include <utility>
#include <vector>

#include "tests/bench/load/arguments.hpp"
#include "tests/bench/load/camera_link.hpp"
#include "tests/bench/load/media_clip.hpp"

namespace {

constexpr const char* usage =
    "rtp_cameras --ports P,P,... [--transport udp|tcp] [--host A] [--kbit 2000 ] [--fps 25 ] "
    "[--gop 50 ] [--quantum-us 1000 ] [--ssrc 200000001 ] [--first-tick 90000 ]";

struct Camera {
  load::CameraLink link;
  std::uint32_t ssrc = 0, begin = 0;  // frame of the clip that it begins with
  std::uint32_t frame = 0;
  rtp::ps::Muxer muxer = rtp::ps::Muxer();
};

struct Report {
  std::uint64_t frames = 0, bytes = 0, late_frames = 0;
  std::int64_t latest_ns = 0;
};

class Cameras {
 public:
  Cameras(const load::Arguments& arguments, const load::ClipOptions& clip)
      : clip_(clip),
        interval_ns_(1'000'000'000 / clip.fps),
        first_tick_(arguments.number("first-tick", 90000)),
        quantum_ns_(std::max(1L, arguments.number("quantum-us", 1000)) * 1000) {
    const auto ports = arguments.numbers("ports");
    const auto ssrc = static_cast<std::uint32_t>(arguments.number("ssrc", 200000001));
    const bool udp = arguments.text("transport", "udp") == "udp";
    for (std::uint32_t i = 0; i < ports.size(); ++i)
      cameras_.push_back({load::CameraLink(udp, arguments.text("host", "127.0.0.1"), ports[i]),
                          ssrc + i, static_cast<std::uint32_t>(i * clip.gop / ports.size())});
    begin_ns_ = load::clock_ns() + 10'000'000;
  }

  void run() {
    for (std::uint64_t n = 0;; ++n) {
      const auto due = begin_ns_ + static_cast<std::int64_t>(n) * interval_ns_ /
                                       static_cast<std::int64_t>(cameras_.size());
      const auto wake = (due + quantum_ns_ - 1) / quantum_ns_ * quantum_ns_;
      while (load::clock_ns() < wake) {
        const auto command = load::wait_until(wake);
        if (command == load::Command::quit) return;
        if (command == load::Command::mark) report();
      }
      send(cameras_[n % cameras_.size()], wake);
    }
  }

 private:
  void send(Camera& camera, std::int64_t due_ns) {
    const auto now = load::clock_ns();
    const auto ticks = first_tick_ + std::int64_t{camera.frame} * 90000 / clip_.options().fps;
    clip_.write(camera.begin + camera.frame, {.sent_ns = now, .frame = camera.frame, .first = true},
                ticks, camera.muxer, pack_);
    report_.bytes +=
        camera.link.send({.ssrc = camera.ssrc, .timestamp = static_cast<std::uint32_t>(ticks)},
                         pack_, clip_.options().payload_bytes);
    ++camera.frame;
    ++report_.frames;
    report_.latest_ns = std::max(report_.latest_ns, now - due_ns);
    if (now - due_ns > 5'000'000) ++report_.late_frames;
  }

  void report() {
    std::uint64_t packets = 0, errors = 0;
    for (const auto& camera : cameras_) {
      packets += camera.link.packets();
      errors += camera.link.errors();
    }
    std::printf(
        "{\"frames\":%lu,\"packets\":%lu,\"bytes\":%lu,\"errors\":%lu,\"late_frames\":%lu,"
        "\"latest_ms\":%.2f,\"seconds\":%.4f}\n",
        report_.frames, packets - packets_, report_.bytes, errors - errors_, report_.late_frames,
        static_cast<double>(report_.latest_ns) / 1e6, passed());
    std::fflush(stdout);
    report_ = {};
    packets_ = packets;
    errors_ = errors;
  }

  // Since it was last asked.
  double passed() {
    const auto since = std::exchange(reported_ns_, load::clock_ns());
    return static_cast<double>(reported_ns_ - since) / 1e9;
  }

  load::MediaClip clip_;
  std::int64_t interval_ns_, first_tick_, quantum_ns_, begin_ns_ = 0;
  std::vector<Camera> cameras_;
  std::vector<std::uint8_t> pack_;
  Report report_;
  std::uint64_t packets_ = 0, errors_ = 0;
  std::int64_t reported_ns_ = load::clock_ns();
};

}  // namespace

int main(int argc, char** argv) {
  const load::Arguments arguments(argc, argv, usage);
  const auto number = [&](const char* name, long otherwise) {
    return static_cast<std::uint32_t>(arguments.number(name, otherwise));
  };
  if (arguments.numbers("ports").empty() || number("fps", 25) == 0 || number("gop", 50) == 0) {
    std::fprintf(stderr, "usage: %s\n", usage);
    return 2;
  }
  prctl(PR_SET_TIMERSLACK, 1000);  // ns
  Cameras(arguments,
          {.kbit_per_s = number("kbit", 2000), .fps = number("fps", 25), .gop = number("gop", 50)})
      .run();
}
