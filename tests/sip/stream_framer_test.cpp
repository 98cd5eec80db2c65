#include "sip/stream_framer.hpp"

#include <doctest/doctest.h>

#include <random>
#include <string>

#include "tests/sip/corpus.hpp"

namespace {

const std::string head = "OPTIONS sip:a@b SIP/2.0\r\n";

// "message(40) ping pong", then the error when there is one. Bytes arrive in the given pieces.
class Trace {
 public:
  explicit Trace(sip::Limits limits = {}) : framer_(limits) {}

  void push(std::string_view piece) {
    framer_.push(piece);
    for (;;) {
      const auto frame = framer_.next();
      if (!frame) {
        if (!failed_) text_ += frame.error().message();
        failed_ = true;
        return;
      }
      if (!*frame) return;
      add(**frame);
    }
  }

  const std::string& text() const { return text_; }

 private:
  void add(const sip::Frame& frame) {
    using Kind = sip::Frame::Kind;
    if (frame.kind == Kind::message)
      text_ += "message(" + std::string(frame.bytes) + ") ";
    else
      text_ += frame.kind == Kind::ping ? "ping " : "pong ";
  }

  sip::StreamFramer framer_;
  std::string text_;
  bool failed_ = false;
};

std::string whole(const std::string& bytes, sip::Limits limits = {}) {
  Trace trace(limits);
  trace.push(bytes);
  return trace.text();
}

std::string in_pieces(const std::string& bytes, std::size_t size, sip::Limits limits = {}) {
  Trace trace(limits);
  for (std::size_t i = 0; i < bytes.size(); i += size)
    trace.push(std::string_view(bytes).substr(i, size));
  return trace.text();
}

}  // namespace

TEST_CASE("frames, and the same frames for any cut") {
  const std::string m0 = head + "Content-Length: 0\r\n\r\n",
                    m3 = head + "l :\r\n 3\r\nX: y\r\n\r\nabc";
  const std::string none = "SIP/2.0 200 OK\r\nX: y\r\n\r\n", lf = "SIP/2.0 200 OK\nL: 1\n\nz";
  const struct {
    const char* name;
    std::string bytes;
    std::string expected;
  } rows[] = {
      {"one", m0, "message(" + m0 + ") "},
      {"several", m0 + m3 + none + m0,
       "message(" + m0 + ") message(" + m3 + ") message(" + none + ") message(" + m0 + ") "},
      {"LF alone", lf + lf, "message(" + lf + ") message(" + lf + ") "},
      {"ping", "\r\n\r\n" + m0, "pong ping message(" + m0 + ") "},
      {"pong", "\r\n" + m0 + "\r\n", "pong message(" + m0 + ") pong "},
      {"two pings", "\r\n\r\n\r\n\r\n", "pong ping pong ping "},
      {"filling behind a body, then a ping", m3 + "\r\n" + m0 + "\r\n\r\n",
       "message(" + m3 + ") pong message(" + m0 + ") pong ping "},
      {"incomplete", m0 + m3.substr(0, m3.size() - 1), "message(" + m0 + ") "},
      {"not SIP", m0 + "GET / HTTP/1.1\r\n", "message(" + m0 + ") not SIP"},
      {"CR alone", "\rX", "not SIP"},
      {"bad length", head + "Content-Length: 1x\r\n\r\n", "bad Content-Length"},
      {"no length in its header", head + "Content-Length:\r\nX: y\r\n\r\n", "bad Content-Length"},
      {"folded lengths", head + "Content-Length: 1\r\n 2\r\n\r\n", "bad Content-Length"},
      {"two lengths", head + "Content-Length: 1\r\nl: 2\r\n\r\n", "bad Content-Length"},
      {"length in a folded line of another header", head + "X: y\r\n l: 7\r\n\r\n",
       "message(" + head + "X: y\r\n l: 7\r\n\r\n) "},
      {"announces too much", head + "Content-Length: 4294967295\r\n\r\n", "message too large"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.name);
    CHECK(whole(row.bytes) == row.expected);
    for (std::size_t size = 1; size < row.bytes.size(); ++size) {
      CAPTURE(size);
      CHECK(in_pieces(row.bytes, size) == row.expected);
    }
  }
}

TEST_CASE("limits do not depend on the cut") {
  const sip::Limits limits{.start_line_bytes = 30, .head_bytes = 80, .message_bytes = 100};
  const auto start = [](std::size_t n) {
    return "OPTIONS sip:" + std::string(n - 20, 'a') + " SIP/2.0\r\n";
  };
  const struct {
    const char* name;
    std::string bytes;
    const char* verdict;  // empty: a message
  } rows[] = {
      {"start line fits", start(30) + "\r\n", ""},
      {"start line too long", start(31) + "\r\n", "start line too long"},
      {"start line without end", std::string(40, 'a'), "start line too long"},
      {"head fits", start(30) + "X: " + std::string(41, 'x') + "\r\n\r\n", ""},
      {"head too long", start(30) + "X: " + std::string(60, 'x') + "\r\n\r\n", "message too large"},
      {"body fits", start(30) + "l: 61\r\n\r\n" + std::string(61, 'x'), "message too large"},
      {"body too long", start(30) + "l: 59\r\n\r\n" + std::string(59, 'x'), ""},
  };
  for (const auto& row : rows) {
    CAPTURE(row.name);
    const auto expected = *row.verdict ? std::string(row.verdict) : "message(" + row.bytes + ") ";
    CHECK(whole(row.bytes, limits) == expected);
    for (std::size_t size = 1; size < row.bytes.size(); ++size)
      CHECK(in_pieces(row.bytes, size, limits) == expected);
  }
}

TEST_CASE("a long stream in random pieces keeps the buffer small") {
  std::string stream;
  for (int round = 0; round < 50; ++round)
    for (const auto& message : sip_corpus::all()) stream += message;
  sip::StreamFramer framer;
  std::mt19937 random(7);
  std::size_t frames = 0, bytes = 0, largest = 0;
  for (std::size_t i = 0; i < stream.size();) {
    const auto size = std::min<std::size_t>(1 + random() % 3000, stream.size() - i);
    const auto room = framer.prepare(size);
    largest = std::max(largest, room.size());
    std::copy_n(stream.data() + i, size, room.data());
    framer.committed(size);
    i += size;
    for (auto frame = framer.next(); frame && *frame; frame = framer.next()) {
      ++frames;
      bytes += (*frame)->bytes.size();
      CHECK(sip::parse_message((*frame)->bytes).has_value());
    }
  }
  CHECK(frames == 50 * sip_corpus::all().size());
  CHECK(bytes == stream.size());
  CHECK(framer.pending() == 0);
  CHECK(largest <= 16384);
}
