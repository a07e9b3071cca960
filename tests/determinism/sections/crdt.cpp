#include "core/crdt/merge.hpp"
#include "tests/determinism/sections/random_record.hpp"
#include "tests/determinism/trace.hpp"

namespace topgun::determinism {

void play_crdt(Gen& gen, TraceHash& trace) {
  for (const MapKind kind : {MapKind::Lww, MapKind::Or, MapKind::Counter}) {
    for (int i = 0; i < 200; ++i) {
      const DrawnRecord current = draw_record(gen, kind);
      const DrawnRecord incoming = draw_record(gen, kind);
      const MergeWinner winner = merge_records(kind, current.view(), incoming.view());
      trace.add(static_cast<uint64_t>(winner));
      if (winner == MergeWinner::Combined) {
        const CounterBytes combined = combine_counters(current.view(), incoming.view());
        trace.add(combined);
      }
      trace.add(current.view().visible(gen.below(3)) ? 1 : 0);
      const Result<void> checked = check_record(kind, incoming.view());
      trace.add(checked.ok() ? 0 : static_cast<uint64_t>(checked.error()));
    }
  }
}

}  // namespace topgun::determinism
