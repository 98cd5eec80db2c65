// Runs a fuzz target without a fuzzing engine: every seed as it is, then mutations of the seeds
// from a fixed random seed, so that a run is repeatable. usage: X_fuzz [-n ITERATIONS] [-s SEED]
// PATH... (PATH: a file or a folder of files). Built with clang's -fsanitize=fuzzer, the targets
// need no driver.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

using Bytes = std::vector<std::uint8_t>;
using Random = std::mt19937_64;

constexpr std::size_t max_input_bytes = 1 << 16;

Bytes read_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return Bytes(std::istreambuf_iterator<char>(in), {});
}

void load(const std::filesystem::path& path, std::vector<Bytes>& corpus) {
  if (!std::filesystem::is_directory(path)) {
    corpus.push_back(read_file(path));
    return;
  }
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(path))
    if (entry.is_regular_file()) files.push_back(entry.path());
  std::sort(files.begin(), files.end());  // the order of a directory differs between machines
  for (const auto& file : files) corpus.push_back(read_file(file));
}

std::size_t below(Random& random, std::size_t n) {
  return n == 0 ? 0 : random() % n;
}

void flip(Bytes& b, Random& r) {
  if (!b.empty()) b[below(r, b.size())] ^= static_cast<std::uint8_t>(1u << below(r, 8));
}
void overwrite(Bytes& b, Random& r) {
  static constexpr std::uint8_t interesting[] = {0,   1,   0x7f, 0x80, 0xff, '\r', '\n',
                                                 ' ', ';', ':',  '"',  '<',  '9'};
  if (!b.empty()) b[below(r, b.size())] = interesting[below(r, sizeof interesting)];
}
void erase(Bytes& b, Random& r) {
  if (b.empty()) return;
  const auto at = below(r, b.size());
  const auto n = std::min(b.size() - at, 1 + below(r, 32));
  b.erase(b.begin() + static_cast<std::ptrdiff_t>(at),
          b.begin() + static_cast<std::ptrdiff_t>(at + n));
}
void repeat(Bytes& b, Random& r) {
  if (b.empty()) return;
  const auto at = below(r, b.size());
  const auto n = std::min(b.size() - at, 1 + below(r, 64));
  const Bytes piece(b.begin() + static_cast<std::ptrdiff_t>(at),
                    b.begin() + static_cast<std::ptrdiff_t>(at + n));
  b.insert(b.begin() + static_cast<std::ptrdiff_t>(below(r, b.size())), piece.begin(), piece.end());
}
void splice(Bytes& b, const Bytes& other, Random& r) {
  const auto keep = below(r, b.size() + 1);
  const auto from = below(r, other.size() + 1);
  b.resize(keep);
  b.insert(b.end(), other.begin() + static_cast<std::ptrdiff_t>(from), other.end());
}

Bytes mutate(const std::vector<Bytes>& corpus, Random& r) {
  Bytes b = corpus[below(r, corpus.size())];
  for (auto n = 1 + below(r, 6); n > 0; --n) {
    switch (below(r, 6)) {
      case 0:
        flip(b, r);
        break;
      case 1:
        overwrite(b, r);
        break;
      case 2:
        erase(b, r);
        break;
      case 3:
        repeat(b, r);
        break;
      case 4:
        splice(b, corpus[below(r, corpus.size())], r);
        break;
      default:
        b.resize(below(r, b.size() + 1));
        break;
    }
  }
  if (b.size() > max_input_bytes) b.resize(max_input_bytes);
  return b;
}

// Kept on disk while it runs, so that a crash leaves the input that caused it.
void run(const Bytes& input, const std::string& trace_path) {
  if (!trace_path.empty()) {
    std::ofstream(trace_path, std::ios::binary)
        .write(reinterpret_cast<const char*>(input.data()),
               static_cast<std::streamsize>(input.size()));
  }
  // A copy of its own: reading past the end is then past the end of an allocation.
  const Bytes exact(input.begin(), input.end());
  LLVMFuzzerTestOneInput(exact.data(), exact.size());
}

}  // namespace

int main(int argc, char** argv) {
  std::uint64_t iterations = 2000, seed = 1;
  std::string trace_path;
  std::vector<Bytes> corpus;
  for (int i = 1; i < argc; ++i) {
    if (!std::strcmp(argv[i], "-n") && i + 1 < argc)
      iterations = std::strtoull(argv[++i], nullptr, 10);
    else if (!std::strcmp(argv[i], "-s") && i + 1 < argc)
      seed = std::strtoull(argv[++i], nullptr, 10);
    else if (!std::strcmp(argv[i], "-t") && i + 1 < argc)
      trace_path = argv[++i];
    else
      load(argv[i], corpus);
  }
  if (corpus.empty()) {
    std::fprintf(stderr, "no seeds: usage %s [-n ITERATIONS] [-s SEED] [-t TRACE_FILE] PATH...\n",
                 argv[0]);
    return 2;
  }
  for (const auto& input : corpus) run(input, trace_path);
  Random random(seed);
  for (std::uint64_t i = 0; i < iterations; ++i) run(mutate(corpus, random), trace_path);
  std::printf("%zu seeds and %llu mutations, no fault\n", corpus.size(),
              static_cast<unsigned long long>(iterations));
}
