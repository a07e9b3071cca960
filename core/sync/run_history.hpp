#pragma once

#include <vector>

#include "core/base/byte_io.hpp"

namespace topgun {

/// One life of a client's process: it issued the sequences `first` to `last`, none if `last` is
/// `first - 1`. A run begins at a random distance behind the one before, so that two runs of one
/// replica, in two copies of its storage, issue different sequences and can be told apart.
struct Run {
  uint64_t first = 0;
  uint64_t last = 0;
  friend constexpr bool operator==(const Run&, const Run&) = default;
};

/// The runs of a replica, oldest first; the last of them is going on. It says which operations the
/// state of a replica includes: two copies of a replica's storage have the runs before the copying
/// in common, and what either issued afterwards lies in runs that the other does not have.
struct RunHistory {
  /// Older runs are left out: that they are not known is no reason to refuse anybody.
  static constexpr size_t kRunsMax = 8;

  /// No run is left out.
  bool complete = false;
  /// The run that is going on has reached storage, so that every later run will know of it.
  bool current_stored = false;
  std::vector<Run> runs = {};

  friend bool operator==(const RunHistory&, const RunHistory&) = default;
};

/// Whether an operation with this sequence is part of the history, as far as that is known. 0, no
/// operation, is part of every history. O(runs).
bool includes(const RunHistory& history, uint64_t sequence);

/// Whether the run that began with `first` is part of the history; as above.
bool includes_run(const RunHistory& history, uint64_t first);

/// The first sequence of the latest run that is sure to be part of every later history of the same
/// replica; 0 if there is none.
uint64_t latest_stored_run(const RunHistory& history);

/// The last sequence that `other` has in common with `holder`, whose present run is taken to go on
/// without end. If no common run is known, everything before `other`'s present run counts as
/// common, or nothing if both histories are complete.
uint64_t common_until(const RunHistory& holder, const RunHistory& other);

/// ```
/// history := u8 flags (1 complete, 2 the current run is stored), varint count (at most 8),
///            count × (varint first, varint sequences)
/// ```
/// Runs ascend without overlap.
void put_history(ByteWriter& out, const RunHistory& history);
/// Fails the reader with `Malformed` or `TooLarge` for anything else.
RunHistory take_history(ByteReader& in);

}  // namespace topgun
