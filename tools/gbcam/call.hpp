// Shell: one media session, from the INVITE that was accepted to its end.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "gb28181/sdp_profile.hpp"
#include "tools/gbcam/media_link.hpp"
#include "tools/gbcam/media_sender.hpp"
#include "tools/gbcam/roster.hpp"
#include "tools/gbcam/world.hpp"

namespace gbcam {

class Call : private MediaLinkUser {
 public:
  struct Terms {
    sip::CallId id;
    Roster::Place place;
    std::string source;  // sender part of the Subject: equal ones are the same stream
    gb28181::MediaOffer offer;
  };

  // Opens what the answer must name. Throws boost::system::system_error when there is no socket.
  Call(World& world, Terms terms);

  const Terms& terms() const { return terms_; }
  void answer();     // rings first, when that was asked for
  void confirmed();  // the ACK has come
  void hang_up();    // media stops, BYE goes out
  void request_key_frame() {
    if (sender_) sender_->request_key_frame();
  }
  std::string describe() const;  // fields for the journal

 private:
  void accept();
  void start_media();
  std::string answer_sdp() const;
  SenderIdentity identity() const;

  void on_link_open() override;
  void on_rtcp(std::span<const std::uint8_t> packet) override;
  void on_link_lost(const std::string& reason) override;

  World& world_;
  Terms terms_;
  std::uint32_t ssrc_;  // of y=
  std::string channel_id_;
  std::unique_ptr<MediaLink> link_;
  std::unique_ptr<MediaSender> sender_;  // after the link: goes first
  bool started_ = false;
  gateway::Alarm answer_alarm_, bye_alarm_;
};

}  // namespace gbcam
