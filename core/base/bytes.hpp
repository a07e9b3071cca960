#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace topgun {

/// Owned bytes. Everything that is stored, sent or hashed is bytes; text is UTF-8 inside them.
using Bytes = std::vector<uint8_t>;

/// Borrowed bytes: valid only as long as their owner, never kept past the call they came in with.
using ByteView = std::span<const uint8_t>;

/// The bytes of `text`, without a copy. Borrows from `text`.
inline ByteView as_bytes(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

/// `bytes` read as text, without a copy or a check. Borrows from `bytes`.
inline std::string_view as_text(ByteView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

inline Bytes to_bytes(ByteView view) { return Bytes(view.begin(), view.end()); }

/// Byte-wise order: unsigned bytes from the left, a prefix before its extensions. Negative, zero or
/// positive. The order of keys wherever an order leaves the process. O(shorter length).
int compare_bytes(ByteView left, ByteView right);

inline bool equal_bytes(ByteView left, ByteView right) {
  return left.size() == right.size() && compare_bytes(left, right) == 0;
}

}  // namespace topgun
