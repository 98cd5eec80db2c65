#include "sip/derived_request.hpp"

#include "sip/message_builder.hpp"

namespace sip {
namespace {

void build(std::string& out, Method method, const MessageView& invite, const MessageView& to_of) {
  const auto cseq = invite.cseq();
  MessageBuilder message(out);
  message.request(method, invite.request_uri_text());
  if (const auto via = invite.via()) message.via(*via);
  message.copy(invite, HeaderId::route)
      .header(HeaderId::max_forwards, 70)
      .copy(invite, HeaderId::from)
      .copy(to_of, HeaderId::to)
      .copy(invite, HeaderId::call_id)
      .cseq(cseq ? cseq->number : 1, method)
      .finish();
}

}  // namespace

void build_ack_to_failure(std::string& out, const MessageView& invite,
                          const MessageView& response) {
  build(out, Method::ack, invite, response);
}

void build_cancel(std::string& out, const MessageView& invite) {
  build(out, Method::cancel, invite, invite);
}

}  // namespace sip
