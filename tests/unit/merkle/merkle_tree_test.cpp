#include "core/merkle/merkle_tree.hpp"

#include <doctest/doctest.h>

namespace topgun {
namespace {

MerkleTree tree_of(uint8_t depth) {
  MerkleTree tree;
  tree.reset(depth);
  return tree;
}

TEST_CASE("hash prefix: names the region of its top bits") {
  const HashPrefix whole;
  CHECK(whole.first() == 0);
  CHECK(whole.contains(0));
  CHECK(whole.contains(UINT64_MAX));

  const HashPrefix quarter{2, 3};
  CHECK(quarter.first() == uint64_t{3} << 62);
  CHECK(quarter.contains(uint64_t{3} << 62));
  CHECK(quarter.contains(UINT64_MAX));
  CHECK_FALSE(quarter.contains((uint64_t{3} << 62) - 1));

  const HashPrefix one{64, 42};
  CHECK(one.first() == 42);
  CHECK(one.contains(42));
  CHECK_FALSE(one.contains(43));
}

TEST_CASE("hash prefix: children split their parent without gap or overlap") {
  const HashPrefix parent{5, 19};
  for (uint8_t child_depth = 1; child_depth <= 6; ++child_depth) {
    CAPTURE(child_depth);
    uint64_t next = parent.first();
    for (uint64_t index = 0; index < uint64_t{1} << child_depth; ++index) {
      const HashPrefix child = parent.child(child_depth, index);
      CHECK(child.depth == 5 + child_depth);
      CHECK(child.first() == next);
      CHECK(parent.contains(child.first()));
      next += uint64_t{1} << (64 - child.depth);
    }
    CHECK(next == HashPrefix{5, 20}.first());
  }
}

TEST_CASE("merkle tree: an empty tree is zero everywhere") {
  const MerkleTree tree = tree_of(6);
  CHECK(tree.root() == MerkleRoot{});
  for (uint64_t bits = 0; bits < 64; ++bits) CHECK(tree.node({6, bits}) == 0);
}

TEST_CASE("merkle tree: a depth is rounded down to whole levels") {
  for (uint8_t depth = 0; depth <= 12; ++depth) CHECK(tree_of(depth).depth() == depth / 3 * 3);
}

TEST_CASE("merkle tree: an added record is counted on its path and nowhere else") {
  MerkleTree tree = tree_of(6);
  tree.add(uint64_t{0b101110} << 58 | 12345, 1000);
  CHECK(tree.root().sum == 1000);
  CHECK(tree.node({}) == 1000);
  for (uint64_t bits = 0; bits < 8; ++bits) CHECK(tree.node({3, bits}) == (bits == 5 ? 1000 : 0));
  for (uint64_t bits = 0; bits < 64; ++bits) {
    CHECK(tree.node({6, bits}) == (bits == 0b101110 ? 1000 : 0));
  }
}

TEST_CASE("merkle tree: a removed record leaves no trace") {
  MerkleTree tree = tree_of(6);
  tree.add(1, 1000);
  const MerkleRoot before = tree.root();
  tree.add(UINT64_MAX, 77);
  tree.remove(UINT64_MAX, 77);
  CHECK(tree.root() == before);
  CHECK(tree.node({6, 63}) == 0);
}

TEST_CASE("merkle tree: replacing a record is removing the old and adding the new") {
  MerkleTree replaced = tree_of(6), rewritten = tree_of(6);
  for (MerkleTree* tree : {&replaced, &rewritten}) tree->add(uint64_t{7} << 60, 1000);
  replaced.replace(uint64_t{7} << 60, 1000, 5);
  rewritten.remove(uint64_t{7} << 60, 1000);
  rewritten.add(uint64_t{7} << 60, 5);
  CHECK(replaced.root() == rewritten.root());
  for (uint64_t bits = 0; bits < 64; ++bits) {
    CHECK(replaced.node({6, bits}) == rewritten.node({6, bits}));
  }
}

TEST_CASE("merkle tree: the second lane tells apart what has the same sum") {
  MerkleTree left = tree_of(3), right = tree_of(3);
  left.add(1, 10);
  left.add(2, 20);
  right.add(1, 11);
  right.add(2, 19);
  CHECK(left.root().sum == right.root().sum);
  CHECK(left.root().mixed_sum != right.root().mixed_sum);
}

TEST_CASE("merkle tree: roots of disjoint sets add up to the root of their union") {
  MerkleTree whole = tree_of(3), left = tree_of(6), right = tree_of(0);
  for (uint64_t i = 1; i <= 100; ++i) {
    const uint64_t record_hash = i * 0x9e3779b97f4a7c15;
    whole.add(i << 55, record_hash);
    (i % 3 == 0 ? left : right).add(i << 55, record_hash);
  }
  MerkleRoot sum = left.root();
  sum.add(right.root());
  CHECK(sum == whole.root());
}

TEST_CASE("merkle tree: a reset forgets everything") {
  MerkleTree tree = tree_of(6);
  tree.add(1, 1000);
  tree.reset(3);
  CHECK(tree.depth() == 3);
  CHECK(tree.root() == MerkleRoot{});
  CHECK(tree.node({3, 0}) == 0);
}

}  // namespace
}  // namespace topgun
