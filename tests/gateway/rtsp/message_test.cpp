#include "gateway/rtsp/message.hpp"

#include <doctest/doctest.h>

using namespace gateway::rtsp;

TEST_CASE("a request is a view of its bytes") {
  const std::string text =
      "SETUP rtsp://h/a?x=1 RTSP/1.0\r\ncseq:  7 \r\nTransport: RTP/AVP;\r\n  unicast\r\n"
      "L: 4\r\nX:\r\n\r\nbody";
  const auto request = parse_request(text);
  REQUIRE(request.has_value());
  CHECK(request->method == Method::setup);
  CHECK(request->uri == "rtsp://h/a?x=1");
  CHECK(request->header("CSeq") == "7");
  CHECK(request->header("transport") == "RTP/AVP;\r\n  unicast");
  CHECK(request->header("Content-Length") == "4");
  CHECK(request->has("x"));
  CHECK(request->header("x").empty());
  CHECK_FALSE(request->has("y"));
  CHECK(request->body == "body");
}

TEST_CASE("requests that cannot be taken") {
  const std::string many = [] {
    std::string headers;
    for (int i = 0; i < 97; ++i) headers += "A: b\r\n";
    return headers;
  }();
  const struct {
    const char* name;
    std::string text;
    int status;  // 0: it can
  } cases[] = {
      {"plain", "OPTIONS * RTSP/1.0\r\n\r\n", 0},
      {"line feeds only", "OPTIONS * RTSP/1.0\nCSeq: 1\n\n", 0},
      {"no headers, no empty line", "OPTIONS * RTSP/1.0", 0},
      {"unknown method is well formed", "FLY * RTSP/1.0\r\n\r\n", 0},
      {"empty", "", 400},
      {"one word", "OPTIONS\r\n\r\n", 400},
      {"no version", "OPTIONS *\r\n\r\n", 400},
      {"HTTP", "GET / HTTP/1.1\r\n\r\n", 400},
      {"space in URI", "OPTIONS a b RTSP/1.0\r\n\r\n", 400},
      {"header without colon", "OPTIONS * RTSP/1.0\r\nCSeq 1\r\n\r\n", 400},
      {"header with a bad name", "OPTIONS * RTSP/1.0\r\nC Seq: 1\r\n\r\n", 400},
      {"RTSP 2", "OPTIONS * RTSP/2.0\r\n\r\n", 505},
      {"long line", "OPTIONS " + std::string(5000, 'a') + " RTSP/1.0\r\n\r\n", 414},
      {"many headers", "OPTIONS * RTSP/1.0\r\n" + many + "\r\n", 431},
      {"long head", "OPTIONS * RTSP/1.0\r\nA: " + std::string(17000, 'a') + "\r\n\r\n", 431},
  };
  for (const auto& c : cases) {
    CAPTURE(c.name);
    const auto request = parse_request(c.text);
    CHECK((request ? 0 : request.error().status) == c.status);
  }
}

TEST_CASE("headers of one name are joined") {
  const auto request = parse_request("OPTIONS * RTSP/1.0\r\nRequire: a\r\nrequire: b, c\r\n\r\n");
  REQUIRE(request.has_value());
  CHECK(request->joined("Require") == "a, b, c");
  CHECK(request->header("Require") == "a");
}

TEST_CASE("a response prints itself and lets nothing forge a header") {
  Response response{.status = 454, .reason = {}, .headers = {}, .body = "why\r\n"};
  response.add("X-Reason", "a\r\nEvil: 1");
  CHECK(response.print("3\r\nX: y") ==
        "RTSP/1.0 454 Session Not Found\r\nCSeq: 3  X: y\r\nServer: gbgate\r\n"
        "X-Reason: a  Evil: 1\r\nContent-Length: 5\r\n\r\nwhy\r\n");
  CHECK(Response{}.print("") == "RTSP/1.0 200 OK\r\nServer: gbgate\r\n\r\n");
}
