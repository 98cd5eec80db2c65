// A client's talk with the RTSP cores, without a socket: raw bytes in, answers as text out. Streams
// are made by hand: "cam" has H.264 and G.711 A, "video" has H.264 only.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "gateway/rtsp/dialogue.hpp"
#include "gateway/rtsp/framer.hpp"
#include "gateway/stream_source.hpp"

namespace gateway::rtsp::test {

class Hold : public StreamHold {
 public:
  explicit Hold(std::shared_ptr<Stream> stream) : stream_(std::move(stream)) {}
  Stream& stream() override { return *stream_; }

 private:
  std::shared_ptr<Stream> stream_;
};

inline rtp::Track video_track() {
  rtp::Track track{.codec = rtp::Codec::h264, .payload_type = 96, .ssrc = 0x11223344, .sets = {}};
  track.sets.sps = {0x67, 0x42, 0xc0, 0x1e, 0xd9, 0x00, 0xa0, 0x47, 0xfe, 0xc8};
  track.sets.pps = {0x68, 0xce, 0x3c, 0x80};
  return track;
}
inline rtp::Track audio_track() {
  return {.codec = rtp::Codec::g711a,
          .clock_rate_hz = 8000,
          .payload_type = 8,
          .ssrc = 0x55667788,
          .sets = {}};
}

struct PacketShape {
  std::uint8_t track = 0;
  bool begin = true, end = true, key = false;
  std::int64_t arrival_ns = 0;
  std::uint32_t payload_bytes = 100;
};

// A packet of the right layout with bytes of no meaning.
inline rtp::OutPacket make_packet(std::uint16_t sequence, std::uint32_t timestamp,
                                  PacketShape shape) {
  rtp::OutPacket packet;
  packet.track = shape.track;
  packet.unit_begin = shape.begin;
  packet.unit_end = shape.end;
  packet.key = shape.key;
  packet.sequence = sequence;
  packet.timestamp = timestamp;
  packet.arrival_ns = shape.arrival_ns;
  packet.pts_90khz = timestamp;
  packet.size_bytes = 12 + shape.payload_bytes;
  packet.head_size = 16;
  packet.head = {'$',
                 static_cast<std::uint8_t>(2 * shape.track),
                 static_cast<std::uint8_t>(packet.size_bytes >> 8),
                 static_cast<std::uint8_t>(packet.size_bytes),
                 0x80,
                 static_cast<std::uint8_t>((shape.end ? 0x80 : 0) | (shape.track ? 8 : 96)),
                 static_cast<std::uint8_t>(sequence >> 8),
                 static_cast<std::uint8_t>(sequence)};
  const std::vector<std::uint8_t> payload(shape.payload_bytes, static_cast<std::uint8_t>(sequence));
  packet.slices[0] = rtp::Slice::copy_of(payload);
  packet.slice_count = 1;
  return packet;
}

inline std::shared_ptr<Stream> make_stream(std::string name, bool audio, StreamLimits limits = {}) {
  auto stream = std::make_shared<Stream>(std::move(name), limits);
  std::vector<rtp::Track> tracks{video_track()};
  if (audio) tracks.push_back(audio_track());
  stream->set_tracks(std::move(tracks), true);
  return stream;
}

class Talk {
 public:
  explicit Talk(std::vector<User> users = {})
      : sessions({}, 100, [this] { return "S" + std::to_string(++last_session_); }),
        authenticator({}, users, "0123456789abcdef"),
        context{.sessions = sessions,
                .authenticator = users.empty() ? nullptr : &authenticator,
                .transports = {},
                .udp_ports = {{7000, 7001}, {7002, 7003}}},
        dialogue(context, 1, !users.empty()) {
    streams["cam"] = make_stream("cam", true);
    streams["video"] = make_stream("video", false);
  }

  // Everything that the server answers to these bytes, in order.
  std::string say(std::string_view bytes) {
    const auto space = framer.prepare(bytes.size() + 1);
    std::copy(bytes.begin(), bytes.end(), space.begin());
    framer.commit(bytes.size());
    std::string answers;
    while (const auto frame = framer.next()) answers += on_frame(*frame);
    return answers;
  }

  SessionTable sessions;
  Authenticator authenticator;
  DialogueContext context;
  Dialogue dialogue;
  Framer framer;
  std::map<std::string, std::shared_ptr<Stream>> streams;
  TimePoint now{};
  int opened = 0;        // times that the source was asked
  Dialogue::Reply last;  // to the last request
  bool closed = false;

 private:
  std::string on_frame(const Framer::Frame& frame) {
    using Kind = Framer::Frame::Kind;
    if (frame.kind == Kind::interleaved) dialogue.on_interleaved(frame.channel, now);
    if (frame.kind == Kind::refused) return finish(dialogue.on_refused(frame.text, frame.refusal));
    if (frame.kind != Kind::request) return {};
    const auto request = parse_request(frame.text);
    if (!request) return finish(dialogue.on_refused(frame.text, request.error()));
    auto reply = dialogue.on_request(*request, now);
    if (reply.open) reply = dialogue.on_opened(*request, open(reply.open_path), now);
    return finish(std::move(reply));
  }
  OpenResult open(const std::string& path) {
    ++opened;
    const auto found = streams.find(path);
    if (found == streams.end())
      return {.hold = nullptr, .status = 404, .reason = "no such channel"};
    return {.hold = std::make_shared<Hold>(found->second), .status = 200, .reason = {}};
  }
  std::string finish(Dialogue::Reply reply) {
    last = std::move(reply);
    closed |= last.close;
    return last.response.print(last.cseq);
  }
  int last_session_ = 0;
};

}  // namespace gateway::rtsp::test
