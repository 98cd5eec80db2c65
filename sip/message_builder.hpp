// Writes SIP messages (RFC 3261 7, 8.1.1, 8.2.6) into a buffer that its owner reuses.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "sip/address.hpp"
#include "sip/header_id.hpp"
#include "sip/message.hpp"
#include "sip/method.hpp"
#include "sip/name_addr.hpp"
#include "sip/via.hpp"

namespace sip {

// What a response needs beyond the request.
struct ResponseOptions {
  Address source;            // where the request came from; port 0: Via stays as it is
  std::string_view to_tag;   // added to To when it has none and the status is above 100
  bool record_route = true;  // copy Record-Route into 101..299 of INVITE, SUBSCRIBE, NOTIFY, REFER
};

// One message: start line, headers, finish(). The buffer is cleared by the start line and must
// outlive the builder. A line break in any value is written as a space, a name that is no token is
// dropped with its value: no argument can add a header or a body. Content-Length is finish()'s own,
// header() ignores it.
//
//   MessageBuilder out(buffer);
//   out.respond_to(request, 200, "OK", {.source = flow.remote, .to_tag = tag})
//      .header(HeaderId::expires, 3600);
//   send(out.finish());
class MessageBuilder {
 public:
  explicit MessageBuilder(std::string& buffer) : out_(buffer) {}

  MessageBuilder& request(Method method, std::string_view uri);
  MessageBuilder& request(std::string_view method, std::string_view uri);
  // An empty reason is replaced by reason_phrase(status).
  MessageBuilder& response(int status, std::string_view reason = {});

  // Status line, the Vias (received and rport on the top one), From, To with tag, Call-ID, CSeq,
  // Timestamp in a 100, Record-Route where a dialog may begin. Works on a message that was parsed
  // only in part, as long as answerable().
  MessageBuilder& respond_to(const MessageView& request, int status, std::string_view reason = {},
                             const ResponseOptions& options = {});

  MessageBuilder& header(HeaderId id, std::string_view value);
  MessageBuilder& header(std::string_view name, std::string_view value);
  MessageBuilder& header(HeaderId id, std::uint32_t value);
  MessageBuilder& header(HeaderId id, const NameAddr& address);
  MessageBuilder& via(const Via& via);
  MessageBuilder& cseq(std::uint32_t number, Method method);
  MessageBuilder& cseq(std::uint32_t number, std::string_view method);
  // All headers of this kind, in their order, unfolded.
  MessageBuilder& copy(const MessageView& from, HeaderId id);

  // Content-Length and the end of the headers; then the body. Returns the whole message, a view of
  // the buffer. Call once.
  std::string_view finish();
  std::string_view finish(std::string_view content_type, std::string_view body);

 private:
  void value_line(std::string_view value);

  std::string& out_;
};

}  // namespace sip
