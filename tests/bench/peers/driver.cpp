// usage: bench_X [--show | --allocations | --passes N | --time PASSES] FILE...
//   --show         the fields of each message
//   --allocations  calls of malloc per message (with liballocation_count.so preloaded)
//   --passes N     N passes over all messages and nothing else: what callgrind counts
//   --time N       CPU time: "FILE ns" for each message and for "all", from N passes each
#include "driver.hpp"

#include <dlfcn.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fstream>
#include <iterator>
#include <span>
#include <string>
#include <vector>

namespace {

struct Datagram {
  std::string name;
  std::string bytes;
};
using Corpus = std::span<const Datagram>;

std::uint64_t checksum = 0;

std::uint64_t weight(std::string_view s) {
  if (s.empty()) return 0;
  return static_cast<unsigned char>(s.front()) + s.size() * 257u +
         static_cast<unsigned char>(s.back());
}

void add_up(const Fields& f) {
  checksum += f.is_request + static_cast<unsigned>(f.status) + weight(f.method) +
              weight(f.uri_user) + weight(f.uri_host) + weight(f.branch) + weight(f.via_host) +
              static_cast<unsigned>(f.via_port) + weight(f.from_user) + weight(f.from_host) +
              weight(f.from_tag) + weight(f.to_user) + weight(f.to_host) + weight(f.to_tag) +
              weight(f.call_id) + static_cast<std::uint64_t>(f.cseq) + weight(f.cseq_method) +
              weight(f.contact_user) + weight(f.contact_host) +
              static_cast<std::uint64_t>(f.max_forwards) + weight(f.type) + weight(f.subtype) +
              static_cast<std::uint64_t>(f.content_length) + weight(f.body);
}

void print(const char* name, std::string_view value) {
  std::printf(" %s=%.*s", name, static_cast<int>(value.size()), value.data());
}

void show(const Fields& f) {
  std::printf(" request=%d status=%d", f.is_request, f.status);
  print("method", f.method);
  print("uri", f.uri_user);
  print("at", f.uri_host);
  print("branch", f.branch);
  print("via", f.via_host);
  std::printf(":%d", f.via_port);
  print("from", f.from_user);
  print("at", f.from_host);
  print("tag", f.from_tag);
  print("to", f.to_user);
  print("at", f.to_host);
  print("tag", f.to_tag);
  print("call_id", f.call_id);
  std::printf(" cseq=%ld", f.cseq);
  print("of", f.cseq_method);
  print("contact", f.contact_user);
  print("at", f.contact_host);
  print("type", f.type);
  print("subtype", f.subtype);
  std::printf(" hops=%ld length=%ld body=%zu\n", f.max_forwards, f.content_length, f.body.size());
}

void parse(const Datagram& datagram, Sink sink) {
  if (parse_one(datagram.bytes, sink)) return;
  std::fprintf(stderr, "%s does not parse\n", datagram.name.c_str());
  std::exit(1);
}

void pass(Corpus corpus, int times) {
  for (int i = 0; i < times; ++i)
    for (const auto& datagram : corpus) parse(datagram, add_up);
}

double cpu_ns() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

void time(const char* name, Corpus corpus, int passes) {
  const double begin = cpu_ns();
  pass(corpus, passes);
  std::printf("%s %.1f\n", name, (cpu_ns() - begin) / passes / static_cast<double>(corpus.size()));
}

void time_all(Corpus corpus, int passes) {
  pass(corpus, passes / 10 + 1);
  for (const auto& datagram : corpus) time(datagram.name.c_str(), {&datagram, 1}, passes);
  time("all", corpus, passes);
}

int count_allocations(Corpus corpus) {
  using Count = std::uint64_t (*)();
  const auto calls = reinterpret_cast<Count>(dlsym(RTLD_DEFAULT, "allocation_count"));
  if (calls == nullptr) return 2;
  constexpr int passes = 100;
  pass(corpus, 10);
  const auto before = calls();
  pass(corpus, passes);
  std::printf("all %.2f\n",
              static_cast<double>(calls() - before) / passes / static_cast<double>(corpus.size()));
  return 0;
}

Datagram load(const char* path) {
  std::ifstream in(path, std::ios::binary);
  const char* const slash = std::strrchr(path, '/');
  return {slash ? slash + 1 : path, {std::istreambuf_iterator<char>(in), {}}};
}

}  // namespace

int main(int argc, char** argv) {
  std::string mode = "--show";
  int passes = 1;
  std::vector<Datagram> corpus;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (!argument.starts_with("--")) {
      corpus.push_back(load(argv[i]));
      continue;
    }
    mode = argument;
    if ((mode == "--passes" || mode == "--time") && i + 1 < argc) passes = std::atoi(argv[++i]);
  }
  if (corpus.empty() || passes < 1 || !parser_setup()) return 2;
  if (mode == "--allocations") return count_allocations(corpus);
  if (mode == "--passes") pass(corpus, passes);
  if (mode == "--time") time_all(corpus, passes);
  if (mode == "--show") {
    for (const auto& datagram : corpus) {
      std::printf("%s:", datagram.name.c_str());
      parse(datagram, show);
    }
  }
  return checksum == 1 ? 1 : 0;  // read, so that it is computed
}
