#include "core/base/bytes.hpp"

#include <algorithm>
#include <cstring>

namespace topgun {

int compare_bytes(ByteView left, ByteView right) {
  const size_t shared = std::min(left.size(), right.size());
  if (shared > 0) {
    // memcmp compares unsigned bytes, but only the sign of its result is portable.
    const int order = std::memcmp(left.data(), right.data(), shared);
    if (order != 0) return order < 0 ? -1 : 1;
  }
  if (left.size() == right.size()) return 0;
  return left.size() < right.size() ? -1 : 1;
}

}  // namespace topgun
