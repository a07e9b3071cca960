#include "core/clock/hybrid_logical_clock.hpp"
#include "tests/determinism/trace.hpp"

namespace topgun::determinism {

void play_clock(Gen& gen, TraceHash& trace) {
  const ReplicaId replica{gen.bits()};
  HybridLogicalClock clock(replica, gen.below(100));
  const uint64_t base_ms = gen.below(kStampMsMax);
  for (int i = 0; i < 200; ++i) {
    const uint64_t now_ms = base_ms + gen.below(50);
    if (gen.coin()) {
      trace.add(clock.tick(now_ms).time);
    } else {
      const uint64_t remote_ms = base_ms + gen.below(300);
      const auto counter = static_cast<uint16_t>(gen.bits());
      const Stamp remote{stamp_time(remote_ms, counter), {gen.bits()}};
      const Result<void> observed = clock.observe(remote, now_ms);
      trace.add(observed.ok() ? 0 : static_cast<uint64_t>(observed.error()));
    }
    trace.add(clock.latest());
  }
}

}  // namespace topgun::determinism
