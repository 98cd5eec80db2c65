#include "gateway/camera_call.hpp"

namespace gateway {

// The end of a call on the first shard. It lives until it has been forgotten there, so that the
// signalling never knows one that is gone.
class CameraCall::Agent final : public CallUser {
 public:
  Agent(Signalling& signalling, Shard& home, const CameraTarget& target, std::weak_ptr<Ear> ear)
      : signalling_(signalling),
        home_(home),
        device_(*target.device),
        channel_id_(target.channel_id),
        ear_(std::move(ear)) {}

  void start(const CallWish& wish) {
    const auto id = signalling_.call(device_, wish, *this);
    id_ = id;
  }
  void hang_up() { signalling_.hang_up(id_); }
  void forget() { signalling_.forget(*this); }
  void ask_key_frame() { signalling_.request_key_frame(device_, channel_id_); }
  void remember(const KeyMemory& memory) { device_.key_memory = memory; }

 private:
  void on_call_progress(int status) override {
    tell([status](CallUser& user) { user.on_call_progress(status); });
  }
  void on_call_answered(std::string_view sdp) override {
    tell([sdp = std::string(sdp)](CallUser& user) { user.on_call_answered(sdp); });
  }
  void on_call_failed(int status, const std::string& phrase) override {
    tell([status, phrase](CallUser& user) { user.on_call_failed(status, phrase); });
  }
  void on_call_over(bool by_device) override {
    tell([by_device](CallUser& user) { user.on_call_over(by_device); });
  }
  template <class Tell>
  void tell(Tell what) {
    home_.call([ear = ear_, what = std::move(what)] {
      if (const auto listening = ear.lock()) what(*listening->user);
    });
  }

  Signalling& signalling_;
  Shard& home_;
  Device& device_;
  const std::string channel_id_;
  const std::weak_ptr<Ear> ear_;
  sip::CallId id_;
};

CameraCall::CameraCall(Cameras& cameras, Shard& home, const CameraTarget& target, CallUser& user)
    : signalling_shard_(cameras.shard()),
      ear_(std::make_shared<Ear>(Ear{&user})),
      agent_(std::make_shared<Agent>(cameras.signalling(), home, target, ear_)) {}

CameraCall::~CameraCall() {
  forget();
}

void CameraCall::start(CallWish wish) {
  if (!ear_) return;
  signalling_shard_.call([agent = agent_, wish = std::move(wish)] { agent->start(wish); });
}

void CameraCall::hang_up() {
  signalling_shard_.call([agent = agent_] { agent->hang_up(); });
}

void CameraCall::ask_key_frame() {
  signalling_shard_.call([agent = agent_] { agent->ask_key_frame(); });
}

void CameraCall::remember(const KeyMemory& memory) {
  signalling_shard_.call([agent = agent_, memory] { agent->remember(memory); });
}

void CameraCall::forget() {
  if (!ear_) return;
  ear_.reset();
  signalling_shard_.call([agent = agent_] { agent->forget(); });
}

}  // namespace gateway
