#include <map>

#include "core/merkle/merkle_tree.hpp"
#include "tests/support/property.hpp"

// Against a multiset of (key hash, record hash): each node is the sum of the record hashes below
// it.

namespace topgun {
namespace {

using Entries = std::multimap<uint64_t, uint64_t>;

uint64_t sum_below(const Entries& entries, HashPrefix prefix) {
  uint64_t sum = 0;
  for (const auto& [key_hash, record_hash] : entries) {
    if (prefix.contains(key_hash)) sum += record_hash;
  }
  return sum;
}

TEST_CASE("merkle tree: every node is the sum of what lies below, and order leaves no trace") {
  for_each_seed(200, [](Gen& gen) {
    MerkleTree tree;
    tree.reset(static_cast<uint8_t>(gen.below(10)));
    Entries entries;
    for (int step = 0; step < 100; ++step) {
      if (entries.empty() || gen.chance(2, 3)) {
        // A few key hashes only, so that records share all of their path.
        const uint64_t key_hash = gen.coin() ? gen.bits() : gen.below(8) << 61;
        const uint64_t record_hash = gen.bits();
        tree.add(key_hash, record_hash);
        entries.emplace(key_hash, record_hash);
      } else {
        const auto at = std::next(entries.begin(), static_cast<int>(gen.below(entries.size())));
        tree.remove(at->first, at->second);
        entries.erase(at);
      }
    }
    for (uint8_t depth = 0; depth <= tree.depth(); depth += MerkleTree::kBitsPerLevel) {
      for (uint64_t bits = 0; bits < uint64_t{1} << depth; ++bits) {
        if (tree.node({depth, bits}) == sum_below(entries, {depth, bits})) continue;
        FAIL_CHECK("node of depth " << int{depth} << " at " << bits);
      }
    }
    MerkleTree rebuilt;
    for (const auto& [key_hash, record_hash] : entries) rebuilt.add(key_hash, record_hash);
    CHECK(tree.root() == rebuilt.root());
  });
}

}  // namespace
}  // namespace topgun
