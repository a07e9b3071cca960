#pragma once

#include "core/base/slab.hpp"
#include "core/query/row_table.hpp"

namespace topgun::query {

/// An ordered set of byte strings, each with a row, that also knows ranks: a B+tree whose inner
/// nodes count what is below them (Knuth, TAOCP 3, 6.2.3, "rank"). Carries ordered indexes, sorted
/// live queries and least or greatest values of groups.
///
/// Keys of up to 24 bytes lie within the leaves; of longer ones the first 16 do, and the whole is
/// in a slab. Leaves are linked, so that a walk touches nothing else. Memory: 32 bytes a key at 1/2
/// to full load, and longer keys once more. Everything is O(log size) unless stated otherwise.
class CountedTree {
 public:
  CountedTree() = default;
  CountedTree(const CountedTree&) = delete;
  CountedTree& operator=(const CountedTree&) = delete;
  ~CountedTree();

  /// Whether it was added: false, and nothing changed, if the key is there.
  bool insert(ByteView key, RowId row);
  /// Whether it was there.
  bool erase(ByteView key);
  void clear();

  size_t size() const { return size_; }
  /// Keys below `bound`. `rank(end) - rank(begin)` keys are in [begin, end).
  size_t rank(ByteView bound) const;
  /// Keys in [begin, end); an empty `end` is behind all of them.
  size_t count_between(ByteView begin, ByteView end) const;

  struct Node;

  /// A place between keys. Any write to the tree ends its life.
  class Cursor {
   public:
    /// Whether there is a key to the right.
    bool at_end() const;
    /// Whether there is a key to the left.
    bool at_begin() const;
    /// The key to the right, which must be there. Borrowed until the next write.
    ByteView key() const;
    RowId row() const;
    /// Over the key to the right, or to the left, which must be there. O(1).
    void next();
    void previous();

   private:
    friend class CountedTree;
    Cursor(const Node* leaf, size_t at) : leaf_(leaf), at_(at) {}
    /// Never at the end of a leaf unless that is the last one.
    const Node* leaf_;
    size_t at_;
  };

  /// In front of the first key that is not below `bound`.
  Cursor seek(ByteView bound) const;
  /// In front of the key with this rank, or at the end.
  Cursor at_rank(size_t rank) const;
  Cursor begin() const { return at_rank(0); }
  Cursor end() const { return at_rank(size_); }

  /// Bytes on the heap.
  size_t memory_bytes() const;

  /// For tests: whether counts, order, links and separators are right.
  bool is_sound() const;

 private:
  struct Slot;
  struct Bound;
  struct Inner;
  struct Split {
    Node* right = nullptr;
    bool inserted = false;
  };

  static ByteView key_of(const Slot& slot);
  static int compare(const Slot& slot, const Bound& bound);
  static size_t lower_bound(const Node& node, const Bound& bound);
  static size_t child_for(const Inner& inner, const Bound& bound);
  static size_t total(const Node& node);
  Slot make_slot(ByteView key, RowId row);
  void release(const Slot& slot);
  Split insert_into(Node& node, const Bound& bound, RowId row);
  Split insert_into_leaf(Node& leaf, const Bound& bound, RowId row);
  void add_child(Inner& inner, size_t at, Node* child);
  Node* split_inner(Inner& inner);
  bool erase_from(Node& node, const Bound& bound);
  void tend_child(Inner& inner, size_t at);
  void remove_child(Inner& inner, size_t at);
  void unlink(Node& leaf);
  void destroy(Node* node);
  static bool is_sound(const Node& node);
  static size_t node_bytes(const Node& node);

  Node* root_ = nullptr;
  size_t size_ = 0;
  Slab slab_;
};

}  // namespace topgun::query
