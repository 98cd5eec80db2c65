#include "gb28181/charset.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace gb28181;

TEST_CASE("bytes become UTF-8, whatever they are") {
  struct Case {
    const char* name;
    std::string bytes;
    std::string text;
  };
  const Case cases[] = {
      {"ASCII", "Gate 1", "Gate 1"},
      {"UTF-8", "\xE5\x8C\x97\xE9\x97\xA8", "北门"},
      {"GB 2312", "\xB1\xB1\xC3\xC5", "北门"},
      {"GBK, outside GB 2312", "\x8D\x69", "峣"},
      {"GB 18030 with four bytes", "\x95\x32\x82\x36", "𠀀"},
      {"half a character at the end", "\xB1\xB1\xC3", "北\xEF\xBF\xBD"},
      {"half a character before markup", "\xB1\xB1\xC3</Name>", "北\xEF\xBF\xBD</Name>"},
      {"not a character at all", "a\xFF\x62", "a\xEF\xBF\xBD\x62"},
      {"long UTF-8 cut in the middle", "东西南北东西南北东\xE8\xA5",
       "东西南北东西南北东\xEF\xBF\xBD\xEF\xBF\xBD"},
      {"nothing", "", ""},
  };
  for (const auto& c : cases) {
    CAPTURE(c.name);
    CHECK(to_utf8(c.bytes) == c.text);
    CHECK(is_valid_utf8(to_utf8(c.bytes)));
  }
}

TEST_CASE("text goes out in the charset of the edition") {
  CHECK(charset_of(Edition::y2016) == Charset::gb2312);
  CHECK(charset_of(Edition::y2022) == Charset::gb18030);
  CHECK(from_utf8("北门 1", Charset::gb2312) == "\xB1\xB1\xC3\xC5 1");
  CHECK(from_utf8("北门 1", Charset::gb18030) == "\xB1\xB1\xC3\xC5 1");
  CHECK(from_utf8("北门 1", Charset::utf8) == "北门 1");
  CHECK(from_utf8("a𠀀b", Charset::gb2312) == "a?b");
  CHECK(from_utf8("a𠀀b", Charset::gb18030) ==
        "a\x95\x32\x82\x36"
        "b");
  CHECK(from_utf8("a\xFF\x62", Charset::gb18030) == "a?b");
}

TEST_CASE("forms that UTF-8 forbids are not UTF-8") {
  for (const std::string bytes : {"\xC0\x80", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xE5\x8C",
                                  "\x80", "\xE0\x80\x80", "\xF0\x80\x80\x80"}) {
    CHECK_FALSE(is_valid_utf8(bytes));
  }
  CHECK(is_valid_utf8("\xF0\xA0\x80\x80"));
}
