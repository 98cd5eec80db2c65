#include "sip/dialog.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace sip;

namespace {

MessageView parsed(const std::string& bytes) {
  MessageView view;
  REQUIRE(parse_message(bytes, view).has_value());
  return view;
}

const std::string invite =
    "INVITE sip:camera@192.0.2.2 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\n"
    "Record-Route: <sip:p2;lr>, <sip:p1;lr>\r\nFrom: \"Upper\" <sip:up@x>;tag=their\r\n"
    "To: <sip:camera@x>\r\nCall-ID: c1\r\nCSeq: 7 INVITE\r\nContact: <sip:up@10.0.0.1:5060>\r\n"
    "Content-Length: 0\r\n\r\n";

std::string answer(const std::string& to, const std::string& more) {
  return "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\n"
         "From: <sip:us@x>;tag=our\r\nTo: " +
         to + "\r\nCall-ID: c1\r\nCSeq: 1 INVITE\r\n" + more + "Content-Length: 0\r\n\r\n";
}

Dialog calling() {
  Dialog d;
  d.call_id = "c1";
  d.local = "<sip:us@x>;tag=our";
  d.local_tag = "our";
  d.remote = "<sip:camera@x>";
  d.remote_target = "sip:camera@192.0.2.2";
  d.local_cseq = 1;
  return d;
}

std::string written(Dialog& d) {
  std::string buffer;
  MessageBuilder out(buffer);
  d.write_request(out, "BYE", "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK2", d.next_cseq());
  out.finish();
  return buffer;
}

}  // namespace

TEST_CASE("a dialog that we answered (RFC 3261 12.1.1)") {
  auto dialog = Dialog::as_callee(parsed(invite), "our", {});
  const auto bye = written(dialog);
  CHECK(bye.starts_with("BYE sip:up@10.0.0.1:5060 SIP/2.0\r\n"));
  CHECK(bye.find("Route: <sip:p2;lr>\r\nRoute: <sip:p1;lr>\r\n") != std::string::npos);
  CHECK(bye.find("From: <sip:camera@x>;tag=our\r\n") != std::string::npos);
  CHECK(bye.find("To: \"Upper\" <sip:up@x>;tag=their\r\n") != std::string::npos);
  CHECK(bye.find("CSeq: 1 BYE\r\n") != std::string::npos);
  CHECK(dialog.remote_cseq == 7);
}

TEST_CASE("a dialog that we began (12.1.2)") {
  auto dialog = calling();
  SUBCASE("tag, Contact and the route set reversed") {
    dialog.confirm(parsed(answer("<sip:camera@x>;tag=their",
                                 "Record-Route: <sip:p1;lr>, <sip:p2;lr>\r\n"
                                 "Contact: <sip:camera@10.0.0.5:5060>\r\n")));
    const auto bye = written(dialog);
    CHECK(bye.starts_with("BYE sip:camera@10.0.0.5:5060 SIP/2.0\r\n"));
    CHECK(bye.find("Route: <sip:p2;lr>\r\nRoute: <sip:p1;lr>\r\n") != std::string::npos);
    CHECK(bye.find("To: <sip:camera@x>;tag=their\r\n") != std::string::npos);
    CHECK(bye.find("CSeq: 2 BYE\r\n") != std::string::npos);
  }
  SUBCASE("a camera without To tag and without Contact") {
    dialog.confirm(parsed(answer("<sip:camera@x>", "")));
    const auto bye = written(dialog);
    CHECK(bye.starts_with("BYE sip:camera@192.0.2.2 SIP/2.0\r\n"));
    CHECK(bye.find("To: <sip:camera@x>\r\n") != std::string::npos);
    CHECK(dialog.remote_tag.empty());
  }
}

TEST_CASE("which requests are inside") {
  auto dialog = calling();
  dialog.confirm(parsed(answer("<sip:camera@x>;tag=their", "")));
  auto request = [](const std::string& from_tag, const std::string& to_tag) {
    return "BYE sip:us@x SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.2;branch=z9hG4bK9\r\n"
           "From: <sip:camera@x>;tag=" +
           from_tag + "\r\nTo: <sip:us@x>;tag=" + to_tag +
           "\r\nCall-ID: c1\r\nCSeq: 1 BYE\r\nContent-Length: 0\r\n\r\n";
  };
  const auto right = request("their", "our"), wrong = request("our", "their");
  CHECK(dialog.matches(parsed(right)));
  CHECK_FALSE(dialog.matches(parsed(wrong)));
}

TEST_CASE(
    "a strict router gets its own URI in the request line, the target comes last (12.2.1.1)") {
  auto d = calling();
  d.confirm(parsed(answer("<sip:camera@x>;tag=t",
                          "Contact: <sip:camera@10.0.0.9>\r\n"
                          "Record-Route: <sip:last;lr>, <sip:strict:5070;x=1?h=v>\r\n")));
  std::string buffer;
  MessageBuilder out(buffer);
  d.write_request(out, "BYE", "SIP/2.0/UDP h;branch=z9hG4bK2", 2);
  CHECK(buffer.starts_with("BYE sip:strict:5070;x=1 SIP/2.0\r\n"));
  CHECK(buffer.find("Route: <sip:last;lr>\r\nRoute: <sip:camera@10.0.0.9>\r\n") !=
        std::string::npos);
  CHECK(d.next_hop() == "sip:strict:5070;x=1?h=v");
}

TEST_CASE("a dialog notes the order of requests and new targets") {
  auto d = Dialog::as_callee(parsed(invite), "ours", {});
  CHECK(d.next_hop() == "sip:p2;lr");
  CHECK(d.take_cseq(7));  // by another way
  CHECK(d.take_cseq(9));
  CHECK_FALSE(d.take_cseq(8));
  auto again = invite;
  again.replace(again.find("10.0.0.1"), 8, "10.0.0.2");
  d.refresh_target(parsed(again));
  CHECK(d.remote_target == "sip:up@10.0.0.2:5060");
  CHECK(d.route_set.size() == 2);
}
