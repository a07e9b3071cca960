#include "core/query/counted_tree.hpp"

#include <algorithm>
#include <cstring>

namespace topgun::query {
namespace {

constexpr size_t kFanout = 64;
constexpr size_t kInlineBytes = 24;
constexpr size_t kHeadBytes = 16;
/// A child with fewer is put together with a neighbour if both fit into one with room to spare.
constexpr size_t kChildMin = kFanout / 4;
constexpr size_t kMergedMax = kFanout * 3 / 4;

/// Eight bytes from `at` on as a number that orders as they do; what is not there is zeros.
uint64_t word_of(ByteView key, size_t at) {
  uint64_t word = 0;
  if (key.size() >= at + 8) {
    std::memcpy(&word, key.data() + at, 8);
    return __builtin_bswap64(word);
  }
  for (size_t i = at; i < key.size(); ++i) word |= uint64_t{key[i]} << (56 - 8 * (i - at));
  return word;
}

/// Of the first `count`. By eights, which compilers add side by side.
uint32_t sum_of(const uint32_t* sizes, size_t count) {
  uint32_t sum = 0;
  size_t at = 0;
  for (; at + 8 <= count; at += 8) {
    for (size_t i = 0; i < 8; ++i) sum += sizes[at + i];
  }
  for (; at < count; ++at) sum += sizes[at];
  return sum;
}

}  // namespace

/// A key and its row. Of a long key the last 8 of the 24 bytes are the address of the whole.
struct CountedTree::Slot {
  alignas(8) uint8_t key[kInlineBytes];
  uint32_t bytes;
  RowId row;

  /// The first eight bytes as a number, or the eight behind them.
  uint64_t word(size_t at) const {
    uint64_t word;
    std::memcpy(&word, key + at, sizeof word);
    return __builtin_bswap64(word);
  }
  uint8_t* whole() const {
    uint8_t* whole;
    std::memcpy(&whole, key + kHeadBytes, sizeof whole);
    return whole;
  }
};

/// A key to be compared with many, which are mostly told apart by their first 16 bytes.
struct CountedTree::Bound {
  explicit Bound(ByteView bytes)
      : key(bytes), first(word_of(bytes, 0)), second(word_of(bytes, sizeof first)) {}

  ByteView key;
  uint64_t first;
  uint64_t second;
};

/// A leaf, or the common part of an inner node. The slots of an inner node are copies of the first
/// slot below each child; they own nothing.
struct CountedTree::Node {
  explicit Node(bool leaf) : is_leaf(leaf) {}

  bool is_leaf;
  uint16_t count = 0;
  Node* previous = nullptr;
  Node* next = nullptr;
  Slot slots[kFanout];
};

struct CountedTree::Inner : Node {
  Inner() : Node(false) {}

  Node* children[kFanout];
  uint32_t sizes[kFanout];
};

ByteView CountedTree::key_of(const Slot& slot) {
  return {slot.bytes <= kInlineBytes ? slot.key : slot.whole(), slot.bytes};
}

CountedTree::Slot CountedTree::make_slot(ByteView key, RowId row) {
  Slot slot = {};
  slot.bytes = static_cast<uint32_t>(key.size());
  slot.row = row;
  if (key.size() <= kInlineBytes) {
    if (!key.empty()) std::memcpy(slot.key, key.data(), key.size());
    return slot;
  }
  uint8_t* const whole = slab_.allocate(key.size());
  std::memcpy(whole, key.data(), key.size());
  std::memcpy(slot.key, key.data(), kHeadBytes);
  std::memcpy(slot.key + kHeadBytes, &whole, sizeof whole);
  return slot;
}

void CountedTree::release(const Slot& slot) {
  if (slot.bytes > kInlineBytes) slab_.release(slot.whole(), slot.bytes);
}

int CountedTree::compare(const Slot& slot, const Bound& bound) {
  const uint64_t first = slot.word(0);
  if (first != bound.first) return first < bound.first ? -1 : 1;
  const uint64_t second = slot.word(sizeof first);
  if (second != bound.second) return second < bound.second ? -1 : 1;
  return compare_bytes(key_of(slot), bound.key);
}

size_t CountedTree::lower_bound(const Node& node, const Bound& bound) {
  size_t low = 0;
  size_t high = node.count;
  while (low < high) {
    const size_t middle = (low + high) / 2;
    if (compare(node.slots[middle], bound) < 0) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

/// The child in which the key is, or belongs.
size_t CountedTree::child_for(const Inner& inner, const Bound& bound) {
  const size_t at = lower_bound(inner, bound);
  if (at < inner.count && compare(inner.slots[at], bound) == 0) return at;
  return at == 0 ? 0 : at - 1;
}

size_t CountedTree::total(const Node& node) {
  if (node.is_leaf) return node.count;
  const auto& inner = static_cast<const Inner&>(node);
  size_t sum = 0;
  for (size_t i = 0; i < inner.count; ++i) sum += inner.sizes[i];
  return sum;
}

// --- insert ---

bool CountedTree::insert(ByteView key, RowId row) {
  if (root_ == nullptr) root_ = new Node(true);
  const Split split = insert_into(*root_, Bound(key), row);
  if (!split.inserted) return false;
  ++size_;
  if (split.right != nullptr) {
    auto* const root = new Inner;
    add_child(*root, 0, root_);
    add_child(*root, 1, split.right);
    root_ = root;
  }
  return true;
}

CountedTree::Split CountedTree::insert_into(Node& node, const Bound& bound, RowId row) {
  if (node.is_leaf) return insert_into_leaf(node, bound, row);
  auto& inner = static_cast<Inner&>(node);
  const size_t at = child_for(inner, bound);
  const Split below = insert_into(*inner.children[at], bound, row);
  if (!below.inserted) return {};
  inner.slots[at] = inner.children[at]->slots[0];
  if (below.right == nullptr) {
    ++inner.sizes[at];
    return {nullptr, true};
  }
  inner.sizes[at] = static_cast<uint32_t>(total(*inner.children[at]));
  if (inner.count < kFanout) {
    add_child(inner, at + 1, below.right);
    return {nullptr, true};
  }
  Node* const right = split_inner(inner);
  auto& target = at + 1 <= inner.count ? inner : static_cast<Inner&>(*right);
  add_child(target, &target == &inner ? at + 1 : at + 1 - inner.count, below.right);
  return {right, true};
}

CountedTree::Split CountedTree::insert_into_leaf(Node& leaf, const Bound& bound, RowId row) {
  const size_t at = lower_bound(leaf, bound);
  if (at < leaf.count && compare(leaf.slots[at], bound) == 0) return {};
  Node* target = &leaf;
  Node* right = nullptr;
  if (leaf.count == kFanout) {
    // Keys that come in order leave full leaves behind.
    const size_t kept = at == leaf.count && leaf.next == nullptr ? kFanout : kFanout / 2;
    right = new Node(true);
    right->count = static_cast<uint16_t>(kFanout - kept);
    std::copy(leaf.slots + kept, leaf.slots + kFanout, right->slots);
    leaf.count = static_cast<uint16_t>(kept);
    right->previous = &leaf;
    right->next = leaf.next;
    if (leaf.next != nullptr) leaf.next->previous = right;
    leaf.next = right;
    if (at > kept || kept == kFanout) target = right;
  }
  const size_t place = target == &leaf ? at : at - leaf.count;
  std::copy_backward(target->slots + place, target->slots + target->count,
                     target->slots + target->count + 1);
  target->slots[place] = make_slot(bound.key, row);
  ++target->count;
  return {right, true};
}

void CountedTree::add_child(Inner& inner, size_t at, Node* child) {
  std::copy_backward(inner.slots + at, inner.slots + inner.count, inner.slots + inner.count + 1);
  std::copy_backward(inner.children + at, inner.children + inner.count,
                     inner.children + inner.count + 1);
  std::copy_backward(inner.sizes + at, inner.sizes + inner.count, inner.sizes + inner.count + 1);
  inner.slots[at] = child->slots[0];
  inner.children[at] = child;
  inner.sizes[at] = static_cast<uint32_t>(total(*child));
  ++inner.count;
}

CountedTree::Node* CountedTree::split_inner(Inner& inner) {
  auto* const right = new Inner;
  const size_t kept = kFanout / 2;
  std::copy(inner.slots + kept, inner.slots + kFanout, right->slots);
  std::copy(inner.children + kept, inner.children + kFanout, right->children);
  std::copy(inner.sizes + kept, inner.sizes + kFanout, right->sizes);
  right->count = static_cast<uint16_t>(kFanout - kept);
  inner.count = static_cast<uint16_t>(kept);
  return right;
}

// --- erase ---

bool CountedTree::erase(ByteView key) {
  if (root_ == nullptr || !erase_from(*root_, Bound(key))) return false;
  --size_;
  while (!root_->is_leaf && root_->count == 1) {
    auto* const old = static_cast<Inner*>(root_);
    root_ = old->children[0];
    delete old;
  }
  return true;
}

bool CountedTree::erase_from(Node& node, const Bound& bound) {
  if (node.is_leaf) {
    const size_t at = lower_bound(node, bound);
    if (at == node.count || compare(node.slots[at], bound) != 0) return false;
    release(node.slots[at]);
    std::copy(node.slots + at + 1, node.slots + node.count, node.slots + at);
    --node.count;
    return true;
  }
  auto& inner = static_cast<Inner&>(node);
  const size_t at = child_for(inner, bound);
  if (!erase_from(*inner.children[at], bound)) return false;
  --inner.sizes[at];
  tend_child(inner, at);
  return true;
}

/// Sets right what an erase left of a child: its separator, or an empty or nearly empty node.
void CountedTree::tend_child(Inner& inner, size_t at) {
  Node* const child = inner.children[at];
  if (child->count == 0) {
    if (child->is_leaf) unlink(*child);
    remove_child(inner, at);
    return destroy(child);
  }
  inner.slots[at] = child->slots[0];
  if (child->count >= kChildMin || inner.count == 1) return;
  const size_t left_at = at > 0 ? at - 1 : at;
  Node* const left = inner.children[left_at];
  Node* const right = inner.children[left_at + 1];
  if (size_t{left->count} + right->count > kMergedMax) return;
  std::copy(right->slots, right->slots + right->count, left->slots + left->count);
  if (!left->is_leaf) {
    auto* const into = static_cast<Inner*>(left);
    auto* const from = static_cast<Inner*>(right);
    std::copy(from->children, from->children + from->count, into->children + into->count);
    std::copy(from->sizes, from->sizes + from->count, into->sizes + into->count);
  }
  left->count = static_cast<uint16_t>(left->count + right->count);
  inner.sizes[left_at] += inner.sizes[left_at + 1];
  if (right->is_leaf) unlink(*right);
  right->count = 0;  // Its slots and children live on in the left one.
  remove_child(inner, left_at + 1);
  destroy(right);
}

void CountedTree::remove_child(Inner& inner, size_t at) {
  std::copy(inner.slots + at + 1, inner.slots + inner.count, inner.slots + at);
  std::copy(inner.children + at + 1, inner.children + inner.count, inner.children + at);
  std::copy(inner.sizes + at + 1, inner.sizes + inner.count, inner.sizes + at);
  --inner.count;
}

void CountedTree::unlink(Node& leaf) {
  if (leaf.previous != nullptr) leaf.previous->next = leaf.next;
  if (leaf.next != nullptr) leaf.next->previous = leaf.previous;
}

void CountedTree::destroy(Node* node) {
  if (node->is_leaf) {
    for (size_t i = 0; i < node->count; ++i) release(node->slots[i]);
    delete node;
    return;
  }
  auto* const inner = static_cast<Inner*>(node);
  for (size_t i = 0; i < inner->count; ++i) destroy(inner->children[i]);
  delete inner;
}

void CountedTree::clear() {
  if (root_ != nullptr) destroy(root_);
  root_ = nullptr;
  size_ = 0;
}

CountedTree::~CountedTree() { clear(); }

// --- reading ---

size_t CountedTree::rank(ByteView key) const {
  const Bound bound(key);
  size_t below = 0;
  const Node* node = root_;
  while (node != nullptr) {
    const size_t at = lower_bound(*node, bound);
    if (node->is_leaf) return below + at;
    if (at == 0) return below;
    const auto& inner = static_cast<const Inner&>(*node);
    below += sum_of(inner.sizes, at - 1);
    node = inner.children[at - 1];
  }
  return below;
}

size_t CountedTree::count_between(ByteView begin, ByteView end) const {
  const size_t first = rank(begin);
  const size_t behind = end.empty() ? size_ : rank(end);
  return behind > first ? behind - first : 0;
}

CountedTree::Cursor CountedTree::seek(ByteView key) const {
  const Bound bound(key);
  const Node* node = root_;
  while (node != nullptr && !node->is_leaf) {
    const auto& inner = static_cast<const Inner&>(*node);
    node = inner.children[child_for(inner, bound)];
  }
  if (node == nullptr) return {nullptr, 0};
  const size_t at = lower_bound(*node, bound);
  if (at == node->count && node->next != nullptr) return {node->next, 0};
  return {node, at};
}

CountedTree::Cursor CountedTree::at_rank(size_t rank) const {
  const Node* node = root_;
  while (node != nullptr && !node->is_leaf) {
    const auto& inner = static_cast<const Inner&>(*node);
    size_t at = 0;
    for (; at + 1 < inner.count && rank >= inner.sizes[at]; ++at) rank -= inner.sizes[at];
    node = inner.children[at];
  }
  if (node == nullptr) return {nullptr, 0};
  const size_t at = std::min(rank, size_t{node->count});
  if (at == node->count && node->next != nullptr) return {node->next, 0};
  return {node, at};
}

bool CountedTree::Cursor::at_end() const { return leaf_ == nullptr || at_ == leaf_->count; }

bool CountedTree::Cursor::at_begin() const {
  return leaf_ == nullptr || (at_ == 0 && leaf_->previous == nullptr);
}

ByteView CountedTree::Cursor::key() const {
  TG_ASSERT(!at_end());
  return key_of(leaf_->slots[at_]);
}

RowId CountedTree::Cursor::row() const {
  TG_ASSERT(!at_end());
  return leaf_->slots[at_].row;
}

void CountedTree::Cursor::next() {
  TG_ASSERT(!at_end());
  if (++at_ < leaf_->count || leaf_->next == nullptr) return;
  leaf_ = leaf_->next;
  at_ = 0;
}

void CountedTree::Cursor::previous() {
  TG_ASSERT(!at_begin());
  if (at_ == 0) {
    leaf_ = leaf_->previous;
    at_ = leaf_->count;
  }
  --at_;
}

size_t CountedTree::node_bytes(const Node& node) {
  if (node.is_leaf) return sizeof(Node);
  const auto& inner = static_cast<const Inner&>(node);
  size_t bytes = sizeof(Inner);
  for (size_t i = 0; i < inner.count; ++i) bytes += node_bytes(*inner.children[i]);
  return bytes;
}

size_t CountedTree::memory_bytes() const {
  return (root_ == nullptr ? 0 : node_bytes(*root_)) + slab_.bytes_reserved();
}

bool CountedTree::is_sound(const Node& node) {
  for (size_t i = 1; i < node.count; ++i) {
    if (compare_bytes(key_of(node.slots[i - 1]), key_of(node.slots[i])) >= 0) return false;
  }
  if (node.is_leaf) return true;
  const auto& inner = static_cast<const Inner&>(node);
  for (size_t i = 0; i < inner.count; ++i) {
    const Node& child = *inner.children[i];
    if (child.count == 0 || inner.sizes[i] != total(child) || !is_sound(child)) return false;
    if (!equal_bytes(key_of(inner.slots[i]), key_of(child.slots[0]))) return false;
  }
  return inner.count > 0;
}

bool CountedTree::is_sound() const {
  if (root_ == nullptr) return size_ == 0;
  if (!is_sound(*root_) || total(*root_) != size_) return false;
  size_t seen = 0;
  Bytes previous;
  for (Cursor at = begin(); !at.at_end(); at.next(), ++seen) {
    if (seen > 0 && compare_bytes(previous, at.key()) >= 0) return false;
    previous = to_bytes(at.key());
  }
  return seen == size_;
}

}  // namespace topgun::query
