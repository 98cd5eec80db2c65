// Serves an elementary stream from a file at rtsp://HOST:PORT/cam, in real time and for ever: for
// trying players by hand, without cameras.
//     serve_file [-a ADDRESS] [-p PORT] [-u USER:PASSWORD] [-n] VIDEO.h264|VIDEO.h265 [AUDIO.alaw]
// The video must begin every access unit with an AUD (ffmpeg: -bsf:v h264_metadata=aud=insert) and
// is taken to have 25 pictures a second. -n: no UDP. Prints what the server logs.
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>

#include "gateway/rtsp/server.hpp"
#include "gateway/stream_source.hpp"
#include "rtp/payload/packetizer.hpp"

namespace {

using namespace gateway;
namespace asio = boost::asio;

constexpr std::int64_t picture_90khz = 3600;
constexpr std::size_t audio_bytes = 320;  // 40 ms of G.711

std::vector<std::uint8_t> read_file(const char* path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// Where the access units begin: at each AUD.
std::vector<std::size_t> find_units(const std::vector<std::uint8_t>& bytes, bool h265) {
  std::vector<std::size_t> units;
  for (std::size_t i = 0; i + 4 < bytes.size(); ++i) {
    if (bytes[i] || bytes[i + 1] || bytes[i + 2] || bytes[i + 3] != 1) continue;
    const int type = h265 ? bytes[i + 4] >> 1 & 0x3f : bytes[i + 4] & 0x1f;
    if (type == (h265 ? 35 : 9)) units.push_back(i);
  }
  units.push_back(bytes.size());
  return units;
}

class Hold : public StreamHold {
 public:
  explicit Hold(Stream& stream) : stream_(stream) {}
  Stream& stream() override { return stream_; }

 private:
  Stream& stream_;
};

class FileSource : public StreamSource {
 public:
  FileSource(asio::io_context& io, const char* video, const char* audio)
      : stream_("cam", {}),
        timer_(io),
        h265_(std::strstr(video, ".h265") != nullptr),
        video_(rtp::Slice::copy_of(read_file(video))),
        units_(find_units({video_.data, video_.data + video_.size}, h265_)),
        video_packetizer_(h265_ ? rtp::Codec::h265 : rtp::Codec::h264,
                          {.track = 0, .payload_type = 96, .ssrc = 0x01020304}),
        audio_packetizer_(rtp::Codec::g711a, {.track = 1, .payload_type = 8, .ssrc = 0x05060708}) {
    if (audio) audio_ = rtp::Slice::copy_of(read_file(audio));
    next_ = std::chrono::steady_clock::now();
    tick();
  }

  asio::awaitable<OpenResult> open(std::string path, std::string) override {
    OpenResult result;
    if (path == "cam" && stream_.ready()) {
      result.hold = std::make_shared<Hold>(stream_);
    } else {
      result.status = 404;
      result.reason = "there is only /cam";
    }
    co_return result;
  }
  Stream& stream() { return stream_; }

 private:
  void tick() {
    publish();
    next_ += std::chrono::milliseconds(40);
    timer_.expires_at(next_);
    timer_.async_wait([this](const boost::system::error_code& error) {
      if (!error) tick();
    });
  }
  void publish() {
    using namespace std::chrono;
    const auto now_ns = duration_cast<nanoseconds>(steady_clock::now().time_since_epoch()).count();
    const auto unit = count_ % (units_.size() - 1);
    push(video_packetizer_, 0, video_.sub(units_[unit], units_[unit + 1] - units_[unit]), now_ns);
    if (!audio_.empty())
      push(audio_packetizer_, 1,
           audio_.sub(count_ % (audio_.size / audio_bytes) * audio_bytes, audio_bytes), now_ns);
    ++count_;
    if (!stream_.ready()) describe();
    stream_.set_clock(pts(),
                      duration_cast<nanoseconds>(system_clock::now().time_since_epoch()).count());
    for (auto& packet : packets_) stream_.publish(std::move(packet));
    packets_.clear();
    stream_.flush();
  }
  void push(rtp::payload::Packetizer& packetizer, std::uint8_t track, rtp::Slice bytes,
            std::int64_t now_ns) {
    const rtp::EsChunk chunk{.track = track,
                             .unit_begin = true,
                             .unit_end = true,
                             .damaged = false,
                             .pts_90khz = pts(),
                             .bytes = std::move(bytes)};
    packetizer.push(chunk, now_ns, packets_);
  }
  void describe() {
    std::vector<rtp::Track> tracks(audio_.empty() ? 1 : 2);
    video_packetizer_.describe(tracks[0]);
    if (!audio_.empty()) audio_packetizer_.describe(tracks[1]);
    stream_.set_tracks(std::move(tracks), video_packetizer_.ready());
  }
  std::int64_t pts() const { return static_cast<std::int64_t>(count_) * picture_90khz; }

  Stream stream_;
  asio::steady_timer timer_;
  bool h265_;
  rtp::Slice video_, audio_;
  std::vector<std::size_t> units_;
  rtp::payload::Packetizer video_packetizer_, audio_packetizer_;
  std::vector<rtp::OutPacket> packets_;
  std::chrono::steady_clock::time_point next_;
  std::uint64_t count_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  rtsp::ServerOptions options;
  options.listen_addresses = {"127.0.0.1"};
  const char* files[2] = {};
  int count = 0;
  for (int i = 1; i < argc; ++i) {
    if (!std::strcmp(argv[i], "-a") && i + 1 < argc) {
      options.listen_addresses = {argv[++i]};
    } else if (!std::strcmp(argv[i], "-p") && i + 1 < argc) {
      options.port = static_cast<std::uint16_t>(std::atoi(argv[++i]));
    } else if (!std::strcmp(argv[i], "-n")) {
      options.udp = false;
    } else if (!std::strcmp(argv[i], "-u") && i + 1 < argc) {
      const std::string user = argv[++i];
      options.users.push_back({user.substr(0, user.find(':')), user.substr(user.find(':') + 1)});
      options.trust_loopback = false;
    } else if (count < 2) {
      files[count++] = argv[i];
    }
  }
  if (count == 0) {
    std::fprintf(stderr,
                 "usage: %s [-a ADDRESS] [-p PORT] [-u USER:PASSWORD] [-n] VIDEO [AUDIO.alaw]\n",
                 argv[0]);
    return 2;
  }
  asio::io_context io(1);
  FileSource source(io, files[0], files[1]);
  rtsp::Server server(io.get_executor(), source, options,
                      [](rtsp::ServerLogLevel, const std::string& text) {
                        std::printf("%s\n", text.c_str());
                        std::fflush(stdout);
                      });
  if (!server.start()) return 1;
  asio::signal_set signals(io, SIGINT, SIGTERM);
  signals.async_wait([&](const boost::system::error_code&, int) {
    for (const auto& v : server.viewers())
      std::printf("viewer %s %s packets=%llu skips=%llu\n", v.peer.c_str(), v.transport.c_str(),
                  static_cast<unsigned long long>(v.packets),
                  static_cast<unsigned long long>(v.skips));
    source.stream().end("the file server stops");
    server.stop();
    io.stop();
  });
  io.run();
}
