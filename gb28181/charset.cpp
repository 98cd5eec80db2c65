#include "gb28181/charset.hpp"

#include <iconv.h>

#include <array>
#include <cerrno>
#include <cstddef>

namespace gb28181 {
namespace {

constexpr std::string_view replacement = "\xEF\xBF\xBD";  // U+FFFD

bool is_continuation(char c) {
  return (static_cast<unsigned char>(c) & 0xC0) == 0x80;
}

// Length of the UTF-8 sequence at `at`, 0 when it is not one (overlong forms, surrogates and values
// above U+10FFFF included).
std::size_t sequence_length(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[at + i]); };
  const auto lead = byte(0);
  if (lead < 0x80) return 1;
  const std::size_t length = lead >= 0xC2 && lead <= 0xDF   ? 2
                             : lead >= 0xE0 && lead <= 0xEF ? 3
                             : lead >= 0xF0 && lead <= 0xF4 ? 4
                                                            : 0;
  if (length == 0 || at + length > text.size()) return 0;
  for (std::size_t i = 1; i < length; ++i)
    if (!is_continuation(text[at + i])) return 0;
  const bool overlong = (lead == 0xE0 && byte(1) < 0xA0) || (lead == 0xF0 && byte(1) < 0x90);
  const bool outside = (lead == 0xED && byte(1) >= 0xA0) || (lead == 0xF4 && byte(1) >= 0x90);
  return overlong || outside ? 0 : length;
}

bool is_ascii(std::string_view text) {
  for (const char c : text)
    if (static_cast<unsigned char>(c) >= 0x80) return false;
  return true;
}

// One direction of glibc's iconv. Opening one reads a table from disk, so each thread keeps its
// own.
class Converter {
 public:
  Converter(const char* to, const char* from) : handle_(iconv_open(to, from)) {}
  ~Converter() {
    if (valid()) iconv_close(handle_);
  }
  Converter(const Converter&) = delete;
  Converter& operator=(const Converter&) = delete;

  bool valid() const { return handle_ != invalid(); }

  // Appends what can be converted; returns how many bytes of `text` that was. 0 progress means that
  // text[0] starts an invalid, incomplete or unrepresentable sequence.
  std::size_t convert(std::string_view text, std::string& out) {
    iconv(handle_, nullptr, nullptr, nullptr, nullptr);
    char* in = const_cast<char*>(text.data());  // iconv's type only: the input is not written
    std::size_t left = text.size();
    std::array<char, 512> buffer;
    while (left > 0) {
      char* to = buffer.data();
      std::size_t room = buffer.size();
      const auto converted = iconv(handle_, &in, &left, &to, &room);
      out.append(buffer.data(), buffer.size() - room);
      if (converted == static_cast<std::size_t>(-1) && errno != E2BIG) break;
    }
    return text.size() - left;
  }

 private:
  static iconv_t invalid() { return reinterpret_cast<iconv_t>(-1); }
  iconv_t handle_;
};

std::string gb18030_to_utf8(std::string_view bytes) {
  thread_local Converter converter("UTF-8", "GB18030");
  std::string out;
  out.reserve(bytes.size() + bytes.size() / 2);
  while (!bytes.empty()) {
    const auto done = converter.valid() ? converter.convert(bytes, out) : 0;
    bytes.remove_prefix(done);
    if (bytes.empty()) break;
    // One byte is skipped, so that a '<' behind half a character survives.
    if (static_cast<unsigned char>(bytes.front()) < 0x80)
      out.push_back(bytes.front());
    else
      out += replacement;
    bytes.remove_prefix(1);
  }
  return out;
}

std::string repaired_utf8(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const auto length = sequence_length(text, at);
    out += length == 0 ? replacement : text.substr(at, length);
    at += length == 0 ? 1 : length;
  }
  return out;
}

std::string utf8_to_gb(std::string_view text, Converter& converter) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const auto done = converter.valid() ? converter.convert(text, out) : 0;
    text.remove_prefix(done);
    if (text.empty()) break;
    out.push_back('?');
    const auto length = sequence_length(text, 0);
    text.remove_prefix(length == 0 ? 1 : length);
  }
  return out;
}

}  // namespace

Charset charset_of(Edition edition) {
  return edition == Edition::y2022 ? Charset::gb18030 : Charset::gb2312;
}

std::string_view to_string(Charset charset) {
  switch (charset) {
    case Charset::utf8:
      return "UTF-8";
    case Charset::gb2312:
      return "GB2312";
    case Charset::gb18030:
      return "GB18030";
  }
  return "UTF-8";
}

bool is_valid_utf8(std::string_view bytes) {
  for (std::size_t at = 0; at < bytes.size();) {
    const auto length = sequence_length(bytes, at);
    if (length == 0) return false;
    at += length;
  }
  return true;
}

Charset guess_charset(std::string_view bytes) {
  std::size_t wide = 0, invalid = 0;  // sequences of three bytes and more: Chinese text
  bool multi_byte = false;
  for (std::size_t at = 0; at < bytes.size();) {
    const auto length = sequence_length(bytes, at);
    if (length == 0) ++invalid;
    if (length > 1) multi_byte = true;
    if (length > 2) ++wide;
    at += length == 0 ? 1 : length;
    // The rest of a broken character is not another fault.
    while (length == 0 && at < bytes.size() && is_continuation(bytes[at])) ++at;
  }
  if (invalid == 0) return multi_byte ? Charset::utf8 : Charset::gb18030;
  // GB text read as UTF-8 is wrong nearly everywhere and hardly ever yields three bytes in a row that
  // fit. A few wrong bytes among more characters are a name cut in the middle, or stray memory.
  return wide > 2 * invalid ? Charset::utf8 : Charset::gb18030;
}

std::string to_utf8(std::string_view bytes) {
  if (is_ascii(bytes)) return std::string(bytes);
  return guess_charset(bytes) == Charset::utf8 ? repaired_utf8(bytes) : gb18030_to_utf8(bytes);
}

std::string from_utf8(std::string_view text, Charset charset) {
  if (charset == Charset::utf8 || is_ascii(text)) return std::string(text);
  thread_local Converter gb18030("GB18030", "UTF-8");
  thread_local Converter gbk("GBK", "UTF-8");
  return utf8_to_gb(text, charset == Charset::gb18030 ? gb18030 : gbk);
}

}  // namespace gb28181
