#include "sip/stream_framer.hpp"

#include <algorithm>
#include <cstring>

#include "sip/scan.hpp"

namespace sip {
namespace {

constexpr std::size_t smallest_buffer = 4096;

std::string_view without_cr(std::string_view line) {
  while (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  return line;
}

// "SIP/2.0 200 OK" or "INVITE sip:a@b SIP/2.0"; the rest is parse_message()'s to judge.
bool is_start_line(std::string_view line) {
  if (line.size() < 9) return false;
  if (scan::iequals(line.substr(0, 4), "SIP/")) return true;
  const auto last = scan::trim(line).rfind(' ');
  return last != std::string_view::npos &&
         scan::iequals(scan::trim(line).substr(last + 1, 4), "SIP/");
}

}  // namespace

StreamFramer::StreamFramer(Limits limits) : limits_(limits) {}

std::span<char> StreamFramer::prepare(std::size_t size) {
  if (begin_ == end_) begin_ = end_ = 0;
  if (buffer_.size() - end_ < size && begin_ > 0) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, pending());
    end_ -= begin_;
    begin_ = 0;
  }
  if (buffer_.size() - end_ < size)
    buffer_.resize(std::max({smallest_buffer, end_ + size, buffer_.size() * 2}));
  return {buffer_.data() + end_, buffer_.size() - end_};
}

void StreamFramer::committed(std::size_t size) {
  end_ += std::min(size, buffer_.size() - end_);
}

void StreamFramer::push(std::string_view bytes) {
  if (bytes.empty()) return;
  std::memcpy(prepare(bytes.size()).data(), bytes.data(), bytes.size());
  committed(bytes.size());
}

Result<std::optional<Frame>> StreamFramer::next() {
  if (failed_) return make_error_code(*failed_);
  if (scanned_ == 0 && !head_size_) {
    if (auto frame = take_line_break()) return frame;
    if (!held().empty() && held().front() == '\r') {
      if (held().size() == 1) return std::optional<Frame>();
      return fail(Errc::not_sip);  // CR without LF
    }
  }
  if (const auto fault = scan_head()) return fail(*fault);
  if (!head_size_ || pending() < *head_size_ + content_length_.value_or(0))
    return std::optional<Frame>();
  const auto size = *head_size_ + static_cast<std::size_t>(content_length_.value_or(0));
  const Frame frame{Frame::Kind::message, held().substr(0, size)};
  begin_ += size;
  start_message();
  return std::optional<Frame>(frame);
}

// Each CRLF is a frame at once, so that frames do not depend on what comes behind it.
std::optional<Frame> StreamFramer::take_line_break() {
  const auto text = held();
  const std::size_t size = text.starts_with("\r\n") ? 2 : text.starts_with('\n') ? 1 : 0;
  if (size == 0) return std::nullopt;
  begin_ += size;
  const auto kind = in_break_ ? Frame::Kind::ping : Frame::Kind::pong;
  in_break_ = !in_break_;
  return Frame{kind, text.substr(0, size)};
}

// `size` bytes of the head are there, up to but without a line feed. The answer must be the same
// whether the line is complete or not: how the stream was cut makes no difference.
std::optional<Errc> StreamFramer::too_long(std::size_t size) const {
  const std::size_t carriage_return = 1;
  if (line_ == 0 && size > limits_.start_line_bytes + carriage_return)
    return Errc::start_line_too_long;
  if (size > limits_.head_bytes) return Errc::message_too_large;
  return std::nullopt;
}

std::optional<Errc> StreamFramer::scan_head() {
  while (!head_size_) {
    const auto feed = std::min(held().find('\n', scanned_), pending());
    if (const auto fault = too_long(feed)) return fault;
    if (feed == pending()) {
      scanned_ = feed;
      return std::nullopt;
    }
    const auto line = without_cr(held().substr(line_, feed - line_));
    const bool first = line_ == 0;
    line_ = scanned_ = feed + 1;
    if (first && !is_start_line(line)) return Errc::not_sip;
    if (first) continue;
    if (const auto fault = on_line(line)) return fault;
  }
  return std::nullopt;
}

std::optional<Errc> StreamFramer::on_line(std::string_view line) {
  const bool folded = !line.empty() && (line.front() == ' ' || line.front() == '\t');
  if (folded) return in_length_ ? on_length(line) : std::nullopt;
  if (in_length_ && !content_length_) return Errc::bad_content_length;
  in_length_ = false;
  if (line.empty()) {
    head_size_ = scanned_;
    if (*head_size_ + content_length_.value_or(0) > limits_.message_bytes)
      return Errc::message_too_large;
    return std::nullopt;
  }
  const auto colon = line.find(':');
  if (colon == std::string_view::npos) return std::nullopt;
  if (header_id_from(scan::trim(line.substr(0, colon))) != HeaderId::content_length)
    return std::nullopt;
  // Two lengths leave no way to know where the next message starts.
  if (content_length_) return Errc::bad_content_length;
  in_length_ = true;
  return on_length(line.substr(colon + 1));
}

// The value of Content-Length, or of a folded line that goes on with it.
std::optional<Errc> StreamFramer::on_length(std::string_view value) {
  value = scan::trim(value);
  if (value.empty()) return std::nullopt;
  const auto number = scan::number(value, UINT32_MAX);
  if (!number || content_length_) return Errc::bad_content_length;
  content_length_ = number;
  return std::nullopt;
}

Result<std::optional<Frame>> StreamFramer::fail(Errc code) {
  failed_ = code;
  return make_error_code(code);
}

void StreamFramer::start_message() {
  line_ = scanned_ = 0;
  content_length_.reset();
  head_size_.reset();
  in_break_ = in_length_ = false;
}

}  // namespace sip
