// A camera's live picture: one INVITE, one ingest, and the rules by which they begin and end
// (gb28181::StreamSession). Shell.
#pragma once

#include <memory>
#include <string>

#include "gateway/feed.hpp"
#include "gateway/media_plane.hpp"
#include "gateway/signalling.hpp"
#include "gb28181/stream_session.hpp"

namespace gateway {

class CameraFeed final : public Feed, private CallUser, private IngestUser, private KeySource {
 public:
  // All references must outlive the feed; the device is never deleted by the registry.
  CameraFeed(Signalling& signalling, MediaPlane& plane, Device& device, std::string channel_id,
             Stream& stream, FeedUser& user);
  ~CameraFeed() override;

  void start() override;
  void stop(const std::string& reason) override;
  bool on_demand() const override { return true; }
  bool lost() const override { return lost_; }
  // Ends it because the device is gone.
  void lose(const std::string& reason);
  Source source() const override;
  const Ingest* ingest() const override { return ingest_.get(); }

 private:
  void on_call_progress(int status) override;
  void on_call_answered(std::string_view sdp) override;
  void on_call_failed(int status, const std::string& phrase) override;
  void on_call_over(bool by_device) override;
  void on_first_media() override;
  void on_media_closed(const std::string& reason) override;
  void on_tick(sip::TimePoint now);
  void end(const std::string& reason);
  void ask_key_frame() override { signalling_.request_key_frame(device_, channel_id_); }
  void on_key_memory(const KeyMemory& memory) override;

  gb28181::StreamRequest request() const;
  std::string media_host() const;
  bool is_decodable(sip::TimePoint now);
  void perform(gb28181::StreamActions actions);
  void perform(const gb28181::stream_action::SendInvite& action);
  void perform(const gb28181::stream_action::Answered& action);
  void perform(const gb28181::stream_action::ConnectMedia& action);
  void perform(const gb28181::stream_action::Started&);
  void perform(const gb28181::stream_action::SendCancel&) { signalling_.hang_up(call_); }
  void perform(const gb28181::stream_action::SendBye&) { signalling_.hang_up(call_); }
  void perform(const gb28181::stream_action::Failed& action);
  void perform(const gb28181::stream_action::Ended& action);
  void release();

  Signalling& signalling_;
  MediaPlane& plane_;
  Device& device_;
  std::string channel_id_;
  Stream& stream_;
  FeedUser& user_;
  std::uint32_t ssrc_ = 0;
  std::unique_ptr<Ingest> ingest_;
  std::unique_ptr<gb28181::StreamSession> session_;
  sip::CallId call_;
  sip::TimePoint decodable_by_ = sip::never;
  bool over_ = false, lost_ = false;
  Alarm deadline_, tick_;
};

}  // namespace gateway
