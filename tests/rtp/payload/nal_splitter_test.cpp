#include "rtp/payload/nal_splitter.hpp"

#include <doctest/doctest.h>

#include <string>

namespace rtp::payload {
namespace {

using Bytes = std::vector<std::uint8_t>;

struct Case {
  std::string name;
  Bytes stream;
  std::vector<Bytes> nals;
};

const Case cases[] = {
    {"one", {0, 0, 1, 0x67, 5}, {{0x67, 5}}},
    {"four-byte start codes", {0, 0, 0, 1, 0x67, 5, 0, 0, 0, 1, 0x68, 6}, {{0x67, 5}, {0x68, 6}}},
    {"trailing zeros",
     {0, 0, 1, 0x67, 5, 0, 0, 0, 0, 0, 0, 1, 0x68, 6, 0, 0},
     {{0x67, 5}, {0x68, 6}}},
    {"zeros inside", {0, 0, 1, 0x41, 0, 0, 3, 0, 7, 0, 9}, {{0x41, 0, 0, 3, 0, 7, 0, 9}}},
    {"ones inside", {0, 0, 1, 0x41, 1, 0, 1, 1}, {{0x41, 1, 0, 1, 1}}},
    {"noise in front", {9, 8, 0, 7, 0, 0, 1, 0x41, 5}, {{0x41, 5}}},
    {"one byte each", {0, 0, 1, 0x0a, 0, 0, 1, 0x0b}, {{0x0a}, {0x0b}}},
    {"empty ones", {0, 0, 1, 0, 0, 1, 0, 0, 1, 0x41}, {{0x41}}},
    {"no start code", {1, 2, 3, 0, 0}, {}},
};

std::vector<Bytes> split(const Bytes& stream, std::size_t cut) {
  NalSplitter splitter;
  std::vector<NalPiece> pieces;
  for (std::size_t at = 0; at < stream.size(); at += cut)
    splitter.push(Slice::copy_of(std::span(stream).subspan(at, std::min(cut, stream.size() - at))),
                  pieces);
  splitter.finish(pieces);
  std::vector<Bytes> nals;
  bool open = false;
  for (const auto& piece : pieces) {
    CHECK(piece.begin == (!open && !piece.end));
    if (piece.begin) nals.emplace_back();
    REQUIRE_FALSE(nals.empty());
    nals.back().insert(nals.back().end(), piece.bytes.bytes().begin(), piece.bytes.bytes().end());
    open = !piece.end;
  }
  CHECK_FALSE(open);
  return nals;
}

}  // namespace

TEST_CASE("NAL units at every cut") {
  for (const auto& c : cases) {
    CAPTURE(c.name);
    for (std::size_t cut = 1; cut <= c.stream.size(); ++cut) {
      CAPTURE(cut);
      CHECK(split(c.stream, cut) == c.nals);
    }
  }
}

TEST_CASE("pieces are views of what came in") {
  const Bytes stream = {0, 0, 1, 0x65, 1, 2, 3, 4};
  const Slice slice = Slice::copy_of(stream);
  NalSplitter splitter;
  std::vector<NalPiece> pieces;
  splitter.push(slice, pieces);
  REQUIRE(pieces.size() == 1);
  CHECK(pieces[0].bytes.data == slice.data + 3);
  CHECK(pieces[0].bytes.size == 5);
}

}  // namespace rtp::payload
