#pragma once

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <map>

namespace topgun::powerloss {

/// A set of bytes of a file as disjoint half-open ranges, ascending. O(log ranges) amortised.
class ByteRanges {
 public:
  void add(uint64_t begin, uint64_t end) {
    if (begin >= end) return;
    auto next = ranges_.lower_bound(begin);
    if (next != ranges_.begin() && std::prev(next)->second >= begin) --next;
    while (next != ranges_.end() && next->first <= end) {
      begin = std::min(begin, next->first);
      end = std::max(end, next->second);
      next = ranges_.erase(next);
    }
    ranges_.emplace(begin, end);
  }
  void clear() { ranges_.clear(); }
  bool empty() const { return ranges_.empty(); }
  auto begin() const { return ranges_.begin(); }
  auto end() const { return ranges_.end(); }

 private:
  std::map<uint64_t, uint64_t> ranges_;  // begin -> end
};

}  // namespace topgun::powerloss
