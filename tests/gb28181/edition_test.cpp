#include "gb28181/edition.hpp"

#include <doctest/doctest.h>

#include "gb28181/subject.hpp"

using namespace gb28181;

TEST_CASE("X-GB-Ver") {
  for (const auto edition : {Edition::y2011, Edition::y2014, Edition::y2016, Edition::y2022})
    CHECK(parse_gb_version(gb_version(edition)) == edition);
  CHECK(parse_gb_version(" 3.0 ") == Edition::y2022);
  CHECK(parse_gb_version("4.7") == Edition::y2022);
  CHECK(parse_gb_version("1.2") == Edition::y2014);
  for (const auto* bad : {"", "3", "x", "3.", "3.0x", "0.9", ".0"})
    CHECK_FALSE(parse_gb_version(bad));
}

TEST_CASE("Subject, both ways") {
  const Subject subject{"34020000001320000001", "0200000017", "34020000002000000001", "0"};
  const std::string text = "34020000001320000001:0200000017,34020000002000000001:0";
  CHECK(to_string(subject) == text);
  CHECK(*parse_subject(text) == subject);
}

TEST_CASE("Subject as devices write it") {
  struct Case {
    const char* text;
    Subject subject;
  };
  const Case cases[] = {
      {" 1:0-4-0 , 2:ab12 ", {"1", "0-4-0", "2", "ab12"}},
      {"1:0", {"1", "0", "", ""}},
      {"1,2", {"1", "", "2", ""}},
      {"1:0,", {"1", "0", "", ""}},
  };
  for (const auto& c : cases) {
    CAPTURE(c.text);
    CHECK(*parse_subject(c.text) == c.subject);
  }
  CHECK(parse_subject("").error() == Errc::malformed_subject);
  CHECK(parse_subject(",2:0").error() == Errc::malformed_subject);
}
