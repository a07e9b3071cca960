#pragma once

#include <vector>

#include "core/base/bytes.hpp"

namespace topgun {

/// A region of the key-hash space: all hashes whose top `depth` bits equal `bits`.
struct HashPrefix {
  uint8_t depth = 0;
  uint64_t bits = 0;

  /// First hash of the region.
  constexpr uint64_t first() const { return depth == 0 ? 0 : bits << (64 - depth); }
  constexpr bool contains(uint64_t hash) const {
    return depth == 0 || (hash >> (64 - depth)) == bits;
  }
  /// Number `index` of the 2^`child_depth` equal parts of this region.
  constexpr HashPrefix child(uint8_t child_depth, uint64_t index) const {
    return {static_cast<uint8_t>(depth + child_depth), (bits << child_depth) | index};
  }
  friend constexpr bool operator==(const HashPrefix&, const HashPrefix&) = default;
};

/// Deepest region that is ever named; beyond it records are told apart one by one.
inline constexpr uint8_t kPrefixDepthMax = 48;

/// What identifies a whole state: two lanes of sums, so that equal roots mean equal states but for
/// a chance of 2^-64 in each lane. Guards against faults, not against someone who chooses records
/// to collide.
struct MerkleRoot {
  uint64_t sum = 0;
  uint64_t mixed_sum = 0;
  friend constexpr bool operator==(const MerkleRoot&, const MerkleRoot&) = default;

  void add(const MerkleRoot& other) {
    sum += other.sum;
    mixed_sum += other.mixed_sum;
  }
};

/// Hash tree over a set of hashed records (Merkle 1987; anti-entropy as in Dynamo, 2007), with one
/// change: a node is the *sum* modulo 2^64 of the hashes below it, a multiset hash. So a write
/// updates a node in O(1) without its siblings, the tree of two disjoint sets is the sum of their
/// trees (which is how a node of several shards answers for all of them), and equal states have
/// equal nodes whatever the depth each side keeps.
///
/// Fan-out is 8. A write costs one addition a level.
class MerkleTree {
 public:
  static constexpr uint8_t kBitsPerLevel = 3;

  /// Bits of the deepest level kept; a multiple of `kBitsPerLevel`.
  uint8_t depth() const { return depth_; }

  const MerkleRoot& root() const { return root_; }

  /// A record with this hash appeared at `key_hash`, or vanished from it. O(depth).
  void add(uint64_t key_hash, uint64_t record_hash);
  void remove(uint64_t key_hash, uint64_t record_hash);
  /// Both in one pass: the record at `key_hash` changed its hash.
  void replace(uint64_t key_hash, uint64_t old_hash, uint64_t new_hash);

  /// Empties the tree and keeps levels down to `depth` bits (rounded down to a whole level).
  void reset(uint8_t depth);

  /// The sum below `prefix`, which must be a kept level: a multiple of `kBitsPerLevel`, not below
  /// `depth()`. O(1).
  uint64_t node(HashPrefix prefix) const;

 private:
  size_t level_offset(uint8_t depth) const;
  void apply(uint64_t key_hash, uint64_t delta);

  uint8_t depth_ = 0;
  MerkleRoot root_;
  // Level by level from depth 3 downwards; depth 0 is root_.sum.
  std::vector<uint64_t> nodes_;
};

}  // namespace topgun
