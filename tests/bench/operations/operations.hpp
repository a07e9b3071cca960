#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/node/owned_map.hpp"

namespace topgun::bench {

/// Two replicas of one LWW map and a buffer, with the operations of the core that the suites time
/// against libraries for JavaScript. The same class runs natively (commands on stdin) and as
/// WebAssembly (raw exports), so that both answer the same questions about the same data.
///
/// Keys are "key:<i>"; values are texts of 64 bytes that begin with "<generation>:<i>:" and go on
/// with dots. Whoever writes another contender writes the same, and compares digests.
class Operations {
 public:
  /// Bytes that go in and come out. The address may change with every call.
  Bytes& buffer() { return buffer_; }

  /// Empties both replicas and gives them the same `records` records of generation 0.
  void fill(uint32_t records);

  /// Leaves in the buffer what a remote replica sends that overwrites all records: operation
  /// batches, each behind a u32 of its size. Returns the bytes.
  uint32_t make_update(uint32_t generation);
  /// Decodes, validates and merges such an update from the buffer into the first replica. Returns
  /// how many records changed.
  uint32_t merge_update();

  /// Overwrites `count` records, evenly spread, half of them on either replica.
  void diverge(uint32_t generation, uint32_t count);
  /// Brings both replicas together by a Diff conversation. Every message is encoded and decoded as
  /// on the wire; returns the bytes of all of them, or 0 if one could not be decoded.
  uint32_t reconcile();

  /// Sum over all records of the FNV-1a hash (32 bits) of key and text, in no order; of the first
  /// replica (0) or the second.
  uint32_t digest(uint32_t replica) const;

  /// Low bits of the core's hash of the buffer.
  uint32_t hash() const;

  /// Puts the values in the buffer, each behind a u32 of its size, into record batches, which
  /// replace them, each behind a u32 of its size. Returns the records.
  uint32_t make_records();
  /// Decodes and validates such record batches and encodes them anew, into the buffer and in the
  /// same framing, as a node does with records that pass through it. Returns the records.
  uint32_t reencode();
  /// Validates the values in the buffer, each behind a u32 of its size, and leaves them in
  /// canonical encoding in the same framing. Returns how many were valid.
  uint32_t canonicalize();

 private:
  void write(node::OwnedMap& map, uint32_t generation, uint32_t first, uint32_t step);
  bool receive(node::OwnedMap& map, ByteView bytes);
  /// One conversation; the bytes of its frames, 0 if one was not understood.
  size_t converse(uint8_t slice);

  struct Replica {
    Slab slab;
    node::OwnedMap map{MapKind::Lww, "map", slab, ChangeRing::kChangesMax};
  };

  uint32_t records_ = 0;
  std::unique_ptr<Replica> replicas_[2];
  Bytes buffer_;
  Bytes output_;
  OperationBatch batch_;
};

}  // namespace topgun::bench
