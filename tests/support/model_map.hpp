#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "tests/support/records.hpp"

namespace topgun {

/// What readers must see once a *set* of operations has been delivered, computed from the set
/// alone: no merging, no stamps kept, no order of delivery. Too simple to be wrong, and far too
/// slow. Times to live are left out: expiry is a matter of reading.

/// Key to value; the write with the latest (time, author) decides, and removals are writes.
inline std::map<std::string, std::string> model_lww(const std::vector<OwnedOperation>& delivered) {
  std::map<std::string, std::string> visible;
  for (const OwnedOperation& operation : delivered) {
    bool is_latest = true;
    for (const OwnedOperation& other : delivered) {
      if (other.key != operation.key) continue;
      if (Stamp{other.time, other.author} > Stamp{operation.time, operation.author}) {
        is_latest = false;
      }
    }
    if (is_latest && operation.kind == OperationKind::LwwSet) {
      visible[operation.key] = operation.payload;
    }
  }
  return visible;
}

/// The identities that an OR remove names.
inline std::set<OperationId> tags_removed_by(const OwnedOperation& remove) {
  std::set<OperationId> tags;
  ByteReader in(as_bytes(remove.payload));
  for (uint64_t left = in.varint(); left > 0; --left) {
    const ReplicaId replica{in.u64()};
    tags.insert({replica, in.varint()});
  }
  return tags;
}

/// Key to values (equal ones as often as they were added): whatever was added under a tag that no
/// delivered remove of that key names.
inline std::map<std::string, std::multiset<std::string>> model_or(
    const std::vector<OwnedOperation>& delivered) {
  std::map<std::string, std::multiset<std::string>> visible;
  for (const OwnedOperation& add : delivered) {
    if (add.kind != OperationKind::OrAdd) continue;
    bool removed = false;
    for (const OwnedOperation& remove : delivered) {
      if (remove.kind != OperationKind::OrRemove || remove.key != add.key) continue;
      removed |= tags_removed_by(remove).count({add.author, add.sequence}) != 0;
    }
    if (!removed) visible[add.key].insert(add.payload);
  }
  return visible;
}

/// Key to value: over all authors, the largest totals each has announced.
inline std::map<std::string, int64_t> model_counter(const std::vector<OwnedOperation>& delivered) {
  std::map<std::pair<std::string, ReplicaId>, CounterTotals> totals;
  for (const OwnedOperation& add : delivered) {
    ByteReader in(as_bytes(add.payload));
    const uint64_t positive = in.varint();
    const uint64_t negative = in.varint();
    CounterTotals& of_author = totals[{add.key, add.author}];
    of_author.positive = std::max(of_author.positive, positive);
    of_author.negative = std::max(of_author.negative, negative);
  }
  std::map<std::string, int64_t> visible;
  for (const auto& [identity, total] : totals) {
    visible[identity.first] += static_cast<int64_t>(total.positive - total.negative);
  }
  return visible;
}

// The same, read from a table.

inline std::map<std::string, std::string> read_lww(const RecordTable& table) {
  std::map<std::string, std::string> visible;
  for (const OwnedRecord& record : state_of(table)) {
    if (!record.tombstone) visible[record.key] = record.value;
  }
  return visible;
}

inline std::map<std::string, std::multiset<std::string>> read_or(const RecordTable& table) {
  std::map<std::string, std::multiset<std::string>> visible;
  for (const OwnedRecord& record : state_of(table)) {
    if (!record.tombstone) visible[record.key].insert(record.value);
  }
  return visible;
}

inline std::map<std::string, int64_t> read_counter(const RecordTable& table) {
  std::map<std::string, int64_t> visible;
  for (const OwnedRecord& record : state_of(table)) {
    const CounterTotals totals = decode_counter(as_bytes(record.value));
    visible[record.key] += static_cast<int64_t>(totals.positive - totals.negative);
  }
  return visible;
}

}  // namespace topgun
