// What an RTSP client can send, given to the framer, the parsers and the dialogue. Properties: any
// cut gives the same frames; every request is answered; the tables stay within their limits.
#include <algorithm>
#include <cstdlib>
#include <string>

#include "gateway/rtsp/range_header.hpp"
#include "tests/gateway/rtsp/talk.hpp"

using namespace gateway::rtsp;

namespace {

std::string frames_of(std::string_view bytes, std::size_t cut) {
  Framer framer;
  std::string trace;
  for (std::size_t at = 0; at < bytes.size(); at += cut) {
    const auto piece = bytes.substr(at, cut);
    const auto space = framer.prepare(piece.size());
    std::copy(piece.begin(), piece.end(), space.begin());
    framer.commit(piece.size());
    while (const auto frame = framer.next()) {
      trace += std::to_string(static_cast<int>(frame->kind)) + ':' +
               std::to_string(frame->text.size() + frame->payload.size()) + ' ';
    }
  }
  return trace;
}

void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  require(frames_of(bytes, 5) == frames_of(bytes, size + 1));
  test::Talk talk;
  talk.say(bytes);
  require(talk.sessions.size() <= talk.context.sessions_per_connection);
  if (const auto request = parse_request(bytes)) {
    const auto reply = talk.dialogue.on_request(*request, talk.now);
    require(reply.open || reply.response.status >= 200);
    parse_range(request->header("Range"));
    if (const auto target = parse_target(request->uri)) {
      const auto again = parse_target(target->track_url(3));
      require(target->server || !again || again->path == target->path);
    }
  }
  return 0;
}
