#pragma once

#include <vector>

#include "core/base/assert.hpp"

namespace topgun {

/// The recent history of a map: which records changed, in order, without what they changed to. A
/// change has a version, counted from 1; the ring keeps the placements of the last so many of
/// them. Whoever knows a version that is still covered can be brought up to date with the present
/// state of the records that changed since. O(1) an append; memory grows to 8 bytes a kept change.
class ChangeRing {
 public:
  static constexpr size_t kChangesMax = size_t{1} << 16;

  /// Keeps the last `changes_max` changes, at least 1.
  explicit ChangeRing(size_t changes_max = kChangesMax) : changes_max_(changes_max) {
    TG_ASSERT(changes_max > 0);
  }

  /// Version of the latest change; 0 before the first.
  uint64_t version() const { return version_; }

  /// Notes a change of the record at `placement`; returns its version.
  uint64_t append(uint64_t placement) {
    if (version_ < changes_max_) {
      placements_.push_back(placement);
    } else {
      placements_[static_cast<size_t>(version_ % changes_max_)] = placement;
    }
    return ++version_;
  }

  /// Whether every change after `version` is still known.
  bool covers(uint64_t version) const {
    return version <= version_ && version_ - version <= placements_.size();
  }

  /// The placement that change `version` touched; it must lie within what is kept.
  uint64_t at(uint64_t version) const {
    TG_ASSERT(version >= 1 && version <= version_ && covers(version - 1));
    return placements_[static_cast<size_t>((version - 1) % changes_max_)];
  }

 private:
  size_t changes_max_;
  uint64_t version_ = 0;
  std::vector<uint64_t> placements_;
};

}  // namespace topgun
