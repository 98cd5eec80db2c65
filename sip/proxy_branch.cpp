#include "sip/proxy_branch.hpp"

#include <array>

namespace sip {
namespace {

constexpr std::string_view digits = "0123456789abcdef";
constexpr std::size_t prefix_size = 15, key_size = 16, loop_size = 8;
constexpr std::size_t branch_size = prefix_size + 1 + key_size + loop_size;

void append_hex(char* out, std::uint64_t number, std::size_t count) {
  for (std::size_t i = count; i-- > 0; number >>= 4) out[i] = digits[number & 15];
}

}  // namespace

ProxyBranches::ProxyBranches(const HashKey& key) : key_(key), prefix_("z9hG4bKgp000000") {
  append_hex(prefix_.data() + 9, KeyedHash(key).add("branch").finish(), 6);
}

void ProxyBranches::append(std::string& out, const ProxyBranch& branch) const {
  std::array<char, branch_size - prefix_size> tail;
  tail[0] = static_cast<char>(branch.kind);
  append_hex(tail.data() + 1, branch.key, key_size);
  append_hex(tail.data() + 1 + key_size, branch.loop, loop_size);
  out += prefix_;
  out.append(tail.data(), tail.size());
}

bool ProxyBranches::is_ours(std::string_view branch) const {
  return branch.size() == branch_size && branch.starts_with(prefix_);
}

BranchKind ProxyBranches::kind_of(std::string_view ours) const {
  return static_cast<BranchKind>(ours[prefix_size]);
}

std::uint32_t ProxyBranches::loop_hash(const MessageView& request) const {
  KeyedHash hash(key_);
  hash.add(request.request_uri_text());
  for (auto i = request.find_index(HeaderId::route); i < request.header_count();
       i = request.find_index(HeaderId::route, i + 1))
    hash.add(request.header(i).value);
  return static_cast<std::uint32_t>(hash.finish());
}

std::uint64_t ProxyBranches::stateless_key(const MessageView& request, const Via& top) const {
  KeyedHash hash(key_);
  if (top.has_magic_cookie()) {
    hash.add(top.branch).add(top.sent_by.host).add(std::uint64_t{top.sent_by.port});
  } else {
    const auto cseq = request.cseq();
    hash.add(top.text).add(request.text(HeaderId::from)).add(request.call_id());
    hash.add(request.request_uri_text()).add(std::uint64_t{cseq ? cseq->number : 0});
  }
  return hash.finish();
}

bool ProxyBranches::loops(const MessageView& request, std::uint32_t loop) const {
  std::array<char, loop_size> wanted;
  append_hex(wanted.data(), loop, loop_size);
  for (auto i = request.find_index(HeaderId::via); i < request.header_count();
       i = request.find_index(HeaderId::via, i + 1)) {
    auto text = request.header(i).value;
    for (auto at = text.find(prefix_); at != std::string_view::npos; at = text.find(prefix_)) {
      text.remove_prefix(at);
      if (text.size() < branch_size) break;
      if (text.substr(branch_size - loop_size, loop_size) ==
          std::string_view(wanted.data(), loop_size))
        return true;
      text.remove_prefix(prefix_.size());
    }
  }
  return false;
}

}  // namespace sip
