#pragma once

#include "core/base/slab.hpp"
#include "core/query/attribute_table.hpp"

namespace topgun::query {

/// The number of a row: dense, from 0 up, local to one `RowTable`, and used again after the row is
/// gone. Never leaves the process and never decides an order that does; keys do.
using RowId = uint32_t;

/// The rows of a map as its indexes and queries know them: numbers for records, so that a set of
/// records is a set of small integers. Holds no record itself: key and value stay where the map
/// keeps them, and the rows borrow them from there. So look a row up before its record is written,
/// and tell the table right afterwards.
///
/// Memory: 40 bytes a row, 11 to 21 for finding it by key, and a byte (two in values over 256
/// bytes) for each of its first 32 fields, rounded up to 16. O(1) for everything, save for the
/// value's fields on a write.
class RowTable {
 public:
  RowTable() = default;
  RowTable(const RowTable&) = delete;
  RowTable& operator=(const RowTable&) = delete;

  /// Makes room for so many rows at once.
  void reserve(size_t rows);

  /// Makes a row of a record that has none. `key` and `value` are borrowed until the row is
  /// replaced or erased; `value` must be valid.
  RowId insert(ByteView key, ByteView value);

  /// The row's record has other bytes now, under the same key. They are borrowed as in `insert`.
  void replace(RowId row, ByteView key, ByteView value);

  /// The record is gone. The number is not used again before `release_erased`, so that whoever
  /// gathers what a batch of writes did can tell its rows apart. `key` is the record's, since the
  /// bytes that were borrowed may be gone.
  void erase(RowId row, ByteView key);
  void release_erased();

  std::optional<RowId> find(ByteView key) const;
  bool contains(RowId row) const { return row < rows_.size() && rows_[row].key != nullptr; }

  /// Borrowed until the next write to the row.
  RowView view(RowId row) const;

  size_t size() const { return size_; }
  /// All rows have numbers below this.
  RowId row_end() const { return static_cast<RowId>(rows_.size()); }

  AttributeTable& attributes() { return attributes_; }
  const AttributeTable& attributes() const { return attributes_; }

  /// Bytes on the heap, the borrowed ones not counted.
  size_t memory_bytes() const;

 private:
  struct Row {
    const uint8_t* key = nullptr;
    const uint8_t* value = nullptr;
    uint8_t* offsets = nullptr;
    uint32_t value_bytes = 0;
    uint16_t key_bytes = 0;
    ShapeId shape = kNoShape;
    uint8_t fields = 0;
  };

  static constexpr RowId kFree = UINT32_MAX;

  /// A row, and bits of its key's hash by which most others are passed over without a look at them.
  struct Slot {
    RowId row = kFree;
    uint32_t tag = 0;
  };

  static uint32_t tag_of(uint64_t hash) { return static_cast<uint32_t>(hash >> 32); }
  size_t slot_of(ByteView key, uint64_t hash) const;
  void set(RowId row, ByteView key, ByteView value);
  void drop_offsets(Row& row);
  static size_t offset_bytes(const Row& row);

  std::vector<Row> rows_;
  std::vector<RowId> free_;
  std::vector<RowId> erased_;
  std::vector<Slot> slots_;  ///< By the hash of the key; open addressing.
  size_t size_ = 0;
  Slab slab_;
  AttributeTable attributes_;
};

}  // namespace topgun::query
