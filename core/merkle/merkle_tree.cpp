#include "core/merkle/merkle_tree.hpp"

#include "core/base/assert.hpp"
#include "core/base/probe.hpp"

namespace topgun {
namespace {

// The finalizer of MurmurHash3 (Appleby): a bijection, so the second lane sees other sums.
uint64_t mix(uint64_t hash) {
  hash ^= hash >> 33;
  hash *= 0xff51afd7ed558ccdULL;
  hash ^= hash >> 33;
  hash *= 0xc4ceb9fe1a85ec53ULL;
  hash ^= hash >> 33;
  return hash;
}

}  // namespace

void MerkleTree::add(uint64_t key_hash, uint64_t record_hash) {
  root_.mixed_sum += mix(record_hash);
  apply(key_hash, record_hash);
}

void MerkleTree::remove(uint64_t key_hash, uint64_t record_hash) {
  root_.mixed_sum -= mix(record_hash);
  apply(key_hash, uint64_t{0} - record_hash);
}

void MerkleTree::replace(uint64_t key_hash, uint64_t old_hash, uint64_t new_hash) {
  root_.mixed_sum += mix(new_hash) - mix(old_hash);
  apply(key_hash, TG_MUTANT(14) ? new_hash : new_hash - old_hash);
}

void MerkleTree::apply(uint64_t key_hash, uint64_t delta) {
  root_.sum += delta;
  uint64_t* level = nodes_.data();
  for (uint8_t depth = kBitsPerLevel; depth <= depth_; depth += kBitsPerLevel) {
    level[key_hash >> (64 - depth)] += delta;
    level += size_t{1} << depth;
  }
}

void MerkleTree::reset(uint8_t depth) {
  TG_ASSERT(depth <= 30);
  depth_ = static_cast<uint8_t>(depth / kBitsPerLevel * kBitsPerLevel);
  root_ = {};
  nodes_.assign(level_offset(static_cast<uint8_t>(depth_ + kBitsPerLevel)), 0);
  nodes_.shrink_to_fit();
}

uint64_t MerkleTree::node(HashPrefix prefix) const {
  TG_ASSERT(prefix.depth <= depth_);
  TG_ASSERT(prefix.depth % kBitsPerLevel == 0);
  if (prefix.depth == 0) return root_.sum;
  return nodes_[level_offset(prefix.depth) + static_cast<size_t>(prefix.bits)];
}

size_t MerkleTree::level_offset(uint8_t depth) const {
  // 8 + 64 + ... nodes stand before the level of `depth` bits.
  return ((size_t{1} << depth) - 8) / 7;
}

}  // namespace topgun
