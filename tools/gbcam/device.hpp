// Shell: one simulated device: its registration, and its answers to what the platform asks.
#pragma once

#include <cstdint>
#include <deque>
#include <string>

#include "gb28181/manscdp/message.hpp"
#include "tools/gbcam/registration.hpp"
#include "tools/gbcam/world.hpp"

namespace gbcam {

class Device {
 public:
  Device(World& world, std::uint32_t index)
      : world_(world), index_(index), registration_(world, index) {}

  Registration& registration() { return registration_; }
  std::string id() const { return world_.roster.device_id(index_); }

  // A query; its 200 has been sent. Other messages are counted by the caller.
  void on_query(const gb28181::manscdp::Message& query);
  void on_done(RequestKind kind, const sip::event::RequestDone& done);

 private:
  void answer(const gb28181::manscdp::Message& query, gb28181::manscdp::Body body);
  void answer_catalog(const gb28181::manscdp::Message& query);
  void send_next_page();

  World& world_;
  std::uint32_t index_;
  Registration registration_;
  std::deque<gb28181::manscdp::Message> pages_;  // of catalogs, still to send
  bool page_under_way_ = false;
};

}  // namespace gbcam
