#include "sip/message_builder.hpp"

#include <doctest/doctest.h>

#include <string>

#include "tests/sip/corpus.hpp"

using sip::HeaderId;
using sip::MessageBuilder;
using sip::Method;

namespace {

sip::Address at(const char* text) {
  return *sip::Address::parse(text);
}

}  // namespace

TEST_CASE("a request is written as given") {
  std::string buffer = "left over";
  MessageBuilder out(buffer);
  sip::Via via;
  via.sent_by = {"192.0.2.1", 5060, sip::HostKind::ipv4};
  via.branch = "z9hG4bK1";
  via.has_rport = true;
  out.request(Method::message, "sip:a@b")
      .via(via)
      .header(HeaderId::from, *sip::parse_name_addr("<sip:x@y>;tag=1"))
      .header(HeaderId::to, "<sip:a@b>")
      .header(HeaderId::call_id, "7")
      .cseq(3, Method::message)
      .header(HeaderId::max_forwards, 70)
      .header("X-Own", " v ");
  CHECK(out.finish("text/plain", "hello") ==
        "MESSAGE sip:a@b SIP/2.0\r\n"
        "Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1;rport\r\n"
        "From: <sip:x@y>;tag=1\r\n"
        "To: <sip:a@b>\r\n"
        "Call-ID: 7\r\n"
        "CSeq: 3 MESSAGE\r\n"
        "Max-Forwards: 70\r\n"
        "X-Own: v\r\n"
        "Content-Type: text/plain\r\n"
        "Content-Length: 5\r\n\r\nhello");
}

TEST_CASE("the Catalog query of the notes can be written byte for byte") {
  const auto bytes = sip_corpus::message("14_catalog_query");
  const auto m = *sip::parse_message(bytes);
  std::string buffer;
  MessageBuilder out(buffer);
  out.request(m.method(), sip::to_string(*m.request_uri()))
      .header(HeaderId::call_id, m.call_id())
      .cseq(m.cseq()->number, m.cseq()->method)
      .header(HeaderId::from, *m.from())
      .header(HeaderId::to, *m.to())
      .header(HeaderId::max_forwards, *m.max_forwards())
      .copy(m, HeaderId::content_type)
      .header(HeaderId::route, *m.route())
      .via(*m.via());
  CHECK(out.finish({}, m.body()) == bytes);
}

TEST_CASE("no value can leave its line") {
  std::string buffer;
  MessageBuilder out(buffer);
  out.request("MES SAGE\r\n", "sip:a@b\r\nEvil: 1\r\n\r\n")
      .header(HeaderId::subject, "a\r\nEvil: 2\r\n\r\nbody\n\r")
      .header("Bad name", "x")
      .header("Bad:", "x")
      .header("", "x")
      .header("Content-Length", "99")
      .cseq(1, "A\r\nB");
  CHECK(out.finish("t/p\r\nEvil: 3", "") ==
        "MESSAGE sip:a@b%0D%0AEvil:%201%0D%0A%0D%0A SIP/2.0\r\n"
        "Subject: a Evil: 2 body\r\n"
        "CSeq: 1 AB\r\n"
        "Content-Type: t/p Evil: 3\r\n"
        "Content-Length: 0\r\n\r\n");
  out.response(400, "Bad\r\nEvil: 4");
  CHECK(out.finish() == "SIP/2.0 400 Bad Evil: 4\r\nContent-Length: 0\r\n\r\n");
}

TEST_CASE("responses (RFC 3261 8.2.6, 18.2.1, RFC 3581)") {
  const auto bytes = sip_corpus::message("03_keepalive");
  const auto m = *sip::parse_message(bytes);
  std::string buffer;
  MessageBuilder out(buffer);
  out.respond_to(m, 200, {}, {.source = at("203.0.113.9:33000"), .to_tag = "t1"});
  CHECK(out.finish() ==
        "SIP/2.0 200 OK\r\n"
        "Via: SIP/2.0/UDP 198.51.100.23:5060;branch=z9hG4bKc7d0417a02;received=203.0.113.9;"
        "rport=33000\r\n"
        "From: <sip:44010200491320000012@4401020049>;tag=k2210\r\n"
        "To: <sip:44010200492000000001@4401020049>;tag=t1\r\n"
        "Call-ID: 99172034@198.51.100.23\r\n"
        "CSeq: 20 MESSAGE\r\n"
        "Content-Length: 0\r\n\r\n");
}

TEST_CASE("what a response takes over") {
  const auto proxied = sip_corpus::message("10_invite_proxied");
  const auto invite = *sip::parse_message(proxied);
  const auto odd = sip_corpus::message("odd/compact_folded");
  const auto folded = *sip::parse_message(odd);
  const auto bye_bytes = sip_corpus::message("08_bye");
  const auto bye = *sip::parse_message(bye_bytes);
  const struct {
    const char* name;
    const sip::MessageView& request;
    int status;
    std::size_t vias, record_routes;
    const char* to;
  } rows[] = {
      {"100 has no tag", invite, 100, 4, 0, "Carol Smith <sip:carol@example.org>"},
      {"180 begins a dialog", invite, 180, 4, 2, "Carol Smith <sip:carol@example.org>;tag=t"},
      {"200 begins a dialog", invite, 200, 4, 2, "Carol Smith <sip:carol@example.org>;tag=t"},
      {"486 does not", invite, 486, 4, 0, "Carol Smith <sip:carol@example.org>;tag=t"},
      {"a tag stays", bye, 200, 1, 0, "<sip:44010200491320000012@4401020049>;tag=830114"},
      {"folded headers are unfolded", folded, 200, 1, 0, "<sip:x@192.0.2.1>;tag=t"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.name);
    std::string buffer;
    MessageBuilder out(buffer);
    out.respond_to(row.request, row.status, {}, {.source = at("192.0.2.7:5060"), .to_tag = "t"});
    const auto response = sip::parse_message(out.finish());
    REQUIRE(response.has_value());
    CHECK(sip::validate(*response).has_value());
    CHECK(response->status() == row.status);
    CHECK(response->reason() == sip::reason_phrase(row.status));
    CHECK(response->text(HeaderId::to) == row.to);
    std::size_t vias = 0, record_routes = 0;
    for (auto v : response->values(HeaderId::via)) vias += v.empty() ? 0u : 1u;
    for (auto v : response->record_routes()) record_routes += v.empty() ? 0u : 1u;
    CHECK(vias == row.vias);
    CHECK(record_routes == row.record_routes);
    CHECK(response->via()->received == "192.0.2.7");
    CHECK(response->call_id() == row.request.call_id());
    CHECK(response->from()->tag() == row.request.from()->tag());
  }
}

TEST_CASE("Timestamp goes into 100 only, Via without a source stays") {
  const std::string bytes =
      "INVITE sip:c@d SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.1;rport;branch=z\r\nFrom: "
      "<sip:a@b>;tag=1\r\n"
      "To: <sip:c@d>\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\nTimestamp: 54\r\n\r\n";
  const auto m = *sip::parse_message(bytes);
  std::string buffer;
  MessageBuilder out(buffer);
  CHECK(sip::parse_message(out.respond_to(m, 100).finish())->text(HeaderId::timestamp) == "54");
  const auto ok = *sip::parse_message(out.respond_to(m, 200).finish());
  CHECK(!ok.has(HeaderId::timestamp));
  CHECK(ok.text(HeaderId::via) == "SIP/2.0/UDP 10.0.0.1;rport;branch=z");
  CHECK(ok.to()->tag().empty());
}
