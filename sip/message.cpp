#include "sip/message.hpp"

#include <algorithm>
#include <cstring>

#include "sip/scan.hpp"

namespace sip {
namespace {

// Keeps what could be parsed.
template <class T>
Result<T> keep(Result<T> fresh, std::optional<T>& parsed) {
  if (fresh) parsed = *fresh;
  return fresh;
}

}  // namespace

MessageView& MessageView::operator=(const MessageView& other) {
  if (this == &other) return *this;
  base_ = other.base_;
  size_ = other.size_;
  count_ = other.count_;
  method_ = other.method_;
  status_ = other.status_;
  method_text_ = other.method_text_;
  uri_ = other.uri_;
  reason_ = other.reason_;
  body_ = other.body_;
  first_ = other.first_;
  repeated_ = other.repeated_;
  std::copy_n(other.entries_.begin(), count_, entries_.begin());
  forget_parsed();
  return *this;
}

void MessageView::forget_parsed() {
  parsed_.request_uri.reset();
  parsed_.via.reset();
  parsed_.from.reset();
  parsed_.to.reset();
  parsed_.cseq.reset();
}

MessageView MessageView::over(const char* copy_of_bytes) const {
  MessageView result(*this);
  result.base_ = copy_of_bytes;
  return result;
}

std::string_view MessageView::text(HeaderId id) const {
  const auto first = first_[index_of(id)];
  return first == 0 ? std::string_view{} : value(entries_[first - 1u]);
}

HeaderView MessageView::header(std::size_t index) const {
  const auto& e = entries_[index];
  return {e.id, {base_ + e.name_at, e.name_size}, value(e)};
}

std::size_t MessageView::find_index(HeaderId id, std::size_t from) const {
  const auto first = first_[index_of(id)];
  if (first == 0) return count_;
  if (!repeated_[index_of(id)]) return from < first ? first - 1u : count_;
  for (auto i = std::max<std::size_t>(from, first - 1u); i < count_; ++i)
    if (entries_[i].id == id) return i;
  return count_;
}

std::optional<std::string_view> MessageView::find(std::string_view name) const {
  const auto id = header_id_from(name);
  for (std::size_t i = find_index(id); i < count_; i = find_index(id, i + 1)) {
    if (id != HeaderId::unknown || scan::iequals(header(i).name, name)) return header(i).value;
  }
  return std::nullopt;
}

Result<Uri> MessageView::request_uri() const {
  if (parsed_.request_uri) return *parsed_.request_uri;
  return keep(parse_uri(request_uri_text()), parsed_.request_uri);
}

Result<Via> MessageView::via() const {
  if (parsed_.via) return *parsed_.via;
  if (!has(HeaderId::via)) return Errc::missing_header;
  const auto list = text(HeaderId::via);
  return keep(parse_via(list.substr(0, scan::find_outside(list, ','))), parsed_.via);
}

Result<NameAddr> MessageView::from() const {
  if (parsed_.from) return *parsed_.from;
  if (!has(HeaderId::from)) return Errc::missing_header;
  return keep(parse_name_addr(text(HeaderId::from)), parsed_.from);
}

Result<NameAddr> MessageView::to() const {
  if (parsed_.to) return *parsed_.to;
  if (!has(HeaderId::to)) return Errc::missing_header;
  return keep(parse_name_addr(text(HeaderId::to)), parsed_.to);
}

Result<NameAddr> MessageView::address(HeaderId id) const {
  if (!has(id)) return Errc::missing_header;
  const auto list = text(id);
  return parse_name_addr(list.substr(0, scan::find_outside(list, ',')));
}

Result<CSeq> MessageView::cseq() const {
  if (parsed_.cseq) return *parsed_.cseq;
  if (!has(HeaderId::cseq)) return Errc::missing_header;
  return keep(parse_cseq(text(HeaderId::cseq)), parsed_.cseq);
}

Result<std::uint32_t> MessageView::number(HeaderId id) const {
  if (!has(id)) return Errc::missing_header;
  return parse_number(text(id));
}

Result<ContentType> MessageView::content_type() const {
  if (!has(HeaderId::content_type)) return Errc::missing_header;
  return parse_content_type(text(HeaderId::content_type));
}

Result<EventPackage> MessageView::event() const {
  if (!has(HeaderId::event)) return Errc::missing_header;
  return parse_event(text(HeaderId::event));
}

Result<SubscriptionState> MessageView::subscription_state() const {
  if (!has(HeaderId::subscription_state)) return Errc::missing_header;
  return parse_subscription_state(text(HeaderId::subscription_state));
}

Result<WallTime> MessageView::date() const {
  if (!has(HeaderId::date)) return Errc::missing_header;
  return parse_date(text(HeaderId::date));
}

std::optional<std::uint32_t> MessageView::content_length() const {
  const auto length = scan::number(text(HeaderId::content_length), UINT32_MAX);
  if (!length) return std::nullopt;
  return static_cast<std::uint32_t>(*length);
}

HeaderValues::iterator::iterator(const MessageView& message, HeaderId id)
    : message_(&message), id_(id), index_(message.find_index(id)) {
  if (index_ < message.header_count()) rest_ = message.header(index_).value;
  ++*this;
}

HeaderValues::iterator& HeaderValues::iterator::operator++() {
  for (;;) {
    while (rest_.empty()) {
      element_ = {};
      if (index_ >= message_->header_count()) return *this;
      index_ = message_->find_index(id_, index_ + 1);
      if (index_ >= message_->header_count()) return *this;
      rest_ = message_->header(index_).value;
    }
    const auto end = scan::find_outside(rest_, ',');
    element_ = scan::trim(rest_.substr(0, end));
    rest_.remove_prefix(std::min(end + 1, rest_.size()));
    if (!element_.empty()) return *this;
  }
}

}  // namespace sip
