#include "sip/dialog_token.hpp"

#include <array>
#include <cstddef>
#include <cstring>
#include <span>

namespace sip {
namespace {

constexpr std::string_view alphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

constexpr auto values = [] {
  std::array<std::uint8_t, 256> table{};
  table.fill(0xff);
  for (std::size_t i = 0; i < alphabet.size(); ++i)
    table[static_cast<unsigned char>(alphabet[i])] = static_cast<std::uint8_t>(i);
  return table;
}();

// flags 1, tag 2, two flows of at most 1 + 8 + 2 * 18, MAC 8
constexpr std::size_t most_bytes = 104;
constexpr std::size_t mac_bytes = 8;
constexpr unsigned has_caller = 1, has_callee = 2, is_path = 4, all_flags = 7;
constexpr std::uint8_t v6_bit = 0x80;

struct Writer {
  std::array<std::uint8_t, most_bytes> bytes{};
  std::size_t size = 0;

  void number(std::uint64_t value, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i)
      bytes[size++] = static_cast<std::uint8_t>(value >> (8 * i));
  }
  void address(const Address& a) {
    std::memcpy(bytes.data() + size, a.ip.bytes().data(), a.ip.size());
    size += a.ip.size();
    number(a.port, 2);
  }
  // Both ends have one family.
  void flow(const Flow& f) {
    const auto family = f.remote.ip.is_v6() ? v6_bit : 0;
    number(static_cast<std::uint8_t>(f.transport) | family, 1);
    if (is_reliable(f.transport)) number(static_cast<std::uint64_t>(f.connection), 8);
    address(f.remote);
    address(f.local.ip.is_v6() == f.remote.ip.is_v6() ? f.local : Address{f.remote.ip, 0});
  }
};

struct Reader {
  std::span<const std::uint8_t> rest;
  bool good = true;

  std::uint64_t number(std::size_t count) {
    if (rest.size() < count) return good = false, 0;
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < count; ++i) value |= std::uint64_t{rest[i]} << (8 * i);
    rest = rest.subspan(count);
    return value;
  }
  Address address(bool v6) {
    const std::size_t size = v6 ? 16 : 4;
    if (rest.size() < size) return good = false, Address{};
    Address a;
    if (v6) {
      IpAddress::V6Bytes b{};
      std::memcpy(b.data(), rest.data(), size);
      a.ip = IpAddress::v6(b);
    } else {
      a.ip = IpAddress::v4({rest[0], rest[1], rest[2], rest[3]});
    }
    rest = rest.subspan(size);
    a.port = static_cast<std::uint16_t>(number(2));
    return a;
  }
  Flow flow() {
    Flow f;
    const auto head = number(1);
    const auto transport = head & ~std::uint64_t{v6_bit};
    if (transport > static_cast<std::uint8_t>(Transport::wss)) good = false;
    if (!good) return f;
    f.transport = static_cast<Transport>(transport);
    if (is_reliable(f.transport)) f.connection = ConnectionId{number(8)};
    f.remote = address((head & v6_bit) != 0);
    f.local = address((head & v6_bit) != 0);
    return f;
  }
};

// The flags come first.
std::uint64_t mac_of(std::span<const std::uint8_t> bytes, std::string_view call_id,
                     const HashKey& key) {
  if (bytes.front() & is_path) call_id = {};
  return KeyedHash(key)
      .add({reinterpret_cast<const char*>(bytes.data()), bytes.size()})
      .add(call_id)
      .finish();
}

void append_base64(std::string& out, std::span<const std::uint8_t> bytes) {
  std::uint32_t bits = 0;
  int count = 0;
  for (const auto b : bytes) {
    bits = bits << 8 | b;
    for (count += 8; count >= 6; count -= 6) out += alphabet[bits >> (count - 6) & 63];
  }
  if (count > 0) out += alphabet[bits << (6 - count) & 63];
}

// The number of bytes; 0 when it is none or too long.
std::size_t decode_base64(std::string_view text, std::array<std::uint8_t, most_bytes>& out) {
  if (text.size() * 6 / 8 > out.size()) return 0;
  std::uint32_t bits = 0;
  int count = 0;
  std::size_t size = 0;
  for (const char c : text) {
    const auto value = values[static_cast<unsigned char>(c)];
    if (value == 0xff) return 0;
    bits = bits << 6 | value;
    if ((count += 6) < 8) continue;
    count -= 8;
    out[size++] = static_cast<std::uint8_t>(bits >> count);
  }
  return size;
}

}  // namespace

std::uint16_t mark_of_tag(std::string_view tag) {
  return static_cast<std::uint16_t>(KeyedHash({}).add(tag).finish());
}

void append_token(std::string& out, const DialogToken& token, std::string_view call_id,
                  const HashKey& key) {
  Writer w;
  w.number((token.caller ? has_caller : 0u) | (token.callee ? has_callee : 0u) |
               (token.of_path ? is_path : 0u),
           1);
  w.number(token.caller_tag, 2);
  if (token.caller) w.flow(*token.caller);
  if (token.callee) w.flow(*token.callee);
  w.number(mac_of({w.bytes.data(), w.size}, call_id, key), mac_bytes);
  append_base64(out, {w.bytes.data(), w.size});
}

std::optional<DialogToken> parse_token(std::string_view text, std::string_view call_id,
                                       const HashKey& key) {
  std::array<std::uint8_t, most_bytes> bytes;
  const auto size = decode_base64(text, bytes);
  if (size < 3 + mac_bytes) return std::nullopt;
  const std::span<const std::uint8_t> content(bytes.data(), size - mac_bytes);
  Reader mac{{bytes.data() + content.size(), mac_bytes}};
  if (mac.number(mac_bytes) != mac_of(content, call_id, key)) return std::nullopt;
  Reader r{content};
  DialogToken token;
  const auto flags = r.number(1);
  token.caller_tag = static_cast<std::uint16_t>(r.number(2));
  if (flags & has_caller) token.caller = r.flow();
  if (flags & has_callee) token.callee = r.flow();
  token.of_path = (flags & is_path) != 0;
  if (!r.good || flags > all_flags) return std::nullopt;
  return token;
}

}  // namespace sip
