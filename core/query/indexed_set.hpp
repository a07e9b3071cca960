#pragma once

#include <span>

#include "core/query/collection.hpp"

namespace topgun::query {

/// Keys of an ordered index that lie side by side: `begin` inclusive, `end` exclusive.
struct KeyRange {
  Bytes begin;
  Bytes end;

  friend bool operator==(const KeyRange&, const KeyRange&) = default;
};

/// A set of rows that indexes can tell, with how many there are before any of them is looked at.
struct IndexedSet {
  enum class Kind : uint8_t {
    Keys,        ///< Rows with one of `keys` in a hash index.
    Texts,       ///< Rows that an index of elements knows to hold text.
    Ranges,      ///< Rows in `ranges` of an ordered index; the ranges do not overlap.
    Missing,     ///< Rows that a presence index knows to lack the attribute.
    Nil,         ///< Rows that it knows to have nil.
    Complement,  ///< All rows but those of the one child.
    Union,       ///< Rows of any child.
    Intersection,
  };

  Kind kind = Kind::Keys;
  const Index* index = nullptr;
  std::vector<Bytes> keys;
  std::vector<KeyRange> ranges;
  std::vector<IndexedSet> children;
  /// Rows in it: exactly if `counted`, else at most.
  size_t rows = 0;
  bool counted = true;
  /// Whether it holds just the rows asked for; else those and others, to be looked at.
  bool exact = true;
};

/// Which indexes may be used; the others are as if they were not there.
struct IndexChoice {
  const Collection* collection = nullptr;
  const std::vector<std::string>* forbidden = nullptr;

  bool allows(const Index& index) const;
};

/// The rows of one conjunct of a normal form, as the best index for it tells them; nothing if none
/// can. O(indexes * operands * log rows).
std::optional<IndexedSet> find_indexed_set(const Predicate& predicate, const IndexChoice& choice);

/// A compound index over several conjuncts of an `And`: equality of its first parts, and a last one
/// of whatever kind.
struct CompoundSet {
  IndexedSet set;
  std::vector<size_t> covered;  ///< Which conjuncts it answers.
};
std::vector<CompoundSet> find_compound_sets(std::span<const Predicate> conjuncts,
                                            const IndexChoice& choice);

/// The one range of an ordered index below `prefix` (whole parts, as they stand in keys) in which
/// the rows of a test of the next part lie, and whether just those. Nothing if it is none that an
/// order can answer.
struct PartRange {
  KeyRange range;
  bool exact = true;
};
std::optional<PartRange> range_below(ByteView prefix, const Predicate& test, Direction direction);

/// The range of all keys that begin with these whole parts; everything for none.
KeyRange range_of_prefix(ByteView prefix);

/// Makes the set. O(rows in it).
RowSet collect_rows(const IndexedSet& set, const Collection& collection);

}  // namespace topgun::query
