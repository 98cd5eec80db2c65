// Property: whatever a DNS server sends, reading ends and keeps its limits; and whatever it says,
// a resolution ends after three rounds with no more targets than it may have.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <source_location>
#include <string>
#include <string_view>
#include <vector>

#include "sip/resolution.hpp"

namespace {

void require(bool holds, std::source_location where = std::source_location::current()) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: line %u\n", static_cast<unsigned>(where.line()));
  std::abort();
}

sip::DnsAnswer read(std::string_view bytes, sip::DnsType type) {
  const auto answer = sip::parse_dns_answer(bytes, type);
  if (!answer) return {};
  require(answer->addresses.size() + answer->srv.size() + answer->naptr.size() <= 64);
  for (const auto& record : answer->srv) require(record.target.size() <= 255);
  return *answer;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  sip::Random random(sip::Seed{static_cast<std::uint32_t>(size)});
  const std::string text = "sip:example.com";
  sip::Resolution resolution(*sip::parse_uri(text), {}, random);
  int rounds = 0;
  for (; !resolution.questions().empty(); ++rounds) {
    require(rounds < 3);
    std::vector<sip::DnsAnswer> answers;
    for (const auto& question : resolution.questions())
      answers.push_back(read(bytes, question.type));
    resolution.answer(answers);
  }
  require(resolution.targets().size() <= sip::Resolution::most_targets);
  return 0;
}
