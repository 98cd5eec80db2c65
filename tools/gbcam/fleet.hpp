// Shell: all simulated devices behind one SIP endpoint, for one life of the process: made at start
// and after a pretended restart, destroyed without a word at a pretended crash.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <unordered_map>
#include <vector>

#include "tools/gbcam/call.hpp"
#include "tools/gbcam/device.hpp"
#include "tools/gbcam/world.hpp"

namespace gbcam {

// What outlives a fleet.
struct Ground {
  const Options& options;
  const Roster& roster;
  Media& media;
  Journal& journal;
  boost::asio::io_context& io;
  gateway::AlarmClock& clock;
  std::mt19937_64& random;
};

class Fleet : private sip::net::EndpointUser {
 public:
  // Opens the SIP socket and lets the devices register. Throws boost::system::system_error.
  explicit Fleet(const Ground& ground);
  ~Fleet();
  Fleet(const Fleet&) = delete;
  Fleet& operator=(const Fleet&) = delete;

  // Ends calls and unregisters; `done` is called when all is answered or after a few seconds.
  void leave(std::function<void()> done);

 private:
  void on_event(const sip::Event& event) override;
  void on(const sip::event::IncomingRequest& request);
  void on(const sip::event::RequestDone& done);
  void on(const sip::event::IncomingCall& incoming);
  void on(const sip::event::CallConfirmed& confirmed);
  void on(const sip::event::CallEnded& ended);
  void on(const sip::event::ConnectionClosed& closed);
  template <class Other>
  void on(const Other&) {}  // nothing that was asked for, no calls of ours

  void on_message(const sip::event::IncomingRequest& request);
  void on_control(const gb28181::manscdp::Message& control);
  void take_call(sip::CallId id, Roster::Place place, const sip::MessageView& invite);
  void open_call(Call::Terms terms);
  void end_same_source(const Call::Terms& terms);
  void refuse(sip::CallId id, int status, const std::string& why);
  void respond(sip::ServerTransactionId transaction, int status);
  std::size_t calls_of(std::uint32_t device) const;
  void leave_next();

  Ground ground_;
  sip::net::EndpointDriver driver_;
  World world_;
  std::deque<Device> devices_;
  std::unordered_map<sip::CallId, std::unique_ptr<Call>> calls_;
  gateway::Alarm leave_alarm_;
  std::uint32_t left_ = 0;  // devices that have been told to leave
  sip::TimePoint leave_until_{};
  std::function<void()> done_;
};

}  // namespace gbcam
