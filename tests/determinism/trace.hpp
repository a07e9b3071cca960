#pragma once

#include <cstdint>
#include <string_view>

#include "core/base/gen.hpp"
#include "core/base/trace_hash.hpp"

namespace topgun::determinism {

/// One part of the program whose trace every build must reproduce. `play` draws all its choices
/// from `gen` and adds all that it computes to `trace`: bytes, numbers, errors, orders.
struct Section {
  std::string_view name;
  void (*play)(Gen& gen, TraceHash& trace);
};

// One function a layer, each in sections/<layer>.cpp. Write it, declare it here, list it in
// program.cpp and name the file in CMakeLists.txt.
void play_base(Gen& gen, TraceHash& trace);
void play_value(Gen& gen, TraceHash& trace);
void play_history(Gen& gen, TraceHash& trace);
void play_clock(Gen& gen, TraceHash& trace);
void play_crdt(Gen& gen, TraceHash& trace);
void play_replica(Gen& gen, TraceHash& trace);
void play_sync(Gen& gen, TraceHash& trace);
void play_query(Gen& gen, TraceHash& trace);

/// All sections, in the order of the layers. Static storage.
std::span<const Section> sections();

/// The trace of one section, played `kRounds` times from `seed`.
uint64_t section_hash(const Section& section, uint64_t seed);

}  // namespace topgun::determinism
