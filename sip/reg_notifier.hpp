// The server's side of the reg event (RFC 3680): who watches which address of record, what each has
// been told, and when each is told more. A notifier of RFC 6665 4.2 for one package. Pure.
//
// It decides and writes; whoever owns it answers the SUBSCRIBE, sends the NOTIFY in a transaction
// and reports what came of it. A subscription ends with its time, by its subscriber, or when a
// NOTIFY finds nobody. It does not survive a restart: the next refresh gets 481, and the subscriber
// begins anew (RFC 6665 4.1.2.2).
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>

#include "sip/deadline_heap.hpp"
#include "sip/dialog.hpp"
#include "sip/ids.hpp"
#include "sip/location.hpp"
#include "sip/message.hpp"
#include "sip/reginfo.hpp"
#include "sip/slot_map.hpp"
#include "sip/time.hpp"

namespace sip {

using WatcherId = Id<struct WatcherTag>;

struct RegEventOptions {
  std::chrono::seconds min_expires{60};        // less, and not 0, is refused with 423
  std::chrono::seconds default_expires{3761};  // RFC 3680 4.3
  std::chrono::seconds max_expires{86400};
  Duration min_gap = std::chrono::seconds(1);  // between two NOTIFYs of a subscription (4.6)
  bool tell_refreshes = true;                  // a new time of expiry is news
  std::size_t subscriptions = 20'000;          // beyond: 503. Some 2 KB each
  std::size_t subscriptions_per_aor = 16;      // beyond: 503
  std::size_t request_bytes = 4096;            // of a SUBSCRIBE without its body; beyond: 513
};

class RegNotifier {
 public:
  // `location` must outlive it.
  RegNotifier(const RegEventOptions& options, Location& location);

  // What a SUBSCRIBE is answered with; Expires of a 2xx.
  struct Answer {
    int status = 200;
    std::uint32_t expires = 0;
  };
  // Outside of a dialog, of somebody who may watch `aor` (canonical). `tag` is put into To of the
  // answer.
  Answer subscribe(const MessageView& request, std::string_view aor, std::string_view tag,
                   const Flow& flow, TimePoint now);
  // Inside of a dialog: its subscription, an empty id when there is none. Then the refresh.
  WatcherId find(const MessageView& request) const;
  Answer refresh(WatcherId id, const MessageView& request, const Flow& flow, TimePoint now);
  std::string_view aor_of(WatcherId id) const { return watchers_.at(id.index).aor; }

  // Bindings of `aor` have come, gone or been refreshed.
  void on_change(std::string_view aor, ReginfoHistory::Removal removal, TimePoint now);

  // Who is to be told something now; an empty id when nobody is. Then write() for it.
  WatcherId due(TimePoint now);
  const Flow& flow_of(WatcherId id) const { return watchers_.at(id.index).dialog.flow; }
  // The NOTIFY; `via`, `contact`: the values of these headers. False: there is nothing to tell.
  // After the last one of a subscription the id names nothing.
  bool write(WatcherId id, std::string_view via, std::string_view contact, TimePoint now,
             std::string& out);
  // What came of the NOTIFY: its final answer, 200 when nobody waits for one; or none came, or it
  // could not be sent.
  void on_answer(WatcherId id, int status, TimePoint now);
  void on_lost(WatcherId id);

  TimePoint next_deadline() const { return deadlines_.next(); }
  std::size_t size() const { return watchers_.size(); }

 private:
  struct Watcher {
    Dialog dialog;
    std::string aor;
    std::string event;  // "reg;id=1"
    ReginfoHistory history;
    TimePoint ends_at{};
    TimePoint tell_at = never;  // not while a NOTIFY is under way
    TimePoint told_at{};
    ReginfoHistory::Removal removal{};
    bool full = false;       // the next document is
    bool changed = false;    // while a NOTIFY is under way
    bool under_way = false;  // a NOTIFY waits for its answer
  };
  using Index = std::unordered_multimap<std::uint64_t, WatcherId>;

  Answer grant(const MessageView& request) const;
  void tell_all(WatcherId id, std::uint32_t expires, TimePoint now);
  void tell(WatcherId id, TimePoint at);
  void arm(WatcherId id);
  void begin(Watcher& watcher, const MessageView& request, std::string_view aor,
             std::string_view tag, const Flow& flow);
  void release(WatcherId id);
  static void erase(Index& index, std::uint64_t key, WatcherId id);

  RegEventOptions options_;
  Location& location_;
  SlotMap<Watcher, WatcherTag> watchers_;
  Index by_aor_, by_dialog_;  // by hashes of them
  DeadlineHeap deadlines_;
  std::string document_;
};

}  // namespace sip
