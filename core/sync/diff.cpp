#include "core/sync/diff.hpp"

#include <algorithm>

#include "core/base/hash.hpp"
#include "core/base/probe.hpp"

namespace topgun {
namespace {

/// Regions that one answer may name: their hashes take half of its numbers.
constexpr size_t kAnswerRegionsMax =
    std::min(kDiffEntriesMax, kDiffNumbersMax / 2 >> kDiffStepBits);

/// Another function of the key than the one that places records.
constexpr uint64_t kIdentitySeed = 0x9e3779b97f4a7c15;

bool before(const DiffMessage::Offer& left, const DiffMessage::Offer& right) {
  return left.identity != right.identity ? left.identity < right.identity : left.rank < right.rank;
}

void sort_offers(std::vector<DiffMessage::Offer>& offers) {
  // allow(sort): equal offers are one and the same.
  std::sort(offers.begin(), offers.end(), before);
}

/// Drops the last entries until their numbers fit into `room`, which shrinks by what they take.
template <typename Entry, typename Count>
void limit_entries(std::vector<Entry>& entries, size_t& room, Count&& count) {
  size_t kept = 0;
  while (kept < entries.size() && kept < kDiffEntriesMax && count(entries[kept]) <= room) {
    room -= count(entries[kept++]);
  }
  entries.resize(kept);
}

}  // namespace

bool internal::contains(const std::vector<uint16_t>& numbers, uint16_t wanted) {
  return std::binary_search(numbers.begin(), numbers.end(), wanted);
}

std::vector<uint16_t> internal::without(const std::vector<uint16_t>& all,
                                        const std::vector<uint16_t>& some) {
  std::vector<uint16_t> rest;
  for (const uint16_t number : all) {
    if (!contains(some, number)) rest.push_back(number);
  }
  return rest;
}

const DiffMessage::Offer* internal::find_offer(const std::vector<DiffMessage::Offer>& offers,
                                               uint16_t identity) {
  const auto found =
      std::lower_bound(offers.begin(), offers.end(), DiffMessage::Offer{identity, 0}, before);
  return found != offers.end() && found->identity == identity ? &*found : nullptr;
}

void internal::sort_numbers(std::vector<uint16_t>& numbers) {
  // Sorted, so that the order in memory, which depends on history, does not show.
  // allow(sort): equal numbers are one and the same.
  std::sort(numbers.begin(), numbers.end());
}

uint16_t record_identity(const Record& record, uint8_t slice) {
  const uint64_t key = hash64(record.key, kIdentitySeed);
  return hash_slice(record.tag.empty() ? key : hash64(record.tag, key), slice);
}

uint64_t record_rank(MapKind kind, const Record& record) {
  switch (kind) {
    case MapKind::Lww:
      return record.stamp.ms();
    case MapKind::Or:
      // A removal beats whatever the stamps say.
      return record.stamp.ms() | (record.tombstone ? uint64_t{1} << 63 : 0);
    case MapKind::Counter:
      break;
  }
  return 0;
}

std::vector<uint64_t> diff_children(const RecordTable& table, const DiffMessage& received) {
  std::vector<uint64_t> hashes;
  hashes.reserve(received.children.size());
  for (const HashPrefix& node : received.nodes) {
    const std::vector<uint64_t> sums = table.children(node, received.child_bits);
    hashes.insert(hashes.end(), sums.begin(), sums.end());
  }
  return hashes;
}

std::vector<HashPrefix> differing_children(const DiffMessage& received,
                                           const std::vector<uint64_t>& ours) {
  TG_ASSERT(ours.size() == received.children.size());
  std::vector<HashPrefix> differing;
  size_t at = 0;
  for (const HashPrefix& node : received.nodes) {
    for (uint64_t i = 0; i < uint64_t{1} << received.child_bits; ++i, ++at) {
      if (hash_slice(ours[at], received.slice) == received.children[at]) continue;
      if (differing.size() == kAnswerRegionsMax) return differing;
      differing.push_back(node.child(received.child_bits, i));
    }
  }
  return differing;
}

DiffRegion expand(const RecordTable& table, HashPrefix prefix) {
  DiffRegion region;
  region.prefix = prefix;
  const bool can_descend = prefix.depth + kDiffStepBits <= kPrefixDepthMax;
  region.many = can_descend && table.holds_more_than(prefix, kDiffLeafRecords);
  if (region.many) {
    region.children = table.children(prefix, kDiffStepBits);
    return region;
  }
  if (can_descend) region.children.resize(size_t{1} << kDiffStepBits);
  // Below a leaf no level of the tree is kept: its few records make up the children themselves.
  table.visit(prefix, [&](uint64_t placement, uint64_t hash, const Record&) {
    region.record_hashes.push_back(hash);
    if (!can_descend) return;
    const uint64_t child = placement >> (64 - prefix.depth - kDiffStepBits);
    region.children[static_cast<size_t>(child % region.children.size())] += hash;
  });
  return region;
}

void add_region(DiffRegion& region, const DiffRegion& other) {
  TG_ASSERT(region.prefix == other.prefix);
  TG_ASSERT(region.children.size() == other.children.size());
  for (size_t i = 0; i < region.children.size(); ++i) region.children[i] += other.children[i];
  region.record_hashes.insert(region.record_hashes.end(), other.record_hashes.begin(),
                              other.record_hashes.end());
  const bool can_descend = !region.children.empty();
  const bool too_many = can_descend && region.record_hashes.size() > kDiffLeafRecords;
  region.many = region.many || other.many || too_many;
  if (region.many) region.record_hashes.clear();
}

void add_leaf_part(LeafPart& part, const LeafPart& other) {
  part.present.insert(part.present.end(), other.present.begin(), other.present.end());
  part.offers.insert(part.offers.end(), other.offers.begin(), other.offers.end());
}

DiffMessage begin_answer(const DiffMessage& received) {
  DiffMessage answer;
  answer.subscription = received.subscription;
  answer.slice = received.slice;
  answer.child_bits = kDiffStepBits;
  return answer;
}

void answer_region(const DiffRegion& region, DiffMessage& answer) {
  if (region.many) {
    answer.nodes.push_back(region.prefix);
    for (const uint64_t hash : region.children) {
      answer.children.push_back(hash_slice(hash, answer.slice));
    }
    return;
  }
  DiffMessage::Entry leaf{region.prefix, {}};
  for (const uint64_t hash : region.record_hashes) {
    leaf.numbers.push_back(hash_slice(hash, answer.slice));
  }
  internal::sort_numbers(leaf.numbers);
  answer.leaves.push_back(std::move(leaf));
}

void answer_leaf(const DiffMessage::Entry& leaf, LeafPart& part, DiffMessage& answer) {
  internal::sort_numbers(part.present);
  sort_offers(part.offers);
  DiffMessage::Claim claim;
  claim.prefix = leaf.prefix;
  claim.missing = internal::without(leaf.numbers, part.present);
  claim.offers = std::move(part.offers);
  if (claim.missing.empty() && claim.offers.empty()) return;
  TG_SOMETIMES(!claim.missing.empty() && !claim.offers.empty(), DiffClaims);
  answer.claims.push_back(std::move(claim));
}

void answer_claim(const DiffMessage::Claim& claim, std::vector<uint16_t>& lost,
                  DiffMessage& answer) {
  internal::sort_numbers(lost);
  DiffMessage::Entry want{claim.prefix, {}};
  for (const DiffMessage::Offer& offer : claim.offers) {
    if (!internal::contains(lost, offer.identity)) want.numbers.push_back(offer.identity);
  }
  if (!want.numbers.empty()) answer.wants.push_back(std::move(want));
}

void limit_answer(DiffMessage& answer) {
  const auto numbers_of = [](const DiffMessage::Entry& entry) { return entry.numbers.size(); };
  size_t room = kDiffNumbersMax - answer.children.size();
  limit_entries(answer.leaves, room, numbers_of);
  limit_entries(answer.claims, room, [](const DiffMessage::Claim& claim) {
    return claim.missing.size() + claim.offers.size();
  });
  limit_entries(answer.wants, room, numbers_of);
}

std::vector<uint64_t> root_children(const RecordTable& table) {
  return table.children({}, kDiffRootBits);
}

DiffMessage first_diff(uint64_t subscription, uint8_t slice,
                       const std::vector<uint64_t>& children) {
  DiffMessage diff;
  diff.subscription = subscription;
  diff.slice = slice;
  diff.child_bits = kDiffRootBits;
  diff.nodes.push_back({});
  for (const uint64_t hash : children) diff.children.push_back(hash_slice(hash, slice));
  return diff;
}

}  // namespace topgun
