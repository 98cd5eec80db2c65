#include "tests/bench/load/process_usage.hpp"

#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>

namespace load {
namespace {

namespace fs = std::filesystem;

std::string slurp(const fs::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

// The parent of each process, by what follows the name in /proc/PID/stat.
std::map<int, int> parents() {
  std::map<int, int> found;
  std::error_code failed;
  for (const auto& entry : fs::directory_iterator("/proc", failed)) {
    const int pid = std::atoi(entry.path().filename().c_str());
    if (pid <= 0) continue;
    const auto stat = slurp(entry.path() / "stat");
    const auto end = stat.rfind(')');
    if (end != std::string::npos && end + 4 < stat.size())
      found[pid] = std::atoi(stat.c_str() + end + 4);
  }
  return found;
}

bool descends(int pid, int root, const std::map<int, int>& parent) {
  while (pid != root && pid > 1 && parent.contains(pid)) pid = parent.at(pid);
  return pid == root;
}

}  // namespace

ProcessUsage usage_of(int root) {
  ProcessUsage usage;
  if (root <= 0) return usage;
  const auto parent = parents();
  for (const auto& [pid, _] : parent) {
    if (!descends(pid, root, parent)) continue;
    ++usage.processes;
    const auto base = fs::path("/proc") / std::to_string(pid);
    std::error_code failed;
    for (const auto& task : fs::directory_iterator(base / "task", failed))
      usage.cpu_us += std::strtod(slurp(task.path() / "schedstat").c_str(), nullptr) / 1000;
    const auto rollup = slurp(base / "smaps_rollup");
    if (const auto at = rollup.find("\nPss:"); at != std::string::npos)
      usage.pss_kb += std::atol(rollup.c_str() + at + 5);
  }
  return usage;
}

}  // namespace load
