#include "tests/determinism/trace.hpp"

namespace topgun::determinism {
namespace {

constexpr uint64_t kRounds = 20;

constexpr Section kSections[] = {
    {"base", play_base},       {"value", play_value},     {"clock", play_clock},
    {"crdt", play_crdt},       {"replica", play_replica}, {"sync", play_sync},
    {"history", play_history}, {"query", play_query},
};

}  // namespace

std::span<const Section> sections() { return kSections; }

uint64_t section_hash(const Section& section, uint64_t seed) {
  TraceHash trace;
  for (uint64_t round = 0; round < kRounds; ++round) {
    RandomGen gen(seed, stream_id(section.name), round);
    section.play(gen, trace);
    trace.add(round);
  }
  return trace.value();
}

}  // namespace topgun::determinism
