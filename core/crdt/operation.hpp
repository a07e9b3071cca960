#pragma once

#include "core/base/byte_io.hpp"
#include "core/crdt/record.hpp"

namespace topgun {

/// What a write asked for. The numbers are stored and sent.
enum class OperationKind : uint8_t {
  LwwSet = 1,
  LwwRemove = 2,
  OrAdd = 3,
  OrRemove = 4,
  CounterAdd = 5,
};

/// Tags that one OR remove may name.
inline constexpr size_t kOrRemoveTagsMax = 4096;

/// One write to one key of one map, as its author issued it. Author and map stand in the batch.
/// Borrows its bytes. The payload is described in docs/protocol.md.
struct Operation {
  OperationKind kind = OperationKind::LwwSet;
  uint64_t sequence = 0;
  uint64_t time = 0;  ///< Time part of the stamp.
  uint64_t ttl_ms = 0;
  ByteView key;
  ByteView payload;
};

/// The kind of map an operation writes to; nothing for a number that is no operation.
constexpr bool is_operation_kind(uint8_t value) { return value >= 1 && value <= 5; }
MapKind map_kind_of(OperationKind kind);

/// Whether the operation's sizes and payload are what its kind prescribes; values are not looked
/// into. An operation that passes can be given to `for_each_record`. O(payload).
Result<void> check_operation(const Operation& operation);

/// The author's totals after a counter add that has passed `check_operation`.
inline CounterTotals totals_of(const Operation& operation) {
  ByteReader in(operation.payload);
  CounterTotals totals;
  totals.positive = in.varint();
  totals.negative = in.varint();
  return totals;
}

/// Calls `apply(const Record&)` for each record that the operation of `author` merges into its map:
/// one, or for an OR remove one for each tag. The operation must have passed `check_operation`.
template <typename Apply>
void for_each_record(ReplicaId author, const Operation& operation, Apply&& apply) {
  Record record;
  record.key = operation.key;
  record.stamp = {operation.time, author};
  switch (operation.kind) {
    case OperationKind::LwwSet:
      record.ttl_ms = operation.ttl_ms;
      record.value = operation.payload;
      apply(record);
      return;
    case OperationKind::LwwRemove:
      record.tombstone = true;
      apply(record);
      return;
    case OperationKind::OrAdd: {
      const TagBytes tag = element_tag({author, operation.sequence});
      record.tag = tag;
      record.ttl_ms = operation.ttl_ms;
      record.value = operation.payload;
      apply(record);
      return;
    }
    case OperationKind::OrRemove: {
      record.tombstone = true;
      ByteReader in(operation.payload);
      const uint64_t count = in.varint();
      for (uint64_t i = 0; i < count; ++i) {
        const ReplicaId replica{in.u64()};
        const TagBytes tag = element_tag({replica, in.varint()});
        record.tag = tag;
        apply(record);
      }
      return;
    }
    case OperationKind::CounterAdd: {
      const CounterBytes value = encode_counter(totals_of(operation));
      const auto tag = counter_tag(author);
      record.tag = tag;
      record.value = value;
      apply(record);
      return;
    }
  }
}

}  // namespace topgun
