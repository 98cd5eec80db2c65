#include "sip/header_id.hpp"

#include <doctest/doctest.h>

#include <cctype>
#include <string>

using sip::HeaderId;

namespace {

std::string map(std::string_view text, int (*change)(int)) {
  std::string out;
  for (char c : text) out += static_cast<char>(change(static_cast<unsigned char>(c)));
  return out;
}

}  // namespace

TEST_CASE("every known header name is found in any letter case") {
  for (std::size_t i = 1; i < sip::header_id_count; ++i) {
    const auto id = static_cast<HeaderId>(i);
    const auto name = sip::to_string(id);
    CAPTURE(name);
    REQUIRE(!name.empty());
    CHECK(sip::header_id_from(name) == id);
    CHECK(sip::header_id_from(map(name, std::toupper)) == id);
    CHECK(sip::header_id_from(map(name, std::tolower)) == id);
    CHECK(sip::header_id_from(std::string(name) + "x") == HeaderId::unknown);
    CHECK(sip::header_id_from("q" + std::string(name.substr(1))) == HeaderId::unknown);
  }
}

TEST_CASE("compact header names (RFC 3261 7.3.3 and extensions)") {
  const struct {
    const char* compact;
    HeaderId id;
  } rows[] = {{"v", HeaderId::via},
              {"F", HeaderId::from},
              {"t", HeaderId::to},
              {"I", HeaderId::call_id},
              {"m", HeaderId::contact},
              {"L", HeaderId::content_length},
              {"c", HeaderId::content_type},
              {"s", HeaderId::subject},
              {"k", HeaderId::supported},
              {"e", HeaderId::content_encoding},
              {"o", HeaderId::event},
              {"u", HeaderId::allow_events},
              {"r", HeaderId::refer_to},
              {"b", HeaderId::referred_by},
              {"x", HeaderId::session_expires},
              {"z", HeaderId::unknown},
              {"", HeaderId::unknown}};
  for (const auto& row : rows) {
    CAPTURE(row.compact);
    CHECK(sip::header_id_from(row.compact) == row.id);
  }
}
