#include "gb28181/xml.hpp"

#include <expat.h>
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <optional>

#include "gb28181/xml_repair.hpp"

namespace gb28181::xml {
namespace {

constexpr std::string_view blanks(" \t\r\n\0", 5);

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

void trim(std::string& text) {
  const auto last = text.find_last_not_of(blanks);
  text.resize(last == std::string::npos ? 0 : last + 1);
  text.erase(0, text.find_first_not_of(blanks));
}

// A cut in the middle of a character would not be UTF-8 any more.
void cut(std::string& text, std::size_t size) {
  while (size > 0 && (static_cast<unsigned char>(text[size]) & 0xC0) == 0x80) --size;
  text.resize(size);
}

// Fills a tree from expat's events; stops the parser at the end of the root, so that what follows
// it does not matter, and at the first limit.
class Builder {
 public:
  Builder(XML_Parser parser, const Limits& limits) : parser_(parser), limits_(limits) {}

  void start(const char* name, const char** attributes) {
    if (stopped_) return;  // expat delivers the end of an empty element after a stop
    if (path_.size() >= limits_.depth || ++elements_ > limits_.elements)
      return stop(Errc::xml_limit);
    auto& element = path_.empty() ? root : path_.back()->children.emplace_back();
    element.name = name;
    for (std::size_t n = 0; *attributes && n < limits_.attributes; ++n, attributes += 2)
      element.attributes.push_back({attributes[0], attributes[1]});
    for (auto& attribute : element.attributes) trim(attribute.value);
    path_.push_back(&element);
  }

  void end() {
    if (stopped_ || path_.empty()) return;
    trim(path_.back()->text);
    path_.pop_back();
    if (!path_.empty()) return;
    complete = true;
    stop({});
  }

  void text(std::string_view piece) {
    if (stopped_ || path_.empty()) return;
    auto& all = path_.back()->text;
    if (all.size() >= limits_.text_bytes) return;
    all += piece;
    if (all.size() > limits_.text_bytes) cut(all, limits_.text_bytes);
  }

  void stop(std::optional<Errc> why) {
    stopped_ = true;
    fault = why;
    XML_StopParser(parser_, XML_FALSE);
  }

  Element root;
  bool complete = false;
  std::optional<Errc> fault;

 private:
  XML_Parser parser_;
  const Limits& limits_;
  std::vector<Element*> path_;  // stable: only the last one's children grow
  std::size_t elements_ = 0;
  bool stopped_ = false;
};

Builder& builder(void* data) {
  return *static_cast<Builder*>(data);
}

// `text` is UTF-8 and begins with the root's start tag.
Result<Element> parse_strictly(std::string_view text, const Limits& limits) {
  const std::unique_ptr<XML_ParserStruct, decltype(&XML_ParserFree)> parser(
      XML_ParserCreate("UTF-8"), &XML_ParserFree);
  if (!parser) return Errc::xml_limit;  // out of memory
  Builder tree(parser.get(), limits);
  XML_SetUserData(parser.get(), &tree);
  XML_SetElementHandler(
      parser.get(), [](void* d, const char* name, const char** a) { builder(d).start(name, a); },
      [](void* d, const char*) { builder(d).end(); });
  XML_SetCharacterDataHandler(parser.get(), [](void* d, const char* s, int n) {
    builder(d).text({s, static_cast<std::size_t>(n)});
  });
  // No entity of its own can be defined without one.
  XML_SetStartDoctypeDeclHandler(parser.get(), [](void* d, const char*, const char*, const char*,
                                                  int) { builder(d).stop(Errc::malformed_xml); });
  XML_Parse(parser.get(), text.data(), static_cast<int>(text.size()), XML_TRUE);
  if (tree.fault) return *tree.fault;
  if (!tree.complete) return Errc::malformed_xml;
  return std::move(tree.root);
}

// Characters that XML 1.0 forbids, NUL above all, would end the parse.
void blank_control_characters(std::string& text) {
  for (char& c : text)
    if (static_cast<unsigned char>(c) < 0x20 && c != '\t' && c != '\r' && c != '\n') c = ' ';
}

}  // namespace

bool equal_names(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return lower(x) == lower(y); });
}

bool Element::is(std::string_view other_name) const {
  return equal_names(name, other_name);
}

const Element* Element::child(std::string_view child_name) const {
  for (const auto& element : children)
    if (element.is(child_name)) return &element;
  return nullptr;
}

std::string_view Element::child_text(std::string_view child_name) const {
  const auto* element = child(child_name);
  return element ? std::string_view(element->text) : std::string_view{};
}

std::string_view Element::attribute(std::string_view attribute_name) const {
  for (const auto& attribute : attributes)
    if (equal_names(attribute.name, attribute_name)) return attribute.value;
  return {};
}

Result<Document> parse(std::string_view bytes, const Limits& limits, std::string_view item_name) {
  if (bytes.size() > limits.bytes) return Errc::body_too_large;
  if (bytes.find_first_not_of(blanks) == std::string_view::npos) return Errc::empty_body;
  auto text = to_utf8(bytes);
  blank_control_characters(text);
  const auto root = find_root(text);
  if (!root) return Errc::malformed_xml;
  const auto body = std::string_view(text).substr(*root);

  auto strict = parse_strictly(body, limits);
  if (strict) return Document{std::move(*strict), false};
  if (strict.error() != Errc::malformed_xml) return strict.error();
  auto repaired = parse_strictly(repair(body, item_name, limits.depth), limits);
  if (!repaired) return repaired.error();
  return Document{std::move(*repaired), true};
}

void append_escaped(std::string_view text, std::string& out) {
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        // A control character cannot be written in XML 1.0, not even escaped.
        if (static_cast<unsigned char>(c) >= 0x20 || c == '\t' || c == '\n' || c == '\r') out += c;
    }
  }
}

void Writer::open(std::string_view name) {
  out_ += fmt::format("<{}>\r\n", name);
  open_.emplace_back(name);
}

void Writer::open(std::string_view name, std::string_view attribute_name,
                  std::size_t attribute_value) {
  out_ += fmt::format("<{} {}=\"{}\">\r\n", name, attribute_name, attribute_value);
  open_.emplace_back(name);
}

void Writer::close() {
  if (open_.empty()) return;
  out_ += fmt::format("</{}>\r\n", open_.back());
  open_.pop_back();
}

void Writer::element(std::string_view name, std::string_view text) {
  out_ += fmt::format("<{}>", name);
  append_escaped(text, out_);
  out_ += fmt::format("</{}>\r\n", name);
}

void Writer::tree(const Element& element) {
  out_ += '<' + element.name;
  for (const auto& attribute : element.attributes) {
    out_ += ' ' + attribute.name + "=\"";
    append_escaped(attribute.value, out_);
    out_ += '"';
  }
  out_ += '>';
  append_escaped(element.text, out_);
  if (!element.children.empty()) out_ += "\r\n";
  for (const auto& below : element.children) tree(below);
  out_ += fmt::format("</{}>\r\n", element.name);
}

std::string Writer::finish() {
  while (!open_.empty()) close();
  const auto declaration =
      fmt::format("<?xml version=\"1.0\" encoding=\"{}\"?>\r\n", to_string(charset_));
  return declaration + from_utf8(out_, charset_);
}

}  // namespace gb28181::xml
