// validate() and answerable(): what RFC 3261 8.1.1 demands of the headers.
#include "sip/message.hpp"

namespace sip {
namespace {

class Check {
 public:
  explicit Check(const MessageView& message) : message_(message) {}

  ParseResult<void> run() {
    if (message_.is_request()) expect_request_uri();
    expect_via();
    expect_one(message_.from(), HeaderId::from);
    expect_one(message_.to(), HeaderId::to);
    expect_call_id();
    expect_cseq();
    if (fault_) return *fault_;
    return {};
  }

 private:
  std::uint32_t offset(std::string_view part) const {
    const auto* const begin = message_.bytes().data();
    return part.empty() ? 0 : static_cast<std::uint32_t>(part.data() - begin);
  }

  void note(Errc code, std::uint32_t at) {
    if (!fault_) fault_ = ParseError{code, at};
  }
  template <class T>
  void expect(const Result<T>& parsed, std::uint32_t at) {
    if (!parsed) note(static_cast<Errc>(parsed.error().value()), at);
  }
  template <class T>
  void expect(const Result<T>& parsed, HeaderId id) {
    expect(parsed, offset(message_.text(id)));
  }
  template <class T>
  void expect_one(const Result<T>& parsed, HeaderId id) {
    expect(parsed, id);
    expect_single(id);
  }

  // 19.1.1, table 1: it has no headers.
  void expect_request_uri() {
    const auto at = offset(message_.request_uri_text());
    const auto uri = message_.request_uri();
    expect(uri, at);
    if (uri && !uri->headers.empty()) note(Errc::bad_uri, at);
  }

  void expect_via() {
    const auto via = message_.via();
    expect(via, HeaderId::via);
    if (via && !via->sound) note(Errc::bad_via, offset(message_.text(HeaderId::via)));
  }

  void expect_single(HeaderId id) {
    const auto again = message_.find_index(id, message_.find_index(id) + 1);
    if (again < message_.header_count())
      note(Errc::repeated_header, offset(message_.header(again).name));
  }

  void expect_call_id() {
    if (message_.call_id().empty()) note(Errc::missing_header, 0);
    expect_single(HeaderId::call_id);
  }

  void expect_cseq() {
    const auto cseq = message_.cseq();
    expect_one(cseq, HeaderId::cseq);
    if (cseq && message_.is_request() && cseq->method_text != message_.method_text())
      note(Errc::method_mismatch, offset(message_.text(HeaderId::cseq)));
  }

  const MessageView& message_;
  std::optional<ParseError> fault_;
};

}  // namespace

ParseResult<void> validate(const MessageView& message) {
  return Check(message).run();
}

bool answerable(const MessageView& message) {
  return message.is_request() && !message.method_text().empty() &&
         message.method() != Method::ack && message.via() && message.has(HeaderId::cseq);
}

}  // namespace sip
