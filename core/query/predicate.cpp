#include "core/query/predicate.hpp"

namespace topgun::query {
namespace {

Predicate range(Attribute attribute, Bounds bounds) {
  Predicate predicate;
  predicate.kind = PredicateKind::Range;
  predicate.attribute = std::move(attribute);
  predicate.bounds = std::move(bounds);
  return predicate;
}

Predicate combination(PredicateKind kind, std::vector<Predicate> children) {
  Predicate predicate;
  predicate.kind = kind;
  predicate.children = std::move(children);
  return predicate;
}

}  // namespace

Predicate test(PredicateKind kind, Attribute attribute, std::vector<Bytes> operands) {
  Predicate predicate;
  predicate.kind = kind;
  predicate.attribute = std::move(attribute);
  predicate.operands = std::move(operands);
  return predicate;
}

Predicate equal_to(Attribute attribute, ByteView operand) {
  return is_in(std::move(attribute), {to_bytes(operand)});
}

Predicate not_equal_to(Attribute attribute, ByteView operand) {
  return negation(equal_to(std::move(attribute), operand));
}

Predicate is_in(Attribute attribute, std::vector<Bytes> operands) {
  return test(PredicateKind::In, std::move(attribute), std::move(operands));
}

Predicate less_than(Attribute attribute, ByteView operand) {
  return range(std::move(attribute), {{}, to_bytes(operand), true, false});
}

Predicate at_most(Attribute attribute, ByteView operand) {
  return range(std::move(attribute), {{}, to_bytes(operand), true, true});
}

Predicate greater_than(Attribute attribute, ByteView operand) {
  return range(std::move(attribute), {to_bytes(operand), {}, false, true});
}

Predicate at_least(Attribute attribute, ByteView operand) {
  return range(std::move(attribute), {to_bytes(operand), {}, true, true});
}

Predicate between(Attribute attribute, ByteView low, ByteView high) {
  return range(std::move(attribute), {to_bytes(low), to_bytes(high), true, true});
}

Predicate is_nil(Attribute attribute) { return is_in(std::move(attribute), {Bytes(1, 0xc0)}); }

Predicate is_missing(Attribute attribute) {
  return test(PredicateKind::IsMissing, std::move(attribute), {});
}

Predicate all_of(std::vector<Predicate> children) {
  return combination(PredicateKind::And, std::move(children));
}

Predicate any_of(std::vector<Predicate> children) {
  return combination(PredicateKind::Or, std::move(children));
}

uint32_t sides_of(const Predicate& predicate) {
  if (predicate.kind >= PredicateKind::In) return uint32_t{1} << predicate.attribute.side;
  uint32_t sides = 0;
  for (const Predicate& child : predicate.children) sides |= sides_of(child);
  return sides;
}

Predicate negation(Predicate child) {
  std::vector<Predicate> children;
  children.push_back(std::move(child));
  return combination(PredicateKind::Not, std::move(children));
}

}  // namespace topgun::query
