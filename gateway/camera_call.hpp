// A call to a camera, held by a feed that may live on another shard than the signalling: wishes go
// to the first shard and what becomes of them comes back, as values, in order. On the first shard
// itself all of it happens at once.
#pragma once

#include <memory>
#include <string>

#include "gateway/cameras.hpp"
#include "gateway/signalling.hpp"

namespace gateway {

class CameraCall {
 public:
  // `home` is the shard of `user`, and of all calls here. `cameras` outlives it.
  CameraCall(Cameras& cameras, Shard& home, const CameraTarget& target, CallUser& user);
  // The user hears nothing any more; an unanswered call is cancelled.
  ~CameraCall();
  CameraCall(const CameraCall&) = delete;
  CameraCall& operator=(const CameraCall&) = delete;

  void start(CallWish wish);
  void hang_up();
  void ask_key_frame();
  // For the next stream of the same device.
  void remember(const KeyMemory& memory);
  // Idempotent; nothing can be started afterwards.
  void forget();

 private:
  struct Ear {
    CallUser* user;
  };
  class Agent;
  Shard& signalling_shard_;
  std::shared_ptr<Ear> ear_;
  std::shared_ptr<Agent> agent_;
};

}  // namespace gateway
