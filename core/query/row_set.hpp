#pragma once

#include <memory>
#include <span>
#include <vector>

#include "core/query/row_table.hpp"

namespace topgun::query {

/// A set of rows, ordered, in as few bytes as their number and spread allow. 16 bytes hold up to
/// three rows; more are kept as Roaring does (Lemire et al., "Roaring Bitmaps", 2016): the rows of
/// each span of 65,536 as a sorted array of two bytes a row, or as a bitmap of 8 KiB once there are
/// more than 4,096 of them.
///
/// Expected: very many tiny sets (a value of a unique attribute), a few large ones (a status), and
/// intersections of the two kinds.
class RowSet {
 public:
  RowSet() = default;
  RowSet(const RowSet& other) { *this = other; }
  RowSet(RowSet&& other) noexcept { *this = std::move(other); }
  RowSet& operator=(const RowSet& other);
  RowSet& operator=(RowSet&& other) noexcept;
  ~RowSet() { reset(); }

  /// The set of these rows, in any order, repeated or not. O(rows), and 8 KiB for each span of
  /// 65,536 while it works.
  static RowSet of(std::span<const RowId> rows);

  /// Whether the set changed. O(log size), and for arrays O(4096) moved bytes at worst.
  bool add(RowId row);
  bool remove(RowId row);

  bool contains(RowId row) const;
  size_t size() const;
  bool empty() const { return size() == 0; }

  /// Calls `visit(RowId)` in ascending order until it returns false. The set must not change
  /// meanwhile.
  template <typename Visit>
  void for_each_while(Visit&& visit) const {
    if (!is_large()) {
      for (uint32_t i = 0; i < tag_; ++i) {
        if (!visit(small_[i])) return;
      }
      return;
    }
    for (const Chunk& chunk : large().chunks) {
      if (!visit_chunk(chunk, visit)) return;
    }
  }

  template <typename Visit>
  void for_each(Visit&& visit) const {
    for_each_while([&](RowId row) {
      visit(row);
      return true;
    });
  }

  /// Rows in both, in either, in `left` alone. O(smaller size) or O(words of the bitmaps).
  static RowSet intersection(const RowSet& left, const RowSet& right);
  static RowSet join(const RowSet& left, const RowSet& right);
  static RowSet difference(const RowSet& left, const RowSet& right);
  /// `intersection(left, right).size()`, without making it.
  static size_t intersection_size(const RowSet& left, const RowSet& right);

  /// The set as bits: bit `i` of word `w` is row `first + 64 * w + i`. `first` is a multiple of 64,
  /// and the words do not reach across a multiple of 65,536.
  void copy_words(RowId first, std::span<uint64_t> words) const;

  /// Bytes on the heap.
  size_t memory_bytes() const;

  friend bool operator==(const RowSet& left, const RowSet& right);

 private:
  static constexpr size_t kSmallMax = 3;
  static constexpr size_t kArrayMax = 4096;
  static constexpr size_t kWords = 1024;
  static constexpr size_t kAddressBytes = sizeof(void*);
  /// In place of the number of small rows.
  static constexpr uint32_t kLargeTag = UINT32_MAX;

  struct Bitmap {
    uint64_t words[kWords] = {};
  };

  /// The rows whose upper 16 bits are `high`; never empty. An array, or a bitmap if there is one.
  struct Chunk {
    uint16_t high = 0;
    uint32_t size = 0;
    std::vector<uint16_t> array;
    std::unique_ptr<Bitmap> bitmap;

    Chunk() = default;
    Chunk(const Chunk& other);
    Chunk(Chunk&&) = default;
    Chunk& operator=(Chunk&&) = default;

    bool contains(uint16_t low) const;
    bool add(uint16_t low);
    bool remove(uint16_t low);
    void settle();
  };

  struct Large {
    size_t size = 0;
    std::vector<Chunk> chunks;  ///< Ascending by `high`.
  };

  template <typename Visit>
  static bool visit_chunk(const Chunk& chunk, Visit&& visit) {
    const RowId base = RowId{chunk.high} << 16;
    if (!chunk.bitmap) {
      for (const uint16_t low : chunk.array) {
        if (!visit(base | low)) return false;
      }
      return true;
    }
    for (size_t at = 0; at < kWords; ++at) {
      for (uint64_t word = chunk.bitmap->words[at]; word != 0; word &= word - 1) {
        const auto bit = static_cast<RowId>(__builtin_ctzll(word));
        if (!visit(base | static_cast<RowId>(at * 64) | bit)) return false;
      }
    }
    return true;
  }

  enum class Operation : uint8_t { And, Or, AndNot };
  static Chunk combine(const Chunk& left, const Chunk& right, Operation operation);
  static RowSet combine(const RowSet& left, const RowSet& right, Operation operation);
  static size_t shared(const Chunk& left, const Chunk& right);

  bool is_large() const { return tag_ == kLargeTag; }
  Large& large() const {
    Large* large;
    __builtin_memcpy(&large, small_, kAddressBytes);
    return *large;
  }
  void set_large(Large* large) {
    __builtin_memcpy(small_, &large, kAddressBytes);
    tag_ = kLargeTag;
  }
  void become_large();
  void settle();
  void reset();
  Chunk* find_chunk(uint16_t high);
  const Chunk* find_chunk(uint16_t high) const;

  /// The small rows, ascending; or the address of the `Large` in the first words.
  alignas(8) RowId small_[kSmallMax] = {};
  uint32_t tag_ = 0;  ///< The number of small rows, or `kLargeTag`.
};

}  // namespace topgun::query
