#include "core/query/indexed_set.hpp"

#include <algorithm>

#include "core/query/like_pattern.hpp"

namespace topgun::query {
namespace {

/// More ranges than this are not looked up one by one.
constexpr size_t kRangesMax = 256;

void flip(Bytes& bytes) {
  for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(~byte);
}

Bytes joined(ByteView left, ByteView right) {
  Bytes out = to_bytes(left);
  out.insert(out.end(), right.begin(), right.end());
  return out;
}

Bytes key_of(ByteView value, Direction direction = Direction::Ascending) {
  Bytes key;
  append_ordered_key(key, ValueView(value), KeyForm::Query, direction);
  return key;
}

/// A range of ascending parts, as it lies among descending ones. What begins with the old end is
/// not in it, what begins with the old begin is.
KeyRange flipped(KeyRange range) {
  flip(range.begin);
  flip(range.end);
  return {prefix_end(range.end).value_or(Bytes{}), prefix_end(range.begin).value_or(Bytes{})};
}

/// The text that all rows of a test begin with, if that is what it asks for.
std::optional<std::string> text_prefix(const Predicate& test, bool& exact) {
  if (test.kind == PredicateKind::Prefix) {
    return std::string(ValueView(test.operands[0]).as_text().value_or(""));
  }
  if (test.kind != PredicateKind::Like) return std::nullopt;
  const LikePattern pattern(ValueView(test.operands[0]).as_text().value_or(""),
                            LikePattern::Case::Sensitive);
  exact = pattern.is_prefix_test();
  if (!exact && pattern.literal_prefix().empty()) return std::nullopt;
  return std::string(pattern.literal_prefix());
}

KeyRange value_range(const Bounds& bounds) {
  const TypeRange type = comparable_range(ValueView(bounds.low.empty() ? bounds.high : bounds.low));
  KeyRange range = {type.begin, type.end};
  if (!bounds.low.empty()) {
    range.begin = key_of(bounds.low);
    if (!bounds.low_inclusive) range.begin = *prefix_end(range.begin);
  }
  if (!bounds.high.empty()) {
    range.end = key_of(bounds.high);
    if (bounds.high_inclusive) range.end = *prefix_end(range.end);
  }
  return range;
}

void count(IndexedSet& set, const Collection& collection) {
  size_t rows = 0;
  if (const HashIndex* const hash = set.index->as_hash()) {
    for (const Bytes& key : set.keys) rows += hash->rows(key).size();
    // An array may have several of the elements.
    set.counted = hash->kind() != IndexKind::Elements || set.keys.size() == 1;
  } else {
    for (const KeyRange& range : set.ranges) {
      rows += set.index->as_ordered()->tree().count_between(range.begin, range.end);
    }
  }
  set.rows = std::min(rows, collection.rows().size());
}

/// Ranges of the next part of an ordered index below `prefix`.
std::optional<IndexedSet> ranges_below(const Index& index, ByteView prefix, const Predicate& test,
                                       Direction direction, const Collection& collection) {
  IndexedSet set;
  set.kind = IndexedSet::Kind::Ranges;
  set.index = &index;
  if (test.kind == PredicateKind::In) {
    if (test.operands.size() > kRangesMax) return std::nullopt;
    for (const Bytes& operand : test.operands) {
      set.ranges.push_back(range_of_prefix(joined(prefix, key_of(operand, direction))));
    }
  } else {
    auto part = range_below(prefix, test, direction);
    if (!part) return std::nullopt;
    set.ranges.push_back(std::move(part->range));
    set.exact = part->exact;
  }
  count(set, collection);
  return set;
}

std::optional<IndexedSet> keys_in(const Index& index, const Predicate& test,
                                  const Collection& collection) {
  const bool wants_elements = test.kind == PredicateKind::ContainsAny;
  const bool has_elements = index.kind() == IndexKind::Elements;
  if (wants_elements != has_elements) return std::nullopt;
  if (!wants_elements && test.kind != PredicateKind::In) return std::nullopt;
  IndexedSet set;
  set.kind = IndexedSet::Kind::Keys;
  set.index = &index;
  bool has_text = false;
  for (const Bytes& operand : test.operands) {
    set.keys.push_back(key_of(operand));
    has_text = has_text || ValueView(operand).type() == ValueType::Text;
  }
  count(set, collection);
  const RowSet& texts = index.as_hash()->texts();
  if (!has_text || texts.empty()) return set;
  // Text with such a piece inside: the index knows the text only as a whole.
  IndexedSet pieces;
  pieces.kind = IndexedSet::Kind::Texts;
  pieces.index = &index;
  pieces.rows = texts.size();
  IndexedSet either;
  either.kind = IndexedSet::Kind::Union;
  either.rows = set.rows + pieces.rows;
  either.counted = set.counted;
  either.exact = false;
  either.children.push_back(std::move(set));
  either.children.push_back(std::move(pieces));
  return either;
}

std::optional<IndexedSet> from_presence(const PresenceIndex& index, const Predicate& test) {
  IndexedSet missing;
  missing.kind = IndexedSet::Kind::Missing;
  missing.index = &index;
  missing.rows = index.missing().size();
  if (test.kind == PredicateKind::IsMissing) return missing;
  const bool is_nil = test.kind == PredicateKind::In && test.operands.size() == 1 &&
                      ValueView(test.operands[0]).is_nil();
  if (!is_nil) return std::nullopt;
  IndexedSet nil;
  nil.kind = IndexedSet::Kind::Nil;
  nil.index = &index;
  nil.rows = index.nil().size();
  IndexedSet either;
  either.kind = IndexedSet::Kind::Union;
  either.rows = missing.rows + nil.rows;
  either.children.push_back(std::move(missing));
  either.children.push_back(std::move(nil));
  return either;
}

std::optional<IndexedSet> from_index(const Index& index, const Predicate& test,
                                     const Collection& collection) {
  const std::vector<IndexPart>& parts = index.definition().parts;
  if (!(parts[0].attribute == test.attribute)) return std::nullopt;
  if (index.as_ordered() != nullptr) {
    return ranges_below(index, {}, test, parts[0].direction, collection);
  }
  if (const PresenceIndex* const presence = index.as_presence()) {
    return from_presence(*presence, test);
  }
  if (parts.size() > 1) return std::nullopt;
  return keys_in(index, test, collection);
}

/// Whether `left` is the better of two sets for one test: those of equal size differ in how much
/// there is left to look at.
bool is_better(const IndexedSet& left, const IndexedSet& right) {
  if (left.exact != right.exact && left.rows == right.rows) return left.exact;
  return left.rows < right.rows;
}

std::optional<IndexedSet> for_test(const Predicate& test, const IndexChoice& choice) {
  std::optional<IndexedSet> best;
  for (const auto& index : choice.collection->indexes()) {
    if (!choice.allows(*index)) continue;
    auto set = from_index(*index, test, *choice.collection);
    // Of equal ones, a hash index saves the way down a tree.
    const bool is_same_from_hash = set && best && set->rows == best->rows &&
                                   set->exact == best->exact && index->as_hash() != nullptr &&
                                   best->index != nullptr && best->index->as_hash() == nullptr;
    if (set && (!best || is_better(*set, *best) || is_same_from_hash)) best = std::move(set);
  }
  if (best || test.kind != PredicateKind::ContainsAll || test.operands.empty()) return best;
  // All of several elements: the rarest of them alone, then look.
  for (const Bytes& operand : test.operands) {
    Predicate any = test;
    any.kind = PredicateKind::ContainsAny;
    any.operands = {operand};
    auto set = for_test(any, choice);
    if (!set) return std::nullopt;
    if (!best || set->rows < best->rows) best = std::move(set);
  }
  best->exact = best->exact && test.operands.size() == 1;
  return best;
}

std::optional<IndexedSet> for_union(const Predicate& predicate, const IndexChoice& choice) {
  IndexedSet set;
  set.kind = IndexedSet::Kind::Union;
  set.counted = false;
  for (const Predicate& child : predicate.children) {
    auto part = find_indexed_set(child, choice);
    if (!part) return std::nullopt;
    set.rows += part->rows;
    set.exact = set.exact && part->exact;
    set.children.push_back(std::move(*part));
  }
  set.rows = std::min(set.rows, choice.collection->rows().size());
  return set;
}

std::optional<IndexedSet> for_intersection(const Predicate& predicate, const IndexChoice& choice) {
  IndexedSet set;
  set.kind = IndexedSet::Kind::Intersection;
  set.counted = false;
  set.rows = choice.collection->rows().size();
  for (const Predicate& child : predicate.children) {
    auto part = find_indexed_set(child, choice);
    set.exact = set.exact && part && part->exact;
    if (!part) continue;
    set.rows = std::min(set.rows, part->rows);
    set.children.push_back(std::move(*part));
  }
  if (set.children.empty()) return std::nullopt;
  return set;
}

void append_row(std::vector<RowId>& out, const CountedTree& tree, const KeyRange& range) {
  const size_t rows = tree.count_between(range.begin, range.end);
  CountedTree::Cursor cursor = tree.seek(range.begin);
  out.reserve(out.size() + rows);
  for (size_t i = 0; i < rows; ++i, cursor.next()) out.push_back(cursor.row());
}

}  // namespace

bool IndexChoice::allows(const Index& index) const {
  if (!collection->is_ready(index)) return false;
  return forbidden == nullptr ||
         std::find(forbidden->begin(), forbidden->end(), index.name()) == forbidden->end();
}

KeyRange range_of_prefix(ByteView prefix) {
  return {to_bytes(prefix), prefix_end(prefix).value_or(Bytes{})};
}

std::optional<PartRange> range_below(ByteView prefix, const Predicate& test, Direction direction) {
  PartRange out;
  if (test.kind == PredicateKind::In && test.operands.size() == 1) {
    out.range = range_of_prefix(joined(prefix, key_of(test.operands[0], direction)));
    return out;
  }
  if (test.kind == PredicateKind::Range) {
    out.range = value_range(test.bounds);
  } else if (const auto text = text_prefix(test, out.exact)) {
    append_ordered_text_prefix(out.range.begin, *text);
    out.range.end = *prefix_end(out.range.begin);
  } else {
    return std::nullopt;
  }
  if (direction == Direction::Descending) out.range = flipped(std::move(out.range));
  out.range = {joined(prefix, out.range.begin), joined(prefix, out.range.end)};
  return out;
}

std::optional<IndexedSet> find_indexed_set(const Predicate& predicate, const IndexChoice& choice) {
  switch (predicate.kind) {
    case PredicateKind::True:
    case PredicateKind::False:
      return std::nullopt;
    case PredicateKind::And:
      return for_intersection(predicate, choice);
    case PredicateKind::Or:
      return for_union(predicate, choice);
    case PredicateKind::Not: {
      auto child = find_indexed_set(predicate.children[0], choice);
      // Of a set that may be too large nothing is known about the others.
      if (!child || !child->exact) return std::nullopt;
      IndexedSet set;
      set.kind = IndexedSet::Kind::Complement;
      set.counted = child->counted;
      const size_t all = choice.collection->rows().size();
      set.rows = child->counted ? all - child->rows : all;
      set.children.push_back(std::move(*child));
      return set;
    }
    case PredicateKind::In:
    case PredicateKind::Range:
    case PredicateKind::IsMissing:
    case PredicateKind::Like:
    case PredicateKind::LikeAnyCase:
    case PredicateKind::Prefix:
    case PredicateKind::Suffix:
    case PredicateKind::ContainsAny:
    case PredicateKind::ContainsAll:
      return for_test(predicate, choice);
  }
  return std::nullopt;
}

std::vector<CompoundSet> find_compound_sets(std::span<const Predicate> conjuncts,
                                            const IndexChoice& choice) {
  std::vector<CompoundSet> found;
  const auto conjunct_over = [&](const Attribute& attribute, bool wants_one) {
    const auto at = std::find_if(conjuncts.begin(), conjuncts.end(), [&](const Predicate& each) {
      const bool is_one = each.kind == PredicateKind::In && each.operands.size() == 1;
      return each.attribute == attribute && each.kind >= PredicateKind::In && is_one == wants_one;
    });
    return static_cast<size_t>(at - conjuncts.begin());
  };
  for (const auto& index : choice.collection->indexes()) {
    const std::vector<IndexPart>& parts = index->definition().parts;
    if (parts.size() < 2 || !choice.allows(*index)) continue;
    Bytes prefix;
    std::vector<size_t> covered;
    for (const IndexPart& part : parts) {
      const size_t at = conjunct_over(part.attribute, true);
      if (at == conjuncts.size()) break;
      const Direction direction = index->as_hash() ? Direction::Ascending : part.direction;
      const Bytes key = key_of(conjuncts[at].operands[0], direction);
      prefix.insert(prefix.end(), key.begin(), key.end());
      covered.push_back(at);
    }
    IndexedSet set;
    set.index = index.get();
    if (index->as_hash() != nullptr) {
      if (covered.size() < parts.size()) continue;
      set.kind = IndexedSet::Kind::Keys;
      set.keys.push_back(prefix);
    } else {
      if (covered.empty()) continue;
      set.kind = IndexedSet::Kind::Ranges;
      set.ranges.push_back(range_of_prefix(prefix));
    }
    bool is_narrowed = false;
    if (covered.size() < parts.size()) {
      const IndexPart& next = parts[covered.size()];
      const size_t at = conjunct_over(next.attribute, false);
      auto last = at == conjuncts.size() ? std::nullopt
                                         : ranges_below(*index, prefix, conjuncts[at],
                                                        next.direction, *choice.collection);
      if (last) {
        // An inexact last test stays to be looked at; the others are answered.
        if (last->exact) covered.push_back(at);
        last->exact = true;
        set = std::move(*last);
        is_narrowed = true;
      }
    }
    // One part alone is found without us.
    if (covered.size() < 2 && !is_narrowed) continue;
    if (!is_narrowed) count(set, *choice.collection);
    found.push_back({std::move(set), std::move(covered)});
  }
  return found;
}

RowSet collect_rows(const IndexedSet& set, const Collection& collection) {
  switch (set.kind) {
    case IndexedSet::Kind::Keys: {
      RowSet rows;
      for (const Bytes& key : set.keys) rows = RowSet::join(rows, set.index->as_hash()->rows(key));
      return rows;
    }
    case IndexedSet::Kind::Texts:
      return set.index->as_hash()->texts();
    case IndexedSet::Kind::Ranges: {
      std::vector<RowId> rows;
      for (const KeyRange& range : set.ranges) {
        append_row(rows, set.index->as_ordered()->tree(), range);
      }
      return RowSet::of(rows);
    }
    case IndexedSet::Kind::Missing:
      return set.index->as_presence()->missing();
    case IndexedSet::Kind::Nil:
      return set.index->as_presence()->nil();
    case IndexedSet::Kind::Complement:
      return RowSet::difference(collection.all(), collect_rows(set.children[0], collection));
    case IndexedSet::Kind::Union: {
      RowSet rows;
      for (const IndexedSet& child : set.children) {
        rows = RowSet::join(rows, collect_rows(child, collection));
      }
      return rows;
    }
    case IndexedSet::Kind::Intersection: {
      RowSet rows = collect_rows(set.children[0], collection);
      for (size_t i = 1; i < set.children.size(); ++i) {
        rows = RowSet::intersection(rows, collect_rows(set.children[i], collection));
      }
      return rows;
    }
  }
  return {};
}

}  // namespace topgun::query
