// One viewer: OPTIONS is left out; DESCRIBE, SETUP of the picture, PLAY, and what then comes over
// the connection or in datagrams. Or a sink that takes whatever the floor program sends.
#pragma once

#include <netinet/in.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tests/bench/load/rtp_watch.hpp"

namespace load {

struct RtspTarget {
  int port = 0;
  std::string path;  // of the URL
  bool udp = false;
  bool raw = false;  // the floor: no RTSP
};

class RtspSession {
 public:
  enum class State : std::uint8_t { idle, connecting, describe, setup, play, playing, gone };

  explicit RtspSession(RtspTarget target) : target_(std::move(target)) {}
  ~RtspSession() { leave(); }
  RtspSession(const RtspSession&) = delete;
  RtspSession& operator=(const RtspSession&) = delete;

  // Adds its sockets to the epoll set, with this tag.
  void begin(int poll, std::uint32_t tag);
  // Reads what is there, once from each socket.
  void on_ready(std::int64_t now_ns, Seen& seen);
  void keep_alive();
  void leave();

  State state() const { return state_; }
  const std::string& why() const { return why_; }  // it is gone
  RtpWatch& watch() { return watch_; }
  std::int64_t play_sent_ns() const { return play_sent_ns_; }
  std::uint32_t own_drops() const;  // in the receive buffer of its datagrams

 private:
  void fail(std::string why);
  void open_datagrams();
  void request(const char* method, const std::string& uri, const std::string& headers = "");
  void read_connection(std::int64_t now_ns, Seen& seen);
  std::size_t take(std::span<const std::uint8_t> bytes, std::int64_t now_ns, Seen& seen);
  std::size_t take_response(std::string_view bytes);
  void on_response(std::string_view head, std::string_view body);
  void on_description(std::string_view head, std::string_view body);
  void read_datagrams(std::int64_t now_ns, Seen& seen);

  RtspTarget target_;
  State state_ = State::idle;
  int poll_ = -1, fd_ = -1, rtp_ = -1, rtcp_ = -1, rtp_port_ = 0, cseq_ = 0;
  std::uint32_t tag_ = 0;
  std::string why_, url_, base_, control_, session_;
  std::int64_t play_sent_ns_ = 0;
  std::vector<std::uint8_t> rest_;  // of an interleaved packet or response
  RtpWatch watch_;
};

}  // namespace load
