// A server over a fake backend on a loopback port, run by a thread of its own, and a client that
// speaks in raw bytes.
#pragma once

#include <doctest/doctest.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/asio/write.hpp>
#include <boost/json/parse.hpp>
#include <string>
#include <thread>

#include "gateway/http/server.hpp"
#include "tests/gateway/http/fake_backend.hpp"

namespace gateway::http {

// One answer, taken apart no more than tests need.
struct Answer {
  int status = 0;
  std::string header, body;  // header with its empty line
  bool has(const std::string& part) const {
    return (header + body).find(part) != std::string::npos;
  }
  boost::json::value json() const { return boost::json::parse(body); }
};

class Client {
 public:
  explicit Client(std::uint16_t port) : socket_(io_) {
    using boost::asio::ip::tcp;
    socket_.connect(tcp::endpoint(boost::asio::ip::address_v4::loopback(), port));
    const timeval limit{10, 0};
    ::setsockopt(socket_.native_handle(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  }

  void send(const std::string& bytes) {
    boost::system::error_code ignored;  // the server may have refused and closed already
    boost::asio::write(socket_, boost::asio::buffer(bytes), ignored);
  }

  // The next answer; status 0 when the connection ended first. `head`: it has no body.
  Answer receive(bool head = false) {
    Answer answer;
    std::size_t end = std::string::npos;
    while ((end = input_.find("\r\n\r\n")) == std::string::npos)
      if (!read_some()) return answer;
    answer.header = input_.substr(0, end + 4);
    input_.erase(0, end + 4);
    answer.status = std::stoi(answer.header.substr(9, 3));
    const std::size_t length = head ? 0 : content_length(answer.header);
    while (input_.size() < length)
      if (!read_some()) break;
    answer.body = input_.substr(0, length);
    input_.erase(0, length);
    return answer;
  }

  Answer ask(const std::string& bytes) {
    send(bytes);
    return receive();
  }

  // True when the server has closed and nothing more is to be read.
  bool closed() { return input_.empty() && !read_some(); }

 private:
  bool read_some() {
    char bytes[4096];
    const auto n = ::recv(socket_.native_handle(), bytes, sizeof bytes, 0);
    if (n > 0) input_.append(bytes, static_cast<std::size_t>(n));
    return n > 0;
  }
  static std::size_t content_length(const std::string& header) {
    const auto place = header.find("Content-Length: ");
    return place == std::string::npos ? 0 : std::stoul(header.substr(place + 16));
  }

  boost::asio::io_context io_;
  boost::asio::ip::tcp::socket socket_;
  std::string input_;
};

inline ServerOptions test_options() {
  ServerOptions options;
  options.listen_address = "127.0.0.1";
  options.port = 0;
  options.token = "s3cret";
  return options;
}

class RunningServer {
 public:
  explicit RunningServer(FakeBackend& backend, ServerOptions options = test_options())
      : server_(io_.get_executor(), std::move(options), backend, metrics_) {
    REQUIRE(server_.start().has_value());
    port_ = server_.port();
    thread_ = std::thread([this] { io_.run(); });
  }
  ~RunningServer() {
    auto stopping = boost::asio::co_spawn(io_, server_.stop(), boost::asio::use_future);
    stopping.wait();
    thread_.join();
  }
  std::uint16_t port() const { return port_; }
  Metrics& metrics() { return metrics_; }
  std::size_t connections() {
    auto count =
        boost::asio::post(io_, boost::asio::use_future([this] { return server_.connections(); }));
    return count.get();
  }

 private:
  boost::asio::io_context io_{1};
  Metrics metrics_;
  Server server_;
  std::uint16_t port_ = 0;
  std::thread thread_;
};

inline std::string request(const std::string& verb, const std::string& target,
                           const std::string& body = "") {
  std::string out = verb + " " + target + " HTTP/1.1\r\nHost: localhost\r\n";
  if (!body.empty()) out += "Content-Length: " + std::to_string(body.size()) + "\r\n";
  return out + "\r\n" + body;
}

}  // namespace gateway::http
