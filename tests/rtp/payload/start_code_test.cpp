#include "rtp/payload/start_code.hpp"

#include <doctest/doctest.h>

#include <random>
#include <vector>

using rtp::payload::find_start_code;

namespace {

std::size_t by_hand(std::span<const std::uint8_t> b, std::size_t from) {
  for (auto at = from; at + 2 < b.size(); ++at)
    if (b[at] == 0 && b[at + 1] == 0 && b[at + 2] == 1) return at;
  return b.size();
}

}  // namespace

TEST_CASE("find_start_code(): the first 00 00 01, wherever it lies") {
  for (std::size_t size = 0; size < 300; ++size) {
    for (std::size_t at = 0; at + 3 <= size; ++at) {
      std::vector<std::uint8_t> bytes(size, 0xff);
      bytes[at] = bytes[at + 1] = 0;
      bytes[at + 2] = 1;
      if (find_start_code(bytes) != at) CHECK_MESSAGE(false, size << " bytes, code at " << at);
      if (find_start_code(bytes, at + 1) != size) CHECK_MESSAGE(false, size << " behind " << at);
    }
    CHECK(find_start_code(std::vector<std::uint8_t>(size, 0)) == size);
  }
}

TEST_CASE("find_start_code(): as a search byte by byte, in bytes full of zeros") {
  std::mt19937 random(7);
  for (int round = 0; round < 20000; ++round) {
    std::vector<std::uint8_t> bytes(random() % 400);
    const auto kinds = 2 + random() % 40;
    for (auto& byte : bytes) byte = static_cast<std::uint8_t>(random() % kinds);
    const auto from = bytes.empty() ? 0 : random() % bytes.size();
    if (find_start_code(bytes, from) != by_hand(bytes, from))
      CHECK_MESSAGE(false, "round " << round << ", " << bytes.size() << " bytes from " << from);
  }
}
