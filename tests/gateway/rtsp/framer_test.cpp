#include "gateway/rtsp/framer.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

using namespace gateway::rtsp;

namespace {

// One word per frame: what came out, however the bytes were cut.
std::string frames_of(const std::string& bytes, std::size_t cut, MessageLimits limits = {}) {
  Framer framer(limits);
  std::string trace;
  for (std::size_t at = 0; at < bytes.size(); at += cut) {
    const auto piece = bytes.substr(at, cut);
    const auto space = framer.prepare(piece.size());
    std::copy(piece.begin(), piece.end(), space.begin());
    framer.commit(piece.size());
    while (const auto frame = framer.next()) {
      switch (frame->kind) {
        case Framer::Frame::Kind::request:
          trace += "request:" + std::to_string(frame->text.size()) + ' ';
          break;
        case Framer::Frame::Kind::response:
          trace += "response:" + std::to_string(frame->text.size()) + ' ';
          break;
        case Framer::Frame::Kind::interleaved:
          trace += "$" + std::to_string(frame->channel) + ':' +
                   std::to_string(frame->payload.size()) + ' ';
          break;
        case Framer::Frame::Kind::refused:
          trace += "refused:" + std::to_string(frame->refusal.status) + ' ';
          break;
      }
    }
  }
  if (framer.lost()) trace += "lost";
  return trace;
}

std::string interleaved(char channel, std::size_t size) {
  std::string frame{'$', channel, static_cast<char>(size >> 8), static_cast<char>(size & 0xff)};
  return frame + std::string(size, '\r');
}

}  // namespace

TEST_CASE("any cut of the bytes gives the same frames") {
  const std::string options = "OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n";  // 31
  const std::string body = "GET_PARAMETER a RTSP/1.0\r\nContent-length: 3\r\n\r\nabc";
  const struct {
    const char* name;
    std::string bytes, expected;
  } cases[] = {
      {"one request", options, "request:31 "},
      {"two requests", options + options, "request:31 request:31 "},
      {"empty lines between", "\r\n\n" + options + "\r\n\r\n" + options, "request:31 request:31 "},
      {"with a body", body + options, "request:50 request:31 "},
      {"a body of another name", "SET_PARAMETER a RTSP/1.0\nl: 2\n\nxy", "request:33 "},
      {"bare line feeds", "OPTIONS * RTSP/1.0\nCSeq: 1\n\n", "request:28 "},
      {"a response", "RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n" + options, "response:28 request:31 "},
      {"interleaved", interleaved(1, 300) + options + interleaved(3, 0), "$1:300 request:31 $3:0 "},
      {"incomplete", options.substr(0, 30), ""},
      {"garbage, then a request", std::string("\x80\x01\x02xyz\0 ", 8) + options, "request:31 "},
      {"garbage holding a dollar", "\x90$$$$$$$$$" + options, "request:31 "},
      {"no request after garbage", std::string(70000, '\x80'), "lost"},
      {"long line", "OPTIONS " + std::string(5000, 'a') + " RTSP/1.0\r\nCSeq: 1\r\n\r\n" + options,
       "refused:414 request:31 "},
      {"long head", "OPTIONS * RTSP/1.0\r\nA: " + std::string(17000, 'a') + "\r\n\r\n" + options,
       "refused:431 request:31 "},
      {"long body",
       "SET_PARAMETER * RTSP/1.0\r\nContent-Length: 70000\r\n\r\n" + std::string(70000, 'b') +
           options,
       "refused:413 request:31 "},
      {"body of no end",
       "SET_PARAMETER * RTSP/1.0\r\nContent-Length: 99999999999\r\n\r\n" + options,
       "refused:413 lost"},
      {"length that is no number",
       "SET_PARAMETER * RTSP/1.0\r\nContent-Length: -1\r\n\r\n" + options,
       "refused:400 request:31 "},
  };
  for (const auto& c : cases) {
    CAPTURE(c.name);
    for (const std::size_t cut : {1ul, 2ul, 3ul, 7ul, 31ul, 1000ul, 1000000ul}) {
      CAPTURE(cut);
      CHECK(frames_of(c.bytes, cut) == c.expected);
    }
  }
}

TEST_CASE("the buffer grows to the largest frame and no further") {
  Framer framer;
  for (int i = 0; i < 100; ++i) {
    const auto frame = interleaved(0, 65535);
    for (std::size_t at = 0; at < frame.size(); at += 2048) {
      const auto piece = frame.substr(at, 2048);
      const auto space = framer.prepare();
      CHECK(space.size() < 80000);
      std::copy(piece.begin(), piece.end(), space.begin());
      framer.commit(piece.size());
      while (framer.next()) {
      }
    }
  }
}
