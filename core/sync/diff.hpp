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
/// `differing_children` where the sides differ. Then `expand`, `compare_leaf`, `settle_claim` and
/// `find_wanted` of every part, joined by `add_region`, `add_leaf_part` or by appending, make the
/// answer.

/// Records below a prefix at or under which its fingerprints are sent instead of more hashes.
inline constexpr uint32_t kDiffLeafRecords = 6;
/// Children below the root in the first step: a wide first look saves round trips.
inline constexpr uint8_t kDiffRootBits = 6;
/// Children below every other node.
inline constexpr uint8_t kDiffStepBits = 3;
/// Records of one part below one leaf that are offered; where there are more, the other side can
/// have few of them, and they are sent unasked.
inline constexpr size_t kDiffOffersMax = 6;

/// The slice of a hash that a conversation compares. Slices keep messages small; a conversation
/// that was fooled by equal slices is repeated with the next.
constexpr uint16_t hash_slice(uint64_t hash, uint8_t slice) {
  return static_cast<uint16_t>(hash >> (16 * slice));
}

/// Tells the records below a leaf apart by key and tag, whatever they hold. Not a part of the
/// placement: records that collide there must not collide here.
uint16_t record_identity(const Record& record, uint8_t slice);

/// Of two records with one key and tag, the one of higher rank wins the merge; equal ranks decide
/// nothing, and both records travel. Milliseconds without the stamp's counter, which would take
/// more bytes than it saves. All counters have one rank: of them neither need win.
uint64_t record_rank(MapKind kind, const Record& record);

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

/// What one part holds of a leaf of the other side.
struct LeafPart {
  std::vector<uint16_t> present;  ///< Fingerprints of the leaf that this part has, too.
  std::vector<DiffMessage::Offer> offers;
};

/// Compares a leaf of the other side with this part. Calls `send(const Record&)` for records that
/// the other side lacks for sure; what it may hold in another state is offered.
template <typename Send>
LeafPart compare_leaf(const RecordTable& table, const DiffMessage::Entry& leaf, uint8_t slice,
                      Send&& send);

void add_leaf_part(LeafPart& part, const LeafPart& other);

/// Calls `send(const Record&)` for this part's records that `claim` misses, but for those that lose
/// against an offer. Returns the identities of offers that lose against them.
template <typename Send>
std::vector<uint16_t> settle_claim(const RecordTable& table, const DiffMessage::Claim& claim,
                                   uint8_t slice, Send&& send);

/// Calls `send(const Record&)` for this part's records that `want` names.
template <typename Send>
void find_wanted(const RecordTable& table, const DiffMessage::Entry& want, uint8_t slice,
                 Send&& send);

/// An answer to `received` that says nothing yet.
DiffMessage begin_answer(const DiffMessage& received);
/// The answer's node or leaf for a region that differs.
void answer_region(const DiffRegion& region, DiffMessage& answer);
/// The answer's claim on a leaf, if there is one; sorts `part`.
void answer_leaf(const DiffMessage::Entry& leaf, LeafPart& part, DiffMessage& answer);
/// What the answer wants of the offers of a claim, given those that lost; sorts `lost`.
void answer_claim(const DiffMessage::Claim& claim, std::vector<uint16_t>& lost,
                  DiffMessage& answer);
/// Leaves out what goes beyond the limits of a message; another conversation will find it.
void limit_answer(DiffMessage& answer);

/// The first message of a conversation: the children of the root, given our total for each.
DiffMessage first_diff(uint64_t subscription, uint8_t slice, const std::vector<uint64_t>& children);
/// The prefixes whose totals `first_diff` wants, one part's share.
std::vector<uint64_t> root_children(const RecordTable& table);

/// The whole answer of a side that holds everything in one table. Calls `send(const Record&)` for
/// the records that go to the other side. O(nodes and records named by `received`).
template <typename Send>
DiffMessage answer_diff(const RecordTable& table, const DiffMessage& received, Send&& send);

// ------------------------------------------------------------------------------------------------

namespace internal {
/// `numbers` ascend.
bool contains(const std::vector<uint16_t>& numbers, uint16_t wanted);
/// The numbers of `all` that are not in `some`. Both ascend.
std::vector<uint16_t> without(const std::vector<uint16_t>& all, const std::vector<uint16_t>& some);
/// One of these identity, or nothing. `offers` ascend.
const DiffMessage::Offer* find_offer(const std::vector<DiffMessage::Offer>& offers,
                                     uint16_t identity);
void sort_numbers(std::vector<uint16_t>& numbers);
}  // namespace internal

template <typename Send>
LeafPart compare_leaf(const RecordTable& table, const DiffMessage::Entry& leaf, uint8_t slice,
                      Send&& send) {
  LeafPart part;
  std::vector<Record> ours;
  table.visit(leaf.prefix, [&](uint64_t, uint64_t hash, const Record& record) {
    const uint16_t fingerprint = hash_slice(hash, slice);
    if (internal::contains(leaf.numbers, fingerprint)) {
      part.present.push_back(fingerprint);
    } else {
      ours.push_back(record);
    }
  });
  if (ours.empty()) return part;
  internal::sort_numbers(part.present);
  const bool known_there = !internal::without(leaf.numbers, part.present).empty();
  const bool has_ranks = table.kind() != MapKind::Counter;
  const bool offers = known_there && has_ranks && ours.size() <= kDiffOffersMax;
  for (const Record& record : ours) {
    if (offers) {
      part.offers.push_back({record_identity(record, slice), record_rank(table.kind(), record)});
    } else {
      send(record);
    }
  }
  return part;
}

template <typename Send>
std::vector<uint16_t> settle_claim(const RecordTable& table, const DiffMessage::Claim& claim,
                                   uint8_t slice, Send&& send) {
  std::vector<uint16_t> lost;
  if (claim.missing.empty()) return lost;
  table.visit(claim.prefix, [&](uint64_t, uint64_t hash, const Record& record) {
    if (!internal::contains(claim.missing, hash_slice(hash, slice))) return;
    if (claim.offers.empty()) return send(record);
    const uint16_t identity = record_identity(record, slice);
    const DiffMessage::Offer* offer = internal::find_offer(claim.offers, identity);
    if (offer == nullptr) return send(record);
    const uint64_t rank = record_rank(table.kind(), record);
    if (rank > offer->rank) lost.push_back(identity);
    if (rank >= offer->rank) send(record);
  });
  return lost;
}

template <typename Send>
void find_wanted(const RecordTable& table, const DiffMessage::Entry& want, uint8_t slice,
                 Send&& send) {
  table.visit(want.prefix, [&](uint64_t, uint64_t, const Record& record) {
    if (internal::contains(want.numbers, record_identity(record, slice))) send(record);
  });
}

template <typename Send>
DiffMessage answer_diff(const RecordTable& table, const DiffMessage& received, Send&& send) {
  DiffMessage answer = begin_answer(received);
  for (const HashPrefix& prefix : differing_children(received, diff_children(table, received))) {
    answer_region(expand(table, prefix), answer);
  }
  for (const DiffMessage::Entry& leaf : received.leaves) {
    LeafPart part = compare_leaf(table, leaf, received.slice, send);
    answer_leaf(leaf, part, answer);
  }
  for (const DiffMessage::Claim& claim : received.claims) {
    std::vector<uint16_t> lost = settle_claim(table, claim, received.slice, send);
    answer_claim(claim, lost, answer);
  }
  for (const DiffMessage::Entry& want : received.wants) {
    find_wanted(table, want, received.slice, send);
  }
  limit_answer(answer);
  return answer;
}

}  // namespace topgun
