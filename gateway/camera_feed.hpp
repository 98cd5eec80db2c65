// A camera's live picture: one INVITE, one ingest, and the rules by which they begin and end
// (gb28181::StreamSession). Lives on its stream's shard; the call is made on the first. Shell.
#pragma once

#include <memory>
#include <string>

#include "gateway/camera_call.hpp"
#include "gateway/feed.hpp"
#include "gateway/media_plane.hpp"
#include "gb28181/stream_session.hpp"

namespace gateway {

class CameraFeed final : public Feed, private CallUser, private IngestUser, private KeySource {
 public:
  // All references must outlive the feed.
  CameraFeed(Cameras& cameras, MediaPlane& plane, CameraTarget target, Stream& stream,
             FeedUser& user);
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
  void ask_key_frame() override { call_.ask_key_frame(); }
  void on_key_memory(const KeyMemory& memory) override;

  gb28181::StreamRequest request() const;
  bool is_decodable(sip::TimePoint now);
  void perform(gb28181::StreamActions actions);
  void perform(const gb28181::stream_action::SendInvite& action);
  void perform(const gb28181::stream_action::Answered& action);
  void perform(const gb28181::stream_action::ConnectMedia& action);
  void perform(const gb28181::stream_action::Started&);
  void perform(const gb28181::stream_action::SendCancel&) { call_.hang_up(); }
  void perform(const gb28181::stream_action::SendBye&) { call_.hang_up(); }
  void perform(const gb28181::stream_action::Failed& action);
  void perform(const gb28181::stream_action::Ended& action);
  void release();

  MediaPlane& plane_;
  CameraTarget target_;
  Stream& stream_;
  FeedUser& user_;
  std::uint32_t ssrc_ = 0;
  std::unique_ptr<Ingest> ingest_;
  std::unique_ptr<gb28181::StreamSession> session_;
  CameraCall call_;
  sip::TimePoint decodable_by_ = sip::never;
  bool over_ = false, lost_ = false;
  Alarm deadline_, tick_;
};

}  // namespace gateway
