// Where a viewer begins. What it waits for, it waits for after its PLAY has been answered. Pure.
//
//     newest key frame    camera            begins                        is asked
//     none                any               at the next key frame         unless it ignores that
//     younger than fresh  any               at it                         no
//     older               obeys             at the next, or after         yes, merged with others
//                                           `patience` at the newest
//     older               obeys, was just   at it                         no
//                         asked
//     older               not known         at it                         yes: so it is learnt
//     older               ignores, or       at it                         no
//                         cannot be asked
#pragma once

#include <cstdint>
#include <optional>

#include "gateway/key_requests.hpp"

namespace gateway::rtsp {

struct PlayTimes {
  std::int64_t fresh_ns = 300'000'000;     // a key frame as old as that is as good as a new one
  std::int64_t turn_ns = 300'000'000;      // waited until the camera may be asked again
  std::int64_t patience_ns = 500'000'000;  // from then for its answer
};

struct PlaySituation {
  bool video = true;                       // a track of pictures is set up
  std::optional<std::int64_t> key_age_ns{};  // of the newest key frame that may be sent
  bool askable = false;
  Obedience obedience = Obedience::unknown;
  std::int64_t ask_in_ns = 0;  // KeyRequests::ask_in_ns()
};

struct PlayPlan {
  enum class From : std::uint8_t { live, newest_key, next_key };
  From from = From::newest_key;
  bool ask = false;
  std::int64_t patience_ns = 0;  // of next_key; 0: for ever
  bool operator==(const PlayPlan&) const = default;
};

PlayPlan plan_play(const PlaySituation& situation, const PlayTimes& times = {});

// The plan for a session, as its viewer carries it out.
struct PlayStart {
  std::optional<std::uint64_t> at;  // empty: at the next key frame
  bool ask = false;                 // the camera for one
  std::int64_t patience_ns = 0;     // for it, then at the newest there is; 0: for ever
  std::uint64_t promised = 0;       // RTP-Info names packets before this one: they must be sent
};

}  // namespace gateway::rtsp
