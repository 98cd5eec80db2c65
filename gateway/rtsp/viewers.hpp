// All sessions that play or have played, and the ends of sessions for whatever reason. Shell.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/ip/address.hpp>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "gateway/rtsp/interleaved_writer.hpp"
#include "gateway/rtsp/live_viewer.hpp"
#include "gateway/rtsp/server_options.hpp"

namespace gateway::rtsp {

class Viewers {
 public:
  // Where a session's media goes.
  struct Route {
    std::shared_ptr<InterleavedWriter> writer;  // of its connection
    boost::asio::ip::address address;
    std::string peer;  // the same with the port, for people
  };
  // A session ended otherwise than by TEARDOWN. It is out of the table.
  using SessionOver = std::function<void(const Session& session, const std::string& reason)>;

  Viewers(boost::asio::any_io_executor executor, const ServerOptions& options,
          SessionTable& sessions, UdpSender& udp, SessionOver session_over);
  ~Viewers();

  void start(const std::shared_ptr<Session>& session, const Route& route, const PlayStart& from);
  void pause(const Session& session);
  // BYE, and forget it. The session is, or will be, out of the table.
  void finish(const Session& session, const std::string& reason);
  bool on_rtcp(const Session& session, std::span<const std::uint8_t> bytes);
  void tick(TimePoint now);
  void clear(const std::string& reason);

  std::vector<ViewerFigures> figures() const;
  struct Totals {
    std::uint64_t skips = 0, skipped_units = 0, too_slow = 0;
  };
  // Of those that are here and those that have left.
  Totals totals() const;
  // The last that left, oldest first, and why.
  static constexpr std::size_t departures_kept = 100;
  const std::deque<Departure>& departures() const { return departures_; }

 private:
  struct Entry {
    std::unique_ptr<LiveViewer> viewer;
    std::string peer;
  };
  bool is_announced(std::uint16_t port) const;
  std::unique_ptr<LiveViewer> make(const std::shared_ptr<Session>& session, const Route& route);
  void end_later(const std::shared_ptr<Session>& session, const std::string& reason);
  void end(const std::shared_ptr<Session>& session, const std::string& reason);

  boost::asio::any_io_executor executor_;
  const ServerOptions& options_;
  SessionTable& sessions_;
  UdpSender& udp_;
  SessionOver session_over_;
  std::unordered_map<const Session*, Entry> viewers_;
  Totals left_;  // of those that have left
  std::deque<Departure> departures_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace gateway::rtsp
