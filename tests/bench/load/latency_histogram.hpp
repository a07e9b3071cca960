#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace topgun::bench {

/// Counts of durations in microseconds, exact below 64 and within 1/32 above: each power of two is
/// cut into 32 buckets (the idea of HdrHistogram). Fixed memory.
class LatencyHistogram {
 public:
  void record(uint64_t us) {
    ++counts_[bucket_of(us)];
    ++total_;
    if (us > max_) max_ = us;
  }

  /// The smallest duration that at least `share` (0..1) of all recorded ones do not exceed, rounded
  /// up to its bucket's end.
  uint64_t percentile(double share) const {
    const auto wanted = static_cast<uint64_t>(share * static_cast<double>(total_));
    uint64_t seen = 0;
    for (size_t i = 0; i < counts_.size(); ++i) {
      seen += counts_[i];
      if (seen > wanted || (seen == total_ && seen > 0)) return end_of(i) < max_ ? end_of(i) : max_;
    }
    return 0;
  }

  uint64_t max() const { return max_; }
  uint64_t total() const { return total_; }

 private:
  static constexpr size_t kSubBits = 5;

  static size_t bucket_of(uint64_t us) {
    if (us < 64) return us;
    const size_t shift = static_cast<size_t>(std::bit_width(us)) - kSubBits - 1;
    return ((shift + 1) << kSubBits) + (us >> shift) - (1u << kSubBits);
  }
  static uint64_t end_of(size_t bucket) {
    if (bucket < 64) return bucket;
    const size_t shift = (bucket >> kSubBits) - 1;
    const uint64_t sub = (bucket & ((1u << kSubBits) - 1)) + (1u << kSubBits);
    return ((sub + 1) << shift) - 1;
  }

  std::vector<uint64_t> counts_ = std::vector<uint64_t>(64 << kSubBits);
  uint64_t total_ = 0;
  uint64_t max_ = 0;
};

}  // namespace topgun::bench
