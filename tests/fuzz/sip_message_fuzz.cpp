// Property: whatever comes in, parsing ends; what can be answered gets an answer that parses and
// keeps the identity of the request; how a stream is cut makes no difference to its frames.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <source_location>
#include <string>
#include <string_view>
#include <vector>

#include "sip/digest.hpp"
#include "sip/message.hpp"
#include "sip/message_builder.hpp"
#include "sip/stream_framer.hpp"

namespace {

void require(bool holds, std::source_location where = std::source_location::current()) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: line %u\n", static_cast<unsigned>(where.line()));
  std::abort();
}

// Everything that can be asked of a message.
void read_all(const sip::MessageView& m) {
  std::string printed;
  for (std::size_t i = 0; i < m.header_count(); ++i) require(!m.header(i).name.empty());
  for (std::size_t i = 0; i < sip::header_id_count; ++i) {
    for (const auto element : m.values(static_cast<sip::HeaderId>(i))) {
      require(!element.empty());
      if (const auto address = sip::parse_name_addr(element)) {
        append(printed, *address);
        static_cast<void>(address->q_thousandths() + static_cast<int>(address->tag().size()));
        require(sip::equivalent(address->uri, address->uri) || address->wildcard);
      }
      if (const auto via = sip::parse_via(element)) append(printed, *via);
    }
  }
  static_cast<void>(m.cseq().has_value() && m.content_type().has_value() && m.event().has_value());
  static_cast<void>(m.subscription_state().has_value() && m.date().has_value());
  static_cast<void>(m.max_forwards().has_value() && sip::validate(m).has_value());
  static_cast<void>(sip::parse_digest_credentials(m.authorization()).has_value());
  static_cast<void>(sip::parse_digest_challenge(m.www_authenticate()).has_value());
}

void answer(const sip::MessageView& request, int status) {
  const auto source = *sip::Address::parse("192.0.2.1:5060");
  std::string buffer;
  sip::MessageBuilder out(buffer);
  out.respond_to(request, status, {}, {.source = source, .to_tag = "tag"});
  const auto response = sip::parse_message(out.finish());
  require(response.has_value());
  require(response->status() == status && response->body().empty());
  require(response->via().has_value() && response->via()->branch == request.via()->branch);
  require(response->has(sip::HeaderId::cseq));
  for (const auto id : {sip::HeaderId::from, sip::HeaderId::to, sip::HeaderId::call_id})
    require(response->has(id) == request.has(id));
}

// One text for all frames and the error that ended them.
std::string frames(std::string_view stream, std::size_t piece) {
  sip::StreamFramer framer;
  std::string trace;
  for (std::size_t i = 0; i < stream.size(); i += piece) {
    framer.push(stream.substr(i, piece));
    for (;;) {
      const auto frame = framer.next();
      if (!frame) return trace + frame.error().message();
      if (!*frame) break;
      trace += static_cast<char>('0' + static_cast<int>((*frame)->kind));
      trace += (*frame)->bytes;
    }
  }
  return trace;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  sip::MessageView m;
  const auto parsed = sip::parse_message(bytes, m);
  read_all(m);
  const int status = parsed ? 200 : sip::status_for(parsed.error().code);
  if (sip::answerable(m) && status != 0) answer(m, status);

  const auto whole = frames(bytes, std::max<std::size_t>(size, 1));
  for (const std::size_t piece : {1u, 7u, 300u}) require(frames(bytes, piece) == whole);
  return 0;
}
