// Sixteen characters at a time come to the same as one at a time. Built twice: with SSE2 where the
// machine has it, and with plain loops.
#include "sip/simd.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <string_view>

#include "sip/scan.hpp"

namespace {

using sip::simd::Block;

char character(unsigned c) {
  return static_cast<char>(static_cast<unsigned char>(c));
}

// The class of each of the 256 characters, one in each place of a block.
template <class Classify>
void check_class(const char* name, Classify classify, unsigned bits, bool inverted) {
  CAPTURE(name);
  for (unsigned c = 0; c < 256; ++c) {
    CAPTURE(c);
    for (unsigned at = 0; at < 16; ++at) {
      std::string text(16, 'a');
      text[at] = character(c);
      const bool in_class = (classify(Block::load(text.data())).mask() >> at & 1) != 0;
      REQUIRE(in_class == (sip::scan::is(character(c), bits) != inverted));
    }
  }
}

}  // namespace

TEST_CASE("the classes of blocks are those of the table") {
  using namespace sip;
  check_class("host", scan::hosts, scan::host, false);
  check_class("not user", scan::not_users, scan::user, true);
  check_class("digit", scan::digits, scan::digit, false);
}

TEST_CASE("what ends the parameters of a URI") {
  for (unsigned c = 0; c < 256; ++c) {
    CAPTURE(c);
    const std::string text(16, character(c));
    const bool ends = c <= 0x20 || c == '<' || c == '>' || c == 0x7f;
    CHECK((sip::scan::not_uri_tail(Block::load(text.data())).mask() == 0xffff) == ends);
  }
}

TEST_CASE("texts of any size, the character in any place") {
  for (std::size_t size = 0; size < 70; ++size) {
    CAPTURE(size);
    for (std::size_t at = 0; at <= size; ++at) {
      CAPTURE(at);
      std::string text(size, 'a');
      if (at < size) text[at] = ';';
      if (at + 3 < size) text[at + 3] = ';';  // the first counts
      const std::string exact(text);          // reading beyond it is seen by the sanitizer
      REQUIRE(sip::scan::find(exact, ';') == at);
    }
  }
}

TEST_CASE("parts of a block") {
  const std::string text = "abcdefghijklmnop";
  for (std::size_t size = 1; size < 16; ++size) {
    CAPTURE(size);
    const std::string exact = text.substr(0, size);
    std::string padded = exact;
    padded.resize(16, '\0');
    const auto part = Block::load_part(exact.data(), size);
    CHECK(part.equal(Block::load(padded.data())).mask() == 0xffff);
    if (size <= 8) CHECK(Block::load_word(exact.data(), size) == part.low());
  }
}

TEST_CASE("places of a character, one after the other") {
  for (std::size_t size : {0u, 1u, 15u, 63u, 64u, 65u, 127u, 128u, 200u}) {
    CAPTURE(size);
    for (std::size_t step : {1u, 3u, 17u, 64u, 100u}) {
      CAPTURE(step);
      std::string text(size, 'a');
      for (std::size_t i = step - 1; i < size; i += step) text[i] = '\n';
      sip::simd::Places places(text.data(), text.data() + size, '\n');
      for (std::size_t i = step - 1; i < size; i += step) REQUIRE(places.next() == text.data() + i);
      REQUIRE(places.next() == nullptr);
      REQUIRE(places.next() == nullptr);
    }
  }
}
