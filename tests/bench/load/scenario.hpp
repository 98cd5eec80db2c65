// What the load generator says: one scenario is a request with its answer, a registration with a
// challenge, or a whole call, in which the generator plays both ends.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "tests/bench/load/connection.hpp"

namespace load {

enum class Mode : std::uint8_t { options, message, register_, register_auth, invite };

struct Options {
  Mode mode = Mode::options;
  std::string mode_name = "options", label, host = "127.0.0.1";
  bool udp = true;
  int port = 15060, uas_port = 15070, local_port = 0, sockets = 1, expires = 3600, server_pid = 0;
  std::uint32_t count = 100'000, window = 64;
  std::uint32_t first = 0, aors = 0;  // device numbers: from `first`; `aors` of them in turn
  double rate = 0;                    // scenarios a second; 0: as fast as answers come
  double limit_s = 120;
};

// One run of a scenario.
struct Run {
  bool busy = false;
  std::uint32_t index = 0;  // of all runs
  int step = 0;
  Connection* connection = nullptr;
  std::uint64_t began_ns = 0, sent_ns = 0, again_ns = 0;
  int tries = 0;
  bool shed = false;  // by 503: to be begun again at again_ns
  std::string last;   // to be sent again
};

// What an answer's branch says it belongs to. False for one that is not ours.
struct Belongs {
  std::uint32_t slot = 0, index = 0;
  int step = 0;
};
bool read_branch(std::string_view answer, Belongs& to);

// The request of the present step; `answer` is what the last one got.
std::string request(const Options& o, std::uint32_t slot, const Run& run, std::string_view answer);
// ACK or BYE in the dialog that `ok` made.
std::string in_dialog(const Options& o, const char* method, std::uint32_t slot, const Run& run,
                      int cseq, std::string_view ok);
// 200 to a request that the server relayed.
std::string answer(const Options& o, std::string_view request, bool udp);

}  // namespace load
