#pragma once

#include <string>

#include "core/base/gen.hpp"
#include "core/crdt/record.hpp"

namespace topgun::determinism {

/// A record that owns its bytes.
struct DrawnRecord {
  std::string key;
  Bytes tag;
  Stamp stamp;
  uint64_t ttl_ms = 0;
  bool tombstone = false;
  Bytes value;

  /// Borrows from this.
  Record view() const {
    Record record;
    record.key = as_bytes(key);
    record.tag = tag;
    record.stamp = stamp;
    record.ttl_ms = ttl_ms;
    record.tombstone = tombstone;
    record.value = value;
    return record;
  }
};

/// Few keys, tags and times, so that records meet and tie. The value is one MessagePack binary.
inline DrawnRecord draw_record(Gen& gen, MapKind kind, uint64_t letters = 3) {
  DrawnRecord record;
  record.key = gen.word(1, 3, letters);
  record.stamp.time = gen.below(8);
  record.stamp.replica = {1 + gen.below(2)};
  if (kind == MapKind::Counter) {
    const auto tag = counter_tag({gen.below(3)});
    record.tag = to_bytes(tag);
    const uint64_t positive = gen.below(5);
    const CounterBytes totals = encode_counter({positive, gen.below(5)});
    record.value = to_bytes(totals);
    return record;
  }
  if (kind == MapKind::Or) {
    const uint64_t author = gen.below(3);
    const TagBytes tag = element_tag({{author}, gen.below(3)});
    record.tag = to_bytes(tag);
  }
  record.tombstone = gen.chance(1, 4);
  if (record.tombstone) return record;
  record.ttl_ms = gen.below(3);
  const Bytes content = gen.bytes(0, 200);
  record.value = {0xc4, static_cast<uint8_t>(content.size())};
  record.value.insert(record.value.end(), content.begin(), content.end());
  return record;
}

}  // namespace topgun::determinism
