// A server on loopback with streams made by hand, running on a thread of its own, and clients that
// block. Whatever touches the server is done on its thread by on_server().
#pragma once

#include <doctest/doctest.h>
#include <sys/socket.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <future>
#include <map>
#include <optional>
#include <string>
#include <thread>

#include "gateway/rtsp/server.hpp"
#include "tests/gateway/rtsp/talk.hpp"

namespace gateway::rtsp::test {

namespace asio = boost::asio;

inline void set_receive_timeout(int fd, int ms) {
  const timeval time{.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time);
}

// "cam" and "video" as in Talk; "slow" is opened after 400 ms; the rest is 404.
class Source : public StreamSource {
 public:
  explicit Source(asio::io_context& io) : io_(io) {
    streams["cam"] = make_stream("cam", true);
    streams["video"] = make_stream("video", false);
    streams["slow"] = make_stream("slow", false);
  }
  asio::awaitable<OpenResult> open(std::string path, std::string) override {
    if (path == "slow") {
      asio::steady_timer timer(io_, std::chrono::milliseconds(400));
      co_await timer.async_wait(asio::use_awaitable);
    }
    OpenResult result;
    const auto found = streams.find(path);
    if (found != streams.end()) {
      result.hold = std::make_shared<Hold>(found->second);
    } else {
      result.status = 404;
      result.reason = "no such channel";
    }
    co_return result;
  }
  std::map<std::string, std::shared_ptr<Stream>> streams;

 private:
  asio::io_context& io_;
};

class Loopback {
 public:
  explicit Loopback(ServerOptions options = {})
      : work_(io_.get_executor()),
        source_(io_),
        server_(io_.get_executor(), source_, local(options),
                [](ServerLogLevel, const std::string& t) {
                  if (std::getenv("RTSP_LOG")) std::fprintf(stderr, "%s\n", t.c_str());
                }) {
    REQUIRE(server_.start().has_value());
    thread_ = std::thread([this] { io_.run(); });
  }
  ~Loopback() {
    on_server([this] { server_.stop(); });
    work_.reset();
    thread_.join();
  }

  template <class Task>
  std::invoke_result_t<Task> on_server(Task task) {
    std::packaged_task<decltype(task())()> packaged(std::move(task));
    auto result = packaged.get_future();
    asio::post(io_, [&packaged] { packaged(); });
    return result.get();
  }
  Stream& stream(const std::string& name) { return *source_.streams.at(name); }
  // One unit of `packets` packets; sequence numbers and timestamps go on by themselves.
  void publish(const std::string& name, bool key, int packets = 1, std::uint32_t bytes = 100) {
    on_server([&, this] {
      auto& at = position_[name];
      for (int i = 0; i < packets; ++i) {
        PacketShape shape{.track = 0,
                          .begin = i == 0,
                          .end = i + 1 == packets,
                          .key = key,
                          .arrival_ns = steady_ns(),
                          .payload_bytes = bytes};
        stream(name).publish(make_packet(at.first++, at.second, shape));
      }
      at.second += 3600;
      stream(name).flush();
    });
  }
  void end(const std::string& name) {
    on_server([&, this] { stream(name).end("camera said BYE"); });
  }
  std::uint16_t port() const { return server_.port(); }
  std::vector<ViewerFigures> viewers() {
    return on_server([this] { return server_.viewers(); });
  }
  Server& server() { return server_; }
  // False when it does not hold within the time.
  template <class Condition>
  bool eventually(Condition condition, int ms = 3000) {
    for (; ms > 0; ms -= 10) {
      if (on_server(condition)) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return false;
  }

 private:
  static ServerOptions local(ServerOptions options) {
    options.listen_addresses = {"127.0.0.1"};
    options.port = 0;
    return options;
  }
  asio::io_context io_{1};
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  Source source_;
  Server server_;
  std::map<std::string, std::pair<std::uint16_t, std::uint32_t>> position_;
  std::thread thread_;
};

// Whatever comes from the server next: an answer, or an interleaved frame.
struct Received {
  std::string answer;
  int channel = -1;
  std::vector<std::uint8_t> payload;

  // RFC 5761 4: RTCP types are those whose low 7 bits are 64 to 95.
  bool is_rtp() const {
    return channel >= 0 && payload.size() >= 12 && (payload[1] & 0x60) != 0x40;
  }
  std::uint16_t sequence() const {
    return static_cast<std::uint16_t>(payload[2] << 8 | payload[3]);
  }
  int rtcp_type() const { return payload.size() > 1 ? payload[1] : -1; }
};

class Client {
 public:
  explicit Client(Loopback& loopback, int receive_buffer = 0) : socket_(io_) {
    socket_.open(asio::ip::tcp::v4());
    if (receive_buffer) socket_.set_option(asio::socket_base::receive_buffer_size(receive_buffer));
    socket_.connect({asio::ip::address_v4::loopback(), loopback.port()});
    set_receive_timeout(socket_.native_handle(), 5000);
  }

  void send(const std::string& text) { asio::write(socket_, asio::buffer(text)); }
  // Empty at the end of the connection, and when nothing comes within 5 s.
  std::optional<Received> receive() {
    char first = 0;
    if (!read(&first, 1)) return {};
    Received received;
    if (first == '$') {
      std::uint8_t head[3];
      if (!read(head, 3)) return {};
      received.channel = head[0];
      received.payload.resize(static_cast<std::size_t>(head[1] << 8 | head[2]));
      if (!read(received.payload.data(), received.payload.size())) return {};
      return received;
    }
    received.answer = first;
    while (!received.answer.ends_with("\r\n\r\n")) {
      if (!read(&first, 1)) return {};
      received.answer += first;
    }
    const auto at = received.answer.find("Content-Length: ");
    if (at != std::string::npos) {
      std::string body(std::stoul(received.answer.substr(at + 16)), ' ');
      if (!read(body.data(), body.size())) return {};
      received.answer += body;
    }
    return received;
  }
  // The answer to a request; frames before it are put aside for next_frame().
  std::string ask(const std::string& request) {
    send(request);
    while (auto received = receive()) {
      if (!received->answer.empty()) return received->answer;
      frames_.push_back(std::move(*received));
    }
    return {};
  }
  std::optional<Received> next_frame() {
    if (frames_.empty()) return receive();
    auto frame = std::move(frames_.front());
    frames_.erase(frames_.begin());
    return frame;
  }
  // Short forms; `rest` is more headers.
  std::string request(const std::string& method, const std::string& url, std::string rest = {}) {
    return ask(method + " rtsp://127.0.0.1/" + url +
               " RTSP/1.0\r\nCSeq: " + std::to_string(++cseq_) + "\r\n" +
               (session.empty() ? "" : "Session: " + session + "\r\n") + rest + "\r\n");
  }
  std::string set_up(const std::string& url, const std::string& transport) {
    const auto answer = request("SETUP", url, "Transport: " + transport + "\r\n");
    if (const auto at = answer.find("Session: "); at != std::string::npos)
      session = answer.substr(at + 9, 16);
    return answer;
  }
  asio::ip::tcp::socket& socket() { return socket_; }
  std::string session;

 private:
  bool read(void* data, std::size_t size) {
    // Plain recv: Asio would wait on for ever.
    auto* at = static_cast<char*>(data);
    while (size > 0) {
      const auto n = ::recv(socket_.native_handle(), at, size, 0);
      if (n <= 0) return false;
      at += n;
      size -= static_cast<std::size_t>(n);
    }
    return true;
  }
  asio::io_context io_;
  asio::ip::tcp::socket socket_;
  std::vector<Received> frames_;
  int cseq_ = 0;
};

// A UDP port of a player.
class Port {
 public:
  Port() : socket_(io_, {asio::ip::address_v4::loopback(), 0}) {
    set_receive_timeout(socket_.native_handle(), 3000);
  }
  std::uint16_t number() const { return socket_.local_endpoint().port(); }
  // Empty when nothing comes.
  std::vector<std::uint8_t> receive() {
    std::vector<std::uint8_t> bytes(2048);
    const auto n = ::recv(socket_.native_handle(), bytes.data(), bytes.size(), 0);
    bytes.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
    return bytes;
  }
  void send(std::uint16_t to, const std::vector<std::uint8_t>& bytes) {
    socket_.send_to(asio::buffer(bytes), {asio::ip::address_v4::loopback(), to});
  }

 private:
  asio::io_context io_;
  asio::ip::udp::socket socket_;
};

inline unsigned number_after(const std::string& text, const std::string& name) {
  const auto at = text.find(name);
  return at == std::string::npos ? 0
                                 : static_cast<unsigned>(std::stoul(text.substr(at + name.size())));
}

}  // namespace gateway::rtsp::test
