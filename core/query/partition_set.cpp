#include "core/query/partition_set.hpp"

#include <algorithm>

namespace topgun::query {
namespace {

PartitionSet all_partitions() { return PartitionSet().set(); }

/// Text or binary, as keys are.
std::optional<ByteView> key_bytes(ByteView operand) {
  const ValueView value(operand);
  if (const auto text = value.as_text()) return as_bytes(*text);
  return value.as_binary();
}

/// Where keys are that begin like this: known once they have begun with the whole part that counts.
PartitionSet with_beginning(ByteView beginning, const PartitionKey* declared) {
  if (declared == nullptr) return all_partitions();
  if (partition_part(beginning, declared->separator).size() == beginning.size()) {
    return all_partitions();
  }
  return PartitionSet().set(partition_of(declared, beginning).value);
}

PartitionSet of_key(const Predicate& test, const PartitionKey* declared) {
  PartitionSet partitions;
  switch (test.kind) {
    case PredicateKind::In:
      for (const Bytes& operand : test.operands) {
        // A key is equal to nothing else.
        if (const auto key = key_bytes(operand)) partitions.set(partition_of(declared, *key).value);
      }
      return partitions;
    case PredicateKind::Prefix:
      for (const Bytes& operand : test.operands) {
        const auto beginning = key_bytes(operand);
        partitions |= beginning ? with_beginning(*beginning, declared) : all_partitions();
      }
      return partitions;
    case PredicateKind::Range: {
      if (test.bounds.low.empty() || test.bounds.high.empty()) return all_partitions();
      const auto low = ValueView(test.bounds.low).as_text();
      const auto high = ValueView(test.bounds.high).as_text();
      if (!low || !high) return all_partitions();
      // What lies between begins as both ends do.
      const size_t shorter = std::min(low->size(), high->size());
      size_t shared = 0;
      while (shared < shorter && (*low)[shared] == (*high)[shared]) ++shared;
      return with_beginning(as_bytes(low->substr(0, shared)), declared);
    }
    default:
      return all_partitions();
  }
}

PartitionSet of_field(const Predicate& test) {
  if (test.kind != PredicateKind::In) return all_partitions();
  PartitionSet partitions;
  for (const Bytes& operand : test.operands) {
    const auto text = partition_text(ValueView(operand));
    // Records without the field are anywhere, and other values in none: not worth telling apart.
    if (!text) return all_partitions();
    partitions.set(partition_of(as_bytes(*text)).value);
  }
  return partitions;
}

}  // namespace

PartitionSet partitions_of(const Predicate& where, const PartitionKey* declared) {
  switch (where.kind) {
    case PredicateKind::False:
      return {};
    case PredicateKind::And: {
      PartitionSet partitions = all_partitions();
      for (const Predicate& child : where.children) partitions &= partitions_of(child, declared);
      return partitions;
    }
    case PredicateKind::Or: {
      PartitionSet partitions;
      for (const Predicate& child : where.children) partitions |= partitions_of(child, declared);
      return partitions;
    }
    case PredicateKind::True:
    case PredicateKind::Not:
      return all_partitions();
    default:
      break;
  }
  if (where.attribute.side != 0) return all_partitions();
  if (where.attribute.source == Attribute::Source::Key) return of_key(where, declared);
  const bool is_declared =
      declared != nullptr && !declared->field.empty() && where.attribute.steps == declared->field;
  return is_declared ? of_field(where) : all_partitions();
}

}  // namespace topgun::query
