// A load program's command line: --name value pairs, and its commands on standard input.
#pragma once

#include <poll.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <map>
#include <sstream>
#include <string>
#include <vector>

namespace load {

inline std::int64_t clock_ns() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

class Arguments {
 public:
  // Exits with `usage` when a name is not in it.
  Arguments(int argc, char** argv, const char* usage) {
    for (int i = 1; i < argc; i += 2) {
      const std::string name = argv[i];
      const bool known = std::string(usage).find(name + ' ') != std::string::npos;
      if (!known || i + 1 == argc) {
        std::fprintf(stderr, "usage: %s\n", usage);
        std::exit(2);
      }
      values_[name.substr(2)] = argv[i + 1];
    }
  }
  std::string text(const std::string& name, const std::string& otherwise = "") const {
    const auto found = values_.find(name);
    return found == values_.end() ? otherwise : found->second;
  }
  long number(const std::string& name, long otherwise) const {
    return values_.contains(name) ? std::atol(text(name).c_str()) : otherwise;
  }
  std::vector<int> numbers(const std::string& name) const {
    std::vector<int> list;
    std::istringstream words(text(name));
    for (std::string word; std::getline(words, word, ',');) list.push_back(std::atoi(word.c_str()));
    return list;
  }

 private:
  std::map<std::string, std::string> values_;
};

// A letter a command: 'm', say what happened since the last one. End of file: quit.
enum class Command : std::uint8_t { none, mark, quit };

inline Command read_command() {
  char letter = 0;
  const auto got = read(STDIN_FILENO, &letter, 1);
  return got <= 0 ? Command::quit : letter == 'm' ? Command::mark : Command::none;
}

// Sleeps, but not through a command.
inline Command wait_until(std::int64_t until_ns) {
  const auto left = until_ns - clock_ns();
  if (left <= 0) return Command::none;
  pollfd input{STDIN_FILENO, POLLIN, 0};
  const timespec time{left / 1'000'000'000, static_cast<long>(left % 1'000'000'000)};
  return ppoll(&input, 1, &time, nullptr) > 0 ? read_command() : Command::none;
}

}  // namespace load
