// The messages in tests/data/sip. SIP_CORPUS comes from meson.build.
#pragma once

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

namespace sip_corpus {

inline std::string read(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

inline std::string message(const std::string& name) {
  return read(std::filesystem::path(SIP_CORPUS) / (name + ".sip"));
}

// The well-formed messages, in the order of their names.
inline std::vector<std::string> all() {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(SIP_CORPUS))
    if (entry.path().extension() == ".sip") paths.push_back(entry.path());
  std::sort(paths.begin(), paths.end());
  std::vector<std::string> messages;
  for (const auto& path : paths) messages.push_back(read(path));
  return messages;
}

}  // namespace sip_corpus
