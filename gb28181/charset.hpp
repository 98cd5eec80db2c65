// Text in and out of the character sets of GB/T 28181 (2022: 6.10, GB 18030; before: GB 2312).
// Everything inside the program is UTF-8; conversion happens once, at the edge.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "gb28181/edition.hpp"

namespace gb28181 {

enum class Charset : std::uint8_t { utf8, gb2312, gb18030 };

Charset charset_of(Edition edition);          // what the edition tells us to write
std::string_view to_string(Charset charset);  // as an XML declaration names it

// What the bytes are, whatever they declare: valid UTF-8 with at least one multi-byte sequence is
// UTF-8, and so is long UTF-8 text with a few damaged bytes; everything else is GB 18030 (a
// superset of GBK, GB 2312 and ASCII).
Charset guess_charset(std::string_view bytes);

bool is_valid_utf8(std::string_view bytes);

// To UTF-8 by that rule. Never fails: an invalid byte becomes U+FFFD.
std::string to_utf8(std::string_view bytes);

// From UTF-8. A character that the target does not have, or an invalid byte, becomes '?'.
// gb2312 is written as GBK when GB 2312 proper lacks a character: every reader of GB 2312 takes it.
std::string from_utf8(std::string_view text, Charset charset);

}  // namespace gb28181
