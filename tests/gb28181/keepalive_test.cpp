#include "gb28181/manscdp/keepalive.hpp"

#include <doctest/doctest.h>

#include <string>

#include "gb28181/manscdp/message.hpp"

namespace gb28181::manscdp {

TEST_CASE("keepalive: what is told without parsing is what parsing tells") {
  const std::string head = "<?xml version=\"1.0\" encoding=\"GB2312\"?>\r\n";
  const auto notify = [](const std::string& inside) {
    return "<Notify>" + inside + "</Notify>\r\n";
  };
  const std::string usual =
      "\r\n<CmdType>Keepalive</CmdType>\r\n<SN>17</SN>\r\n<DeviceID>34020000001320000001</DeviceID>"
      "\r\n<Status>OK</Status>\r\n";
  const struct {
    const char* name;
    std::string body;
    bool plain;
  } rows[] = {
      {"as most devices", head + notify(usual), true},
      {"no declaration", notify(usual), true},
      {"no blanks, another order",
       notify("<DeviceID>1</DeviceID><SN>1</SN><CmdType>Keepalive</CmdType>"), true},
      {"no SN, no Status", notify("<CmdType>Keepalive</CmdType><DeviceID>1</DeviceID>"), true},
      {"faulty channels", notify(usual + "<Info><DeviceID>2</DeviceID></Info>"), false},
      {"no device", notify("<CmdType>Keepalive</CmdType><SN>1</SN>"), false},
      {"another command", notify("<CmdType>Alarm</CmdType><DeviceID>1</DeviceID>"), false},
      {"other case", notify("<CmdType>KeepAlive</CmdType><DeviceID>1</DeviceID>"), false},
      {"a query", "<Query>" + usual + "</Query>", false},
      {"blanks around", notify("<CmdType> Keepalive </CmdType><DeviceID>1</DeviceID>"), false},
      {"an attribute", "<Notify a=\"b\">" + usual + "</Notify>", false},
      {"an entity", notify("<CmdType>Keepalive</CmdType><DeviceID>&#49;</DeviceID>"), false},
      {"a comment", notify(usual + "<!-- -->"), false},
      {"two devices", notify(usual + "<DeviceID>2</DeviceID>"), false},
      {"two commands",
       notify("<CmdType>Keepalive</CmdType><CmdType>Alarm</CmdType><DeviceID>1</DeviceID>"), false},
      {"not closed", "<Notify>" + usual, false},
      {"more behind it", notify(usual) + "x", false},
      {"wrong end tag", notify("<CmdType>Keepalive</SN><DeviceID>1</DeviceID>"), false},
      {"empty", "", false},
      {"long", notify(usual + std::string(2000, ' ')), false},
  };
  for (const auto& row : rows) {
    CAPTURE(row.name);
    CHECK(is_plain_keepalive(row.body) == row.plain);
    if (!row.plain) continue;
    const auto parsed = parse(row.body);
    REQUIRE(parsed.has_value());
    CHECK(parsed->get<Keepalive>() != nullptr);
    CHECK_FALSE(parsed->device_id.empty());
  }
  // Whatever is damaged: never more than what parse() would take.
  const auto whole = head + notify(usual);
  for (std::size_t i = 0; i < whole.size(); ++i) {
    for (const char c : {'<', '>', '/', ' ', '\0', 'x', '\x80'}) {
      auto damaged = whole;
      damaged[i] = c;
      if (!is_plain_keepalive(damaged)) continue;
      const auto parsed = parse(damaged);
      CAPTURE(damaged);
      REQUIRE(parsed.has_value());
      CHECK(parsed->get<Keepalive>() != nullptr);
    }
  }
}

}  // namespace gb28181::manscdp
