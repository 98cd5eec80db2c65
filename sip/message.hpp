// A parsed SIP message: an index of one datagram or one framed message (RFC 3261 section 7).
// Pure; nothing is copied or allocated. Typed headers are parsed when they are asked for.
#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <optional>
#include <string_view>

#include "sip/error.hpp"
#include "sip/header_id.hpp"
#include "sip/headers.hpp"
#include "sip/method.hpp"
#include "sip/name_addr.hpp"
#include "sip/uri.hpp"
#include "sip/via.hpp"

namespace sip {

// Sizes above which a message is refused; Errc says which one it was.
struct Limits {
  std::uint32_t start_line_bytes = 4096;
  std::uint32_t header_bytes = 8192;       // one header with its folded lines
  std::uint32_t head_bytes = 32768;        // start line and all headers
  std::uint32_t message_bytes = 1u << 21;  // all
};

inline constexpr std::size_t max_headers = 128;

struct HeaderView {
  HeaderId id = HeaderId::unknown;
  std::string_view name;   // as written
  std::string_view value;  // trimmed; line breaks of folded lines are still in it
};

class MessageView;

// The elements of all headers of one kind, in order, comma-separated lists split
// (Via, Contact, Route, Record-Route, Allow, Supported, ...). Commas in quotes and <> do not split.
class HeaderValues {
 public:
  class iterator {
   public:
    using iterator_category = std::input_iterator_tag;
    using value_type = std::string_view;
    using difference_type = std::ptrdiff_t;
    using pointer = const std::string_view*;
    using reference = const std::string_view&;

    iterator() = default;
    iterator(const MessageView& message, HeaderId id);
    reference operator*() const { return element_; }
    pointer operator->() const { return &element_; }
    iterator& operator++();
    iterator operator++(int) {
      auto copy = *this;
      ++*this;
      return copy;
    }
    bool operator==(const iterator& other) const {
      return element_.data() == other.element_.data();
    }

   private:
    const MessageView* message_ = nullptr;
    HeaderId id_ = HeaderId::unknown;
    std::size_t index_ = 0;  // of the header that rest_ belongs to
    std::string_view rest_;
    std::string_view element_;
  };

  HeaderValues(const MessageView& message, HeaderId id) : message_(&message), id_(id) {}
  [[nodiscard]] iterator begin() const { return {*message_, id_}; }
  [[nodiscard]] iterator end() const { return {}; }
  [[nodiscard]] bool empty() const { return begin() == end(); }

 private:
  const MessageView* message_;
  HeaderId id_;
};

// Views are valid as long as the bytes that were parsed. Copying copies the index (16 bytes a
// header), neither the bytes nor what was parsed of them.
class MessageView {
 public:
  MessageView() = default;
  MessageView(const MessageView& other) { *this = other; }
  MessageView& operator=(const MessageView& other);

  [[nodiscard]] bool is_request() const { return status_ == 0; }
  [[nodiscard]] bool is_response() const { return status_ != 0; }

  // Request line. method() is Method::unknown for extension methods: see method_text().
  [[nodiscard]] Method method() const { return method_; }
  [[nodiscard]] std::string_view method_text() const { return at(method_text_); }
  [[nodiscard]] std::string_view request_uri_text() const { return at(uri_); }
  [[nodiscard]] Result<Uri> request_uri() const;

  // Status line; 0 and empty in a request.
  [[nodiscard]] int status() const { return status_; }
  [[nodiscard]] std::string_view reason() const { return at(reason_); }

  // Errc::missing_header when the header is not there, else the error of its grammar. With several
  // headers of one kind: the first. Those that every message needs are parsed once and remembered:
  // one view is for one thread.
  [[nodiscard]] Result<Via> via() const;
  [[nodiscard]] Result<NameAddr> from() const;
  [[nodiscard]] Result<NameAddr> to() const;
  [[nodiscard]] Result<NameAddr> contact() const { return address(HeaderId::contact); }
  [[nodiscard]] Result<NameAddr> route() const { return address(HeaderId::route); }
  [[nodiscard]] Result<CSeq> cseq() const;
  [[nodiscard]] Result<std::uint32_t> max_forwards() const {
    return number(HeaderId::max_forwards);
  }
  [[nodiscard]] Result<std::uint32_t> expires() const { return number(HeaderId::expires); }
  [[nodiscard]] Result<ContentType> content_type() const;
  [[nodiscard]] Result<EventPackage> event() const;
  [[nodiscard]] Result<SubscriptionState> subscription_state() const;
  [[nodiscard]] Result<WallTime> date() const;
  // Texts: empty when absent.
  [[nodiscard]] std::string_view call_id() const { return text(HeaderId::call_id); }
  [[nodiscard]] std::string_view authorization() const { return text(HeaderId::authorization); }
  [[nodiscard]] std::string_view www_authenticate() const {
    return text(HeaderId::www_authenticate);
  }
  [[nodiscard]] std::string_view subject() const { return text(HeaderId::subject); }
  [[nodiscard]] std::string_view user_agent() const { return text(HeaderId::user_agent); }
  // What the header says; nullopt when it is absent (legal over UDP).
  [[nodiscard]] std::optional<std::uint32_t> content_length() const;

  // Any header by kind or by name (any letter case).
  [[nodiscard]] bool has(HeaderId id) const { return first_[index_of(id)] != 0; }
  [[nodiscard]] std::string_view text(HeaderId id) const;
  [[nodiscard]] std::optional<std::string_view> find(std::string_view name) const;
  [[nodiscard]] Result<std::uint32_t> number(HeaderId id) const;
  [[nodiscard]] Result<NameAddr> address(HeaderId id) const;
  [[nodiscard]] HeaderValues values(HeaderId id) const { return {*this, id}; }
  [[nodiscard]] HeaderValues contacts() const { return values(HeaderId::contact); }
  [[nodiscard]] HeaderValues routes() const { return values(HeaderId::route); }
  [[nodiscard]] HeaderValues record_routes() const { return values(HeaderId::record_route); }

  // All headers in their order.
  [[nodiscard]] std::size_t header_count() const { return count_; }
  [[nodiscard]] HeaderView header(std::size_t index) const;
  // Index of the first header of this kind at or after `from`; header_count() when there is none.
  [[nodiscard]] std::size_t find_index(HeaderId id, std::size_t from = 0) const;

  [[nodiscard]] std::string_view body() const { return at(body_); }
  // The whole message from its start line to the end of its body.
  [[nodiscard]] std::string_view bytes() const { return {base_, size_}; }

  // The same index over another copy of bytes().
  [[nodiscard]] MessageView over(const char* copy_of_bytes) const;

 private:
  friend class MessageParser;

  // What has been asked for before and was in order.
  struct Parsed {
    std::optional<Uri> request_uri;
    std::optional<Via> via;
    std::optional<NameAddr> from, to;
    std::optional<CSeq> cseq;
  };
  void forget_parsed();
  struct Slice {
    std::uint32_t at = 0;
    std::uint32_t size = 0;
  };
  struct Entry {  // left uninitialised: an index is filled as far as count_ says
    std::uint32_t name_at;
    std::uint32_t value_at;
    std::uint32_t value_size;
    std::uint16_t name_size;
    HeaderId id;
  };

  static constexpr std::size_t index_of(HeaderId id) { return static_cast<std::size_t>(id); }
  [[nodiscard]] std::string_view at(Slice slice) const { return {base_ + slice.at, slice.size}; }
  [[nodiscard]] std::string_view value(const Entry& e) const {
    return {base_ + e.value_at, e.value_size};
  }

  const char* base_ = "";
  std::uint32_t size_ = 0;
  std::uint32_t count_ = 0;
  Method method_ = Method::unknown;
  int status_ = 0;
  Slice method_text_, uri_, reason_, body_;
  std::array<std::uint8_t, header_id_count> first_{};  // 1 + index of the first of each kind
  std::bitset<header_id_count> repeated_;              // there are more of this kind
  mutable Parsed parsed_;
  std::array<Entry, max_headers> entries_;
};

// Parses one whole message. Tolerates: empty lines before it, line ends of LF alone, folded lines,
// any order and letter case of headers, spaces around names and values, no Content-Length (the body
// is the rest), more bytes than Content-Length (the rest is ignored).
// On failure `out` holds what was read before the fault, so that a request whose Via, From, To,
// Call-ID and CSeq came through can be answered with status_for(error.code).
[[nodiscard]] ParseResult<void> parse_message(std::string_view bytes, MessageView& out,
                                              const Limits& limits = {});
[[nodiscard]] ParseResult<MessageView> parse_message(std::string_view bytes,
                                                     const Limits& limits = {});

// The mandatory headers of RFC 3261 8.1.1 are there, once each, and parse: Via, From, To, Call-ID,
// CSeq (its method equal to the request line's); the Request-URI parses. Max-Forwards may be
// missing (old devices). Offset is that of the header.
[[nodiscard]] ParseResult<void> validate(const MessageView& message);

// Whether a response can be built and sent at all: a request other than ACK with a Via that can be
// read, which says where to, and a CSeq. From, To and Call-ID are copied as far as they are there.
[[nodiscard]] bool answerable(const MessageView& message);

}  // namespace sip
