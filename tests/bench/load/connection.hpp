// Sockets of the load generator: datagrams in batches, messages cut out of streams.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace load {

struct Connection {
  int fd = -1;
  bool udp = true;
  bool listener = false;
  int local_port = 0;
  std::string in, out;            // of a stream
  std::deque<std::string> queue;  // datagrams that wait for sendmmsg
  bool dirty = false;
};

class Connections {
 public:
  using OnMessage = std::function<void(Connection&, std::string_view)>;

  explicit Connections(OnMessage on_message);
  ~Connections();

  // From 127.0.0.1:`local_port` (0: any) to the server. Exits with a message when it cannot.
  Connection& connect(bool udp, const std::string& host, int port, int local_port);
  // The called side at 127.0.0.1:`port`; over UDP it answers to the server only.
  void listen(bool udp, int port, const std::string& server, int server_port);

  void post(Connection& to, std::string message);  // goes with the next flush()
  void flush();
  void wait(int milliseconds);  // for messages, which are delivered
  bool unsent() const { return !dirty_.empty(); }

 private:
  Connection& add(int fd, bool udp, bool listener);
  bool flush_datagrams(Connection& c);
  bool flush_stream(Connection& c);
  void read(Connection& c);
  void read_datagrams(Connection& c);
  void read_stream(Connection& c);

  OnMessage on_message_;
  int epoll_;
  std::vector<std::unique_ptr<Connection>> all_;
  std::vector<Connection*> dirty_;
};

// The value of a header, the first at or after `from`; `name` as "\r\nCall-ID:". Empty when absent.
std::string_view header(std::string_view message, std::string_view name, std::size_t from = 0);

}  // namespace load
