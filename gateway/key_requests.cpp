#include "gateway/key_requests.hpp"

#include <algorithm>

namespace gateway {
namespace {

// Cameras keep their interval to a frame or so.
bool notably_shorter(std::int64_t interval_ns, std::int64_t than_ns) {
  return interval_ns < than_ns - than_ns / 10;
}

}  // namespace

const char* to_string(Obedience obedience) {
  switch (obedience) {
    case Obedience::obeys:
      return "obeys";
    case Obedience::ignores:
      return "ignores";
    case Obedience::unknown:
      break;
  }
  return "unknown";
}

void KeyRequests::open(const KeyMemory& memory) {
  open_ = true;
  pending_ = wish_ = false;
  memory_ = memory;
  misses_ = prompt_ = 0;
  last_key_ns_ = -1;
  unclear_ns_ = 0;
}

Obedience KeyRequests::obedience(std::int64_t now_ns) const {
  const bool forgotten =
      memory_.obedience == Obedience::ignores && now_ns - memory_.since_ns > times_.ignored_for_ns;
  return forgotten ? Obedience::unknown : memory_.obedience;
}

std::int64_t KeyRequests::ask_in_ns(std::int64_t now_ns) const {
  if (pending_ || !asked_ever_) return 0;
  return std::max<std::int64_t>(0, asked_ns_ + times_.interval_ns - now_ns);
}

bool KeyRequests::wish(std::int64_t now_ns) {
  judge(now_ns);
  if (!askable(now_ns) || pending_) return false;
  wish_ = true;
  return due(now_ns);
}

bool KeyRequests::due(std::int64_t now_ns) {
  if (!pending_ && !wish_) return false;
  judge(now_ns);
  return wish_ && !pending_ && ask_in_ns(now_ns) == 0 && ask(now_ns);
}

bool KeyRequests::ask(std::int64_t now_ns) {
  wish_ = false;
  if (!askable(now_ns)) return false;
  pending_ = asked_ever_ = true;
  asked_ns_ = now_ns;
  ++requests_;
  return true;
}

void KeyRequests::judge(std::int64_t now_ns) {
  if (!pending_ || now_ns - asked_ns_ <= times_.answer_ns) return;
  pending_ = false;
  missed(2, now_ns);
}

void KeyRequests::on_key(std::int64_t now_ns) {
  judge(now_ns);
  const bool answer = pending_;
  pending_ = wish_ = false;  // who waited for one has it
  const auto interval_ns = last_key_ns_ < 0 ? 0 : now_ns - last_key_ns_;
  last_key_ns_ = now_ns;
  if (interval_ns == 0) return;
  // The answer before was early, as is seen only now.
  const auto unclear_ns = unclear_ns_;
  unclear_ns_ = 0;
  if (unclear_ns > 0 && notably_shorter(unclear_ns, interval_ns)) obeyed(now_ns);
  if (answer) on_answer(interval_ns, now_ns);
  intervals_[next_interval_++ % remembered] = interval_ns;
}

void KeyRequests::on_answer(std::int64_t interval_ns, std::int64_t now_ns) {
  if (notably_shorter(interval_ns, longest())) return obeyed(now_ns);
  unclear_ns_ = interval_ns;
  if (now_ns - asked_ns_ > times_.prompt_ns) return missed(1, now_ns);
  if (++prompt_ >= enough_prompt) obeyed(now_ns);
}

std::int64_t KeyRequests::longest() const {
  return *std::max_element(intervals_.begin(), intervals_.end());
}

void KeyRequests::obeyed(std::int64_t now_ns) {
  misses_ = 0;
  if (memory_.obedience != Obedience::obeys) memory_ = {Obedience::obeys, now_ns};
}

void KeyRequests::missed(int weight, std::int64_t now_ns) {
  prompt_ = 0;
  misses_ += weight;
  if (misses_ < enough_misses) return;
  misses_ = 0;
  memory_ = {Obedience::ignores, now_ns};
}

}  // namespace gateway
