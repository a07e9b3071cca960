#pragma once

#include <memory>
#include <vector>

#include "core/base/bytes.hpp"

namespace topgun {

/// Memory for many small records: sizes are rounded up to a multiple of 16 bytes, freed blocks are
/// kept on a list for their size, and no block carries a header (Bonwick, "The Slab Allocator",
/// USENIX 1994). Blocks over `kSmallBytesMax` go to the heap one by one; those must be released,
/// all others die with the slab. O(1), save for the heap's own cost once in a chunk. Not
/// thread-safe.
class Slab {
 public:
  static constexpr size_t kSmallBytesMax = 1024;

  Slab() = default;
  Slab(const Slab&) = delete;
  Slab& operator=(const Slab&) = delete;

  /// A block of at least `size` bytes, aligned to 8. The content is indeterminate.
  uint8_t* allocate(size_t size);

  /// Takes back a block that was allocated with this same `size`.
  void release(uint8_t* block, size_t size);

  /// The bytes that really stand behind a block of `size`: another size with the same capacity fits
  /// in place.
  static constexpr size_t capacity(size_t size) { return (size + 15) & ~size_t{15}; }

  /// Bytes taken from the heap, free lists included.
  size_t bytes_reserved() const { return bytes_reserved_; }

 private:
  static constexpr size_t kClasses = kSmallBytesMax / 16 + 1;
  static constexpr size_t kChunkBytesMin = 1024;
  static constexpr size_t kChunkBytesMax = 64 * 1024;

  void add_chunk(size_t size_min);

  uint8_t* free_[kClasses] = {};
  uint8_t* chunk_at_ = nullptr;
  uint8_t* chunk_end_ = nullptr;
  size_t chunk_bytes_ = kChunkBytesMin;
  size_t bytes_reserved_ = 0;
  std::vector<std::unique_ptr<uint8_t[]>> chunks_;
};

}  // namespace topgun
