#include "sip/dns_answer.hpp"

#include <algorithm>

namespace sip {
namespace {

constexpr std::size_t most_records = 64;
constexpr std::size_t longest_name = 255;
constexpr int most_jumps = 32;  // of name compression: it could lead in a circle
constexpr std::uint16_t type_cname = 5;
constexpr std::uint16_t class_in = 1;

// Reads on; once it is beyond the end everything is 0 and `ok` is false.
struct Reader {
  std::string_view all;
  std::size_t at = 0;
  bool ok = true;

  std::uint8_t byte() {
    if (at >= all.size()) ok = false;
    return ok ? static_cast<std::uint8_t>(all[at++]) : std::uint8_t{0};
  }
  std::uint16_t two() {
    const unsigned high = byte();
    return static_cast<std::uint16_t>(high << 8 | byte());
  }
  std::uint32_t four() {
    const std::uint32_t high = two();
    return high << 16 | two();
  }
  std::string_view take(std::size_t size) {
    if (all.size() - at < size) ok = false;
    if (!ok) return {};
    at += size;
    return all.substr(at - size, size);
  }
  std::string text() { return std::string(take(byte())); }
  std::string name();
};

// RFC 1035 4.1.4: labels, or a pointer to where the rest of them stands.
std::string Reader::name() {
  std::string out;
  std::size_t back = 0;  // where to read on after the first pointer
  for (int jumps = 0; ok;) {
    const std::uint8_t size = byte();
    if (size == 0) break;
    if ((size & 0xC0) == 0xC0) {
      const std::size_t target = static_cast<std::size_t>(size & 0x3F) << 8 | byte();
      if (back == 0) back = at;
      if (++jumps > most_jumps) ok = false;
      at = std::min(target, all.size());
    } else {
      if (!out.empty()) out += '.';
      out += take(size);
      if ((size & 0xC0) != 0 || out.size() > longest_name) ok = false;
    }
  }
  if (back != 0) at = back;
  return out;
}

IpAddress read_ip(std::string_view data) {
  IpAddress::V6Bytes bytes{};
  std::copy(data.begin(), data.end(), bytes.begin());
  if (data.size() == bytes.size()) return IpAddress::v6(bytes);
  return IpAddress::v4({bytes[0], bytes[1], bytes[2], bytes[3]});
}

SrvRecord read_srv(Reader& in) {
  SrvRecord record;
  record.priority = in.two();
  record.weight = in.two();
  record.port = in.two();
  record.target = in.name();
  return record;
}

NaptrRecord read_naptr(Reader& in) {
  NaptrRecord record;
  record.order = in.two();
  record.preference = in.two();
  record.flags = in.text();
  record.service = in.text();
  record.regexp = in.text();
  record.replacement = in.name();
  return record;
}

// False: the data does not fit its type.
bool read_data(Reader in, std::size_t size, DnsType type, DnsAnswer& out) {
  const auto end = in.at + size;
  switch (type) {
    case DnsType::a:
    case DnsType::aaaa:
      if (size != (type == DnsType::a ? 4u : 16u)) return false;
      out.addresses.push_back(read_ip(in.take(size)));
      break;
    case DnsType::srv:
      out.srv.push_back(read_srv(in));
      break;
    case DnsType::naptr:
      out.naptr.push_back(read_naptr(in));
      break;
  }
  return in.ok && in.at <= end;
}

// False: it ends too early.
bool read_record(Reader& in, DnsType type, DnsAnswer& out, bool& any) {
  (void)in.name();
  const auto kind = in.two();
  const auto record_class = in.two();
  const std::chrono::seconds ttl{in.four() & 0x7FFFFFFF};
  const std::size_t size = in.two();
  const auto data = in;
  (void)in.take(size);
  if (!in.ok) return false;
  if (record_class != class_in) return true;
  const bool wanted = kind == static_cast<std::uint16_t>(type);
  if (wanted && !read_data(data, size, type, out)) return false;
  if (wanted || kind == type_cname) out.ttl = any ? std::min(out.ttl, ttl) : ttl;
  any = any || wanted || kind == type_cname;
  return true;
}

}  // namespace

Result<DnsAnswer> parse_dns_answer(std::string_view message, DnsType type) {
  Reader in{message};
  (void)in.take(4);  // id and flags: the resolver library looked at them
  const auto questions = in.two();
  const auto answers = in.two();
  (void)in.take(4);
  for (int i = 0; i < questions && in.ok; ++i) {
    (void)in.name();
    (void)in.take(4);
  }
  DnsAnswer out;
  bool any = false;
  for (std::size_t i = 0; i < std::min<std::size_t>(answers, most_records) && in.ok; ++i)
    if (!read_record(in, type, out, any)) in.ok = false;
  if (!in.ok) return make_error_code(Errc::bad_value);
  if (out.empty()) out.ttl = std::chrono::seconds{0};
  return out;
}

}  // namespace sip
