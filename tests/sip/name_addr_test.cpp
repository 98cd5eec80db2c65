#include "sip/name_addr.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <string>

namespace {

std::string parts(std::string_view text) {
  const auto a = sip::parse_name_addr(text);
  if (!a) return a.error().message();
  if (a->wildcard) return "*";
  return fmt::format("[{}] [{}] [{}] tag={}", a->display_name, a->uri.text, a->params.text(),
                     a->tag());
}

}  // namespace

TEST_CASE("addresses of From, To, Contact, Route (RFC 3261 20.10)") {
  const struct {
    const char* text;
    const char* expected;
  } cases[] = {
      {"<sip:a@b>;tag=1", "[] [sip:a@b] [;tag=1] tag=1"},
      {"<sip:a@b> ; TAG = 1 ", "[] [sip:a@b] [; TAG = 1] tag=1"},
      {"sip:a@b;tag=1", "[] [sip:a@b] [;tag=1] tag=1"},
      {"<sip:a@b;lr>", "[] [sip:a@b;lr] [] tag="},
      {"Alice Liddell <sip:a@b>", "[Alice Liddell] [sip:a@b] [] tag="},
      {"\"A, \\\"B\\\" <C>\" <sip:a@b>;tag=x", "[A, \\\"B\\\" <C>] [sip:a@b] [;tag=x] tag=x"},
      {"\"\"<sip:a@b>", "[] [sip:a@b] [] tag="},
      {"\r\n <sip:a@b>\r\n\t;tag=1", "[] [sip:a@b] [;tag=1] tag=1"},
      {"<tel:+155501>;tag=q", "[] [tel:+155501] [;tag=q] tag=q"},
      {"*", "*"},
      {"", "bad address"},
      {"<sip:a@b", "bad address"},
      {"\"A <sip:a@b>", "bad address"},
      {"\"A\" sip:a@b", "bad address"},
      {"<sip:a@b>x", "bad address"},
      {"<>", "bad address"},
      {"a@b", "bad address"},
      {"<http://x/>;tag=1", "[] [http://x/] [;tag=1] tag=1"},
      {"isbn:2983792873", "[] [isbn:2983792873] [] tag="},
      {"sip:a@b?Route=c", "bad address"},
      {"<sip:a@b?Route=c>", "[] [sip:a@b?Route=c] [] tag="},
  };
  for (const auto& c : cases) {
    CAPTURE(c.text);
    CHECK(parts(c.text) == c.expected);
  }
}

TEST_CASE("Contact parameters") {
  const struct {
    const char* text;
    int q;
    long expires;
  } rows[] = {{"<sip:a@b>", 1000, -1},
              {"<sip:a@b>;q=0.5;expires=60", 500, 60},
              {"<sip:a@b>;q=0.001", 1, -1},
              {"<sip:a@b>;q=1.000;expires=\"7\"", 1000, 7},
              {"<sip:a@b>;q=.5", 1000, -1},
              {"<sip:a@b>;q=0;expires=99999999999", 0, 4294967295},
              {"<sip:a@b>;expires=soon", 1000, -1}};
  for (const auto& row : rows) {
    CAPTURE(row.text);
    const auto a = *sip::parse_name_addr(row.text);
    CHECK(a.q_thousandths() == row.q);
    CHECK((a.expires() ? static_cast<long>(*a.expires()) : -1) == row.expires);
  }
}

TEST_CASE("printing quotes what needs it and reads back the same") {
  const struct {
    const char* text;
    const char* printed;
  } rows[] = {{"sip:a@b;tag=1", "<sip:a@b>;tag=1"},
              {"Alice L <sip:a@b>", "\"Alice L\" <sip:a@b>"},
              {"\"A \\\"B\\\"\" <sip:a@b:5060;lr>;x=\"y;z\"",
               "\"A \\\"B\\\"\" <sip:a@b:5060;lr>;x=\"y;z\""},
              {"*", "*"}};
  for (const auto& row : rows) {
    const auto printed = sip::to_string(*sip::parse_name_addr(row.text));
    CHECK(printed == row.printed);
    CHECK(sip::to_string(*sip::parse_name_addr(printed)) == printed);
  }
}

TEST_CASE("a display name cannot close its quotes or its line") {
  sip::NameAddr a;
  a.display_name = "x\" <sip:evil>\r\nEvil: 1\\";
  a.uri.host.host = "h";
  CHECK(sip::to_string(a) == "\"x\\\" <sip:evil>  Evil: 1\\\\\" <sip:h>");
}
