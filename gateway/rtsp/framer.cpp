#include "gateway/rtsp/framer.hpp"

#include <algorithm>
#include <cstring>

#include "gateway/rtsp/scan.hpp"

namespace gateway::rtsp {
namespace {

// Where the body begins: behind the first empty line; npos when there is none yet.
std::size_t end_of_head(std::string_view text, std::size_t from) {
  // The empty line may begin up to three bytes before what is new.
  from = from > 3 ? from - 3 : 0;
  for (auto at = text.find('\n', from); at != std::string_view::npos;
       at = text.find('\n', at + 1)) {
    if (at + 1 < text.size() && text[at + 1] == '\n') return at + 2;
    if (at + 2 < text.size() && text[at + 1] == '\r' && text[at + 2] == '\n') return at + 3;
  }
  return std::string_view::npos;
}

// Could a message begin here? Decided by a known method and a space, or "RTSP/"; `maybe` when the
// text ends before that can be told.
enum class Begins : std::uint8_t { no, maybe, yes };
Begins begins_message(std::string_view text) {
  const auto space = text.find(' ');
  const auto word = text.substr(0, std::min<std::size_t>(space, 14));
  if (istarts_with(text, "RTSP/")) return Begins::yes;
  if (space != std::string_view::npos)
    return parse_method(word) != Method::unknown ? Begins::yes : Begins::no;
  const bool letters = std::all_of(word.begin(), word.end(),
                                   [](char c) { return (c >= 'A' && c <= 'Z') || c == '_'; });
  return letters && text.size() < 14 ? Begins::maybe : Begins::no;
}

}  // namespace

std::span<char> Framer::prepare(std::size_t least) {
  if (begin_ > 0) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, filled_ - begin_);
    filled_ -= begin_;
    begin_ = 0;
  }
  if (buffer_.size() - filled_ < least) buffer_.resize(filled_ + least);
  return {buffer_.data() + filled_, buffer_.size() - filled_};
}

std::optional<Framer::Frame> Framer::next() {
  while (!lost_) {
    if (state_ != State::frame) {
      if (!discard()) return {};
      continue;
    }
    if (auto frame = next_frame()) return frame;
    if (state_ == State::frame) return {};
  }
  return {};
}

std::optional<Framer::Frame> Framer::next_frame() {
  // RFC 2326 4.1: empty lines before a message are to be ignored.
  while (!rest().empty() && (rest().front() == '\r' || rest().front() == '\n')) consume(1);
  if (rest().empty()) return {};
  if (rest().front() == '$') return next_interleaved();
  if (is_alpha(rest().front())) return next_message();
  state_ = State::resync;
  to_discard_ = 0;
  return {};
}

std::optional<Framer::Frame> Framer::next_interleaved() {
  const auto text = rest();
  if (text.size() < 4) return {};
  const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
  const std::size_t length = static_cast<std::size_t>(byte(2) << 8 | byte(3));
  if (text.size() < 4 + length) return {};
  Frame frame;
  frame.kind = Frame::Kind::interleaved;
  frame.channel = byte(1);
  frame.payload = {reinterpret_cast<const std::uint8_t*>(text.data()) + 4, length};
  consume(4 + length);
  return frame;
}

std::optional<Framer::Frame> Framer::next_message() {
  const auto text = rest();
  // Limits first, so that a message is refused alike however it was cut.
  if (text.substr(0, text.find('\n')).size() > limits_.line_bytes)
    return refuse(limits_.line_bytes, State::discard_head, {414, "request line is too long"});
  const auto head_size = end_of_head(text, scanned_);
  if (std::min(head_size, text.size()) > limits_.head_bytes)
    return refuse(limits_.head_bytes, State::discard_head, {431, "head is too long"});
  if (head_size != std::string_view::npos) return message_with_body(head_size);
  scanned_ = text.size();
  return {};
}

std::optional<Framer::Frame> Framer::message_with_body(std::size_t head_size) {
  const auto text = rest();
  const auto head = text.substr(0, head_size);
  std::uint64_t body_size = 0;
  if (const auto length = find_header(head, "Content-Length")) {
    const auto number = parse_number<std::uint64_t>(*length);
    // Without a length the body's end is unknown; what follows is taken for the next message.
    if (!number) {
      auto frame = refuse(head_size, State::frame, {400, "Content-Length is not a number"});
      consume(head_size);
      return frame;
    }
    body_size = *number;
  }
  if (body_size > limits_.body_bytes) {
    auto frame = refuse(head_size, State::discard_body, {413, "body is too long"});
    consume(head_size);
    to_discard_ = body_size;
    return frame;
  }
  if (text.size() < head_size + body_size) return {};
  scanned_ = 0;
  Frame frame;
  frame.kind = istarts_with(text, "RTSP/") ? Frame::Kind::response : Frame::Kind::request;
  frame.text = text.substr(0, head_size + static_cast<std::size_t>(body_size));
  consume(frame.text.size());
  return frame;
}

Framer::Frame Framer::refuse(std::size_t seen, State then, Refusal refusal) {
  Frame frame;
  frame.kind = Frame::Kind::refused;
  frame.text = rest().substr(0, seen);
  frame.refusal = refusal;
  state_ = then;
  scanned_ = 0;
  to_discard_ = 0;
  return frame;
}

bool Framer::discard() {
  switch (state_) {
    case State::discard_head:
      return discard_head();
    case State::discard_body:
      return discard_body();
    case State::resync:
      return resync();
    case State::frame:
      break;
  }
  return true;
}

bool Framer::discard_head() {
  const auto text = rest();
  const auto end = end_of_head(text, 0);
  const bool found = end != std::string_view::npos;
  // Three bytes stay, for an empty line that is cut.
  const auto bytes = found ? end : text.size() - std::min<std::size_t>(3, text.size());
  consume(bytes);
  to_discard_ += bytes;
  skipped_bytes_ += bytes;
  if (found) state_ = State::frame;
  if (to_discard_ > discard_bytes) lost_ = true;
  return found;
}

bool Framer::discard_body() {
  if (to_discard_ > discard_bytes) {
    lost_ = true;
    return false;
  }
  const auto bytes = std::min<std::uint64_t>(to_discard_, rest().size());
  consume(static_cast<std::size_t>(bytes));
  to_discard_ -= bytes;
  skipped_bytes_ += bytes;
  if (to_discard_ > 0) return false;
  state_ = State::frame;
  return true;
}

bool Framer::resync() {
  const auto text = rest();
  std::size_t at = 0;
  Begins begins = Begins::no;
  for (; at < text.size(); ++at)
    if (is_alpha(text[at]) && (begins = begins_message(text.substr(at))) != Begins::no) break;
  consume(at);
  to_discard_ += at;
  skipped_bytes_ += at;
  if (to_discard_ > resync_bytes) lost_ = true;
  if (begins == Begins::yes) state_ = State::frame;
  return begins == Begins::yes;
}

}  // namespace gateway::rtsp
