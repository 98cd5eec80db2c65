#include "sip/text_pool.hpp"

#include <doctest/doctest.h>

#include <random>
#include <string>
#include <vector>

using sip::PooledText;
using sip::TextPool;

TEST_CASE("texts of all sizes keep what they were given") {
  TextPool pool;
  std::mt19937 random(3);
  std::vector<PooledText> texts(400);
  std::vector<std::string> expected(texts.size());
  for (int step = 0; step < 40'000; ++step) {
    const auto i = random() % texts.size();
    if (random() % 3 == 0) {
      pool.release(texts[i]);
      expected[i].clear();
    } else {
      expected[i].assign(random() % 6000, static_cast<char>('a' + step % 26));
      pool.assign(texts[i], expected[i]);
    }
    const auto j = random() % texts.size();
    REQUIRE(std::string_view(texts[j]) == expected[j]);
  }
  for (std::size_t i = 0; i < texts.size(); ++i) REQUIRE(std::string_view(texts[i]) == expected[i]);
  for (auto& text : texts) pool.release(text);
}

TEST_CASE("what a burst has needed goes back, and serves texts of another size") {
  TextPool pool;
  std::vector<PooledText> texts(100'000);
  for (auto& text : texts) pool.assign(text, std::string(400, 'x'));
  const auto most = pool.slab_count();
  CHECK(most * 64 * 1024 < texts.size() * 460);  // 448 each, and little beside
  for (auto& text : texts) pool.release(text);
  CHECK(pool.slab_count() <= 16);
  for (auto& text : texts) pool.assign(text, std::string(200, 'y'));
  for (auto& text : texts) pool.release(text);
  CHECK(pool.slab_count() <= 16);
}
