#include "gateway/location_part.hpp"

#include <algorithm>
#include <bit>
#include <vector>

#include "rtp/bytes.hpp"

namespace gateway {
namespace {

using std::chrono::milliseconds;

// Of a binding, beside its texts: expiry, two addresses, numbers, sizes.
constexpr std::size_t fixed_size = 8 + 2 * (1 + 16 + 2) + 4 + 4 + 2 + 1 + 5 * 2;

std::int64_t wall_ms(const Instant& instant, sip::TimePoint at) {
  const auto wall =
      instant.wall + std::chrono::duration_cast<sip::WallTime::duration>(at - instant.now);
  return std::chrono::floor<milliseconds>(wall.time_since_epoch()).count();
}

sip::TimePoint steady(const Instant& instant, std::int64_t ms) {
  return instant.now + (sip::WallTime(milliseconds(ms)) - instant.wall);
}

void write(rtp::ByteWriter& out, std::string_view text) {
  out.u16(static_cast<std::uint16_t>(text.size()));
  out.bytes({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
}

void write(rtp::ByteWriter& out, const sip::Address& address) {
  out.u8(static_cast<std::uint8_t>(address.ip.size()));
  out.bytes({address.ip.bytes().data(), address.ip.size()});
  out.u16(address.port);
}

void write(rtp::ByteWriter& out, const sip::BindingView& b, const Instant& instant) {
  out.u64(std::bit_cast<std::uint64_t>(wall_ms(instant, b.expires_at)));
  out.u32(b.cseq), out.u32(b.reg_id), out.u16(b.q_1000);
  out.u8(static_cast<std::uint8_t>(b.flow.transport));
  write(out, b.flow.local), write(out, b.flow.remote);
  for (const auto text : {b.contact, b.call_id, b.path, b.instance, b.user_agent}) write(out, text);
}

std::string_view read_text(rtp::ByteReader& in) {
  const auto bytes = in.bytes(in.u16());
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

bool read(rtp::ByteReader& in, sip::Address& address) {
  const auto size = in.u8();
  if (size != 4 && size != 16) return false;
  const auto bytes = in.bytes(size);
  if (!in.ok()) return false;
  sip::IpAddress::V4Bytes four{};
  sip::IpAddress::V6Bytes sixteen{};
  std::ranges::copy(bytes, size == 4 ? four.data() : sixteen.data());
  address.ip = size == 4 ? sip::IpAddress::v4(four) : sip::IpAddress::v6(sixteen);
  address.port = in.u16();
  return true;
}

bool read(rtp::ByteReader& in, const Instant& instant, sip::BindingView& b) {
  b.expires_at = steady(instant, std::bit_cast<std::int64_t>(in.u64()));
  b.cseq = in.u32(), b.reg_id = in.u32(), b.q_1000 = in.u16();
  const auto transport = in.u8();
  if (transport > static_cast<std::uint8_t>(sip::Transport::wss)) return false;
  b.flow.transport = static_cast<sip::Transport>(transport);
  if (!read(in, b.flow.local) || !read(in, b.flow.remote)) return false;
  for (auto* text : {&b.contact, &b.call_id, &b.path, &b.instance, &b.user_agent})
    *text = read_text(in);
  return in.ok();
}

}  // namespace

void write_address(std::string_view aor, std::span<const sip::BindingView> bindings,
                   const Instant& instant, std::string& part) {
  auto room = 4 + aor.size();
  for (const auto& b : bindings) room += fixed_size + sip::text_size(b);
  const auto begin = part.size();
  part.resize(begin + room);
  rtp::ByteWriter out({reinterpret_cast<std::uint8_t*>(part.data()) + begin, room});
  write(out, aor);
  out.u16(static_cast<std::uint16_t>(bindings.size()));
  for (const auto& b : bindings) write(out, b, instant);
  part.resize(begin + out.size());
}

bool read_addresses(std::string_view part, const Instant& instant, const sip::KeepBindings& use) {
  rtp::ByteReader in({reinterpret_cast<const std::uint8_t*>(part.data()), part.size()});
  std::vector<sip::BindingView> bindings;
  while (!in.empty()) {
    const auto aor = read_text(in);
    bindings.clear();
    for (auto count = in.u16(); count > 0; --count) {
      auto& b = bindings.emplace_back();
      if (!read(in, instant, b)) return false;
      if (b.expires_at <= instant.now) bindings.pop_back();
    }
    if (!in.ok()) return false;
    use(aor, bindings);
  }
  return true;
}

}  // namespace gateway
