#include "core/replica/record_table.hpp"
#include "tests/determinism/sections/random_record.hpp"
#include "tests/determinism/trace.hpp"

namespace topgun::determinism {
namespace {

void add_root(TraceHash& trace, const RecordTable& table) {
  trace.add(table.root().sum);
  trace.add(table.root().mixed_sum);
}

/// Table order is part of the trace: it must not depend on the build either.
void add_state(TraceHash& trace, const RecordTable& table) {
  table.visit_all([&](uint64_t placement, uint64_t record_hash, const Record& record) {
    trace.add(placement);
    trace.add(record_hash);
    trace.add(record.key);
    trace.add(record.tag);
    trace.add(record.stamp.time);
    trace.add(record.value);
  });
  for (uint8_t depth = 0; depth <= 9; ++depth) {
    for (uint64_t bits = 0; bits < uint64_t{1} << depth; ++bits) {
      trace.add(table.node({depth, bits}));
    }
  }
}

}  // namespace

void play_replica(Gen& gen, TraceHash& trace) {
  for (const MapKind kind : {MapKind::Lww, MapKind::Or, MapKind::Counter}) {
    Slab slab;
    RecordTable table(kind, slab);
    for (int i = 0; i < 400; ++i) {
      const DrawnRecord record = draw_record(gen, kind, 10);
      if (gen.chance(1, 8)) {
        trace.add(table.forget(as_bytes(record.key), record.tag) ? 1 : 0);
      } else {
        trace.add(table.merge(record.view()) ? 1 : 0);
      }
      add_root(trace, table);
    }
    trace.add(table.collect(gen.below(10)));
    trace.add(table.size());
    trace.add(table.record_bytes());
    add_state(trace, table);
  }
}

}  // namespace topgun::determinism
