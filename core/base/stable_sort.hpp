#pragma once

#include <cstdint>
#include <functional>
#include <vector>

namespace topgun {

namespace internal {

/// Whether the item at index `a` belongs before the one at `b`.
using IndexBelow = bool (*)(const void* context, uint32_t a, uint32_t b);

/// The indices below `count` in order, equal ones as they were.
std::vector<uint32_t> sorted_order(size_t count, IndexBelow below, const void* context);

}  // namespace internal

/// Sorts; what is neither below the other keeps its order. The work is done once for all types, on
/// indices: the standard's function is some three kilobytes of WebAssembly for each type it meets,
/// and there are many. Fewer than 2^32 items. O(n log n), and O(n) calls of `below` if they are in
/// order already.
template <typename T, typename Below = std::less<>>
void stable_sort(std::vector<T>& items, const Below& below = {}) {
  struct Context {
    const std::vector<T>& items;
    const Below& below;
  };
  const Context context{items, below};
  const auto is_below = [](const void* at, uint32_t a, uint32_t b) {
    const auto& [sorted, compare] = *static_cast<const Context*>(at);
    return static_cast<bool>(compare(sorted[a], sorted[b]));
  };
  const std::vector<uint32_t> order = internal::sorted_order(items.size(), is_below, &context);
  std::vector<T> sorted;
  sorted.reserve(items.size());
  for (const uint32_t index : order) sorted.push_back(std::move(items[index]));
  items = std::move(sorted);
}

}  // namespace topgun
