#pragma once

#include <optional>

#include "core/base/bytes.hpp"
#include "core/base/result.hpp"
#include "core/crdt/record.hpp"

namespace topgun::host {

// A record as a row of the checkpoint (docs/formats/checkpoint.md): u64 checksum, u8 flags
// (1 tombstone, 2 time to live follows), u64 time, u64 replica, varint time to live, value.

/// Of the body, seeded with where it belongs: a row that went to another place does not fit.
/// `scratch` saves allocations.
uint64_t row_checksum(uint64_t log_id, MapKind kind, ByteView map, ByteView key, ByteView tag,
                      ByteView body, Bytes& scratch);

/// What follows the checksum; appends.
void encode_body(const Record& record, Bytes& out);
/// Borrows from `body`; leaves key and tag alone. The codes of `ByteReader`.
Result<void> decode_body(ByteView body, Record& record);

/// When the record was deleted or will have expired; nothing if it is live for ever. Agrees with
/// `Record::retired_before`.
std::optional<uint64_t> retired_ms(const Record& record);

/// Of all rows together, whatever their order: rows that are gone, or that are older than the
/// others because a page is, change it. Kept up to date by adding and taking out (an incremental
/// multiset hash, as in Clarke et al., ASIACRYPT 2003; against accidents, not against forgery).
struct CheckpointDigest {
  uint64_t rows = 0;
  uint64_t sum = 0;  ///< Of the checksums, modulo 2^64.

  void add(uint64_t checksum) {
    rows += 1;
    sum += checksum;
  }
  void take(uint64_t checksum) {
    rows -= 1;
    sum -= checksum;
  }
  friend bool operator==(const CheckpointDigest&, const CheckpointDigest&) = default;
};

}  // namespace topgun::host
