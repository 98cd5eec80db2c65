// When to ask again for what a peer keeps for a while only: traces of replies.
#include "sip/soft_state.hpp"

#include <doctest/doctest.h>

using namespace std::chrono_literals;
using namespace sip;

namespace {

std::chrono::seconds due_in(const SoftState& s, TimePoint now) {
  return std::chrono::duration_cast<std::chrono::seconds>(s.next_deadline() - now);
}

}  // namespace

TEST_CASE("refreshed before it runs out") {
  const struct {
    std::uint32_t granted;
    std::chrono::seconds refresh;
  } cases[] = {{3600, 3540s}, {601, 541s}, {600, 480s}, {60, 48s}, {1, 0s}};
  for (const auto& c : cases) {
    SoftState s({3600s, 30s, 1800s});
    s.asking();
    CHECK(s.on_reply({Cause::answered, 200, c.granted, {}, {}}, 0.5, {}) ==
          SoftState::Next::active);
    CHECK(due_in(s, {}) == c.refresh);
  }
}

TEST_CASE("refusals: corrected, waited out, or for good") {
  SoftState s({60s, 30s, 1800s});
  CHECK(s.on_reply({Cause::answered, 423, {}, 600, {}}, 0, {}) == SoftState::Next::ask_again);
  CHECK(s.expires() == 600s);
  CHECK(s.on_reply({Cause::answered, 423, {}, 700, {}}, 0, {}) == SoftState::Next::ask_again);
  CHECK(s.on_reply({Cause::answered, 423, {}, 800, {}}, 0, {}) == SoftState::Next::refused);
  for (const int status : {400, 403, 404, 501, 603})
    CHECK(s.on_reply({Cause::answered, status, {}, {}, {}}, 0, {}) == SoftState::Next::refused);
  for (const int status : {408, 480, 500, 503, 504})
    CHECK(s.on_reply({Cause::answered, status, {}, {}, {}}, 0, {}) == SoftState::Next::waiting);
  CHECK(s.on_reply({Cause::invalid, 400, {}, {}, {}}, 0, {}) == SoftState::Next::refused);
}

TEST_CASE("back-off: doubled, jittered between half and whole, bounded, forgotten after success") {
  SoftState s({60s, 30s, 200s});
  const SoftState::Reply silence{Cause::timeout, 408, {}, {}, {}};
  for (const auto gap : {30s, 60s, 120s, 200s, 200s}) {
    CHECK(s.on_reply(silence, 0, {}) == SoftState::Next::waiting);
    CHECK(due_in(s, {}) == gap / 2);
  }
  s.on_reply(silence, 1, {});
  CHECK(due_in(s, {}) == 200s);
  s.on_reply({Cause::answered, 503, {}, {}, 900}, 0, {});
  CHECK(due_in(s, {}) == 900s);  // Retry-After
  s.on_reply({}, 0, {});
  s.on_reply(silence, 1, {});
  CHECK(due_in(s, {}) == 30s);
}

TEST_CASE("removal asks for no time, and is over whatever the answer") {
  SoftState s({60s, 30s, 200s});
  s.on_reply({}, 0, {});
  s.remove();
  CHECK(s.expires() == 0s);
  CHECK(s.on_reply({Cause::timeout, 408, {}, {}, {}}, 0, {}) == SoftState::Next::removed);
}
