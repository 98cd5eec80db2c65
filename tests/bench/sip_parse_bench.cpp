// CPU time and heap allocations per SIP message: receive it (one copy), parse it, read the fields
// that a server reads. usage: sip_parse_bench [-n ROUNDS] [FOLDER of .sip files]
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "sip/message.hpp"
#include "sip/message_builder.hpp"
#include "tests/bench/allocations.hpp"

namespace {

struct Seed {
  std::string name;
  std::string bytes;
};

std::uint64_t checksum = 0;  // printed, so that nothing can be left out

void use(std::string_view text) {
  checksum += text.size() + (text.empty() ? 0u : static_cast<unsigned char>(text.back()));
}
void use(std::uint64_t number) {
  checksum += number;
}
void use(const sip::Uri& uri) {
  use(uri.user);
  use(uri.host.host);
  use(uri.host.port);
}
void use(const sip::Result<sip::NameAddr>& address) {
  if (!address) return;
  use(address->uri);
  use(address->tag());
}

// The fields of the contract that the peers were measured with: start line, top Via, From, To,
// Call-ID, CSeq, Contact, Max-Forwards, Content-Type, Content-Length, body.
void read(const sip::MessageView& m) {
  if (m.is_request()) {
    use(m.method_text());
    if (const auto uri = m.request_uri()) use(*uri);
  } else {
    use(static_cast<std::uint64_t>(m.status()));
  }
  if (const auto via = m.via()) {
    use(via->branch);
    use(via->sent_by.host);
    use(via->sent_by.port);
  }
  use(m.from());
  use(m.to());
  use(m.contact());
  use(m.call_id());
  if (const auto cseq = m.cseq()) {
    use(cseq->number);
    use(cseq->method_text);
  }
  if (const auto hops = m.max_forwards()) use(*hops);
  if (const auto type = m.content_type()) {
    use(type->type);
    use(type->subtype);
  }
  use(m.content_length().value_or(0));
  use(m.body());
}

char receive_buffer[1 << 16];
sip::MessageView view;
std::string response;

void parse_and_read(const std::string& bytes) {
  std::memcpy(receive_buffer, bytes.data(), bytes.size());
  if (!sip::parse_message({receive_buffer, bytes.size()}, view)) std::abort();
  read(view);
}

void parse_and_answer(const std::string& bytes) {
  std::memcpy(receive_buffer, bytes.data(), bytes.size());
  if (!sip::parse_message({receive_buffer, bytes.size()}, view)) std::abort();
  if (!sip::validate(view)) std::abort();
  sip::MessageBuilder out(response);
  out.respond_to(view, 200, {},
                 {.source = {sip::IpAddress::v4({192, 0, 2, 1}), 5060}, .to_tag = "2f1a"});
  use(out.finish());
}

// CPU time of the process: other work on the machine does not count. The best of five.
template <class Work>
double ns_each(const Work& work, int rounds) {
  double best = 1e18;
  for (int attempt = 0; attempt < 5; ++attempt) {
    const auto begin = std::clock();
    for (int i = 0; i < rounds; ++i) work();
    const auto spent = static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
    best = std::min(best, spent * 1e9 / rounds);
  }
  return best;
}

std::vector<Seed> load(const std::filesystem::path& folder) {
  std::vector<Seed> seeds;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() != ".sip") continue;
    std::ifstream in(entry.path(), std::ios::binary);
    seeds.push_back({entry.path().stem(), {std::istreambuf_iterator<char>(in), {}}});
  }
  std::sort(seeds.begin(), seeds.end(),
            [](const Seed& a, const Seed& b) { return a.name < b.name; });
  return seeds;
}

}  // namespace

int main(int argc, char** argv) {
  int rounds = 100000;
  std::filesystem::path folder = SIP_CORPUS;
  for (int i = 1; i < argc; ++i) {
    if (!std::strcmp(argv[i], "-n") && i + 1 < argc)
      rounds = std::max(1, std::atoi(argv[++i]));
    else
      folder = argv[i];
  }
  const auto seeds = load(folder);
  if (seeds.empty()) return 2;
  double parse_sum = 0, answer_sum = 0;
  std::printf("%-24s %6s %12s %8s %14s\n", "message", "bytes", "parse+read", "allocs",
              "parse+answer");
  for (const auto& seed : seeds) {
    parse_and_answer(seed.bytes);  // lets the response buffer grow
    const auto before = allocations;
    const double parse_ns = ns_each([&] { parse_and_read(seed.bytes); }, rounds);
    const auto allocated = allocations - before;
    const double answer_ns = ns_each([&] { parse_and_answer(seed.bytes); }, rounds);
    std::printf("%-24s %6zu %9.0f ns %8.2f %11.0f ns\n", seed.name.c_str(), seed.bytes.size(),
                parse_ns, static_cast<double>(allocated) / (5.0 * rounds), answer_ns);
    parse_sum += parse_ns;
    answer_sum += answer_ns;
  }
  const auto n = static_cast<double>(seeds.size());
  std::printf("%-24s %6s %9.0f ns %8s %11.0f ns   (checksum %llx)\n", "mean", "", parse_sum / n, "",
              answer_sum / n, static_cast<unsigned long long>(checksum));
  return 0;
}
