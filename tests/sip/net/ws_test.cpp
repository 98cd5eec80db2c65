// SIP over WebSocket (RFC 7118): a client written by hand, byte by byte.
#include <boost/asio/ip/tcp.hpp>

#include "echo_core.hpp"
#include "sip/net/utf8.hpp"

using namespace std::chrono_literals;
using namespace sip;
using namespace sip::net;
namespace asio = boost::asio;

namespace {

enum Opcode : unsigned char { text = 1, binary = 2, close_ = 8, ping = 9, pong = 10 };

struct Browser {
  Browser(asio::io_context& context, const Address& server) : io(context), socket(context) {
    socket.connect({asio::ip::address_v4::loopback(), server.port});
    socket.non_blocking(true);
  }
  void write(std::string_view bytes) { socket.write_some(asio::buffer(bytes)); }
  // Reads on until there are so many bytes; what came before the end of the connection if it ends.
  bool read(std::size_t size) {
    return run_until(io,
                     [&] {
                       char buffer[4096];
                       boost::system::error_code ec;
                       const auto n = socket.read_some(asio::buffer(buffer), ec);
                       received.append(buffer, n);
                       ended = ended || (ec && ec != asio::error::would_block);
                       return received.size() >= size || ended;
                     }) &&
           received.size() >= size;
  }
  std::string upgrade(std::string_view protocol) {
    std::string request =
        "GET /ws HTTP/1.1\r\nHost: example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n";
    if (!protocol.empty()) request += "Sec-WebSocket-Protocol: " + std::string(protocol) + "\r\n";
    write(request + "\r\n");
    while (received.find("\r\n\r\n") == std::string::npos)
      if (!read(received.size() + 1)) return received;
    const auto end = received.find("\r\n\r\n") + 4;
    const auto head = received.substr(0, end);
    received.erase(0, end);
    return head;
  }
  static std::string frame(Opcode opcode, std::string_view payload, bool last = true) {
    std::string out(1, static_cast<char>((last ? 0x80 : 0) | opcode));
    if (payload.size() < 126) {
      out += static_cast<char>(0x80 | payload.size());
    } else {
      out += static_cast<char>(0x80 | 126);
      out += static_cast<char>(payload.size() >> 8);
      out += static_cast<char>(payload.size() & 0xFF);
    }
    out += "mask";
    for (std::size_t i = 0; i < payload.size(); ++i)
      out += static_cast<char>(payload[i] ^ "mask"[i % 4]);
    return out;
  }
  struct Frame {
    int opcode = -1;
    std::string payload;
  };
  Frame next() {
    Frame frame;
    if (!read(2)) return frame;
    std::size_t size = static_cast<unsigned char>(received[1]), head = 2;
    if (size == 126) {
      read(4);
      size =
          static_cast<unsigned char>(received[2]) * 256u + static_cast<unsigned char>(received[3]);
      head = 4;
    }
    if (!read(head + size)) return frame;
    frame = {received[0] & 0x0F, received.substr(head, size)};
    received.erase(0, head + size);
    return frame;
  }

  asio::io_context& io;
  asio::ip::tcp::socket socket;
  std::string received;
  bool ended = false;
};

struct Served {
  explicit Served(TransportLimits limits = {}) : server(io, limits) {
    at = server.listen({Transport::ws, {}, {}, 0, {}});
  }
  asio::io_context io;
  EchoSide server;
  Address at;
};

}  // namespace

TEST_CASE("WS: the upgrade") {
  const struct {
    const char* protocol;
    bool accepted;
  } rows[] = {{"sip", true},   {"chat, sip", true}, {"SIP", true},
              {"chat", false}, {"", false},         {"sipx", false}};
  for (const auto& row : rows) {
    CAPTURE(row.protocol);
    Served at;
    Browser browser(at.io, at.at);
    const auto head = browser.upgrade(row.protocol);
    CHECK(head.starts_with(row.accepted ? "HTTP/1.1 101 " : "HTTP/1.1 400 "));
    CHECK(head.find("Sec-WebSocket-Protocol: sip\r\n") != std::string::npos);
    // The example of RFC 6455 1.3.
    CHECK((head.find("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=") != std::string::npos) == row.accepted);
    CHECK(at.server.counters().ws_refusals == (row.accepted ? 0 : 1));
    if (!row.accepted) {
      while (!browser.ended) browser.read(browser.received.size() + 1);
      CHECK(at.server.counters().connections == 0);
    }
  }
}

TEST_CASE("WS: messages, as text and as binary, whole and in pieces") {
  Served at;
  Browser browser(at.io, at.at);
  browser.upgrade("sip");
  const auto request = options("WS");
  SUBCASE("text") {
    browser.write(Browser::frame(text, request));
  }
  SUBCASE("binary") {
    browser.write(Browser::frame(binary, request));
  }
  SUBCASE("two fragments with a ping between") {
    browser.write(Browser::frame(text, request.substr(0, 50), false) +
                  Browser::frame(ping, "hello") + Browser::frame(Opcode(0), request.substr(50)));
    const auto answer = browser.next();
    CHECK(answer.opcode == pong);
    CHECK(answer.payload == "hello");
  }
  const auto answer = browser.next();
  CHECK(answer.opcode == text);
  CHECK(is_200(answer.payload));
  CHECK(at.server.core.heard == std::vector<std::string>{request});
  CHECK(at.server.core.last_flow.transport == Transport::ws);
  // Back by the flow that it came on; several at once are several WebSocket messages.
  at.server.driver.run([&](TimePoint, Output& out) {
    for (int i = 0; i < 3; ++i) out.send(at.server.core.last_flow, request);
  });
  for (int i = 0; i < 3; ++i) CHECK(browser.next().payload == request);
}

TEST_CASE("WS: what is no UTF-8 goes as binary") {
  Served at;
  at.server.core.extra = "Subject: \xC4\xE3\r\n";  // GB18030
  Browser browser(at.io, at.at);
  browser.upgrade("sip");
  browser.write(Browser::frame(binary, options("WS")));
  CHECK(browser.next().opcode == binary);
  for (const char* bad : {"\x80", "\xC1\xBF", "\xE0\x80\x80", "\xED\xA0\x80", "\xF5\x80\x80\x80",
                          "\xF0\x80\x80\x80", "\xE4\xBD"})
    CHECK(!is_utf8(bad));
  for (const char* good : {"", "a", "\xC2\x80", "\xE4\xBD\xA0", "\xF0\x9F\x98\x80"})
    CHECK(is_utf8(good));
}

TEST_CASE("WS: keep-alives of RFC 5626 within messages") {
  Served at;
  Browser browser(at.io, at.at);
  browser.upgrade("sip");
  browser.write(Browser::frame(text, "\r\n\r\n"));
  CHECK(browser.next().payload == "\r\n");
  CHECK(at.server.core.heard.empty());
  CHECK(at.server.counters().keep_alives_received == 1);
}

TEST_CASE("WS: ends and limits") {
  TransportLimits limits;
  SUBCASE("the browser closes") {
    Served at;
    Browser browser(at.io, at.at);
    browser.upgrade("sip");
    browser.write(Browser::frame(text, options("WS")));
    browser.next();
    browser.write(Browser::frame(close_, "\x03\xE8"));
    CHECK(browser.next().opcode == close_);
    CHECK(run_until(at.io, [&] { return at.server.core.closed.size() == 1; }));
    CHECK(at.server.core.closed[0] == at.server.core.last_flow);
  }
  SUBCASE("a message too long") {
    limits.ws_message_bytes = 500;
    Served at(limits);
    Browser browser(at.io, at.at);
    browser.upgrade("sip");
    browser.write(Browser::frame(text, std::string(501, 'x')));
    CHECK(run_until(at.io, [&] { return at.server.core.closed.size() == 1; }));
    CHECK(at.server.core.heard.empty());
  }
  SUBCASE("a head that never ends") {
    Served at;
    Browser browser(at.io, at.at);
    browser.write("GET / HTTP/1.1\r\nX: " + std::string(9'000, 'x'));
    while (!browser.ended) browser.read(browser.received.size() + 1);
    CHECK(at.server.counters().connections == 0);
  }
  SUBCASE("a message that is never whole") {
    limits.message_within = 100ms;
    Served at(limits);
    Browser browser(at.io, at.at);
    browser.upgrade("sip");
    browser.write(Browser::frame(text, "OPTIONS", false));
    CHECK(run_until(at.io, [&] { return at.server.counters().connections_timed_out == 1; }));
    CHECK(at.server.core.heard.empty());
  }
  SUBCASE("an upgrade that never comes") {
    limits.silent = 100ms;
    Served at(limits);
    Browser browser(at.io, at.at);
    CHECK(run_until(at.io, [&] { return at.server.counters().connections_timed_out == 1; }));
    CHECK(at.server.counters().connections == 0);
    CHECK(at.server.core.closed.empty());  // nobody had heard of it
  }
  SUBCASE("frames that are not masked") {
    Served at;
    Browser browser(at.io, at.at);
    browser.upgrade("sip");
    browser.write("\x81\x05hello");
    CHECK(run_until(at.io, [&] { return at.server.core.closed.size() == 1; }));
  }
  SUBCASE("the server goes") {
    Served at;
    Browser browser(at.io, at.at);
    browser.upgrade("sip");
    at.server.driver.close();
    while (!browser.ended) browser.read(browser.received.size() + 1);
    at.io.restart();
    at.io.run_for(20ms);
  }
}
