// parse_message(): one pass that cuts the head into lines and the lines into names and values.
#include <algorithm>
#include <bit>
#include <cstring>

#include "sip/header_names.hpp"
#include "sip/message.hpp"
#include "sip/scan.hpp"
#include "sip/simd.hpp"

namespace sip {
namespace {

constexpr std::string_view version = "SIP/2.0";

bool is_line_space(char c) {
  return c == ' ' || c == '\t';
}

bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= UINT16_MAX && scan::all(text, scan::token);
}

// [begin, end) without white space at its ends.
[[gnu::noinline]] std::string_view trimmed(const char* begin, const char* end) {
  while (begin != end && scan::is(*begin, scan::space)) ++begin;
  while (begin != end && scan::is(end[-1], scan::space)) --end;
  return {begin, static_cast<std::size_t>(end - begin)};
}

// The same for what is behind a colon and before a line feed: most values stand between one space
// and one carriage return.
inline std::string_view header_value(const char* behind_colon, const char* feed) {
  const auto visible = [](char c) { return static_cast<unsigned char>(c) > ' '; };
  if (*behind_colon == ' ' && feed[-1] == '\r' && visible(behind_colon[1]) && visible(feed[-2]))
      [[likely]] {
    const char* const begin = behind_colon + 1;
    return {begin, static_cast<std::size_t>(feed - 1 - begin)};
  }
  return trimmed(behind_colon, feed);
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
    const auto head_size = std::min<std::size_t>(bytes_.size(), limits_.head_bytes);
    simd::Places feeds(bytes_.data() + pos_, bytes_.data() + std::max(head_size, pos_), '\n');
    if (start_line(feeds) && headers(feeds)) body();
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
    out_.repeated_.reset();
    out_.forget_parsed();
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

  std::size_t offset(const char* place) const {
    return static_cast<std::size_t>(place - bytes_.data());
  }

  static std::string_view line_between(const char* begin, const char* end) {
    while (end > begin && end[-1] == '\r') --end;
    return {begin, static_cast<std::size_t>(end - begin)};
  }

  bool start_line(simd::Places& feeds) {
    const char* const begin = bytes_.data() + pos_;
    const char* const feed = feeds.next();
    const auto line = line_between(begin, feed ? feed : bytes_.data() + bytes_.size());
    const bool known = starts_like_sip(line) ? status_line(line) : request_line(line);
    if (known && line.size() > limits_.start_line_bytes) note(Errc::start_line_too_long, pos_);
    if (known && feed == nullptr) note(line_end_missing(), bytes_.size());
    if (!known || feed == nullptr) return false;
    pos_ = offset(feed) + 1;
    return true;
  }

  // What nearly all requests begin with: known method, one space, URI, one space, "SIP/2.0".
  bool usual_request_line(std::string_view line) {
    constexpr std::string_view ending = " SIP/2.0";
    if (line.size() < ending.size()) return false;
    line.remove_suffix(ending.size());
    if (std::memcmp(line.data() + line.size(), ending.data(), ending.size()) != 0) return false;
    const auto space = scan::find(line, ' ');
    const auto method = line.substr(0, space);
    const auto uri = line.substr(std::min(space + 1, line.size()));
    out_.method_ = method_from(method);
    if (out_.method_ == Method::unknown || uri.empty() || scan::find(uri, ' ') < uri.size() ||
        scan::is(uri.front(), scan::space) || scan::is(uri.back(), scan::space))
      return false;
    out_.method_text_ = slice(method);
    out_.uri_ = slice(uri);
    return true;
  }

  // False when this is no SIP at all, so that reading on makes no sense.
  bool request_line(std::string_view line) {
    if (usual_request_line(line)) return true;
    while (!line.empty() && is_line_space(line.back())) line.remove_suffix(1);
    const auto last = line.rfind(' ');
    if (last == std::string_view::npos || !starts_like_sip(line.substr(last + 1))) {
      note(Errc::not_sip, pos_);
      return false;
    }
    if (!scan::iequals(line.substr(last + 1), version)) note(Errc::version_not_supported, pos_);
    const auto first = scan::find(line, ' ');
    const auto method = line.substr(0, first);
    const auto uri = first < last ? scan::trim(line.substr(first, last - first)) : "";
    if (method.empty() || !scan::all(method, scan::token) || uri.empty() ||
        scan::find(uri, ' ') < uri.size())
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

  // Why there is no line feed any more.
  Errc line_end_missing() const {
    return bytes_.size() > limits_.head_bytes ? Errc::message_too_large : Errc::header_end_missing;
  }

  // True when the empty line was reached; pos_ is then behind it. (What the loop needs is held in
  // locals: the compiler would read members again after each byte that is stored.)
  bool headers(simd::Places feeds) {
    const char* const end = bytes_.data() + bytes_.size();
    const std::ptrdiff_t most = limits_.header_bytes;
    for (const char* line = bytes_.data() + pos_;;) {
      const char* feed = feeds.next();
      if (feed == nullptr) return give_up(line_end_missing(), line, end);
      if (*line <= '\r' && line_between(line, feed).empty()) {
        pos_ = offset(feed) + 1;
        return true;
      }
      if (feed + 1 != end && feed[1] <= ' ') feed = end_of_folded(feeds, feed, end);
      if (feed - line > most) note(Errc::header_too_long, offset(line));
      if (!usual_header(line, feed, end) && !unusual_header(line, feed))
        return give_up(Errc::too_many_headers, line, line);
      line = feed + 1;
    }
  }

  [[gnu::always_inline]] static const char* end_of_folded(simd::Places& feeds, const char* feed,
                                                          const char* end) {
    while (feed + 1 != end && is_line_space(feed[1])) {
      const char* const next = feeds.next();
      if (next == nullptr) break;
      feed = next;
    }
    return feed;
  }

  bool give_up(Errc code, const char* line, const char* fault) {
    pos_ = offset(line);
    note(code, offset(fault));
    return false;
  }

  // A known name of less than 16 characters with its colon right behind it, not in the last 16
  // bytes of the message (there the empty line and, as a rule, a body stand).
  [[gnu::always_inline]] bool usual_header(const char* line, const char* feed, const char* end) {
    if (end - line < 16 || out_.count_ == max_headers) return false;
    const auto block = simd::Block::load(line);
    const auto colons = block.equal(':').mask();
    if (colons == 0) return false;
    const auto size = static_cast<std::size_t>(std::countr_zero(colons));
    const char* const colon = line + size;
    const auto id = header_names::find(block, size);
    if (id == HeaderId::unknown || colon > feed) return false;
    add(id, line, size, header_value(colon + 1, feed));
    return true;
  }

  // False when no more can be indexed.
  [[gnu::noinline]] bool unusual_header(const char* line, const char* feed) {
    if (out_.count_ == max_headers) return false;
    const char* const colon = scan::find(line, feed, ':');
    std::string_view name(line, static_cast<std::size_t>(colon - line));
    while (!name.empty() && is_line_space(name.back())) name.remove_suffix(1);
    const auto id = header_id_from(name);
    // A known name is made of letters; only others need to be looked at.
    if (colon == feed || (id == HeaderId::unknown && !is_name(name)))
      note(Errc::bad_header_line, offset(line));
    else
      add(id, line, name.size(), trimmed(colon + 1, feed));
    return true;
  }

  [[gnu::always_inline]] void add(HeaderId id, const char* name, std::size_t name_size,
                                  std::string_view value) {
    auto& out = out_;
    const auto index = out.count_;
    const char* const base = bytes_.data();
    auto& entry = out.entries_[index];
    entry.name_at = static_cast<std::uint32_t>(name - base);
    entry.name_size = static_cast<std::uint16_t>(name_size);
    entry.value_at = static_cast<std::uint32_t>(value.data() - base);
    entry.value_size = narrow(value.size());
    entry.id = id;
    out.count_ = index + 1;
    auto& first = out.first_[MessageView::index_of(id)];
    if (first == 0)
      first = static_cast<std::uint8_t>(index + 1);
    else
      out.repeated_.set(MessageView::index_of(id));
  }

  // Content-Length when it is there and sound; faults are noted.
  std::optional<std::uint64_t> body_size() {
    std::optional<std::uint64_t> size;
    const auto first = out_.first_[MessageView::index_of(HeaderId::content_length)];
    for (auto i = first == 0 ? out_.count_ : first - 1u; i < out_.count_; ++i) {
      if (out_.entries_[i].id != HeaderId::content_length) continue;
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
