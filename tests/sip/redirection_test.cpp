// Contacts of 3xx, in which order they are tried (RFC 3261 8.1.3.4), and offers and answers.
#include "sip/redirection.hpp"

#include <doctest/doctest.h>

#include "sip/offer_answer.hpp"

using namespace sip;

namespace {

void respond(Redirection& r, const std::string& contacts) {
  const std::string text =
      "SIP/2.0 302 x\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\n"
      "To: <sip:a@b>\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\nContact: " +
      contacts + "\r\nContent-Length: 0\r\n\r\n";
  r.on_response(*parse_message(text));
}

std::string all(Redirection& r) {
  std::string text;
  while (const auto uri = r.next()) text += *uri + " ";
  return text;
}

}  // namespace

TEST_CASE("contacts are tried by q; never one twice, in whatever way it is written") {
  Redirection r(10);
  r.start("sip:start@h");
  respond(r, "<sip:b@h>;q=0.5, <sip:a@h>;q=0.9, <sip:c@h>;q=0.5, <sip:start@H>, <tel:+123>");
  CHECK(r.next() == "sip:a@h");
  respond(r, "<sip:%62@h>, <sip:d@h>;q=0.7, *");
  CHECK(all(r) == "sip:d@h sip:b@h sip:c@h ");
}

TEST_CASE("no more than was allowed; headers that a URI carries are not taken") {
  Redirection r(2);
  respond(r, "<sip:a@h?Replaces=x>, <sip:b@h>, <sip:c@h>");
  CHECK(all(r) == "sip:a@h sip:b@h ");
  CHECK_FALSE(Redirection().enabled());
}

TEST_CASE("offers and answers (RFC 3264)") {
  OfferAnswer o;
  CHECK(o.may_offer());
  o.sent();
  CHECK(o.local_pending());
  CHECK_FALSE(o.may_offer());
  o.sent();  // repeated
  CHECK(o.local_pending());
  o.received();
  CHECK(o.state() == OfferAnswer::State::agreed);
  o.received();  // a new offer of theirs
  CHECK(o.remote_pending());
  o.rolled_back();
  CHECK(o.state() == OfferAnswer::State::agreed);  // what held before holds
  OfferAnswer first;
  first.received();
  first.rolled_back();
  CHECK(first.state() == OfferAnswer::State::none);
}
