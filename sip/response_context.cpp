#include "sip/response_context.hpp"

#include <algorithm>

namespace sip {
namespace {

constexpr std::size_t worth_keeping = 4096;  // bytes of a text that the next request may use

// Smaller is better. Within 4xx those come first that tell how to ask again; a timeout is the
// last thing that a caller wants to hear of.
int rank(int status) {
  if (status >= 600) return 0;
  const int within = status == 401 || status == 407                    ? 0
                     : status == 415 || status == 420 || status == 484 ? 1
                     : status == 408                                   ? 3
                     : status == 503                                   ? 3
                                                                       : 2;
  return status / 100 * 10 + within;
}

void recycle(std::string& text) {
  if (text.capacity() > worth_keeping) {
    std::string().swap(text);
  } else {
    text.clear();
  }
}

}  // namespace

void ResponseContext::clear() {
  server = {};
  invite = cancelled = closed = answered = trusted = false;
  breadth = next_target = 0;
  target_count = 0;
  if (targets.size() > 4) targets.resize(4);
  tries.clear();
  recycle(request);
  recycle(best);
  best_status = 0;
  challenges.clear();
}

ProxyTarget& ResponseContext::add_target() {
  if (target_count == targets.size()) targets.emplace_back();
  auto& target = targets[target_count++];
  target.uri.clear();
  target.path.clear();
  target.flow = {};
  target.has_flow = target.by_token = target.by_next_hop = false;
  target.q_1000 = 1000;
  return target;
}

std::size_t ResponseContext::pending() const {
  std::size_t count = 0;
  for (const auto& t : tries) count += t.state != ProxyTry::State::done;
  return count;
}

TimePoint ResponseContext::next_timer() const {
  auto next = never;
  for (const auto& t : tries)
    if (t.state != ProxyTry::State::done) next = std::min(next, t.timer);
  return next;
}

bool better_answer(int status, int than) {
  return than == 0 || rank(status) < rank(than);
}

void collect_challenges(const MessageView& response, std::vector<std::string>& lines) {
  for (std::size_t i = 0; i < response.header_count(); ++i) {
    const auto header = response.header(i);
    if (header.id != HeaderId::www_authenticate && header.id != HeaderId::proxy_authenticate)
      continue;
    auto& line = lines.emplace_back(to_string(header.id));
    line += ": ";
    line += header.value;
    line += "\r\n";
  }
}

void insert_lines(std::string& message, const std::vector<std::string>& lines) {
  auto at = message.find('\n');
  if (at == std::string::npos) return;
  ++at;
  for (const auto& line : lines) {
    message.insert(at, line);
    at += line.size();
  }
}

}  // namespace sip
