// Cuts SIP messages out of a byte stream (RFC 3261 18.3; keep-alives of RFC 5626 4.4.1). Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "sip/error.hpp"
#include "sip/message.hpp"

namespace sip {

struct Frame {
  enum class Kind : std::uint8_t {
    message,  // bytes are a whole message, for parse_message()
    ping,     // a second CRLF in a row between messages: answer with one CRLF
    pong,     // a CRLF between messages: the answer to our ping, the first half of theirs, or
              // filling behind a body; needs no answer
  };
  Kind kind = Kind::message;
  std::string_view bytes;
};

// A message without Content-Length ends with its headers. What a cut of the stream looks like makes
// no difference to the frames.
//
//   framer.push(received);
//   for (;;) {
//     auto frame = framer.next();
//     if (!frame) close(frame.error());     // no way to find the next message again
//     if (!*frame) break;                   // more bytes are needed
//     use(**frame);
//   }
class StreamFramer {
 public:
  explicit StreamFramer(Limits limits = {});

  // Room for at least `size` bytes that a read may fill; committed() says how many it did.
  // Invalidates all frames.
  [[nodiscard]] std::span<char> prepare(std::size_t size);
  void committed(std::size_t size);
  // Copies the bytes in. Invalidates all frames.
  void push(std::string_view bytes);

  // The next frame, nullopt when more bytes are needed. Its bytes are valid until the next push()
  // or prepare(). Errors are final: every later call gives the same. Errc::not_sip,
  // start_line_too_long, bad_content_length, message_too_large (more than the limits allow; also
  // when a Content-Length announces it).
  [[nodiscard]] Result<std::optional<Frame>> next();

  // Bytes held that are not yet part of a frame.
  [[nodiscard]] std::size_t pending() const { return end_ - begin_; }

 private:
  [[nodiscard]] Result<std::optional<Frame>> fail(Errc code);
  std::optional<Frame> take_line_break();
  [[nodiscard]] std::optional<Errc> scan_head();
  [[nodiscard]] std::optional<Errc> too_long(std::size_t size) const;
  [[nodiscard]] std::optional<Errc> on_line(std::string_view line);
  [[nodiscard]] std::optional<Errc> on_length(std::string_view value);
  [[nodiscard]] std::string_view held() const { return {buffer_.data() + begin_, pending()}; }
  void start_message();

  Limits limits_;
  std::vector<char> buffer_;
  std::size_t begin_ = 0;  // of the frame that is being collected
  std::size_t end_ = 0;
  std::size_t line_ = 0;     // of the current line, from begin_
  std::size_t scanned_ = 0;  // searched for a line end, from begin_
  std::optional<std::uint64_t> content_length_;
  std::optional<std::size_t> head_size_;  // known once the empty line was seen
  bool in_break_ = false;                 // the last frame was a pong: another CRLF makes it a ping
  bool in_length_ = false;                // the current header is Content-Length
  std::optional<Errc> failed_;
};

}  // namespace sip
