// Prints one line a section, `<name> <hash>`, for the seed given as the only argument. run.mjs
// compares these lines between builds.

#include <cinttypes>
#include <cstdio>
#include <cstdlib>

#include "tests/determinism/trace.hpp"

int main(int argc, char** argv) {
  using namespace topgun::determinism;
  const uint64_t seed = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 1;
  for (const Section& section : sections()) {
    std::printf("%.*s %016" PRIx64 "\n", static_cast<int>(section.name.size()), section.name.data(),
                section_hash(section, seed));
  }
  return 0;
}
