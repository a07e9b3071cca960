#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <tuple>
#include <vector>

#include "core/crdt/operation.hpp"
#include "core/replica/record_table.hpp"

namespace topgun {

inline std::string text_of(ByteView bytes) { return std::string(as_text(bytes)); }

/// A record that owns its bytes, comparable and printable, so that states can be kept and compared.
struct OwnedRecord {
  std::string key;
  std::string tag;
  Stamp stamp;
  uint64_t ttl_ms = 0;
  bool tombstone = false;
  std::string value;

  static OwnedRecord of(const Record& record) {
    return {text_of(record.key), text_of(record.tag), record.stamp,
            record.ttl_ms,       record.tombstone,    text_of(record.value)};
  }

  /// Borrows from this.
  Record view() const {
    Record record;
    record.key = as_bytes(key);
    record.tag = as_bytes(tag);
    record.stamp = stamp;
    record.ttl_ms = ttl_ms;
    record.tombstone = tombstone;
    record.value = as_bytes(value);
    return record;
  }

  friend bool operator==(const OwnedRecord& left, const OwnedRecord& right) {
    return left.parts() == right.parts();
  }
  friend bool operator<(const OwnedRecord& left, const OwnedRecord& right) {
    return left.parts() < right.parts();
  }

 private:
  std::tuple<std::string, std::string, Stamp, uint64_t, bool, std::string> parts() const {
    return {key, tag, stamp, ttl_ms, tombstone, value};
  }
};

inline std::string hex_of(std::string_view text) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<uint8_t>(c);
    out += kDigits[byte >> 4];
    out += kDigits[byte & 15];
  }
  return out;
}
inline std::string hex_of(ByteView bytes) { return hex_of(as_text(bytes)); }

/// Found by doctest, which prints records in failures.
inline doctest::String toString(const OwnedRecord& record) {
  const std::string text =
      "{" + record.key + "/" + hex_of(record.tag) + " at " + std::to_string(record.stamp.ms()) +
      "." + std::to_string(record.stamp.counter()) + " by " +
      std::to_string(record.stamp.replica.value) + " ttl " + std::to_string(record.ttl_ms) +
      (record.tombstone ? " tombstone" : " value " + hex_of(record.value)) + "}";
  return text.c_str();
}

/// An operation that owns its bytes, with its author.
struct OwnedOperation {
  ReplicaId author;
  OperationKind kind = OperationKind::LwwSet;
  uint64_t sequence = 1;
  uint64_t time = 0;
  uint64_t ttl_ms = 0;
  std::string key;
  std::string payload;

  /// Borrows from this.
  Operation view() const {
    return {kind, sequence, time, ttl_ms, as_bytes(key), as_bytes(payload)};
  }
};

/// The payload of an OR remove that observed `tags`.
inline std::string or_remove_payload(const std::vector<OperationId>& tags) {
  Bytes bytes;
  ByteWriter out(bytes);
  out.varint(tags.size());
  for (const OperationId& tag : tags) {
    out.u64(tag.replica.value);
    out.varint(tag.sequence);
  }
  return text_of(bytes);
}

/// The payload of a counter add whose author stands at `totals` afterwards.
inline std::string counter_add_payload(CounterTotals totals) {
  Bytes bytes;
  ByteWriter out(bytes);
  out.varint(totals.positive);
  out.varint(totals.negative);
  return text_of(bytes);
}

inline std::string counter_value(uint64_t positive, uint64_t negative) {
  const CounterBytes bytes = encode_counter({positive, negative});
  return text_of(bytes);
}

/// A replica of one map: a table with a slab of its own.
struct TableReplica {
  explicit TableReplica(MapKind kind) : table(kind, slab) {}

  bool merge(const OwnedRecord& record) { return table.merge(record.view()); }

  void apply(const OwnedOperation& operation) {
    for_each_record(operation.author, operation.view(),
                    [&](const Record& record) { table.merge(record); });
  }

  /// Takes over the whole state of `other`.
  void merge_all(const TableReplica& other) {
    other.table.visit_all([&](uint64_t, uint64_t, const Record& record) { table.merge(record); });
  }

  Slab slab;
  RecordTable table;
};

/// The state of a table in an order of its own: two tables with the same records give equal lists.
inline std::vector<OwnedRecord> state_of(const RecordTable& table) {
  std::vector<OwnedRecord> records;
  table.visit_all([&](uint64_t, uint64_t, const Record& record) {
    records.push_back(OwnedRecord::of(record));
  });
  std::sort(records.begin(), records.end());
  return records;
}

}  // namespace topgun
