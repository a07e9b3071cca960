#pragma once

#include <vector>

#include "core/replica/record_table.hpp"
#include "core/sync/messages.hpp"

namespace topgun {

/// The comparison of two Merkle trees in steps (docs/protocol.md, Diff), free of any session: a
/// step is a function of the message received and of the own state, so either side may be a client,
/// a node, or one of several shards that each hold a part. Since a node of the tree is a sum, the
/// parts of shards are added before they are compared.
///
/// A step has two halves. First `diff_children` of every part, added up, tell with
/// `differing_children` where the sides differ. Then `expand` of every part and `answer_diff` make
/// the answer.

/// Records below a prefix at or under which its fingerprints are sent instead of more hashes.
inline constexpr uint32_t kDiffLeafRecords = 6;
/// Children below the root in the first step: a wide first look saves round trips.
inline constexpr uint8_t kDiffRootBits = 6;
/// Children below every other node.
inline constexpr uint8_t kDiffStepBits = 3;

/// The half of a hash that a conversation compares. Halves keep messages small; a conversation that
/// was fooled by equal halves is repeated with the other.
constexpr uint32_t hash_half(uint64_t hash, uint8_t half) {
  return static_cast<uint32_t>(half == 0 ? hash : hash >> 32);
}

/// The part's hashes of all children of all nodes of `received`, in their order.
std::vector<uint64_t> diff_children(const RecordTable& table, const DiffMessage& received);

/// The children whose hash differs from ours, given our total for each. At most as many as an
/// answer may hold.
std::vector<HashPrefix> differing_children(const DiffMessage& received,
                                           const std::vector<uint64_t>& ours);

/// What one part holds below one prefix.
struct DiffRegion {
  HashPrefix prefix;
  std::vector<uint64_t> children;  ///< 2^kDiffStepBits hashes.
  /// Whether more than `kDiffLeafRecords` records lie here; `record_hashes` is empty then.
  bool many = false;
  std::vector<uint64_t> record_hashes;
};

DiffRegion expand(const RecordTable& table, HashPrefix prefix);

/// Adds `other`, which has the same prefix, to `region`.
void add_region(DiffRegion& region, const DiffRegion& other);

/// The answer's nodes and leaves for the regions that differ.
void answer_regions(const std::vector<DiffRegion>& regions, DiffMessage& answer);

/// Calls `visit(const Record&)` for this part's records below `leaf` that the other side lacks, and
/// returns which of the leaf's fingerprints this part has.
template <typename Visit>
std::vector<uint32_t> compare_leaf(const RecordTable& table, const DiffMessage::Leaf& leaf,
                                   uint8_t half, Visit&& visit);

/// Calls `visit(const Record&)` for this part's records that `want` names.
template <typename Visit>
void find_wanted(const RecordTable& table, const DiffMessage::Leaf& want, uint8_t half,
                 Visit&& visit);

/// The fingerprints of `leaf` that are not in `present` (which is sorted by this call).
DiffMessage::Leaf missing_fingerprints(const DiffMessage::Leaf& leaf,
                                       std::vector<uint32_t>& present);

/// The first message of a conversation: the children of the root, given our total for each.
DiffMessage first_diff(uint64_t subscription, uint8_t half, const std::vector<uint64_t>& children);
/// The prefixes whose totals `first_diff` wants, one part's share.
std::vector<uint64_t> root_children(const RecordTable& table);

/// The whole answer of a side that holds everything in one table. Calls `send(const Record&)` for
/// the records that go to the other side. O(nodes and records named by `received`).
template <typename Send>
DiffMessage answer_diff(const RecordTable& table, const DiffMessage& received, Send&& send);

// ------------------------------------------------------------------------------------------------

namespace internal {
/// `numbers` ascend.
bool contains(const std::vector<uint32_t>& numbers, uint32_t wanted);
}  // namespace internal

template <typename Visit>
std::vector<uint32_t> compare_leaf(const RecordTable& table, const DiffMessage::Leaf& leaf,
                                   uint8_t half, Visit&& visit) {
  std::vector<uint32_t> present;
  table.visit(leaf.prefix, [&](uint64_t, uint64_t hash, const Record& record) {
    const uint32_t fingerprint = hash_half(hash, half);
    if (internal::contains(leaf.fingerprints, fingerprint)) {
      present.push_back(fingerprint);
    } else {
      visit(record);
    }
  });
  return present;
}

template <typename Visit>
void find_wanted(const RecordTable& table, const DiffMessage::Leaf& want, uint8_t half,
                 Visit&& visit) {
  table.visit(want.prefix, [&](uint64_t, uint64_t hash, const Record& record) {
    if (internal::contains(want.fingerprints, hash_half(hash, half))) visit(record);
  });
}

template <typename Send>
DiffMessage answer_diff(const RecordTable& table, const DiffMessage& received, Send&& send) {
  DiffMessage answer;
  answer.subscription = received.subscription;
  answer.half = received.half;
  std::vector<DiffRegion> regions;
  for (const HashPrefix& prefix : differing_children(received, diff_children(table, received))) {
    regions.push_back(expand(table, prefix));
  }
  answer_regions(regions, answer);
  for (const DiffMessage::Leaf& leaf : received.leaves) {
    std::vector<uint32_t> present = compare_leaf(table, leaf, received.half, send);
    DiffMessage::Leaf missing = missing_fingerprints(leaf, present);
    if (!missing.fingerprints.empty()) answer.wants.push_back(std::move(missing));
  }
  for (const DiffMessage::Leaf& want : received.wants) {
    find_wanted(table, want, received.half, send);
  }
  return answer;
}

}  // namespace topgun
