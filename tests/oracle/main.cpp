// usage: topgun-oracle [--batches=<n>] [--seed=<n>]
//
// Random plans under random histories, world after world from ascending seeds, until that many
// batches have run. Ends with a summary as JSON, and with 1 after the first difference, which it
// prints with the seed of its world: `--seed=<n> --batches=1` shows it again.

#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "tests/oracle/oracle_world.hpp"
#ifndef __EMSCRIPTEN__
#include "tests/oracle/sqlite_opinion.hpp"
#endif

namespace topgun::oracle {
namespace {

constexpr uint64_t kBatchesInWorld = 24;

bool read_option(const char* argument, const char* name, uint64_t& value) {
  const size_t size = std::strlen(name);
  if (std::strncmp(argument, name, size) != 0) return false;
  char* end = nullptr;
  value = std::strtoull(argument + size, &end, 10);
  return *end == '\0';
}

/// One in three worlds is plain.
std::string run_world(uint64_t seed, SecondOpinion* opinion, Counts& counts, TraceHash& digest) {
  RandomGen gen(seed, stream_id("oracle"));
  const Flavour flavour = seed % 3 == 0 ? Flavour::Plain : Flavour::Any;
  OracleWorld world(gen, flavour, flavour == Flavour::Plain ? opinion : nullptr, counts);
  for (uint64_t batch = 0; batch < kBatchesInWorld; ++batch) {
    std::string difference = world.run_batch();
    if (difference.empty()) continue;
    return "seed " + std::to_string(seed) + ", batch " + std::to_string(batch) + ": " + difference;
  }
  digest.add(world.digest());
  return "";
}

int run(uint64_t batches, uint64_t seed) {
#ifdef __EMSCRIPTEN__
  SecondOpinion* const opinion = nullptr;
#else
  SqliteOpinion sqlite;
  SecondOpinion* const opinion = &sqlite;
#endif
  Counts counts;
  TraceHash digest;
  std::string difference;
  while (counts.batches < batches && difference.empty()) {
    difference = run_world(seed++, opinion, counts, digest);
  }
  if (!difference.empty()) std::printf("DIFFERENCE %s\n", difference.c_str());
  std::printf("{\"batches\":%" PRIu64 ",\"worlds\":%" PRIu64 ",\"live\":%" PRIu64
              ",\"answers\":%" PRIu64 ",\"sqlite\":%" PRIu64
              ",\"differences\":%d,\"digest\":\"%016" PRIx64 "\"}\n",
              counts.batches, counts.worlds, counts.live, counts.answers, counts.sqlite,
              difference.empty() ? 0 : 1, digest.value());
  return difference.empty() ? 0 : 1;
}

}  // namespace
}  // namespace topgun::oracle

int main(int argc, char** argv) {
  uint64_t batches = 1000;
  uint64_t seed = 1;
  for (int i = 1; i < argc; ++i) {
    if (topgun::oracle::read_option(argv[i], "--batches=", batches)) continue;
    if (topgun::oracle::read_option(argv[i], "--seed=", seed)) continue;
    std::fprintf(stderr, "usage: %s [--batches=<n>] [--seed=<n>]\n", argv[0]);
    return 2;
  }
  return topgun::oracle::run(batches, seed);
}
