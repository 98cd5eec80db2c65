// Makes well-formed XML of what devices send when expat refuses it: raw '&' and '<' in text,
// missing, doubled and misspelt end tags, a document cut off. Used by xml.cpp only. Pure.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace gb28181::xml {

// Where the root's start tag begins: behind white space, junk, the declaration and comments.
// Nothing when there is none, or when a document type definition stands before it.
std::optional<std::size_t> find_root(std::string_view text);

// `text` is UTF-8 from the root's start tag on, without control characters. Elements deeper than
// `depth` are left as text.
//  - A tag that is not one, and an entity that XML does not define, become text.
//  - A start tag behind text: MANSCDP has no mixed content, so the element before it lacks its end
//    tag, unless that end tag comes next: then the "tag" is part of the text.
//  - `item_name` elements do not nest: a second one closes the first.
//  - An end tag closes all that is open inside its element; one without a start is dropped.
std::string repair(std::string_view text, std::string_view item_name, std::size_t depth);

// XML escapes; characters that XML cannot carry are dropped.
void append_escaped(std::string_view text, std::string& out);

}  // namespace gb28181::xml
