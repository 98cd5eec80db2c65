#include "sip/message.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <string>

#include "tests/sip/corpus.hpp"

using sip::Errc;
using sip::HeaderId;
using sip::Method;

namespace {

constexpr const char* common =
    "Via: SIP/2.0/UDP h;branch=z9hG4bKa\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\n"
    "Call-ID: 1\r\nCSeq: 1 MESSAGE\r\n";

std::string request(const std::string& more) {
  return "MESSAGE sip:c@d SIP/2.0\r\n" + std::string(common) + more;
}

// "ok", or the fault with its offset.
std::string verdict(std::string_view bytes, const sip::Limits& limits = {}) {
  sip::MessageView view;
  const auto parsed = sip::parse_message(bytes, view, limits);
  if (parsed) return "ok";
  return fmt::format("{} @{}", sip::describe(parsed.error().code), parsed.error().offset);
}

std::string check(const std::string& bytes) {
  const auto view = sip::parse_message(bytes);
  REQUIRE(view.has_value());
  const auto valid = sip::validate(*view);
  return valid ? "ok" : std::string(sip::describe(valid.error().code));
}

std::string joined(const sip::HeaderValues& values) {
  std::string out;
  for (const auto value : values) out += "[" + std::string(value) + "]";
  return out;
}

}  // namespace

TEST_CASE("every message of the corpus is read and valid") {
  const auto messages = sip_corpus::all();
  REQUIRE(messages.size() >= 14);
  for (const auto& bytes : messages) {
    CAPTURE(bytes);
    const auto view = sip::parse_message(bytes);
    REQUIRE(view.has_value());
    CHECK(sip::validate(*view).has_value());
    CHECK(view->bytes() == bytes);
    CHECK(view->content_length() == view->body().size());
  }
}

TEST_CASE("the Catalog query of the notes, byte for byte") {
  const auto bytes = sip_corpus::message("14_catalog_query");
  const auto m = *sip::parse_message(bytes);
  CHECK(m.is_request());
  CHECK(m.method() == Method::message);
  CHECK(m.request_uri_text() == "sip:34020000001320000001@3402000000");
  CHECK(m.request_uri()->user == "34020000001320000001");
  CHECK(m.call_id() == "4bef8622e9d66b2b60fae6b15f4a4f63@0.0.0.0");
  CHECK(m.cseq()->number == 1);
  CHECK(m.from()->uri.user == "34020000002000000001");
  CHECK(m.from()->tag() == "08052615_53173353_7e47bbc7-c29c-4299-803b-71f7367975bb");
  CHECK(m.to()->tag().empty());
  CHECK(*m.max_forwards() == 70);
  CHECK(m.content_type()->is("application/manscdp+xml"));
  CHECK(m.route()->uri.loose_routing());
  CHECK(m.route()->uri.params.get("line") == "5c2d93a668f3d3b");
  CHECK(m.route()->uri.host.port == 5061);
  CHECK(m.via()->sent_by.host == "192.168.10.177");
  CHECK(m.via()->branch == "z9hG4bK7e47bbc7-c29c-4299-803b-71f7367975bb_53173353_9686809251402");
  CHECK(m.header_count() == 9);
  CHECK(m.body().size() == 125);
  CHECK(m.body().substr(m.body().size() - 8) == "</Query>");
}

TEST_CASE("compact names, folded lines, spaces and any letter case") {
  const auto bytes = sip_corpus::message("odd/compact_folded");
  const auto m = *sip::parse_message(bytes);
  CHECK(sip::validate(m).has_value());
  CHECK(m.content_length() == 4u);
  CHECK(m.body() == "ab12");
  CHECK(m.to()->uri.user == "x");
  CHECK(m.from()->display_name == "A \\\"B\\\"");
  CHECK(m.from()->tag() == "1");
  CHECK(m.cseq()->method == Method::message);
  CHECK(m.call_id() == "no-at-sign");
  CHECK(m.via()->sent_by.port == 5060);
  CHECK(m.via()->branch == "z9hG4bKx");
  CHECK(m.via()->rport == 9);
  CHECK(m.header(1).name == "c");
  CHECK(m.header(1).id == HeaderId::content_type);
}

TEST_CASE("line ends of LF alone, IPv6, a list of routes") {
  const auto bytes = sip_corpus::message("odd/lf_only");
  const auto m = *sip::parse_message(bytes);
  CHECK(sip::validate(m).has_value());
  CHECK(m.request_uri()->host.host == "2001:db8::1");
  CHECK(m.via()->has_alias);
  CHECK(joined(m.routes()) == "[<sip:p1.example.com;lr>][<sips:p2.example.com>]");
}

TEST_CASE("lists over several headers and commas that do not separate") {
  const std::string bytes = request(
      "Contact: \"a, b\" <sip:x,y@z>;q=1 , <sip:2@z>\r\nX: 1\r\nm: ,<sip:3@z>;t=\"1,2\",\r\n"
      "Contact:\r\n\r\n");
  const auto m = *sip::parse_message(bytes);
  CHECK(joined(m.contacts()) == "[\"a, b\" <sip:x,y@z>;q=1][<sip:2@z>][<sip:3@z>;t=\"1,2\"]");
  CHECK(m.contact()->display_name == "a, b");
  CHECK(joined(m.routes()).empty());
  CHECK(m.routes().empty());
  CHECK(m.find("x") == "1");
  CHECK(m.find("CONTACT")->starts_with("\"a, b\""));
  CHECK(!m.find("y"));
  CHECK(m.find_index(HeaderId::contact, 6) == 7);
  CHECK(m.route().error() == Errc::missing_header);
}

TEST_CASE("status lines") {
  const struct {
    const char* line;
    int status;
    const char* reason;
  } rows[] = {{"SIP/2.0 200 OK", 200, "OK"},
              {"SIP/2.0 101 Dialog Establishement", 101, "Dialog Establishement"},
              {"sip/2.0 404  Not  Found ", 404, "Not  Found"},
              {"SIP/2.0 480 ", 480, ""},
              {"SIP/2.0 603", 603, ""}};
  for (const auto& row : rows) {
    CAPTURE(row.line);
    const auto bytes = std::string(row.line) + "\r\n" + common + "\r\n";
    const auto m = *sip::parse_message(bytes);
    CHECK(m.is_response());
    CHECK(m.status() == row.status);
    CHECK(m.reason() == row.reason);
  }
}

TEST_CASE("what is wrong, and where") {
  const struct {
    const char* name;
    std::string bytes;
    const char* verdict;
  } rows[] = {
      {"nothing", "", "keep-alive @0"},
      {"CRLF CRLF", "\r\n\r\n", "keep-alive @0"},
      {"many of them", std::string(9, '\n') + std::string(3, '\0'), "keep-alive @0"},
      {"NUL", std::string(1, '\0'), "keep-alive @0"},
      {"jaK", std::string("jaK\0", 4), "keep-alive @0"},
      {"HTTP", "GET / HTTP/1.1\r\n\r\n", "not SIP @0"},
      {"RTP", std::string("\x80\x60\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00", 12), "not SIP @0"},
      {"SIP 3", "MESSAGE sip:c@d SIP/3.0\r\n" + std::string(common) + "\r\n",
       "SIP version is not 2.0 @0"},
      {"no URI", "MESSAGE SIP/2.0\r\n" + std::string(common) + "\r\n", "bad start line @0"},
      {"space in the URI", "MESSAGE sip:c@d ;lr SIP/2.0\r\n" + std::string(common) + "\r\n",
       "bad start line @0"},
      {"space before the method", " MESSAGE sip:c@d SIP/2.0\r\n" + std::string(common) + "\r\n",
       "bad start line @0"},
      {"status of two digits", "SIP/2.0 20 OK\r\n\r\n", "bad start line @0"},
      {"status 700", "SIP/2.0 700 OK\r\n\r\n", "bad start line @0"},
      {"empty lines before", "\r\n\r\n" + request("\r\n"), "ok"},
      {"no colon", request("Oops\r\n\r\n"), "bad header line @128"},
      {"no name", request(": x\r\n\r\n"), "bad header line @128"},
      {"space in a name", request("A b: x\r\n\r\n"), "bad header line @128"},
      {"folded first line", "MESSAGE sip:c@d SIP/2.0\r\n x: y\r\n\r\n", "bad header line @25"},
      {"no empty line", request(""), "no empty line after the headers @128"},
      {"last line cut", request("X: y"), "no empty line after the headers @132"},
      {"start line only", "MESSAGE sip:c@d SIP/2.0", "no empty line after the headers @23"},
      {"bad length", request("Content-Length: x\r\n\r\n"), "bad Content-Length @144"},
      {"negative length", request("Content-Length: -1\r\n\r\n"), "bad Content-Length @144"},
      {"huge length", request("Content-Length: 99999999999\r\n\r\n"), "bad Content-Length @144"},
      {"two lengths", request("l: 0\r\nContent-Length: 1\r\n\r\nx"), "bad Content-Length @150"},
      {"equal lengths", request("l: 1\r\nContent-Length: 1\r\n\r\nx"), "ok"},
      {"body too short", request("Content-Length: 5\r\n\r\n1234"),
       "body shorter than Content-Length @153"},
      {"body too long", request("Content-Length: 3\r\n\r\n1234"), "ok"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.name);
    CHECK(verdict(row.bytes) == row.verdict);
  }
}

TEST_CASE("body: the rest without Content-Length, never more than it says") {
  CHECK(sip::parse_message(request("\r\n1234"))->body().size() == 4);
  const auto bytes = request("Content-Length: 3\r\n\r\n1234");
  const auto m = *sip::parse_message(bytes);
  CHECK(m.body() == "123");
  CHECK(m.bytes().size() == bytes.size() - 1);
}

TEST_CASE("limits") {
  const auto long_header = request("X: " + std::string(100, 'x') + "\r\n\r\n");
  std::string many;
  for (int i = 0; i < 128; ++i) many += "X: y\r\n";
  const struct {
    const char* name;
    std::string bytes;
    sip::Limits limits;
    const char* verdict;
    int status;
  } rows[] = {
      {"start line", request("\r\n"), {.start_line_bytes = 22}, "Request-URI", 414},
      {"start line fits", request("\r\n"), {.start_line_bytes = 23}, "ok", 0},
      {"header", long_header, {.header_bytes = 100}, "header too long", 400},
      {"header fits", long_header, {.header_bytes = 104}, "ok", 0},
      {"folded header",
       request("X: a\r\n b\r\n c\r\n d\r\n e\r\n f\r\n g\r\n h\r\n i\r\n\r\n"),
       {.header_bytes = 34},
       "header too long",
       400},
      {"head", long_header, {.head_bytes = 200}, "message too large", 513},
      {"message", long_header, {.message_bytes = 200}, "message too large", 513},
      {"headers", request(many + "\r\n"), {}, "too many headers", 400},
  };
  for (const auto& row : rows) {
    CAPTURE(row.name);
    sip::MessageView view;
    const auto parsed = sip::parse_message(row.bytes, view, row.limits);
    CHECK((parsed ? 0 : sip::status_for(parsed.error().code)) == row.status);
    if (parsed || row.status == 414) continue;
    CHECK(sip::describe(parsed.error().code) == row.verdict);
    CHECK(sip::answerable(view));
  }
}

TEST_CASE("a broken request can be answered when enough of it was read") {
  const struct {
    const char* name;
    std::string bytes;
    bool answerable;
    int status;
  } rows[] = {
      {"body cut", request("Content-Length: 9\r\n\r\nx"), true, 400},
      {"a bad line in the middle",
       "MESSAGE sip:c@d SIP/2.0\r\nOops\r\n" + std::string(common) + "\r\n", true, 400},
      {"another version", "MESSAGE sip:c@d SIP/7.0\r\n" + std::string(common) + "\r\n", true, 505},
      {"cut in the head", request("").substr(0, 60), false, 400},
      {"cut after CSeq", request(""), true, 400},
      {"ACK", "ACK sip:c@d SIP/2.0\r\n" + std::string(common) + "Oops\r\n\r\n", false, 400},
      {"a response", "SIP/2.0 200 OK\r\n" + std::string(common) + "Oops\r\n\r\n", false, 400},
      {"not SIP", "GET / HTTP/1.1\r\n" + std::string(common) + "\r\n", false, 0},
  };
  for (const auto& row : rows) {
    CAPTURE(row.name);
    sip::MessageView view;
    const auto parsed = sip::parse_message(row.bytes, view);
    REQUIRE(!parsed);
    CHECK(sip::answerable(view) == row.answerable);
    CHECK(sip::status_for(parsed.error().code) == row.status);
  }
}

TEST_CASE("mandatory headers (RFC 3261 8.1.1)") {
  const struct {
    const char* name;
    std::string bytes;
    const char* verdict;
  } rows[] = {
      {"all there", request("\r\n"), "ok"},
      {"two From", request("f: <sip:x@y>\r\n\r\n"), "repeated header"},
      {"two Call-ID", request("i: 2\r\n\r\n"), "repeated header"},
      {"two Via", request("v: SIP/2.0/UDP x\r\n\r\n"), "ok"},
      {"none", "MESSAGE sip:c@d SIP/2.0\r\nX: y\r\n\r\n", "missing header"},
      {"scheme", "MESSAGE http://d SIP/2.0\r\n" + std::string(common) + "\r\n",
       "unsupported URI scheme"},
      {"URI in brackets", "MESSAGE <sip:c@d> SIP/2.0\r\n" + std::string(common) + "\r\n",
       "bad URI"},
      {"other method in CSeq", "INVITE sip:c@d SIP/2.0\r\n" + std::string(common) + "\r\n",
       "method differs from CSeq"},
      {"response", "SIP/2.0 200 OK\r\n" + std::string(common) + "\r\n", "ok"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.name);
    CHECK(check(row.bytes) == row.verdict);
  }
}

TEST_CASE("a view can be moved to a copy of its bytes") {
  auto bytes = std::make_unique<std::string>("\r\n" + request("Content-Length: 2\r\n\r\nab"));
  auto view = *sip::parse_message(*bytes);
  const std::string kept(view.bytes());
  const auto moved = view.over(kept.data());
  bytes.reset();
  CHECK(moved.call_id() == "1");
  CHECK(moved.body() == "ab");
  CHECK(moved.method_text() == "MESSAGE");
  CHECK(sip::validate(moved).has_value());
}

TEST_CASE("every fault has a text and a status") {
  for (int i = 1; i <= static_cast<int>(Errc::unsupported_digest); ++i) {
    const auto code = static_cast<Errc>(i);
    CHECK(sip::describe(code) != "unknown fault");
    const int status = sip::status_for(code);
    CHECK((status == 0 || (status >= 400 && status <= 513)));
    CHECK(make_error_code(code).message() == sip::describe(code));
  }
  const auto parsed = sip::parse_message("GET / HTTP/1.1\r\n\r\n");
  CHECK_THROWS(static_cast<void>(parsed.value()));
}
