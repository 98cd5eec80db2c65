// parse_message(): one pass that cuts the head into lines and the lines into names and values.
#include <algorithm>
#include <cstring>

#include "sip/message.hpp"
#include "sip/scan.hpp"

namespace sip {
namespace {

constexpr std::string_view version = "SIP/2.0";

bool is_line_space(char c) {
  return c == ' ' || c == '\t';
}

bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= UINT16_MAX && scan::all(text, scan::token);
}

std::string_view trimmed(const char* begin, const char* end) {
  while (begin != end && scan::is(*begin, scan::space)) ++begin;
  while (begin != end && scan::is(end[-1], scan::space)) --end;
  return {begin, static_cast<std::size_t>(end - begin)};
}

// Index of the first space, the size when there is none.
std::size_t space_in(std::string_view text) {
  return static_cast<std::size_t>(scan::find(text.data(), text.data() + text.size(), ' ') -
                                  text.data());
}

bool starts_like_sip(std::string_view text) {
  return text.size() >= 4 && scan::iequals(text.substr(0, 4), "SIP/");
}

bool is_keep_alive(std::string_view bytes) {
  if (bytes.size() <= 4) return true;
  return std::all_of(bytes.begin(), bytes.end(),
                     [](char c) { return c == '\r' || c == '\n' || c == '\0'; });
}

}  // namespace

// Faults inside single headers are remembered and the reading goes on, so that the request can be
// answered; the first one is what the parser returns.
class MessageParser {
 public:
  MessageParser(std::string_view bytes, MessageView& out, const Limits& limits)
      : bytes_(bytes), out_(out), limits_(limits) {}

  ParseResult<void> run() {
    reset();
    if (is_keep_alive(bytes_)) return fail(Errc::keep_alive, 0);
    if (bytes_.size() > limits_.message_bytes) {
      note(Errc::message_too_large, limits_.message_bytes);
      bytes_ = bytes_.substr(0, limits_.message_bytes);
    }
    while (pos_ < bytes_.size() && (bytes_[pos_] == '\r' || bytes_[pos_] == '\n')) ++pos_;
    if (start_line() && headers()) body();
    out_.size_ = std::max(out_.body_.at + out_.body_.size, narrow(pos_));
    if (fault_) return *fault_;
    return {};
  }

 private:
  using Slice = MessageView::Slice;

  static std::uint32_t narrow(std::size_t n) { return static_cast<std::uint32_t>(n); }

  void reset() {
    out_.base_ = bytes_.data();
    out_.size_ = out_.count_ = 0;
    out_.method_ = Method::unknown;
    out_.status_ = 0;
    out_.method_text_ = out_.uri_ = out_.reason_ = out_.body_ = {};
    out_.first_.fill(0);
  }

  void note(Errc code, std::size_t offset) {
    if (!fault_) fault_ = ParseError{code, narrow(offset)};
  }
  ParseError fail(Errc code, std::size_t offset) {
    note(code, offset);
    return *fault_;
  }

  Slice slice(std::string_view part) const {
    return {narrow(static_cast<std::size_t>(part.data() - bytes_.data())), narrow(part.size())};
  }

  // Index of the next line feed; npos when there is none.
  std::size_t line_feed(std::size_t from) const {
    const char* const end = bytes_.data() + bytes_.size();
    const char* const feed = scan::find(bytes_.data() + from, end, '\n');
    return feed == end ? std::string_view::npos : static_cast<std::size_t>(feed - bytes_.data());
  }

  std::string_view line_between(std::size_t from, std::size_t to) const {
    while (to > from && bytes_[to - 1] == '\r') --to;
    return bytes_.substr(from, to - from);
  }

  bool start_line() {
    const auto begin = pos_;
    const auto feed = line_feed(begin);
    const auto line = line_between(begin, feed == std::string_view::npos ? bytes_.size() : feed);
    const bool known = starts_like_sip(line) ? status_line(line) : request_line(line);
    if (known && line.size() > limits_.start_line_bytes) note(Errc::start_line_too_long, begin);
    if (known && feed == std::string_view::npos) note(Errc::header_end_missing, bytes_.size());
    if (!known || feed == std::string_view::npos) return false;
    pos_ = feed + 1;
    return true;
  }

  // False when this is no SIP at all, so that reading on makes no sense.
  bool request_line(std::string_view line) {
    const auto last = line.rfind(' ');
    if (last == std::string_view::npos || !starts_like_sip(line.substr(last + 1))) {
      note(Errc::not_sip, pos_);
      return false;
    }
    if (!scan::iequals(line.substr(last + 1), version)) note(Errc::version_not_supported, pos_);
    const auto first = space_in(line);
    const auto method = line.substr(0, first);
    const auto uri = first < last ? scan::trim(line.substr(first, last - first)) : "";
    if (method.empty() || !scan::all(method, scan::token) || uri.empty() ||
        space_in(uri) < uri.size())
      note(Errc::bad_start_line, pos_);
    out_.method_text_ = slice(method);
    out_.method_ = method_from(method);
    if (!uri.empty()) out_.uri_ = slice(uri);
    return true;
  }

  bool status_line(std::string_view line) {
    const auto space = std::min(line.find(' '), line.size());
    if (!scan::iequals(line.substr(0, space), version)) note(Errc::version_not_supported, pos_);
    const auto rest = scan::trim(line.substr(space));
    const auto status = scan::number(rest.substr(0, 3), 699);
    if (!status || *status < 100 || (rest.size() > 3 && rest[3] != ' ')) {
      note(Errc::bad_start_line, pos_);
      return false;
    }
    out_.status_ = static_cast<int>(*status);
    out_.reason_ = slice(scan::trim(rest.substr(3)));
    return true;
  }

  // True when the empty line was reached; pos_ is then behind it.
  bool headers() {
    while (pos_ < bytes_.size()) {
      const auto begin = pos_;
      if (begin > limits_.head_bytes) {
        note(Errc::message_too_large, begin);
        return false;
      }
      auto feed = line_feed(begin);
      if (feed == std::string_view::npos) break;
      if (line_between(begin, feed).empty()) {
        pos_ = feed + 1;
        return true;
      }
      while (feed + 1 < bytes_.size() && is_line_space(bytes_[feed + 1])) {
        const auto next = line_feed(feed + 1);
        if (next == std::string_view::npos) break;
        feed = next;
      }
      pos_ = feed + 1;
      if (!header(begin, feed)) return false;
    }
    note(Errc::header_end_missing, bytes_.size());
    return false;
  }

  // False when no more can be indexed.
  bool header(std::size_t begin, std::size_t feed) {
    if (out_.count_ == max_headers) {
      note(Errc::too_many_headers, begin);
      return false;
    }
    if (feed - begin > limits_.header_bytes) note(Errc::header_too_long, begin);
    const auto line = bytes_.substr(begin, feed - begin);
    const char* const end = line.data() + line.size();
    const char* const colon = scan::find(line.data(), end, ':');
    auto name = line.substr(0, static_cast<std::size_t>(colon - line.data()));
    while (!name.empty() && is_line_space(name.back())) name.remove_suffix(1);
    const auto id = header_id_from(name);
    // A known name is made of letters; only others need to be looked at.
    if (colon == end || (id == HeaderId::unknown && !is_name(name))) {
      note(Errc::bad_header_line, begin);
      return true;
    }
    add(id, name, trimmed(colon + 1, end));
    return true;
  }

  void add(HeaderId id, std::string_view name, std::string_view value) {
    auto& entry = out_.entries_[out_.count_++];
    const auto v = slice(value);
    entry.name_at = slice(name).at;
    entry.name_size = static_cast<std::uint16_t>(name.size());
    entry.value_at = v.at;
    entry.value_size = v.size;
    entry.id = id;
    auto& first = out_.first_[MessageView::index_of(id)];
    if (first == 0) first = static_cast<std::uint8_t>(out_.count_);
  }

  // Content-Length when it is there and sound; faults are noted.
  std::optional<std::uint64_t> body_size() {
    std::optional<std::uint64_t> size;
    for (auto i = out_.find_index(HeaderId::content_length); i < out_.count_;
         i = out_.find_index(HeaderId::content_length, i + 1)) {
      const auto text = out_.value(out_.entries_[i]);
      const auto number = scan::number(text, UINT32_MAX);
      if (!number || (size && *size != *number))
        note(Errc::bad_content_length, slice(text).at);
      else
        size = number;
    }
    return size;
  }

  void body() {
    const auto rest = bytes_.size() - pos_;
    const auto size = body_size().value_or(rest);
    if (size > rest) note(Errc::body_truncated, bytes_.size());
    out_.body_ = {narrow(pos_), narrow(std::min<std::uint64_t>(size, rest))};
  }

  std::string_view bytes_;
  MessageView& out_;
  const Limits& limits_;
  std::size_t pos_ = 0;
  std::optional<ParseError> fault_;
};

ParseResult<void> parse_message(std::string_view bytes, MessageView& out, const Limits& limits) {
  return MessageParser(bytes, out, limits).run();
}

ParseResult<MessageView> parse_message(std::string_view bytes, const Limits& limits) {
  ParseResult<MessageView> result{MessageView{}};
  const auto parsed = parse_message(bytes, *result, limits);
  if (!parsed) return parsed.error();
  return result;
}

}  // namespace sip
