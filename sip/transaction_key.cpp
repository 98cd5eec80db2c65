#include "sip/transaction_key.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <string>

#include "sip/scan.hpp"

namespace sip {
namespace {

__extension__ using Wide = unsigned __int128;

// Ends a part; cannot stand inside one, as all are free of control characters.
constexpr char separator = '\x1f';

// Where keys are written that nobody keeps. What is longer than any honest key goes on the heap.
class KeyText {
 public:
  void append(const char* data, std::size_t size) {
    if (size == 0) return;  // an empty part may have no address
    if (size_ + size > room_.size()) return append_long({data, size});
    std::memcpy(room_.data() + size_, data, size);
    size_ += size;
  }
  void append(std::string_view text) { append(text.data(), text.size()); }
  void push_back(char c) { append(&c, 1); }
  std::string_view text() const {
    return long_.empty() ? std::string_view(room_.data(), size_) : std::string_view(long_);
  }

 private:
  void append_long(std::string_view text) {
    if (long_.empty()) long_.assign(room_.data(), size_);
    size_ = room_.size();  // from now on everything is long
    long_.append(text);
  }
  std::array<char, 512> room_;
  std::size_t size_ = 0;
  std::string long_;
};

void append_part(KeyText& out, std::string_view part) {
  out.append(part);
  out.push_back(separator);
}

void append_number(KeyText& out, std::uint32_t number) {
  char bytes[sizeof number];
  std::memcpy(bytes, &number, sizeof number);
  out.append(bytes, sizeof bytes);
}

void append_lower(KeyText& out, std::string_view text) {
  while (!text.empty()) {
    std::array<char, 64> lower;
    const auto size = std::min(text.size(), lower.size());
    for (std::size_t i = 0; i < size; ++i) lower[i] = scan::lower(text[i]);
    out.append(lower.data(), size);
    text.remove_prefix(size);
  }
  out.push_back(separator);
}

void append_source(KeyText& out, const Flow& from) {
  const auto& ip = from.remote.ip;
  out.append(reinterpret_cast<const char*>(ip.bytes().data()), ip.size());
  // A stream peer may come back from another port to cancel or acknowledge.
  append_number(out, from.transport == Transport::udp ? from.remote.port : 0u);
}

void append_rfc2543_key(KeyText& out, const MessageView& request) {
  append_part(out, request.request_uri_text());
  const auto from = request.from();
  append_part(out, from ? from->tag() : std::string_view());
  append_part(out, request.call_id());
}

void append_client_key(KeyText& out, std::string_view branch, std::string_view method) {
  out.push_back('c');
  append_part(out, method);
  append_part(out, branch);
}

void append_server_key(KeyText& out, const MessageView& request, const Via& via,
                       std::string_view method, const Flow& from) {
  const bool modern = via.has_magic_cookie();
  out.push_back(modern ? 's' : 'o');
  append_part(out, method);
  append_source(out, from);
  append_part(out, via.branch);
  append_lower(out, via.sent_by.host);
  append_number(out, via.sent_by.port);
  const auto cseq = request.cseq();
  append_number(out, cseq ? cseq->number : 0);
  if (!modern) append_rfc2543_key(out, request);
}

std::uint64_t fold(std::uint64_t a, std::uint64_t b) {
  const auto product = static_cast<Wide>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

std::uint64_t word(const char* at, std::size_t size) {
  std::uint64_t value = 0;
  std::memcpy(&value, at, size);
  return value;
}

// Two lanes of the folded product that wyhash made known, each under secrets of its own.
TransactionKey key_of(std::string_view text, std::uint64_t seed) {
  const auto secret_1 = fold(seed ^ 0x9e3779b97f4a7c15u, 0xd6e8feb86659fd93u);
  const auto secret_2 = fold(seed ^ 0xa0761d6478bd642fu, 0xe7037ed1a0b428dbu);
  std::uint64_t high = secret_2 ^ text.size(), low = secret_1 + text.size();
  const char* at = text.data();
  auto left = text.size();
  auto mix = [&](std::uint64_t first, std::uint64_t second) {
    high = fold(first ^ secret_1, second ^ high);
    low = fold(first ^ low, second ^ secret_2);
  };
  for (; left >= 16; at += 16, left -= 16) mix(word(at, 8), word(at + 8, 8));
  if (left > 8) {
    mix(word(at, 8), word(at + 8, left - 8));
  } else {
    mix(word(at, left), 0);
  }
  return {fold(high ^ secret_2, low ^ secret_1), fold(low ^ secret_2, high)};
}

}  // namespace

TransactionKey client_key(std::string_view branch, std::string_view method, std::uint64_t seed) {
  KeyText text;
  append_client_key(text, branch, method);
  return key_of(text.text(), seed);
}

TransactionKey server_key(const MessageView& request, const Via& via, std::string_view method,
                          const Flow& from, std::uint64_t seed) {
  KeyText text;
  append_server_key(text, request, via, method, from);
  return key_of(text.text(), seed);
}

}  // namespace sip
