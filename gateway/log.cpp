#include "gateway/log.hpp"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <atomic>
#include <mutex>

namespace gateway::log {
namespace {

constexpr std::size_t max_line_bytes = 2048;

std::atomic<Level> current_level{Level::info};

struct Output {
  std::mutex mutex;
  Sink sink;
  spdlog::logger logger{"gbgate", std::make_shared<spdlog::sinks::stderr_sink_mt>()};

  Output() {
    logger.set_level(spdlog::level::trace);
    logger.set_pattern("%Y-%m-%dT%H:%M:%S.%e %v");
    logger.flush_on(spdlog::level::trace);
  }
};

Output& output() {
  static Output instance;
  return instance;
}

// A device's name or a peer's header must not be able to end the line or drive a terminal.
std::string printable(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (char c : text.substr(0, max_line_bytes)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f)
      out += fmt::format("\\x{:02x}", byte);
    else
      out += c;
  }
  if (text.size() > max_line_bytes) out += "...";
  return out;
}

}  // namespace

void set_level(Level level) {
  current_level.store(level, std::memory_order_relaxed);
}

bool enabled(Level level) {
  return level >= current_level.load(std::memory_order_relaxed);
}

void set_sink(Sink sink) {
  Output& out = output();
  std::lock_guard lock(out.mutex);
  out.sink = std::move(sink);
}

void write(Level level, std::string_view component, std::string_view text) {
  Output& out = output();
  const std::string line = printable(text);
  std::lock_guard lock(out.mutex);
  if (out.sink)
    out.sink(level, component, line);
  else
    out.logger.info("{:<5} {}: {}", to_string(level), component, line);
}

std::optional<std::uint64_t> Limited::admit(Clock::time_point now) {
  if (last_ && now - *last_ < period_) {
    ++suppressed_;
    return {};
  }
  last_ = now;
  return std::exchange(suppressed_, 0);
}

}  // namespace gateway::log
