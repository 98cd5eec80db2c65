#include "gb28181/xml.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace gb28181;
using xml::Element;

namespace {

// One line for a tree: name[attr=value]{text|children}.
std::string outline(const Element& element) {
  std::string line = element.name;
  for (const auto& attribute : element.attributes)
    line += '[' + attribute.name + '=' + attribute.value + ']';
  if (!element.text.empty()) line += "'" + element.text + "'";
  if (element.children.empty()) return line;
  line += '{';
  for (const auto& child : element.children) line += outline(child) + ' ';
  line.back() = '}';
  return line;
}

std::string read(std::string_view bytes) {
  const auto document = xml::parse(bytes);
  if (!document) return document.error().message();
  return (document->salvaged ? "salvaged " : "") + outline(document->root);
}

using namespace std::string_literals;

}  // namespace

TEST_CASE("documents as they should be, and as devices send them") {
  struct Case {
    const char* name;
    std::string bytes;
    std::string outline;
  };
  const Case cases[] = {
      {"plain", "<?xml version=\"1.0\"?><A><B>1</B><C n=\"2\"/></A>", "A{B'1' C[n=2]}"},
      {"no declaration", "<A><B> 1 </B></A>", "A{B'1'}"},
      {"junk before the declaration", "\r\n\0jaK <?xml version=\"1.0\"?>\r\n<A>x</A>"s, "A'x'"},
      {"junk between declaration and root", "<?xml version='1.0' ?> zz <A>x</A>", "A'x'"},
      {"a comment before the root", "<!-- <Z> --><A>x</A>", "A'x'"},
      {"a byte order mark", "\xEF\xBB\xBF<?xml version=\"1.0\"?><A>x</A>", "A'x'"},
      {"broken declaration", "<?xml version=\"1.0\" encoding=\"GB2312\"? standalone><A>x</A>",
       "A'x'"},
      {"NULs after the root", "<A>x</A>\0\0\0"s, "A'x'"},
      {"garbage after the root", "<A>x</A></A><B>", "A'x'"},
      {"NUL in a text", "<A>x\0y</A>"s, "A'x y'"},
      {"GBK declared GB2312", "<?xml version=\"1.0\" encoding=\"GB2312\"?><A>\xB1\xB1\xC3\xC5</A>",
       "A'北门'"},
      {"GBK declared UTF-8", "<?xml version=\"1.0\" encoding=\"UTF-8\"?><A>\xB1\xB1\xC3\xC5</A>",
       "A'北门'"},
      {"UTF-8 declared GB2312", "<?xml version=\"1.0\" encoding=\"gb2312\"?><A>北门</A>",
       "A'北门'"},
      {"an encoding nobody knows", "<?xml version=\"1.0\" encoding=\"x-none\"?><A>1</A>", "A'1'"},
      {"entities and CDATA", "<A>&lt;&amp;&gt;<![CDATA[<b>&]]></A>", "A'<&><b>&'"},

      {"raw ampersand", "<A><B>R&D</B><C>1</C></A>", "salvaged A{B'R&D' C'1'}"},
      {"raw ampersand beside an entity", "<A>a&b&amp;c&nbsp;</A>", "salvaged A'a&b&c&nbsp;'"},
      {"raw bracket", "<A><B>a<3</B></A>", "salvaged A{B'a<3'}"},
      {"a word in brackets", "<A><B>lane <x> north</B><C>1</C></A>",
       "salvaged A{B'lane <x> north' C'1'}"},
      {"missing end tag of a leaf", "<A><B>1<C>2</C></A>", "salvaged A{B'1' C'2'}"},
      {"doubled end tag", "<A><B>1</B></B><C>2</C></A>", "salvaged A{B'1' C'2'}"},
      {"end tag in other letter case", "<A><Name>1</name><C>2</C></A>", "salvaged A{Name'1' C'2'}"},
      {"missing end of an Item", "<L><Item><I>1</I><Item><I>2</I></Item></L>",
       "salvaged L{Item{I'1'} Item{I'2'}}"},
      {"cut off", "<L><Item><I>1</I></Item><Item><I>2</I><Na",
       "salvaged L{Item{I'1'} Item'<Na'{I'2'}}"},
      {"junk between the elements of an Item", "<L><Item>&x<I>1</I></Item></L>",
       "salvaged L{Item'&x'{I'1'}}"},
      {"a repeated attribute", "<A n=\"1\" n=\"2\">x</A>", "salvaged A[n=1]'x'"},

      {"only white space", " \r\n\0 "s, "empty body"},
      {"no XML at all", "hello", "not XML"},
      {"a document type definition", "<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>", "not XML"},
  };
  for (const auto& c : cases) {
    CAPTURE(c.name);
    CHECK(read(c.bytes) == c.outline);
  }
}

TEST_CASE("names compare without letter case") {
  const auto document = xml::parse("<root><DEVICEID Num=\" 3 \">x</DEVICEID></root>");
  REQUIRE(document.has_value());
  CHECK(document->root.is("Root"));
  CHECK(document->root.child_text("DeviceID") == "x");
  CHECK(document->root.child("deviceid")->attribute("num") == "3");
  CHECK(document->root.child("other") == nullptr);
}

TEST_CASE("entities do not expand") {
  std::string bomb = "<!DOCTYPE l [<!ENTITY a \"lol\">";
  for (char c = 'b'; c < 'j'; ++c) {
    bomb += std::string("<!ENTITY ") + c + " \"";
    for (int i = 0; i < 10; ++i) bomb += std::string("&") + static_cast<char>(c - 1) + ';';
    bomb += "\">";
  }
  bomb += "]><l>&i;</l>";
  CHECK(xml::parse(bomb).error() == Errc::malformed_xml);
  // Behind something that looks like a root it is only text.
  const auto document = xml::parse("<l>" + bomb + "</l>");
  REQUIRE(document.has_value());
  CHECK(document->root.text.size() < bomb.size());
}

TEST_CASE("limits") {
  xml::Limits limits;
  limits.bytes = 1000;
  limits.depth = 3;
  limits.elements = 5;
  limits.text_bytes = 4;
  const auto fault = [&](const std::string& bytes) { return xml::parse(bytes, limits).error(); };
  CHECK(fault("<A>" + std::string(1000, ' ') + "</A>") == Errc::body_too_large);
  CHECK(xml::parse("<A><B><C/></B></A>", limits).has_value());
  CHECK(fault("<A><B><C><D/></C></B></A>") == Errc::xml_limit);
  CHECK(fault("<A><B/><B/><B/><B/><B/></A>") == Errc::xml_limit);
  CHECK(xml::parse("<A>123456</A>", limits)->root.text == "1234");
  CHECK(xml::parse("<A>123北</A>", limits)->root.text == "123");
}

TEST_CASE("hostile documents cost no more than their size") {
  const auto repeated = [](std::string_view piece) {
    std::string text = "<A>";
    while (text.size() < 1'000'000) text += piece;
    return text;
  };
  for (const auto* piece : {"<", "<!--", "<![CDATA[", "<?", "<a b=\"", "<a b='\"", "</", "&", "<a ",
                            "<a>x", "x<b>", "<a b=\"\" c=''", "<Item>", "<Item>y"}) {
    CAPTURE(piece);
    (void)xml::parse(repeated(piece));  // a quadratic reader would not come back within the test
  }
}

TEST_CASE("the writer escapes and declares") {
  xml::Writer out(Charset::gb18030);
  out.open("Notify");
  out.element("Name", "a<b>&\"c\x01");
  out.open("List", "Num", 2);
  out.element("X", "北");
  CHECK(out.finish() ==
        "<?xml version=\"1.0\" encoding=\"GB18030\"?>\r\n<Notify>\r\n"
        "<Name>a&lt;b&gt;&amp;&quot;c</Name>\r\n<List Num=\"2\">\r\n<X>\xB1\xB1</X>\r\n"
        "</List>\r\n</Notify>\r\n");
}
