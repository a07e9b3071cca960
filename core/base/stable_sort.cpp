#include "core/base/stable_sort.hpp"

#include <algorithm>
#include <numeric>

namespace topgun::internal {
namespace {

/// Runs of this length are sorted by insertion.
constexpr size_t kRun = 8;

struct Order {
  IndexBelow below;
  const void* context;

  bool operator()(uint32_t a, uint32_t b) const { return below(context, a, b); }
};

void insert_run(uint32_t* begin, uint32_t* end, const Order& below) {
  for (uint32_t* at = begin + 1; at < end; ++at) {
    const uint32_t item = *at;
    uint32_t* to = at;
    for (; to > begin && below(item, to[-1]); --to) *to = to[-1];
    *to = item;
  }
}

/// Merges two runs, side by side, into `out`.
void merge_runs(const uint32_t* left, const uint32_t* middle, const uint32_t* end, uint32_t* out,
                const Order& below) {
  // Side by side in order already: the usual case of what was sorted before.
  if (left == middle || middle == end || !below(*middle, middle[-1])) {
    std::copy(left, end, out);
    return;
  }
  const uint32_t* right = middle;
  while (left < middle && right < end) *out++ = below(*right, *left) ? *right++ : *left++;
  out = std::copy(left, middle, out);
  std::copy(right, end, out);
}

}  // namespace

std::vector<uint32_t> sorted_order(size_t count, IndexBelow below, const void* context) {
  const Order is_below{below, context};
  std::vector<uint32_t> order(count);
  std::iota(order.begin(), order.end(), 0);
  for (size_t at = 0; at < count; at += kRun) {
    insert_run(order.data() + at, order.data() + std::min(count, at + kRun), is_below);
  }
  std::vector<uint32_t> merged(count <= kRun ? 0 : count);
  for (size_t width = kRun; width < count; width *= 2) {
    for (size_t at = 0; at < count; at += 2 * width) {
      const size_t middle = std::min(count, at + width);
      const size_t end = std::min(count, at + 2 * width);
      merge_runs(order.data() + at, order.data() + middle, order.data() + end, merged.data() + at,
                 is_below);
    }
    order.swap(merged);
  }
  return order;
}

}  // namespace topgun::internal
