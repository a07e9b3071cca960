#include "core/query/predicate.hpp"

namespace topgun::query {
namespace {

constexpr uint8_t kHasLow = 1;
constexpr uint8_t kLowInclusive = 2;
constexpr uint8_t kHasHigh = 4;
constexpr uint8_t kHighInclusive = 8;

bool is_predicate_kind(uint8_t kind) { return kind <= 4 || (kind >= 16 && kind <= 24); }

void write_range(ByteWriter& out, const Predicate& predicate) {
  const Bounds& bounds = predicate.bounds;
  uint8_t flags = 0;
  if (!bounds.low.empty()) flags |= kHasLow | (bounds.low_inclusive ? kLowInclusive : 0);
  if (!bounds.high.empty()) flags |= kHasHigh | (bounds.high_inclusive ? kHighInclusive : 0);
  out.u8(flags);
  if (!bounds.low.empty()) out.blob(bounds.low);
  if (!bounds.high.empty()) out.blob(bounds.high);
}

void write_node(ByteWriter& out, const Predicate& predicate) {
  out.u8(static_cast<uint8_t>(predicate.kind));
  switch (predicate.kind) {
    case PredicateKind::True:
    case PredicateKind::False:
      return;
    case PredicateKind::And:
    case PredicateKind::Or:
      out.varint(predicate.children.size());
      [[fallthrough]];
    case PredicateKind::Not:
      for (const Predicate& child : predicate.children) write_node(out, child);
      return;
    case PredicateKind::Range:
      write_attribute(out, predicate.attribute);
      return write_range(out, predicate);
    case PredicateKind::IsMissing:
      return write_attribute(out, predicate.attribute);
    case PredicateKind::In:
    case PredicateKind::Like:
    case PredicateKind::LikeAnyCase:
    case PredicateKind::Prefix:
    case PredicateKind::Suffix:
    case PredicateKind::ContainsAny:
    case PredicateKind::ContainsAll:
      write_attribute(out, predicate.attribute);
      out.varint(predicate.operands.size());
      for (const Bytes& operand : predicate.operands) out.blob(operand);
      return;
  }
}

/// Reads nodes and keeps count of what the whole predicate has used of its limits.
class NodeReader {
 public:
  explicit NodeReader(ByteReader& in) : in_(in) {}

  Predicate node(uint32_t depth_left) {
    Predicate predicate;
    const uint8_t kind = in_.u8();
    if (!is_predicate_kind(kind)) in_.fail(Error::Malformed);
    if (++nodes_ > kPredicateNodesMax) in_.fail(Error::TooLarge);
    if (depth_left == 0) in_.fail(Error::TooDeep);
    if (!in_.ok()) return predicate;
    predicate.kind = static_cast<PredicateKind>(kind);
    switch (predicate.kind) {
      case PredicateKind::True:
      case PredicateKind::False:
        break;
      case PredicateKind::And:
      case PredicateKind::Or: {
        const uint64_t count = in_.varint_max(kPredicateNodesMax);
        for (uint64_t i = 0; i < count && in_.ok(); ++i) {
          predicate.children.push_back(node(depth_left - 1));
        }
        break;
      }
      case PredicateKind::Not:
        predicate.children.push_back(node(depth_left - 1));
        break;
      case PredicateKind::Range:
        predicate.attribute = read_attribute(in_);
        read_bounds(predicate.bounds);
        break;
      case PredicateKind::IsMissing:
        predicate.attribute = read_attribute(in_);
        break;
      case PredicateKind::In:
      case PredicateKind::Like:
      case PredicateKind::LikeAnyCase:
      case PredicateKind::Prefix:
      case PredicateKind::Suffix:
      case PredicateKind::ContainsAny:
      case PredicateKind::ContainsAll:
        predicate.attribute = read_attribute(in_);
        read_operands(predicate);
        break;
    }
    return predicate;
  }

 private:
  Bytes operand() {
    const ByteView bytes = in_.blob(kPredicateBytesMax);
    if (!in_.ok()) return {};
    if (const auto valid = validate_value(bytes); !valid.ok()) in_.fail(valid.error());
    if (++operands_ > kPredicateOperandsMax) in_.fail(Error::TooLarge);
    return to_bytes(bytes);
  }

  void read_bounds(Bounds& bounds) {
    const uint8_t flags = in_.u8();
    const bool has_low = (flags & kHasLow) != 0;
    const bool has_high = (flags & kHasHigh) != 0;
    const uint8_t allowed = static_cast<uint8_t>((has_low ? kHasLow | kLowInclusive : 0) |
                                                 (has_high ? kHasHigh | kHighInclusive : 0));
    if ((flags & ~allowed) != 0 || allowed == 0) in_.fail(Error::Malformed);
    if (has_low) {
      bounds.low = operand();
      bounds.low_inclusive = (flags & kLowInclusive) != 0;
    }
    if (has_high) {
      bounds.high = operand();
      bounds.high_inclusive = (flags & kHighInclusive) != 0;
    }
  }

  void read_operands(Predicate& predicate) {
    const uint64_t count = in_.varint_max(kPredicateOperandsMax);
    for (uint64_t i = 0; i < count && in_.ok(); ++i) predicate.operands.push_back(operand());
    if (!in_.ok()) return;
    const bool is_pattern =
        predicate.kind >= PredicateKind::Like && predicate.kind <= PredicateKind::Suffix;
    if (is_pattern && predicate.operands.size() != 1) return in_.fail(Error::Malformed);
    if (predicate.kind == PredicateKind::In) return;
    for (const Bytes& bytes : predicate.operands) {
      const auto text = ValueView(bytes).as_text();
      if (is_pattern && !text) return in_.fail(Error::Malformed);
      if (text && text->size() > kPatternBytesMax) return in_.fail(Error::TooLarge);
    }
  }

  ByteReader& in_;
  size_t nodes_ = 0;
  size_t operands_ = 0;
};

}  // namespace

void write_predicate(ByteWriter& out, const Predicate& predicate) {
  out.u8(kPredicateVersion);
  write_node(out, predicate);
}

Bytes encode_predicate(const Predicate& predicate) {
  Bytes bytes;
  ByteWriter out(bytes);
  write_predicate(out, predicate);
  return bytes;
}

Predicate read_predicate(ByteReader& in) {
  const uint8_t version = in.u8();
  if (in.ok() && version != kPredicateVersion) in.fail(Error::UnsupportedVersion);
  if (!in.ok()) return {};
  return NodeReader(in).node(kPredicateDepthMax);
}

Result<Predicate> decode_predicate(ByteView bytes) {
  if (bytes.size() > kPredicateBytesMax) return Error::TooLarge;
  ByteReader in(bytes);
  Predicate predicate = read_predicate(in);
  if (in.ok() && !in.at_end()) in.fail(Error::Malformed);
  if (in.ok() && (sides_of(predicate) & ~uint32_t{1}) != 0) in.fail(Error::Malformed);
  if (!in.ok()) return in.error();
  return predicate;
}

}  // namespace topgun::query
