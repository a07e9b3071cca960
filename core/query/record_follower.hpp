#pragma once

#include "core/query/collection.hpp"
#include "core/replica/record_table.hpp"

namespace topgun::query {

/// Keeps rows in step with the records of a last-writer-wins map. Whatever changes a record, a
/// local write, one from afar, a removal or the end of its time, becomes a `Write` or nothing.
///
/// Rows borrow from the table's slab: a record that is forgotten or collected must not have a row.
/// Tombstones have none, and neither do expired records that were told to `expire`.
class RecordFollower {
 public:
  /// Borrows all of them. `rows` is what `apply` of the calls below writes to.
  RecordFollower(RecordTable& table, const Collection& rows) : table_(&table), rows_(&rows) {
    TG_ASSERT(table.kind() == MapKind::Lww);
  }

  /// Merges a record by the map's rule and calls `apply(const Write&)` if readers see a change at
  /// `wall_ms`. True if the table's state changed. `incoming` must have passed `check_record`, and
  /// its value must be valid.
  template <typename Apply>
  bool merge(const Record& incoming, uint64_t wall_ms, Apply&& apply) {
    const auto row = rows_->find(incoming.key);
    Bytes before;
    const bool changed = table_->merge(incoming, [&](const Record& current) {
      if (row) before = to_bytes(current.value);
    });
    if (changed) tell(incoming.key, row, before, wall_ms, apply);
    return changed;
  }

  /// The record of this key may have expired by `wall_ms`. True if it had.
  template <typename Apply>
  bool expire(ByteView key, uint64_t wall_ms, Apply&& apply) {
    const auto row = rows_->find(key);
    if (!row) return false;
    const auto record = table_->find(key, {});
    TG_ASSERT(record.has_value());
    if (record->visible(wall_ms)) return false;
    tell(key, row, record->value, wall_ms, apply);
    return true;
  }

 private:
  template <typename Apply>
  void tell(ByteView key, std::optional<RowId> row, ByteView before, uint64_t wall_ms,
            Apply&& apply) {
    const auto record = table_->find(key, {});
    TG_ASSERT(record.has_value());
    Write write;
    write.row = row;
    write.key = record->key;
    if (row) write.before = before;
    if (record->visible(wall_ms)) write.after = record->value;
    if (write.before || write.after) apply(static_cast<const Write&>(write));
  }

  RecordTable* table_;
  const Collection* rows_;
};

}  // namespace topgun::query
