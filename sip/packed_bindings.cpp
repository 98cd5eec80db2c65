#include "sip/packed_bindings.hpp"

#include <cstring>
#include <new>

namespace sip {
namespace {

// Fixed part of a binding; its texts and addresses follow. Lies unaligned, hence the copying.
struct Fixed {
  std::int64_t expires = 0;
  std::uint64_t connection = 0;
  std::uint32_t cseq = 0, reg_id = 0, link = 0;
  std::uint16_t size = 0, q_1000 = 0, local_port = 0, remote_port = 0;
  std::uint16_t contact = 0, call_id = 0, path = 0, instance = 0, user_agent = 0;
  std::uint8_t transport = 0, flags = 0;
};
static_assert(sizeof(Fixed) == 48);

enum Flag : std::uint8_t { local_v6 = 1, remote_v6 = 2 };

Fixed fixed_at(const char* at) {
  Fixed fixed;
  std::memcpy(&fixed, at, sizeof fixed);
  return fixed;
}

void store(char* at, const Fixed& fixed) {
  std::memcpy(at, &fixed, sizeof fixed);
}

std::string_view take(const char*& at, std::size_t size) {
  const std::string_view text(at, size);
  at += size;
  return text;
}

IpAddress take_ip(const char*& at, bool v6) {
  IpAddress::V6Bytes sixteen{};
  IpAddress::V4Bytes four{};
  if (v6)
    std::memcpy(sixteen.data(), at, 16);
  else
    std::memcpy(four.data(), at, 4);
  at += v6 ? 16 : 4;
  return v6 ? IpAddress::v6(sixteen) : IpAddress::v4(four);
}

char* put(char* at, std::string_view text) {
  if (!text.empty()) std::memcpy(at, text.data(), text.size());
  return at + text.size();
}

char* put(char* at, const IpAddress& ip) {
  std::memcpy(at, ip.bytes().data(), ip.size());
  return at + ip.size();
}

std::uint16_t small(std::size_t size) {
  return static_cast<std::uint16_t>(size);
}

Fixed fixed_of(const BindingView& b, std::uint32_t link) {
  Fixed f;
  f.expires = b.expires_at.time_since_epoch().count();
  f.connection = static_cast<std::uint64_t>(b.flow.connection);
  f.cseq = b.cseq, f.reg_id = b.reg_id, f.link = link;
  f.size = small(PackedBindings::size_of(b)), f.q_1000 = b.q_1000;
  f.local_port = b.flow.local.port, f.remote_port = b.flow.remote.port;
  f.contact = small(b.contact.size()), f.call_id = small(b.call_id.size());
  f.path = small(b.path.size()), f.instance = small(b.instance.size());
  f.user_agent = small(b.user_agent.size());
  f.transport = static_cast<std::uint8_t>(b.flow.transport);
  f.flags = static_cast<std::uint8_t>((b.flow.local.ip.is_v6() ? local_v6 : 0) |
                                      (b.flow.remote.ip.is_v6() ? remote_v6 : 0));
  return f;
}

void write(char* at, const BindingView& b, std::uint32_t link) {
  store(at, fixed_of(b, link));
  at += sizeof(Fixed);
  for (const auto text : {b.contact, b.call_id, b.path, b.instance, b.user_agent})
    at = put(at, text);
  put(put(at, b.flow.local.ip), b.flow.remote.ip);
}

}  // namespace

PackedBindings::Block PackedBindings::make(std::string_view aor, std::uint32_t hash,
                                           std::uint32_t record, std::size_t room) {
  const auto size = sizeof(Head) + aor.size();
  Block block(new char[size + room]);
  auto* head = new (block.get()) Head;
  head->hash = hash, head->record = record;
  head->used = static_cast<std::uint32_t>(size);
  head->capacity = static_cast<std::uint32_t>(size + room);
  head->aor_size = small(aor.size());
  put(block.get() + sizeof(Head), aor);
  return block;
}

PackedBindings::Block PackedBindings::grown_by(std::size_t size) const {
  const auto capacity = head().used + size;
  Block larger(new char[capacity]);
  new (larger.get()) Head(head());
  std::memcpy(larger.get() + sizeof(Head), block_ + sizeof(Head), head().used - sizeof(Head));
  PackedBindings(larger).head().capacity = static_cast<std::uint32_t>(capacity);
  return larger;
}

std::uint32_t PackedBindings::next(std::uint32_t at) const {
  return at + fixed_at(data(at)).size;
}

const char* PackedBindings::read(const char* at, BindingView& out) {
  const auto f = fixed_at(at);
  const char* const end = at + f.size;
  at += sizeof(Fixed);
  out.contact = take(at, f.contact), out.call_id = take(at, f.call_id);
  out.path = take(at, f.path), out.instance = take(at, f.instance);
  out.user_agent = take(at, f.user_agent);
  out.flow.local = {take_ip(at, (f.flags & local_v6) != 0), f.local_port};
  out.flow.remote = {take_ip(at, (f.flags & remote_v6) != 0), f.remote_port};
  out.flow.transport = static_cast<Transport>(f.transport);
  out.flow.connection = ConnectionId(f.connection);
  out.q_1000 = f.q_1000, out.cseq = f.cseq, out.reg_id = f.reg_id;
  out.expires_at = TimePoint(Duration(f.expires));
  return end;
}

BindingView PackedBindings::read(std::uint32_t at) const {
  BindingView view;
  read(data(at), view);
  return view;
}

TimePoint PackedBindings::expires_at(std::uint32_t at) const {
  return TimePoint(Duration(fixed_at(data(at)).expires));
}

std::string_view PackedBindings::contact(std::uint32_t at) const {
  return {data(at) + sizeof(Fixed), fixed_at(data(at)).contact};
}

std::uint32_t PackedBindings::link(std::uint32_t at) const {
  return fixed_at(data(at)).link;
}

void PackedBindings::forget_connection(std::uint32_t at) {
  auto f = fixed_at(data(at));
  f.connection = 0, f.link = 0;
  store(block_ + at, f);
}

std::size_t PackedBindings::size_of(const BindingView& b) {
  return sizeof(Fixed) + b.contact.size() + b.call_id.size() + b.path.size() + b.instance.size() +
         b.user_agent.size() + b.flow.local.ip.size() + b.flow.remote.ip.size();
}

// Before the first that is not better: of equals the newest is first.
std::uint32_t PackedBindings::place_for(std::uint16_t q_1000) const {
  auto at = first();
  while (at != end() && fixed_at(data(at)).q_1000 > q_1000) at = next(at);
  return at;
}

void PackedBindings::insert(const BindingView& binding, std::uint32_t link) {
  const auto size = static_cast<std::uint32_t>(size_of(binding));
  const auto at = place_for(binding.q_1000);
  std::memmove(block_ + at + size, block_ + at, head().used - at);
  write(block_ + at, binding, link);
  head().used += size;
  ++head().count;
}

// The block keeps its size: what is erased is mostly put back a moment later, refreshed.
void PackedBindings::erase(std::uint32_t at) {
  const auto size = fixed_at(data(at)).size;
  std::memmove(block_ + at, block_ + at + size, head().used - at - size);
  head().used -= size;
  --head().count;
}

}  // namespace sip
