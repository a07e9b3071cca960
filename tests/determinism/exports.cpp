// The same program as a bare WebAssembly module: no main, no output, no host. What it imports is
// what core/ needs from its host, and run.mjs holds that against a list.

#include "tests/determinism/trace.hpp"

#define TOPGUN_EXPORT(name) extern "C" __attribute__((export_name(name)))

using namespace topgun::determinism;

TOPGUN_EXPORT("section_count") uint32_t section_count() {
  return static_cast<uint32_t>(sections().size());
}

TOPGUN_EXPORT("section_name") const char* section_name(uint32_t index) {
  return sections()[index].name.data();
}

TOPGUN_EXPORT("section_name_size") uint32_t section_name_size(uint32_t index) {
  return static_cast<uint32_t>(sections()[index].name.size());
}

TOPGUN_EXPORT("section_hash") uint64_t section_hash_of(uint32_t index, uint64_t seed) {
  return section_hash(sections()[index], seed);
}
