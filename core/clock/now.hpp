#pragma once

#include <cstdint>

namespace topgun {

/// The time of an event, read by the host and passed in with it. The core never reads a clock.
struct Now {
  /// Milliseconds since 1970 by the host's calendar clock: may jump either way. Stamps and times to
  /// live are made from it.
  uint64_t wall_ms = 0;
  /// Milliseconds since an arbitrary start; never runs backwards. Timers and timeouts use it.
  uint64_t mono_ms = 0;
};

}  // namespace topgun
