#include <doctest/doctest.h>

#include <algorithm>
#include <string>

#include "gb28181/manscdp/message.hpp"

using namespace gb28181;
using namespace gb28181::manscdp;

namespace {

constexpr const char* camera = "34020000001320000001";

CatalogItem full_item() {
  CatalogItem item;
  item.device_id = camera;
  item.event = CatalogEvent::add;
  item.name = "北门 <1> & \"2\"";
  item.manufacturer = "Acme";
  item.model = "C1";
  item.owner = "Owner";
  item.civil_code = "340200";
  item.block = "b";
  item.address = "Gate";
  item.parental = 0;
  item.parent_id = "34020000002000000001/34020000002160000001";
  item.safety_way = 0;
  item.register_way = 1;
  item.security_level_code = "A";
  item.secrecy = 0;
  item.ip_address = "192.0.2.64";
  item.port = 5060;
  item.status = ChannelStatus::off;
  item.longitude = 118.3700001;
  item.latitude = -31.33;
  item.business_group_id = "34020000002150000001";
  item.ptz_type = 1;
  item.resolution = "6/4";
  item.stream_number_list = "0/1";
  item.download_speed = "1/2/4";
  item.others = {{"CertNum", "7", false}, {"GrassrootsCode", "000000", true}};
  return item;
}

Message in(Root root, const char* cmd_type, Body body) {
  auto message = make_message(17, camera, std::move(body));
  message.root = root;
  message.cmd_type = cmd_type;
  return message;
}

std::string head(const std::string& cmd_type) {
  return "<CmdType>" + cmd_type + "</CmdType><SN>1</SN><DeviceID>" + camera + "</DeviceID>";
}

Message must_parse(const std::string& bytes) {
  const auto message = parse(bytes);
  REQUIRE_MESSAGE(message.has_value(), message.error().message());
  return *message;
}

}  // namespace

TEST_CASE("what is printed is read back, in every charset and edition") {
  CatalogPage page{3, {full_item(), {}}, 0};
  page.items[1].device_id = "channel-2";
  const Message messages[] = {
      make_message(1, camera, Keepalive{}),
      make_message(2, camera, Keepalive{false, {"34020000001320000002", "34020000001320000003"}}),
      make_message(3, camera, DeviceInfoQuery{}),
      make_message(4, camera, DeviceInfo{"录像机", true, "NVR", "海康", "M", "V1.0", 16, 0, 16}),
      make_message(5, camera, CatalogQuery{}),
      make_message(6, camera, CatalogQuery{"2026-03-01T00:00:00", "2026-03-02T00:00:00"}),
      make_message(7, camera, page),
      in(Root::notify, "Catalog", page),
      make_message(8, camera, CatalogPage{}),
      make_message(9, camera, DeviceStatusQuery{}),
      make_message(10, camera,
                   DeviceStatus{true,
                                false,
                                true,
                                "reason",
                                true,
                                false,
                                "2026-03-01T09:30:00",
                                {{"34020000001340000001", "ONDUTY"}}}),
      make_message(11, camera, MediaStatus{}),
      make_message(12, camera, Alarm{"4", "5", "2026-03-01T09:31:07", "入侵", 117.25, 31.5, 6, 1}),
      make_message(13, camera, RequestKeyFrame{}),
      in(Root::response, "Alarm", CommandResult{true}),
      in(Root::response, "DeviceControl", CommandResult{false}),
      in(Root::query, "RecordInfo", Other{{{"StartTime", "2026-03-01T00:00:00", {}, {}}}}),
      in(Root::notify, "Vendor", Other{{{"A", "", {{"Num", "1"}}, {{"B", "x<y", {}, {}}}}}}),
  };
  for (const auto& message : messages) {
    CAPTURE(message.cmd_type);
    for (const auto edition : {Edition::y2011, Edition::y2016, Edition::y2022}) {
      for (const auto charset : {Charset::utf8, Charset::gb2312, Charset::gb18030}) {
        const auto again = must_parse(print(message, edition, charset));
        CHECK(again == message);
        CHECK_FALSE(again.salvaged);
      }
    }
  }
}

TEST_CASE("the keepalive of the protocol notes, byte for byte") {
  const auto bytes = print(make_message(1, camera, Keepalive{}), Edition::y2022);
  CHECK(
      bytes ==
      "<?xml version=\"1.0\" encoding=\"GB18030\"?>\r\n<Notify>\r\n<CmdType>Keepalive</CmdType>\r\n"
      "<SN>1</SN>\r\n<DeviceID>34020000001320000001</DeviceID>\r\n<Status>OK</Status>\r\n"
      "</Notify>\r\n");
  CHECK(bytes.size() == 169);
}

TEST_CASE("the Catalog query that the project started from") {
  const std::string body =
      "<?xml version=\"1.0\"?>\n<Query>\n<CmdType>Catalog</CmdType>\n<SN>248</SN>\n"
      "<DeviceID>34020000001320000001</DeviceID>\n</Query>\n";
  const auto message = must_parse(body);
  CHECK(message == make_message(248, camera, CatalogQuery{}));
}

TEST_CASE("the spelling of IFrameCmd follows the edition, both are read") {
  const auto message = make_message(1, camera, RequestKeyFrame{});
  CHECK(print(message, Edition::y2016).find("<IFameCmd>Send</IFameCmd>") != std::string::npos);
  CHECK(print(message, Edition::y2022).find("<IFrameCmd>Send</IFrameCmd>") != std::string::npos);
}

TEST_CASE("2022 writes BusinessGroupID beside Info, older editions inside") {
  CatalogPage page{1, {{}}, 0};
  page.items[0].device_id = camera;
  page.items[0].business_group_id = "34020000002150000001";
  const auto message = make_message(1, camera, page);
  CHECK(print(message, Edition::y2022).find("<Info>") == std::string::npos);
  CHECK(print(message, Edition::y2016).find("<Info>\r\n<BusinessGroupID>") != std::string::npos);
}

TEST_CASE("heads that devices write") {
  struct Case {
    const char* name;
    std::string bytes;
    const char* cmd_type;
    std::optional<std::uint64_t> sn;
  };
  const Case cases[] = {
      {"letter case",
       "<notify><cmdType>KEEPALIVE</cmdType><sn>7</sn><deviceid>1</deviceid></notify>", "Keepalive",
       7},
      {"no SN",
       "<Notify><CmdType>Keepalive</CmdType><DeviceID>1</DeviceID></Notify>",
       "Keepalive",
       {}},
      {"SN with blanks", "<Notify><CmdType> Keepalive </CmdType><SN> 9 </SN></Notify>", "Keepalive",
       9},
      {"SN is no number",
       "<Notify><CmdType>Keepalive</CmdType><SN>abc</SN></Notify>",
       "Keepalive",
       {}},
      {"a large SN", "<Notify><CmdType>Keepalive</CmdType><SN>17712345678901</SN></Notify>",
       "Keepalive", 17712345678901},
      {"a misspelt command",
       "<Query><CmdType>PersetQuery</CmdType><SN>1</SN><DeviceID>1</DeviceID></Query>",
       "PresetQuery", 1},
      {"an unknown command", "<Response><CmdType>Vendor</CmdType></Response>", "Vendor", {}},
      {"no DeviceID in a Broadcast",
       "<Notify><CmdType>Broadcast</CmdType><SN>57</SN><SourceID>1</SourceID></Notify>",
       "Broadcast", 57},
  };
  for (const auto& c : cases) {
    CAPTURE(c.name);
    const auto message = must_parse(c.bytes);
    CHECK(message.cmd_type == c.cmd_type);
    CHECK(message.sn == c.sn);
  }
}

TEST_CASE("bodies that are refused") {
  struct Case {
    const char* name;
    std::string bytes;
    Errc fault;
  };
  const Case cases[] = {
      {"nothing", "", Errc::empty_body},
      {"not XML", "jaK", Errc::malformed_xml},
      {"another root", "<Foo><CmdType>Catalog</CmdType></Foo>", Errc::unknown_root},
      {"no command", "<Notify><SN>1</SN></Notify>", Errc::missing_cmd_type},
      {"a query about nobody", "<Query><CmdType>Catalog</CmdType><SN>1</SN></Query>",
       Errc::missing_device_id},
      {"a catalog without a list", "<Response>" + head("Catalog") + "</Response>", Errc::bad_value},
      {"a media status without a type", "<Notify>" + head("MediaStatus") + "</Notify>",
       Errc::bad_value},
  };
  for (const auto& c : cases) {
    CAPTURE(c.name);
    CHECK(parse(c.bytes).error() == c.fault);
  }
}

TEST_CASE("keepalives") {
  const auto status = [](const std::string& rest) {
    return *must_parse("<Notify>" + head("Keepalive") + rest + "</Notify>").get<Keepalive>();
  };
  CHECK(status("<Status>OK</Status><Info></Info>") == Keepalive{});
  CHECK(status("<Status>ON</Status>").ok);
  CHECK(status("").ok);
  CHECK_FALSE(status("<Status>ERROR</Status>").ok);
  CHECK(status("<Status>OK</Status><Info><DeviceID>5</DeviceID></Info>").faulty_ids.size() == 1);
}

TEST_CASE("catalog items as devices write them") {
  const auto item = [](const std::string& inside) {
    const auto message = must_parse("<Response>" + head("Catalog") +
                                    "<SumNum>1</SumNum><DeviceList Num=\" 1 \"><Item>" + inside +
                                    "</Item></DeviceList></Response>");
    const auto* page = message.get<CatalogPage>();
    REQUIRE(page->items.size() == 1);
    return page->items[0];
  };
  struct Status {
    const char* text;
    ChannelStatus status;
  };
  const Status statuses[] = {
      {"ON", ChannelStatus::on},       {"on", ChannelStatus::on},    {"OK", ChannelStatus::on},
      {"ONLINE", ChannelStatus::on},   {" ON ", ChannelStatus::on},  {"OFF", ChannelStatus::off},
      {"OFFLINE", ChannelStatus::off}, {"", ChannelStatus::unknown}, {"?", ChannelStatus::unknown},
  };
  for (const auto& s : statuses) {
    CAPTURE(s.text);
    CHECK(item(std::string("<DeviceID>1</DeviceID><Status>") + s.text + "</Status>").status ==
          s.status);
  }
  const auto odd = item(
      "<Name>null</Name><DEVICEID> 34020000001320000009 </DEVICEID><Port></Port><Secrecy> 0 "
      "</Secrecy>"
      "<Longitude>x</Longitude><Latitude> 31.5 </Latitude><Password>secret</Password>"
      "<IPAddress>rtsp://admin:secret@192.0.2.64/x</IPAddress><VendorThing>5</VendorThing>"
      "<Info><PTZType>3</PTZType><BusinessGroupID>7</BusinessGroupID><Password>p</Password></"
      "Info>");
  CHECK(odd.device_id == "34020000001320000009");
  CHECK(odd.name == "");
  CHECK_FALSE(odd.port);
  CHECK(odd.secrecy == 0);
  CHECK_FALSE(odd.longitude);
  CHECK(odd.latitude == 31.5);
  CHECK(odd.ip_address == "rtsp://192.0.2.64/x");
  CHECK(odd.ptz_type == 3);
  CHECK(odd.business_group_id == "7");
  CHECK(odd.others == std::vector<OtherElement>{{"VendorThing", "5", false}});
}

TEST_CASE("one bad item does not lose the catalog") {
  const std::string good = "<Item><DeviceID>1</DeviceID><Name>\xB1\xB1\xC3\xC5</Name></Item>";
  const std::string bad[] = {
      "<Item><DeviceID>2</DeviceID><Name>R&D</Name></Item>",
      "<Item><DeviceID>2</DeviceID><Name>a<3</Name></Item>",
      "<Item><DeviceID>2</DeviceID><Name>x</Item>",
      "<Item><DeviceID>2</DeviceID></Name></Item>",
      "<Item><DeviceID>2</DeviceID><Name>x</Name>",
      std::string("<Item><DeviceID>2</DeviceID><Name>\0\x01\xFF\xFE</Name></Item>", 51),
  };
  for (const auto& item : bad) {
    CAPTURE(item);
    const auto message =
        must_parse("<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response>" + head("Catalog") +
                   "<SumNum>3</SumNum><DeviceList Num=\"3\">" + good + item +
                   "<Item><DeviceID>3</DeviceID></Item></DeviceList></Response>");
    const auto& items = message.get<CatalogPage>()->items;
    REQUIRE(items.size() == 3);
    CHECK(items[0].name == "北门");
    CHECK(items[1].device_id == "2");
    CHECK(items[2].device_id == "3");
  }
}

TEST_CASE("items without a usable DeviceID are counted") {
  const auto message = must_parse(
      "<Response>" + head("Catalog") +
      "<SumNum>3</SumNum><DeviceList Num=\"3\"><Item><Name>x</Name></Item><Item><DeviceID>a b c/"
      "</DeviceID></Item><Item><DeviceID>3</DeviceID></Item></DeviceList></Response>");
  CHECK(message.get<CatalogPage>()->items.size() == 1);
  CHECK(message.get<CatalogPage>()->skipped == 2);
}

TEST_CASE("a catalog cut off in the middle keeps what has come") {
  CatalogPage page{50, {}, 0};
  for (int i = 0; i < 50; ++i) {
    auto item = full_item();
    item.device_id = "ch" + std::to_string(i);
    page.items.push_back(item);
  }
  const auto bytes = print(make_message(1, camera, page));
  const auto message = must_parse(bytes.substr(0, bytes.size() / 2));
  CHECK(message.salvaged);
  const auto count = message.get<CatalogPage>()->items.size();
  CHECK(count >= 24);
  CHECK(count <= 26);
  CHECK(message.get<CatalogPage>()->sum_num == 50);
}

TEST_CASE("device status: nested ids, old names, misspelt OFFLINE") {
  const auto message =
      must_parse("<Response>" + head("DeviceStatus") +
                 "<Result>OK</Result><Online>OFFILE</Online><Status>OK</Status><Encode>ON</Encode>"
                 "<Alarmstatus "
                 "num=\"1\"><Item><DeviceID>5</DeviceID><StatusDutyStatus>ALARM</StatusDutyStatus>"
                 "</Item></Alarmstatus></Response>");
  CHECK(message.device_id == camera);
  const auto* status = message.get<DeviceStatus>();
  CHECK_FALSE(status->online);
  CHECK(status->works);
  CHECK(status->encode == true);
  CHECK_FALSE(status->record);
  CHECK(status->alarm_inputs == std::vector<AlarmInputStatus>{{"5", "ALARM"}});
}

TEST_CASE("ten thousand items in one message") {
  CatalogPage page{10'000, {}, 0};
  for (int i = 0; i < 10'000; ++i) {
    CatalogItem item;
    item.device_id = "3402000000132" + std::to_string(1'000'000 + i);
    item.name = "通道";
    item.status = ChannelStatus::on;
    page.items.push_back(item);
  }
  const auto message = must_parse(print(make_message(1, camera, page)));
  CHECK(message.get<CatalogPage>()->items.size() == 10'000);
}
