// Cuts what an RTSP client sends on TCP into requests, responses and interleaved frames (RFC 2326
// 10.12). Any cut of the bytes gives the same frames. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "gateway/rtsp/message.hpp"

namespace gateway::rtsp {

// Use: fill prepare(), commit() what was read, then call next() until it is empty. Views in a
// Frame are valid until the next prepare().
class Framer {
 public:
  struct Frame {
    enum class Kind : std::uint8_t {
      request,      // text: head, empty line and body
      response,     // the same; the client answers something we asked
      interleaved,  // channel and payload
      refused,      // beyond a limit; answer `refusal`, the rest of the message is skipped
    };
    Kind kind = Kind::request;
    std::string_view text;  // of a refused message: as much of the head as there is
    std::uint8_t channel = 0;
    std::span<const std::uint8_t> payload;
    Refusal refusal;
  };

  explicit Framer(MessageLimits limits = {}) : limits_(limits) {}

  // Room for at least `least` bytes. The buffer grows up to the largest message allowed and no
  // further, provided that next() was called until empty.
  std::span<char> prepare(std::size_t least = 2048);
  void commit(std::size_t bytes) { filled_ += bytes; }
  // Empty: more bytes are needed, or lost().
  std::optional<Frame> next();
  // What was committed and is not cut yet.
  std::string_view rest() const { return {buffer_.data() + begin_, filled_ - begin_}; }
  // The framing is gone and was not found again within resync_bytes: close the connection.
  bool lost() const { return lost_; }
  // Bytes skipped in search of a message, all in all.
  std::uint64_t skipped_bytes() const { return skipped_bytes_; }

  static constexpr std::size_t resync_bytes = 65536;
  // A refused message is skipped up to this size; a larger one ends the connection.
  static constexpr std::size_t discard_bytes = 4 * 1024 * 1024;

 private:
  enum class State : std::uint8_t { frame, discard_head, discard_body, resync };
  std::optional<Frame> next_frame();
  std::optional<Frame> next_interleaved();
  std::optional<Frame> next_message();
  std::optional<Frame> message_with_body(std::size_t head_size);
  Frame refuse(std::size_t seen, State then, Refusal refusal);
  bool discard();  // false: needs more bytes
  bool discard_head();
  bool discard_body();
  bool resync();
  void consume(std::size_t bytes) { begin_ += bytes; }

  MessageLimits limits_;
  std::vector<char> buffer_;
  std::size_t begin_ = 0, filled_ = 0;
  std::size_t scanned_ = 0;  // of rest(): no end of head in there
  State state_ = State::frame;
  std::uint64_t to_discard_ = 0;  // body bytes, or bytes skipped so far
  bool lost_ = false;
  std::uint64_t skipped_bytes_ = 0;
};

}  // namespace gateway::rtsp
