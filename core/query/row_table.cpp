#include "core/query/row_table.hpp"

#include <algorithm>
#include <cstring>

#include "core/base/hash.hpp"

namespace topgun::query {

size_t RowTable::offset_bytes(const Row& row) {
  return row.value_bytes > 256 ? 2 * size_t{row.fields} : row.fields;
}

RowId RowTable::insert(ByteView key, ByteView value) {
  reserve(size_ + 1);
  RowId row = static_cast<RowId>(rows_.size());
  if (free_.empty()) {
    rows_.emplace_back();
  } else {
    row = free_.back();
    free_.pop_back();
  }
  const uint64_t hash = hash64(key);
  const size_t slot = slot_of(key, hash);
  TG_ASSERT(slots_[slot].row == kFree);
  slots_[slot] = {row, tag_of(hash)};
  set(row, key, value);
  ++size_;
  return row;
}

void RowTable::replace(RowId row, ByteView key, ByteView value) {
  TG_ASSERT(contains(row));
  drop_offsets(rows_[row]);
  set(row, key, value);
}

void RowTable::erase(RowId row, ByteView key) {
  TG_ASSERT(contains(row));
  const size_t mask = slots_.size() - 1;
  size_t hole = static_cast<size_t>(hash64(key)) & mask;
  while (slots_[hole].row != row) {
    TG_ASSERT(slots_[hole].row != kFree);
    hole = (hole + 1) & mask;
  }
  // Rows behind the hole move up unless that would put them before their own slot.
  for (size_t at = (hole + 1) & mask; slots_[at].row != kFree; at = (at + 1) & mask) {
    const Row& other = rows_[slots_[at].row];
    const size_t home = static_cast<size_t>(hash64({other.key, other.key_bytes})) & mask;
    if (((at - home) & mask) < ((at - hole) & mask)) continue;
    slots_[hole] = slots_[at];
    hole = at;
  }
  slots_[hole] = {};
  drop_offsets(rows_[row]);
  rows_[row] = Row{};
  erased_.push_back(row);
  --size_;
}

void RowTable::release_erased() {
  free_.insert(free_.end(), erased_.begin(), erased_.end());
  erased_.clear();
}

std::optional<RowId> RowTable::find(ByteView key) const {
  if (slots_.empty()) return std::nullopt;
  const RowId row = slots_[slot_of(key, hash64(key))].row;
  if (row == kFree) return std::nullopt;
  return row;
}

RowView RowTable::view(RowId row) const {
  const Row& entry = rows_[row];
  return {
      {entry.key, entry.key_bytes}, {entry.value, entry.value_bytes}, entry.shape, entry.offsets};
}

size_t RowTable::slot_of(ByteView key, uint64_t hash) const {
  const size_t mask = slots_.size() - 1;
  size_t at = static_cast<size_t>(hash) & mask;
  for (; slots_[at].row != kFree; at = (at + 1) & mask) {
    if (slots_[at].tag != tag_of(hash)) continue;
    const Row& row = rows_[slots_[at].row];
    if (equal_bytes({row.key, row.key_bytes}, key)) break;
  }
  return at;
}

void RowTable::set(RowId row, ByteView key, ByteView value) {
  static constexpr uint8_t kNoBytes[1] = {};
  Row& entry = rows_[row];
  // An empty key may have no address, which is how a free row looks.
  entry.key = key.empty() ? kNoBytes : key.data();
  entry.key_bytes = static_cast<uint16_t>(key.size());
  entry.value = value.data();
  entry.value_bytes = static_cast<uint32_t>(value.size());
  const ShapeTable::Layout layout = attributes_.observe(value);
  entry.shape = layout.shape;
  entry.fields = layout.shape == kNoShape ? uint8_t{0} : layout.fields;
  entry.offsets = nullptr;
  if (entry.fields == 0) return;
  entry.offsets = slab_.allocate(offset_bytes(entry));
  if (value.size() > 256) {
    std::memcpy(entry.offsets, layout.offsets, 2 * size_t{entry.fields});
  } else {
    for (size_t i = 0; i < entry.fields; ++i) {
      entry.offsets[i] = static_cast<uint8_t>(layout.offsets[i]);
    }
  }
}

void RowTable::drop_offsets(Row& row) {
  if (row.offsets != nullptr) slab_.release(row.offsets, offset_bytes(row));
  row.offsets = nullptr;
}

void RowTable::reserve(size_t rows) {
  size_t slots = std::max<size_t>(slots_.size(), 16);
  while (rows * 4 > slots * 3) slots *= 2;
  if (slots == slots_.size()) return;
  if (rows > size_ + 1) rows_.reserve(rows);
  const std::vector<Slot> old = std::move(slots_);
  slots_.assign(slots, Slot{});
  const size_t mask = slots_.size() - 1;
  for (const Slot& slot : old) {
    if (slot.row == kFree) continue;
    const Row& row = rows_[slot.row];
    size_t at = static_cast<size_t>(hash64({row.key, row.key_bytes})) & mask;
    while (slots_[at].row != kFree) at = (at + 1) & mask;
    slots_[at] = slot;
  }
}

size_t RowTable::memory_bytes() const {
  return rows_.capacity() * sizeof(Row) + slots_.capacity() * sizeof(Slot) +
         (free_.capacity() + erased_.capacity()) * sizeof(RowId) + slab_.bytes_reserved();
}

}  // namespace topgun::query
