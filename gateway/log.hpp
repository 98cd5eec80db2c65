// One line per event on stderr: time, level, component, text, key=value:
//     2026-11-22T10:00:00.123 info  sip: device on line device=34020000001320000001
//     peer=10.0.0.5:5060
// Call it as log::info("sip", "device on line device={} peer={}", id, peer); write a value that may
// hold blanks as {:?}. Secrets are kept out by never passing them. Control characters in the text
// are escaped, so a device's name cannot forge a line. Thread-safe.
#pragma once

#include <fmt/format.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "gateway/config.hpp"

namespace gateway::log {

using Level = LogLevel;

void set_level(Level level);
bool enabled(Level level);
// `text` is finished; lines longer than 2048 bytes are cut.
void write(Level level, std::string_view component, std::string_view text);
// Replaces stderr, for tests; an empty function puts stderr back. Called under a lock.
using Sink = std::function<void(Level level, std::string_view component, std::string_view text)>;
void set_sink(Sink sink);

template <class... Args>
void at(Level level, std::string_view component, fmt::format_string<Args...> format,
        Args&&... args) {
  if (enabled(level)) write(level, component, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void debug(std::string_view component, fmt::format_string<Args...> format, Args&&... args) {
  at(Level::debug, component, format, std::forward<Args>(args)...);
}
template <class... Args>
void info(std::string_view component, fmt::format_string<Args...> format, Args&&... args) {
  at(Level::info, component, format, std::forward<Args>(args)...);
}
template <class... Args>
void warn(std::string_view component, fmt::format_string<Args...> format, Args&&... args) {
  at(Level::warn, component, format, std::forward<Args>(args)...);
}
template <class... Args>
void error(std::string_view component, fmt::format_string<Args...> format, Args&&... args) {
  at(Level::error, component, format, std::forward<Args>(args)...);
}

// Lets a repeating message through once per period and counts the rest; the next one that gets
// through ends in " suppressed=N". One per message and owner; not thread-safe.
class Limited {
 public:
  using Clock = std::chrono::steady_clock;
  explicit Limited(std::chrono::milliseconds period = std::chrono::seconds(10)) : period_(period) {}

  // The number suppressed since the last one let through, when this one may be written.
  std::optional<std::uint64_t> admit(Clock::time_point now);

  template <class... Args>
  void at(Level level, std::string_view component, fmt::format_string<Args...> format,
          Args&&... args) {
    if (!enabled(level)) return;
    auto suppressed = admit(Clock::now());
    if (!suppressed) return;
    std::string text = fmt::format(format, std::forward<Args>(args)...);
    if (*suppressed > 0) text += fmt::format(" suppressed={}", *suppressed);
    write(level, component, text);
  }

 private:
  std::chrono::milliseconds period_;
  std::optional<Clock::time_point> last_;
  std::uint64_t suppressed_ = 0;
};

}  // namespace gateway::log
