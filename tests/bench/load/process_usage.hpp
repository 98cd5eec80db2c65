// What a process and its descendants have used, as the system counts it: CPU time in microseconds
// (scheduler statistics, exact where utime and stime are ticks) and memory.
#pragma once

namespace load {

struct ProcessUsage {
  double cpu_us = 0;
  long pss_kb = 0;  // shared pages count once over all processes
  int processes = 0;
};

// Zero for pid 0 and for one that is gone.
ProcessUsage usage_of(int pid);

}  // namespace load
