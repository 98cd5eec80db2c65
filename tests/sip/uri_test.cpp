#include "sip/uri.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <string>

namespace {

// "sip user password host port params headers", empty parts as '-'.
std::string parts(std::string_view text) {
  const auto uri = sip::parse_uri(text);
  if (!uri) return uri.error().message();
  auto part = [](std::string_view t) { return t.empty() ? std::string_view("-") : t; };
  constexpr const char* schemes[] = {"sip", "sips", "tel"};
  constexpr const char* kinds[] = {"name", "ipv4", "ipv6"};
  return fmt::format("{} {} {} {}({}) {} {} {}", schemes[static_cast<int>(uri->scheme)],
                     part(uri->user), part(uri->password), part(uri->host.host),
                     kinds[static_cast<int>(uri->host.kind)], uri->host.port,
                     part(uri->params.text()), part(uri->headers));
}

struct Case {
  const char* text;
  const char* expected;
};

}  // namespace

TEST_CASE("URIs are taken apart (RFC 3261 19.1.1)") {
  const Case cases[] = {
      {"sip:34020000001320000001@3402000000", "sip 34020000001320000001 - 3402000000(name) 0 - -"},
      {"sip:34020000001320000001@192.0.2.64:5060",
       "sip 34020000001320000001 - 192.0.2.64(ipv4) 5060 - -"},
      {"sip:34020000001320000001@34020000.spvmn.cn",
       "sip 34020000001320000001 - 34020000.spvmn.cn(name) 0 - -"},
      {"SIP:alice:secret@example.com:5070;transport=tcp;lr?subject=x&to=y",
       "sip alice secret example.com(name) 5070 ;transport=tcp;lr subject=x&to=y"},
      {"sips:[2001:db8::10]:5061", "sips - - 2001:db8::10(ipv6) 5061 - -"},
      {"sip:bob@[::ffff:192.0.2.1]", "sip bob - ::ffff:192.0.2.1(ipv6) 0 - -"},
      {"sip:atlanta.com;method=REGISTER?to=alice%40atlanta.com",
       "sip - - atlanta.com(name) 0 ;method=REGISTER to=alice%40atlanta.com"},
      {"sip:a;day=tuesday@atlanta.com", "sip a;day=tuesday - atlanta.com(name) 0 - -"},
      {"sip:+1-212-555-1212:1234@gateway.com;user=phone",
       "sip +1-212-555-1212 1234 gateway.com(name) 0 ;user=phone -"},
      {"tel:+1-201-555-0123;phone-context=x", "tel +1-201-555-0123 - -(name) 0 ;phone-context=x -"},
      {" sip:a@b ", "sip a - b(name) 0 - -"},
      {"sip:@192.0.2.1", "sip - - 192.0.2.1(ipv4) 0 - -"},
      {"sip:\xb9\xab@host", "sip \xb9\xab - host(name) 0 - -"},
      {"sip:a@300.0.0.1", "sip a - 300.0.0.1(name) 0 - -"},
      {"http://example.com/", "unsupported URI scheme"},
      {"im:bob@example.com", "unsupported URI scheme"},
      {"", "bad URI"},
      {"sip:", "bad URI"},
      {"<sip:a@b>", "bad URI"},
      {"34020000001320000001@3402000000", "bad URI"},
      {"sip:a@", "bad URI"},
      {"sip:a@b:x", "bad URI"},
      {"sip:a@b:65536", "bad URI"},
      {"sip:a@b c", "bad URI"},
      {"sip:a b@c", "bad URI"},
      {"sip:a@b;x=\r\ny", "bad URI"},
      {"sip:[2001:db8::1", "bad URI"},
      {"sip:[zz::1]", "bad URI"},
      {"sip:a@b/c", "bad URI"},
      {"tel:", "bad URI"},
      {"tel:hello", "bad URI"},
  };
  for (const auto& c : cases) {
    CAPTURE(c.text);
    CHECK(parts(c.text) == c.expected);
  }
}

TEST_CASE("what was parsed prints as it was") {
  for (const char* text : {"sip:alice:secret@example.com:5070;transport=tcp;lr?subject=x&to=y",
                           "sips:[2001:db8::10]:5061", "tel:+1-201-555-0123;phone-context=x",
                           "sip:34020000001320000001@192.0.2.64:5060",
                           "sip:192.168.10.177:5061;line=5c2d93a668f3d3b;lr"}) {
    CHECK(sip::to_string(*sip::parse_uri(text)) == text);
  }
}

TEST_CASE("a URI that is put together cannot leave its line") {
  sip::Uri uri;
  uri.user = "a\r\nEvil: 1";
  uri.host = {"h>\r\n", 5060, sip::HostKind::name};
  CHECK(sip::to_string(uri) == "sip:a%0D%0AEvil:%201@h%3E%0D%0A:5060");
}

TEST_CASE("comparison (RFC 3261 19.1.4)") {
  const struct {
    const char* a;
    const char* b;
    bool equal;
  } rows[] = {
      {"sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtLanTa.CoM;Transport=tcp", true},
      {"sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5", true},
      {"sip:carol@chicago.com;newparam=5", "sip:carol@chicago.com;security=on", true},
      {"sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
       "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com", true},
      {"sip:alice@atlanta.com?subject=project%20x&priority=urgent",
       "sip:alice@atlanta.com?priority=urgent&subject=project%20x", true},
      {"SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP", false},
      {"sip:bob@biloxi.com", "sip:bob@biloxi.com:5060", false},
      {"sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp", false},
      {"sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp", false},
      {"sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting", false},
      {"sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4", false},
      {"sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off", false},
      {"sip:a@b", "sips:a@b", false},
      {"sip:a@b;user=phone", "sip:a@b", false},
  };
  for (const auto& row : rows) {
    CAPTURE(row.a);
    CAPTURE(row.b);
    CHECK(sip::equivalent(*sip::parse_uri(row.a), *sip::parse_uri(row.b)) == row.equal);
    CHECK(sip::equivalent(*sip::parse_uri(row.b), *sip::parse_uri(row.a)) == row.equal);
  }
}

TEST_CASE("escapes") {
  CHECK(sip::unescape("a%40b%zz%4") == "a@b%zz%4");
  CHECK(sip::escape_user("a@b c\xff") == "a%40b%20c%FF");
  CHECK(sip::unescape(sip::escape_user("x:%y")) == "x:%y");
}
