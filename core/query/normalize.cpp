#include "core/query/normalize.hpp"

#include <algorithm>
#include <iterator>

#include "core/base/stable_sort.hpp"
#include "core/query/operand.hpp"

namespace topgun::query {
namespace {

Predicate constant(bool value) {
  Predicate predicate;
  predicate.kind = value ? PredicateKind::True : PredicateKind::False;
  return predicate;
}

bool is_not_in(const Predicate& predicate) {
  return predicate.kind == PredicateKind::Not && predicate.children[0].kind == PredicateKind::In;
}

Bytes key_of(ByteView value) {
  Bytes key;
  append_ordered_key(key, ValueView(value));
  return key;
}

/// The value that stands for all with the same key.
Bytes representative(const Bytes& key) {
  auto part = read_ordered_part(key);
  TG_ASSERT(part.ok());
  return std::move(part->value);
}

void sort_operands(std::vector<Bytes>& operands) {
  if (operands.size() == 1) {
    operands[0] = representative(key_of(operands[0]));
    return;
  }
  std::vector<Bytes> keys;
  for (const Bytes& operand : operands) keys.push_back(key_of(operand));
  stable_sort(keys,
              [](const Bytes& left, const Bytes& right) { return compare_bytes(left, right) < 0; });
  keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
  operands.clear();
  for (const Bytes& key : keys) operands.push_back(representative(key));
}

Predicate normal_in(Predicate in) {
  sort_operands(in.operands);
  if (in.operands.empty()) return constant(false);
  return in;
}

bool is_nan(ByteView value) {
  const auto number = ValueView(value).as_double();
  return number && *number != *number;
}

Predicate normal_range(Predicate range) {
  Bounds& bounds = range.bounds;
  if (is_nan(bounds.low) || is_nan(bounds.high)) return constant(false);
  // Of nil there is only one (and missing ones): at most or at least nil is nil.
  const ValueView end(bounds.low.empty() ? bounds.high : bounds.low);
  if ((bounds.low.empty() || bounds.high.empty()) && end.is_nil()) {
    const bool inclusive = bounds.low.empty() ? bounds.high_inclusive : bounds.low_inclusive;
    return inclusive ? is_in(range.attribute, {to_bytes(end.bytes())}) : constant(false);
  }
  if (!bounds.low.empty()) bounds.low = representative(key_of(bounds.low));
  if (!bounds.high.empty()) bounds.high = representative(key_of(bounds.high));
  if (bounds.low.empty()) bounds.low_inclusive = true;
  if (bounds.high.empty()) bounds.high_inclusive = true;
  if (bounds.low.empty() || bounds.high.empty()) return range;
  const auto order = Operand(bounds.high).compare(ValueView(bounds.low));
  if (!order || *order > 0) return constant(false);
  if (*order < 0) return range;
  if (!bounds.low_inclusive || !bounds.high_inclusive) return constant(false);
  return is_in(range.attribute, {bounds.low});
}

/// What both ranges hold, which are over one attribute.
Predicate intersection(const Predicate& left, const Predicate& right) {
  const auto any_bound = [](const Predicate& range) {
    return ByteView(range.bounds.low.empty() ? range.bounds.high : range.bounds.low);
  };
  if (!is_comparable(ValueView(any_bound(left)).type(), ValueView(any_bound(right)).type())) {
    return constant(false);
  }
  Predicate both = left;
  const Bounds& other = right.bounds;
  Bounds& bounds = both.bounds;
  if (!other.low.empty()) {
    const int order =
        bounds.low.empty() ? -1 : compare_bytes(key_of(bounds.low), key_of(other.low));
    if (order < 0) bounds.low_inclusive = other.low_inclusive;
    if (order == 0) bounds.low_inclusive = bounds.low_inclusive && other.low_inclusive;
    if (order < 0) bounds.low = other.low;
  }
  if (!other.high.empty()) {
    const int order =
        bounds.high.empty() ? 1 : compare_bytes(key_of(bounds.high), key_of(other.high));
    if (order > 0) bounds.high_inclusive = other.high_inclusive;
    if (order == 0) bounds.high_inclusive = bounds.high_inclusive && other.high_inclusive;
    if (order > 0) bounds.high = other.high;
  }
  return normal_range(std::move(both));
}

bool holds(const Bounds& bounds, ByteView value) {
  if (!bounds.low.empty()) {
    const auto order = Operand(bounds.low).compare(ValueView(value));
    if (!order || (bounds.low_inclusive ? *order < 0 : *order <= 0)) return false;
  }
  if (bounds.high.empty()) return true;
  const auto order = Operand(bounds.high).compare(ValueView(value));
  return order && (bounds.high_inclusive ? *order <= 0 : *order < 0);
}

bool has_operand(const std::vector<Bytes>& operands, const Bytes& operand) {
  // All are representatives: they ascend as values too, and equal values are equal bytes.
  return std::binary_search(operands.begin(), operands.end(), operand,
                            [](const Bytes& left, const Bytes& right) {
                              return compare_values(ValueView(left), ValueView(right)) < 0;
                            });
}

/// One test in place of two that both must hold, if there is one for it.
std::optional<Predicate> both_of(const Predicate& left, const Predicate& right) {
  const Predicate& a = is_not_in(left) ? left.children[0] : left;
  const Predicate& b = is_not_in(right) ? right.children[0] : right;
  if (!(a.attribute == b.attribute)) return std::nullopt;
  if (left.kind == PredicateKind::Range && right.kind == PredicateKind::Range) {
    return intersection(left, right);
  }
  if (right.kind == PredicateKind::In && left.kind != PredicateKind::In)
    return both_of(right, left);
  if (left.kind != PredicateKind::In) return std::nullopt;
  Predicate kept = left;
  if (right.kind == PredicateKind::In) {
    std::erase_if(kept.operands, [&](const Bytes& x) { return !has_operand(right.operands, x); });
  } else if (right.kind == PredicateKind::Range) {
    std::erase_if(kept.operands, [&](const Bytes& x) { return !holds(right.bounds, x); });
  } else if (is_not_in(right)) {
    std::erase_if(kept.operands, [&](const Bytes& x) { return has_operand(b.operands, x); });
  } else {
    return std::nullopt;
  }
  return normal_in(std::move(kept));
}

/// Puts lists over one attribute together: of an `Or` those that allow, of an `And` those that
/// forbid. All at once, because each list has to be sorted again.
void join_lists(std::vector<Predicate>& parts, PredicateKind kind) {
  const bool is_and = kind == PredicateKind::And;
  std::vector<Predicate> joined;
  for (Predicate& part : parts) {
    const bool is_list = is_and ? is_not_in(part) : part.kind == PredicateKind::In;
    if (!is_list) continue;
    Predicate& list = is_and ? part.children[0] : part;
    const auto known = std::find_if(joined.begin(), joined.end(), [&](const Predicate& other) {
      return other.attribute == list.attribute;
    });
    if (known == joined.end()) {
      joined.push_back(std::move(list));
    } else {
      known->operands.insert(known->operands.end(), list.operands.begin(), list.operands.end());
    }
    part.kind = is_and ? PredicateKind::True : PredicateKind::False;
  }
  for (Predicate& list : joined) {
    Predicate in = normal_in(std::move(list));
    parts.push_back(is_and ? negation(std::move(in)) : std::move(in));
  }
}

/// Adds a child to those of an `And`, in one with another where that can be.
void merge_into(std::vector<Predicate>& children, Predicate child) {
  for (size_t i = 0; i < children.size(); ++i) {
    auto merged = both_of(children[i], child);
    if (!merged) continue;
    // What came of it may merge with others in turn.
    children.erase(children.begin() + static_cast<ptrdiff_t>(i));
    return merge_into(children, std::move(*merged));
  }
  children.push_back(std::move(child));
}

Predicate normal_combination(PredicateKind kind, std::vector<Predicate> parts) {
  // The constant that decides alone, and the one that says nothing.
  const PredicateKind decisive =
      kind == PredicateKind::And ? PredicateKind::False : PredicateKind::True;
  const PredicateKind silent =
      kind == PredicateKind::And ? PredicateKind::True : PredicateKind::False;
  std::vector<Predicate> flat;
  for (Predicate& part : parts) {
    if (part.kind == kind) {
      std::move(part.children.begin(), part.children.end(), std::back_inserter(flat));
    } else {
      flat.push_back(std::move(part));
    }
  }
  join_lists(flat, kind);
  std::vector<Predicate> children;
  for (Predicate& part : flat) {
    if (part.kind == silent) continue;
    if (kind == PredicateKind::And) {
      merge_into(children, std::move(part));
    } else {
      children.push_back(std::move(part));
    }
  }
  std::erase_if(children, [&](const Predicate& child) { return child.kind == silent; });
  for (const Predicate& child : children) {
    if (child.kind == decisive) return constant(decisive == PredicateKind::True);
  }
  std::vector<std::pair<Bytes, Predicate>> sorted;
  for (Predicate& child : children) {
    Bytes bytes = encode_predicate(child);
    sorted.emplace_back(std::move(bytes), std::move(child));
  }
  stable_sort(sorted, [](const auto& left, const auto& right) {
    return compare_bytes(left.first, right.first) < 0;
  });
  Predicate combination;
  combination.kind = kind;
  for (size_t i = 0; i < sorted.size(); ++i) {
    if (i > 0 && sorted[i].first == sorted[i - 1].first) continue;
    combination.children.push_back(std::move(sorted[i].second));
  }
  if (combination.children.empty()) return constant(silent == PredicateKind::True);
  if (combination.children.size() > 1) return combination;
  Predicate only = std::move(combination.children[0]);
  return only;
}

Predicate normal(const Predicate& predicate, bool negated) {
  switch (predicate.kind) {
    case PredicateKind::True:
    case PredicateKind::False:
      return constant((predicate.kind == PredicateKind::True) != negated);
    case PredicateKind::And:
    case PredicateKind::Or: {
      std::vector<Predicate> parts;
      for (const Predicate& child : predicate.children) parts.push_back(normal(child, negated));
      const bool is_and = (predicate.kind == PredicateKind::And) != negated;
      return normal_combination(is_and ? PredicateKind::And : PredicateKind::Or, std::move(parts));
    }
    case PredicateKind::Not:
      return normal(predicate.children[0], !negated);
    case PredicateKind::In:
    case PredicateKind::Range:
    case PredicateKind::IsMissing:
    case PredicateKind::Like:
    case PredicateKind::LikeAnyCase:
    case PredicateKind::Prefix:
    case PredicateKind::Suffix:
    case PredicateKind::ContainsAny:
    case PredicateKind::ContainsAll:
      break;
  }
  Predicate leaf = predicate;
  if (leaf.kind == PredicateKind::In) leaf = normal_in(std::move(leaf));
  if (leaf.kind == PredicateKind::Range) leaf = normal_range(std::move(leaf));
  if (leaf.kind == PredicateKind::ContainsAny || leaf.kind == PredicateKind::ContainsAll) {
    sort_operands(leaf.operands);
  }
  if (leaf.kind == PredicateKind::ContainsAny && leaf.operands.empty()) leaf = constant(false);
  if (!negated) return leaf;
  if (leaf.kind == PredicateKind::True) return constant(false);
  if (leaf.kind == PredicateKind::False) return constant(true);
  return negation(std::move(leaf));
}

}  // namespace

Predicate normalize(const Predicate& predicate) { return normal(predicate, false); }

}  // namespace topgun::query
