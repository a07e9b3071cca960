#pragma once

#include "core/crdt/record.hpp"

namespace topgun {

/// Told of everything that happens to the records of one map, by whoever writes them. Records lie
/// in memory that is reused, so an observer that keeps pointers into them lets go of these at
/// `changing`, `clearing` and `collecting`.
class MapObserver {
 public:
  virtual ~MapObserver() = default;

  /// `current` is about to be overwritten or forgotten, its bytes with it.
  virtual void changing(const Record& current) = 0;
  /// The record of `key` was written or forgotten, or its time has passed by `wall_ms`. Follows
  /// each `changing`, and comes alone if there was no record before.
  virtual void changed(ByteView key, uint64_t wall_ms) = 0;
  /// All records are about to be forgotten.
  virtual void clearing() = 0;
  /// Records that retired before `horizon_ms` are about to be forgotten.
  virtual void collecting(uint64_t horizon_ms) = 0;
};

}  // namespace topgun
