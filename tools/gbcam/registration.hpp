// Shell: keeps one device registered (GB/T 28181-2022 9.1): REGISTER with digest, refresh,
// keepalive and what follows when it is not answered, unregistration.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "sip/digest.hpp"
#include "tools/gbcam/request_kind.hpp"
#include "tools/gbcam/world.hpp"

namespace gbcam {

class Registration {
 public:
  Registration(World& world, std::uint32_t device);

  void start_at(sip::TimePoint at) { register_alarm_.set(at); }
  // REGISTER with Expires 0; over() tells when it is done, in one way or the other.
  void leave();
  bool over() const { return state_ == State::absent; }
  bool registered() const { return state_ == State::registered; }

  // RequestDone of kinds register_ and keepalive.
  void on_register_done(const sip::event::RequestDone& done);
  void on_keepalive_done(const sip::event::RequestDone& done);
  void on_connection_lost();
  std::uint64_t next_sn() { return ++sn_; }

 private:
  enum class State : std::uint8_t { absent, registering, registered, leaving };

  void send_register(std::optional<std::string> authorization);
  void begin();
  bool answer_challenge(const sip::MessageView& message);
  void on_accepted(const sip::MessageView& message);
  void on_refused(const sip::event::RequestDone& done);
  void on_left(const sip::event::RequestDone& done);
  void send_keepalive();
  std::chrono::seconds granted(const sip::MessageView& message) const;

  World& world_;
  std::uint32_t device_;
  std::string id_, call_id_;
  std::uint32_t cseq_ = 0;
  State state_ = State::absent;
  std::chrono::seconds expires_;
  int challenges_ = 0;  // answered in this exchange
  int misses_ = 0;
  std::uint64_t sn_ = 0;
  sip::DigestClient digest_;
  gateway::Alarm register_alarm_, keepalive_alarm_;
};

}  // namespace gbcam
