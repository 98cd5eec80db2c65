// The door itself: framing, limits, access, errors; over loopback, in raw bytes.
#include "gateway/http/server.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <thread>

#include "gateway/log.hpp"
#include "tests/gateway/http/running_server.hpp"

namespace gateway::http {

TEST_CASE("http server: several requests share a connection, also pipelined") {
  FakeBackend backend;
  RunningServer server(backend);
  Client client(server.port());
  for (int i = 0; i < 3; ++i) CHECK(client.ask(request("GET", "/healthz")).status == 200);
  client.send(request("GET", "/healthz") + request("GET", "/nothing") + request("HEAD", "/readyz"));
  CHECK(client.receive().status == 200);
  CHECK(client.receive().status == 404);
  const Answer head = client.receive(true);
  CHECK(head.status == 200);
  CHECK(head.has("Content-Length: 28\r\n"));
  CHECK(client.ask(request("GET", "/healthz")).body == "{\"status\":\"ok\",\"detail\":\"\"}\n");
}

TEST_CASE("http server: HTTP/1.0 and Connection: close end the connection") {
  FakeBackend backend;
  RunningServer server(backend);
  for (const char* bytes :
       {"GET /healthz HTTP/1.0\r\n\r\n",
        "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"}) {
    Client client(server.port());
    CHECK(client.ask(bytes).status == 200);
    CHECK(client.closed());
  }
}

TEST_CASE("http server: what is no request is answered and closed") {
  FakeBackend backend;
  RunningServer server(backend);
  const std::string host = "Host: localhost\r\n";
  struct {
    const char* name;
    std::string bytes;
    int status;
  } const cases[] = {
      {"noise", "\x16\x03\x01\x02 hello there\r\n\r\n", 400},
      {"no version", "GET /healthz\r\n\r\n", 400},
      {"HTTP/2", "GET /healthz HTTP/2.0\r\n\r\n", 505},
      {"a header without colon", "GET /healthz HTTP/1.1\r\nbroken\r\n\r\n", 400},
      {"two lengths",
       "POST /api/v1/streams HTTP/1.1\r\n" + host +
           "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
       400},
      {"length and chunks",
       "POST /api/v1/streams HTTP/1.1\r\n" + host +
           "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
       400},
      {"negative length", "POST /api/v1/streams HTTP/1.1\r\n" + host + "Content-Length: -1\r\n\r\n",
       400},
      {"bad chunk",
       "POST /api/v1/streams HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\nzz\r\n",
       400},
      {"long header",
       "GET /healthz HTTP/1.1\r\n" + host + "X: " + std::string(20000, 'x') + "\r\n\r\n", 431},
      {"long target", "GET /" + std::string(20000, 'x') + " HTTP/1.1\r\n" + host + "\r\n", 431},
      {"large body announced",
       "POST /api/v1/streams HTTP/1.1\r\n" + host + "Content-Length: 1048577\r\n\r\n", 413},
      {"large body in chunks",
       "POST /api/v1/streams HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n110000\r\n" +
           std::string(0x110000, 'x') + "\r\n0\r\n\r\n",
       413},
  };
  for (const auto& c : cases) {
    CAPTURE(c.name);
    Client client(server.port());
    const Answer answer = client.ask(c.bytes);
    CHECK(answer.status == c.status);
    CHECK(answer.json().at("error").at("status").as_int64() == c.status);
    CHECK(client.closed());
  }
  Client client(server.port());
  CHECK(client.ask(request("GET", "/healthz")).status == 200);
}

TEST_CASE("http server: errors of the path and the method are JSON") {
  FakeBackend backend;
  RunningServer server(backend);
  Client client(server.port());
  const Answer missing = client.ask(request("GET", "/no/such?x=1"));
  CHECK(missing.status == 404);
  CHECK(missing.body ==
        "{\"error\":{\"status\":404,\"reason\":\"not_found\",\"detail\":\"there is nothing at "
        "/no/such\"}}\n");
  const Answer wrong = client.ask(request("DELETE", "/api/v1/devices"));
  CHECK(wrong.status == 405);
  CHECK(wrong.has("Allow: GET, HEAD\r\n"));
  CHECK(client.ask(request("GET", "/%zz")).status == 400);
  CHECK(client.ask("FETCH / HTTP/1.1\r\nHost: localhost\r\n\r\n").status == 405);
}

TEST_CASE("http server: without trust only a token opens, health excepted") {
  FakeBackend backend;
  ServerOptions options = test_options();
  options.trust_loopback = false;
  RunningServer server(backend, options);
  Client client(server.port());
  const Answer refused = client.ask(request("GET", "/api/v1/devices"));
  CHECK(refused.status == 401);
  CHECK(refused.has("WWW-Authenticate: Bearer"));
  CHECK(client.ask(request("GET", "/no/such")).status == 401);
  CHECK(client.ask(request("GET", "/healthz")).status == 200);
  const std::string token = "Host: x\r\nAuthorization: Bearer s3cret\r\n\r\n";
  CHECK(client.ask("GET /api/v1/devices HTTP/1.1\r\n" + token).status == 200);
  // A stranger's body is not read: the connection ends.
  CHECK(client.ask(request("POST", "/api/v1/streams", "{\"name\":\"x\"}")).status == 401);
  CHECK(client.closed());
  CHECK(backend.calls == "devices text= online=any;");
}

TEST_CASE("http server: connections beyond the limit are turned away") {
  FakeBackend backend;
  log::set_sink([](log::Level, std::string_view, std::string_view) {});
  ServerOptions options = test_options();
  options.max_connections = 2;
  RunningServer server(backend, options);
  {
    Client first(server.port()), second(server.port());
    CHECK(first.ask(request("GET", "/healthz")).status == 200);
    CHECK(second.ask(request("GET", "/healthz")).status == 200);
    Client third(server.port());
    const Answer answer = third.receive();
    CHECK(answer.status == 503);
    CHECK(answer.json().at("error").at("reason").as_string() == "too_many_connections");
    CHECK(third.closed());
  }
  // Their places are free again soon.
  int status = 503;
  for (int i = 0; i < 100 && status != 200; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    Client again(server.port());
    again.send(request("GET", "/healthz"));
    status = again.receive().status;
  }
  CHECK(status == 200);
  log::set_sink({});
}

TEST_CASE("http server: an idle or dawdling peer is let go") {
  FakeBackend backend;
  ServerOptions options = test_options();
  options.idle_timeout = std::chrono::milliseconds(150);
  options.request_timeout = std::chrono::milliseconds(150);
  RunningServer server(backend, options);
  Client silent(server.port()), half(server.port()), body(server.port());
  half.send("GET /healthz HT");
  body.send("POST /api/v1/streams HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n{");
  CHECK(silent.closed());
  CHECK(half.closed());
  CHECK(body.closed());
  CHECK(backend.calls == "");
}

TEST_CASE("http server: 100-continue is given before the body is sent") {
  FakeBackend backend;
  RunningServer server(backend);
  Client client(server.port());
  const std::string body = "{\"name\":\"a/b\"}";
  const Answer go_on = client.ask(
      "POST /api/v1/streams HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n"
      "Content-Length: " +
      std::to_string(body.size()) + "\r\n\r\n");
  CHECK(go_on.status == 100);
  CHECK(client.ask(body).status == 201);
}

TEST_CASE("http server: an exception in the gateway is a 500, and the connection goes on") {
  std::string logged;
  log::set_sink([&](log::Level, std::string_view, std::string_view text) { logged += text; });
  FakeBackend backend;
  backend.throws = true;
  {
    RunningServer server(backend);
    Client client(server.port());
    const Answer answer = client.ask(request("GET", "/api/v1/devices"));
    CHECK(answer.status == 500);
    CHECK_FALSE(answer.has("backend broken"));
    CHECK(client.ask(request("GET", "/healthz")).status == 200);
  }
  log::set_sink({});
  CHECK(logged.find("route=/api/v1/devices error=\"backend broken\"") != std::string::npos);
}

TEST_CASE("http server: requests are counted by route and status, and stop ends connections") {
  FakeBackend backend;
  std::optional<RunningServer> server(std::in_place, backend);
  Client client(server->port());
  client.ask(request("GET", "/healthz"));
  client.ask(request("GET", "/api/v1/devices/1"));
  client.ask(request("GET", "/no"));
  const Answer page = client.ask(request("GET", "/metrics"));
  CHECK(page.has("Content-Type: text/plain; version=0.0.4"));
  CHECK(page.has("gbgate_http_requests_total{route=\"/healthz\",status=\"200\"} 1\n"));
  CHECK(page.has(
      "gbgate_http_requests_total{route=\"/api/v1/devices/{device}\",status=\"404\"} 1\n"));
  CHECK(page.has("gbgate_http_requests_total{route=\"none\",status=\"404\"} 1\n"));
  CHECK(page.has("gbgate_http_connections 1\n"));
  server.reset();
  CHECK(client.closed());
}

TEST_CASE("http server: a taken port is an error") {
  FakeBackend backend;
  RunningServer first(backend);
  boost::asio::io_context io;
  Metrics metrics;
  ServerOptions options = test_options();
  options.port = first.port();
  Server second(io.get_executor(), options, backend, metrics);
  CHECK(second.start().error() == boost::asio::error::address_in_use);
}

}  // namespace gateway::http
