#include "core/sync/diff.hpp"

#include <algorithm>

namespace topgun {
namespace {

/// Hashes that one answer may name: a quarter of the limit leaves room for its leaves.
constexpr size_t kAnswerRegionsMax = std::min(kDiffEntriesMax, kDiffHashesMax / 16);

DiffMessage::Leaf leaf_of(const DiffRegion& region, uint8_t half) {
  DiffMessage::Leaf leaf;
  leaf.prefix = region.prefix;
  for (const uint64_t hash : region.record_hashes) {
    leaf.fingerprints.push_back(hash_half(hash, half));
  }
  // Sorted, so that the order in memory, which depends on history, does not show.
  // allow(sort): equal numbers are one and the same.
  std::sort(leaf.fingerprints.begin(), leaf.fingerprints.end());
  return leaf;
}

DiffMessage::Node node_of(const DiffRegion& region, uint8_t half) {
  DiffMessage::Node node;
  node.prefix = region.prefix;
  node.child_bits = kDiffStepBits;
  for (const uint64_t hash : region.children) node.children.push_back(hash_half(hash, half));
  return node;
}

}  // namespace

bool internal::contains(const std::vector<uint32_t>& numbers, uint32_t wanted) {
  return std::binary_search(numbers.begin(), numbers.end(), wanted);
}

std::vector<uint64_t> diff_children(const RecordTable& table, const DiffMessage& received) {
  std::vector<uint64_t> hashes;
  for (const DiffMessage::Node& node : received.nodes) {
    for (uint64_t i = 0; i < node.children.size(); ++i) {
      hashes.push_back(table.node(node.prefix.child(node.child_bits, i)));
    }
  }
  return hashes;
}

std::vector<HashPrefix> differing_children(const DiffMessage& received,
                                           const std::vector<uint64_t>& ours) {
  std::vector<HashPrefix> differing;
  size_t at = 0;
  for (const DiffMessage::Node& node : received.nodes) {
    for (uint64_t i = 0; i < node.children.size(); ++i, ++at) {
      TG_ASSERT(at < ours.size());
      if (hash_half(ours[at], received.half) == node.children[static_cast<size_t>(i)]) continue;
      if (differing.size() == kAnswerRegionsMax) return differing;
      differing.push_back(node.prefix.child(node.child_bits, i));
    }
  }
  return differing;
}

DiffRegion expand(const RecordTable& table, HashPrefix prefix) {
  DiffRegion region;
  region.prefix = prefix;
  const bool can_descend = prefix.depth + kDiffStepBits <= kPrefixDepthMax;
  region.many = can_descend && table.holds_more_than(prefix, kDiffLeafRecords);
  if (can_descend) region.children.resize(size_t{1} << kDiffStepBits);
  if (region.many) {
    for (uint64_t i = 0; i < region.children.size(); ++i) {
      region.children[static_cast<size_t>(i)] = table.node(prefix.child(kDiffStepBits, i));
    }
    return region;
  }
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

void answer_regions(const std::vector<DiffRegion>& regions, DiffMessage& answer) {
  for (const DiffRegion& region : regions) {
    if (region.many) {
      answer.nodes.push_back(node_of(region, answer.half));
    } else {
      answer.leaves.push_back(leaf_of(region, answer.half));
    }
  }
}

DiffMessage::Leaf missing_fingerprints(const DiffMessage::Leaf& leaf,
                                       std::vector<uint32_t>& present) {
  // allow(sort): equal numbers are one and the same.
  std::sort(present.begin(), present.end());
  DiffMessage::Leaf missing;
  missing.prefix = leaf.prefix;
  for (const uint32_t fingerprint : leaf.fingerprints) {
    if (!std::binary_search(present.begin(), present.end(), fingerprint)) {
      missing.fingerprints.push_back(fingerprint);
    }
  }
  return missing;
}

std::vector<uint64_t> root_children(const RecordTable& table) {
  std::vector<uint64_t> hashes;
  for (uint64_t i = 0; i < (uint64_t{1} << kDiffRootBits); ++i) {
    hashes.push_back(table.node(HashPrefix{}.child(kDiffRootBits, i)));
  }
  return hashes;
}

DiffMessage first_diff(uint64_t subscription, uint8_t half, const std::vector<uint64_t>& children) {
  DiffMessage diff;
  diff.subscription = subscription;
  diff.half = half;
  DiffMessage::Node root;
  root.child_bits = kDiffRootBits;
  for (const uint64_t hash : children) root.children.push_back(hash_half(hash, half));
  diff.nodes.push_back(std::move(root));
  return diff;
}

}  // namespace topgun
