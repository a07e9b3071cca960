#pragma once

#include "core/base/probe.hpp"
#include "core/query/collection.hpp"
#include "core/replica/record_table.hpp"

namespace topgun::query {

/// Keeps rows in step with the records of a last-writer-wins map. Whatever changes a record, a
/// local write, one from afar, a removal, a refusal or the end of its time, becomes a `Write` or
/// nothing.
///
/// Rows borrow from the table's slab: whoever writes to the table says so before and afterwards,
/// and a record that is collected must not have a row. Tombstones have none, and neither do expired
/// records that were told to `expire`.
class RecordFollower {
 public:
  /// Borrows both. `rows` is what `apply` of the calls below writes to.
  RecordFollower(const RecordTable& table, const Collection& rows) : table_(&table), rows_(&rows) {
    TG_ASSERT(table.kind() == MapKind::Lww);
  }

  /// Calls `apply(const Write&)` for every record that a reader sees at `wall_ms`. For a collection
  /// without rows. O(records).
  template <typename Apply>
  void take_all(uint64_t wall_ms, Apply&& apply) const {
    take_shown([&](const Record& record) { return record.visible(wall_ms); }, apply);
  }

  /// The same where somebody else, `is_shown(const Record&)`, knows what readers see.
  template <typename IsShown, typename Apply>
  void take_shown(IsShown&& is_shown, Apply&& apply) const {
    table_->visit_all([&](uint64_t, uint64_t, const Record& record) {
      if (!is_shown(record)) return;
      Write write;
      write.key = record.key;
      write.after = record.value;
      apply(static_cast<const Write&>(write));
    });
  }

  /// This record is about to be overwritten or forgotten.
  void changing(const Record& current) {
    row_ = rows_->find(current.key);
    if (row_) before_.assign(current.value.begin(), current.value.end());
  }

  /// The record of `key` has changed, and `changing` was called if there was one: calls
  /// `apply(const Write&)` if readers see a change at `wall_ms`.
  template <typename Apply>
  void changed(ByteView key, uint64_t wall_ms, Apply&& apply) {
    const auto record = table_->find(key, {});
    Write write;
    write.row = row_;
    write.key = record.has_value() ? record->key : key;
    if (row_) write.before = before_;
    const uint64_t shown_at_ms = TG_MUTANT(71) ? 0 : wall_ms;
    if (record.has_value() && record->visible(shown_at_ms)) write.after = record->value;
    row_.reset();
    if (write.before || write.after) apply(static_cast<const Write&>(write));
  }

  /// The records for which `condition(const Record&)` holds are about to be forgotten: calls
  /// `apply(const Write&)` for those that have a row. O(records).
  template <typename Condition, typename Apply>
  void forget_if(Condition&& condition, Apply&& apply) const {
    table_->visit_all([&](uint64_t, uint64_t, const Record& record) {
      if (!condition(record)) return;
      const auto row = rows_->find(record.key);
      if (row) apply(Write{row, record.key, record.value, std::nullopt});
    });
  }

  /// The record of this key may have expired by `wall_ms`. True if it had.
  template <typename Apply>
  bool expire(ByteView key, uint64_t wall_ms, Apply&& apply) {
    const auto record = table_->find(key, {});
    if (!record.has_value() || record->visible(wall_ms) || !rows_->find(key)) return false;
    changing(*record);
    changed(key, wall_ms, apply);
    return true;
  }

 private:
  const RecordTable* table_;
  const Collection* rows_;
  std::optional<RowId> row_;  ///< Of the record that is changing.
  Bytes before_;
};

/// Merges a record by the map's rule, followed. True if the table's state changed. `incoming` must
/// have passed `check_record`, and its value must be valid.
template <typename Apply>
bool merge_followed(RecordTable& table, RecordFollower& follower, const Record& incoming,
                    uint64_t wall_ms, Apply&& apply) {
  const bool changed =
      table.merge(incoming, [&](const Record& current) { follower.changing(current); });
  if (changed) follower.changed(incoming.key, wall_ms, apply);
  return changed;
}

}  // namespace topgun::query
