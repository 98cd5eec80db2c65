// When a source is asked for a key frame, and whether it heeds that: many cameras do, some go on
// with their own interval. Wishes are merged; one request a second at most. Pure.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace gateway {

enum class Obedience : std::uint8_t { unknown, obeys, ignores };

const char* to_string(Obedience obedience);

// What is remembered of a device from one stream to the next. Steady clock.
struct KeyMemory {
  Obedience obedience = Obedience::unknown;
  std::int64_t since_ns = 0;
};

struct KeyRequestTimes {
  std::int64_t interval_ns = 1'000'000'000;       // between two requests
  std::int64_t answer_ns = 1'000'000'000;         // a key frame later than that is no answer
  std::int64_t prompt_ns = 300'000'000;           // one within that is hardly a coincidence
  std::int64_t ignored_for_ns = 600'000'000'000;  // before one that ignores us is asked again
};

// A key frame that comes after a request proves obedience when it came early: its distance from the
// one before is shorter than others. One that may have been due anyway proves nothing, unless it
// comes promptly time after time; none proves the opposite.
class KeyRequests {
 public:
  explicit KeyRequests(KeyRequestTimes times = {}) : times_(times) {}

  // Whether there is somebody to ask, and what is known of him.
  void open(const KeyMemory& memory);
  void close() { open_ = false; }

  // A key frame was published.
  void on_key(std::int64_t now_ns);
  // A viewer wants one. True: send the request now.
  bool wish(std::int64_t now_ns);
  // Now and then. True: a wish that had to wait is due, send the request now.
  bool due(std::int64_t now_ns);

  bool askable(std::int64_t now_ns) const {
    return open_ && obedience(now_ns) != Obedience::ignores;
  }
  Obedience obedience(std::int64_t now_ns) const;
  // Until the next request may go; 0 also when one is on its way.
  std::int64_t ask_in_ns(std::int64_t now_ns) const;
  const KeyMemory& memory() const { return memory_; }
  std::uint64_t requests() const { return requests_; }

 private:
  static constexpr std::size_t remembered = 8;
  static constexpr int enough_misses = 4;  // a coincidence counts 1, silence 2
  static constexpr int enough_prompt = 4;  // answers, one after the other

  bool ask(std::int64_t now_ns);
  void judge(std::int64_t now_ns);
  void on_answer(std::int64_t interval_ns, std::int64_t now_ns);
  void obeyed(std::int64_t now_ns);
  void missed(int weight, std::int64_t now_ns);
  std::int64_t longest() const;

  KeyRequestTimes times_;
  KeyMemory memory_;
  bool open_ = false;
  bool pending_ = false;  // asked, and no key frame since
  bool wish_ = false;     // to be asked as soon as the interval allows
  bool asked_ever_ = false;
  std::int64_t asked_ns_ = 0;
  std::int64_t last_key_ns_ = -1;
  std::int64_t unclear_ns_ = 0;  // distance of an answer that may have been a coincidence
  std::array<std::int64_t, remembered> intervals_{};  // between key frames, the last few
  std::size_t next_interval_ = 0;
  int misses_ = 0, prompt_ = 0;
  std::uint64_t requests_ = 0;
};

}  // namespace gateway
