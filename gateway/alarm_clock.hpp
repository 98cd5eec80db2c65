// One timer for thousands of deadlines. Each thing with a deadline has an Alarm; moving it later
// (what nearly every packet does) costs a comparison, moving it earlier a push on a heap.
// Shell; one thread.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <functional>
#include <queue>
#include <vector>

#include "sip/time.hpp"

namespace gateway {

class AlarmClock {
 public:
  explicit AlarmClock(boost::asio::io_context& io);
  AlarmClock(const AlarmClock&) = delete;
  AlarmClock& operator=(const AlarmClock&) = delete;

 private:
  friend class Alarm;
  struct Slot {
    std::function<void(sip::TimePoint now)> ring;
    sip::TimePoint due = sip::never;     // what the owner wants
    sip::TimePoint queued = sip::never;  // the earliest entry of it in the heap
    std::uint64_t owner = 0;             // 0: free
  };
  struct Entry {
    sip::TimePoint at;
    std::uint32_t slot;
    std::uint64_t owner;
    bool operator>(const Entry& other) const { return at > other.at; }
  };

  std::uint32_t add(std::function<void(sip::TimePoint now)> ring);
  void remove(std::uint32_t slot);
  void set(std::uint32_t slot, sip::TimePoint at);
  void push(std::uint32_t slot, sip::TimePoint at);
  void arm();
  void on_timer();
  void ring(const Entry& entry, sip::TimePoint now);

  boost::asio::steady_timer timer_;
  sip::TimePoint armed_ = sip::never;
  std::vector<Slot> slots_;
  std::vector<std::uint32_t> free_;
  std::priority_queue<Entry, std::vector<Entry>, std::greater<>> queue_;
  std::uint64_t next_owner_ = 1;
};

// A deadline of its owner. Rings once for each set(), on the clock's thread, never from inside
// set(). The clock must outlive it.
class Alarm {
 public:
  Alarm(AlarmClock& clock, std::function<void(sip::TimePoint now)> ring)
      : clock_(clock), slot_(clock.add(std::move(ring))) {}
  ~Alarm() { clock_.remove(slot_); }
  Alarm(const Alarm&) = delete;
  Alarm& operator=(const Alarm&) = delete;

  void set(sip::TimePoint at) { clock_.set(slot_, at); }
  void clear() { clock_.set(slot_, sip::never); }

 private:
  AlarmClock& clock_;
  std::uint32_t slot_;
};

}  // namespace gateway
