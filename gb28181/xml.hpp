// XML as devices write it: a small element tree, a tolerant reader and a writer. The only user of
// expat. Pure; text in the tree is UTF-8.
//
// The reader bears what section 13 rows 15-17 of the protocol notes list: junk before the
// declaration, no or a wrong encoding, NULs after the root, raw '&' and '<' in text, missing or
// doubled end tags. A document type definition is refused, so entities cannot expand.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "gb28181/charset.hpp"
#include "gb28181/error.hpp"

namespace gb28181::xml {

struct Attribute {
  std::string name;
  std::string value;
  bool operator==(const Attribute&) const = default;
};

// Names compare without regard to letter case; text has no surrounding white space.
struct Element {
  std::string name;
  std::string text;
  std::vector<Attribute> attributes;
  std::vector<Element> children;

  bool is(std::string_view other_name) const;
  const Element* child(std::string_view child_name) const;         // the first, or null
  std::string_view child_text(std::string_view child_name) const;  // empty when absent
  std::string_view attribute(std::string_view attribute_name) const;
  bool operator==(const Element&) const = default;
};

struct Limits {
  std::size_t bytes = 4 << 20;  // of the document
  std::size_t depth = 16;
  std::size_t elements = 400'000;
  std::size_t attributes = 16;      // of one element; further ones are dropped
  std::size_t text_bytes = 16'384;  // of one element; the rest is cut off
};

struct Document {
  Element root;
  // Some of the document could not be read as XML and was repaired or left out.
  bool salvaged = false;
};

// Errc::empty_body, body_too_large, xml_limit, malformed_xml. `item_name` names the repeated
// element that is salvaged one by one, so that a broken one costs only itself.
Result<Document> parse(std::string_view bytes, const Limits& limits = {},
                       std::string_view item_name = "Item");

bool equal_names(std::string_view a, std::string_view b);  // ASCII, without letter case

// Builds a document in UTF-8; finish() converts. Elements come one per line, as devices expect.
class Writer {
 public:
  explicit Writer(Charset charset) : charset_(charset) {}

  void open(std::string_view name);
  void open(std::string_view name, std::string_view attribute_name, std::size_t attribute_value);
  void close();
  void element(std::string_view name, std::string_view text);  // text is escaped
  void tree(const Element& element);

  // The whole document with its declaration, in the charset. All open elements are closed.
  std::string finish();

 private:
  Charset charset_;
  std::string out_;
  std::vector<std::string> open_;
};

}  // namespace gb28181::xml
