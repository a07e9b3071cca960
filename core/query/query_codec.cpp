#include "core/crdt/record.hpp"
#include "core/query/query.hpp"
#include "core/value/utf8.hpp"

namespace topgun::query {
namespace {

constexpr uint64_t kOrder = 1;
constexpr uint64_t kOffset = 2;
constexpr uint64_t kLimit = 4;
constexpr uint64_t kAfter = 8;
constexpr uint64_t kSelect = 16;
constexpr uint64_t kGroupBy = 32;
constexpr uint64_t kAggregates = 64;
constexpr uint64_t kHints = 128;
constexpr uint64_t kJoins = 256;
constexpr uint64_t kSectionsMax = 511;

constexpr uint8_t kForceScan = 1;
constexpr uint8_t kNoShare = 2;

uint64_t sections_of(const Query& query) {
  return (query.order.empty() ? 0 : kOrder) | (query.offset == 0 ? 0 : kOffset) |
         (query.limit ? kLimit : 0) | (query.after.empty() ? 0 : kAfter) |
         (query.select.empty() ? 0 : kSelect) | (query.group_by.empty() ? 0 : kGroupBy) |
         (query.aggregates.empty() ? 0 : kAggregates) | (query.hints == Hints{} ? 0 : kHints) |
         (query.joins.empty() ? 0 : kJoins);
}

void write_attributes(ByteWriter& out, const std::vector<Attribute>& attributes) {
  out.varint(attributes.size());
  for (const Attribute& attribute : attributes) write_attribute(out, attribute);
}

void write_hints(ByteWriter& out, const Hints& hints) {
  out.u8(
      static_cast<uint8_t>((hints.force_scan ? kForceScan : 0) | (hints.no_share ? kNoShare : 0)));
  out.blob(as_bytes(hints.use_index));
  out.blob(as_bytes(hints.order_index));
  out.varint(hints.no_index.size());
  for (const std::string& name : hints.no_index) out.blob(as_bytes(name));
}

void write_joins(ByteWriter& out, const std::vector<Join>& joins) {
  out.varint(joins.size());
  for (const Join& join : joins) {
    out.u8(static_cast<uint8_t>(join.kind));
    out.blob(as_bytes(join.map));
    out.varint(join.on.size());
    for (const JoinPair& pair : join.on) {
      write_attribute(out, pair.left);
      write_attribute(out, pair.right);
    }
    write_predicate(out, join.where);
  }
}

/// A count that is there only because something follows.
uint64_t read_count(ByteReader& in, uint64_t max) {
  const uint64_t count = in.varint_max(max);
  if (in.ok() && count == 0) in.fail(Error::Malformed);
  return count;
}

void read_order(ByteReader& in, std::vector<OrderPart>& order) {
  const uint64_t count = read_count(in, kOrderPartsMax);
  for (uint64_t i = 0; i < count && in.ok(); ++i) {
    OrderPart& part = order.emplace_back();
    part.attribute = read_attribute(in);
    const uint8_t direction = in.u8();
    if (direction > 1) in.fail(Error::Malformed);
    part.direction = direction == 0 ? Direction::Ascending : Direction::Descending;
  }
}

void read_attributes(ByteReader& in, std::vector<Attribute>& attributes, uint64_t max) {
  const uint64_t count = read_count(in, max);
  for (uint64_t i = 0; i < count && in.ok(); ++i) attributes.push_back(read_attribute(in));
}

void read_aggregates(ByteReader& in, std::vector<Aggregate>& aggregates) {
  const uint64_t count = read_count(in, kAggregatesMax);
  for (uint64_t i = 0; i < count && in.ok(); ++i) {
    Aggregate& aggregate = aggregates.emplace_back();
    const uint8_t kind = in.u8();
    if (kind > static_cast<uint8_t>(AggregateKind::Max)) return in.fail(Error::Malformed);
    aggregate.kind = static_cast<AggregateKind>(kind);
    if (aggregate.kind != AggregateKind::Count) aggregate.attribute = read_attribute(in);
  }
}

std::string read_name(ByteReader& in) {
  static_assert(kAttributeStepBytesMax >= kMapNameBytesMax);
  const ByteView name = in.blob(kAttributeStepBytesMax);
  if (in.ok() && !is_utf8(name)) in.fail(Error::InvalidUtf8);
  return std::string(as_text(name));
}

void read_hints(ByteReader& in, Hints& hints) {
  const uint8_t flags = in.u8();
  if (flags > (kForceScan | kNoShare)) in.fail(Error::Malformed);
  hints.force_scan = (flags & kForceScan) != 0;
  hints.no_share = (flags & kNoShare) != 0;
  hints.use_index = read_name(in);
  hints.order_index = read_name(in);
  const uint64_t count = in.varint_max(kHintIndexesMax);
  for (uint64_t i = 0; i < count && in.ok(); ++i) hints.no_index.push_back(read_name(in));
  if (in.ok() && hints == Hints{}) in.fail(Error::Malformed);
}

void read_joins(ByteReader& in, std::vector<Join>& joins) {
  const uint64_t count = read_count(in, kJoinsMax);
  for (uint64_t i = 0; i < count && in.ok(); ++i) {
    Join& join = joins.emplace_back();
    const uint8_t kind = in.u8();
    if (kind > static_cast<uint8_t>(JoinKind::Anti)) return in.fail(Error::Malformed);
    join.kind = static_cast<JoinKind>(kind);
    join.map = read_name(in);
    const uint64_t pairs = read_count(in, kJoinPairsMax);
    for (uint64_t pair = 0; pair < pairs && in.ok(); ++pair) {
      JoinPair& on = join.on.emplace_back();
      on.left = read_attribute(in);
      on.right = read_attribute(in);
    }
    if (in.ok()) join.where = read_predicate(in);
  }
}

}  // namespace

Result<void> check_sides(const Query& query) {
  if (query.joins.size() > kJoinsMax) return Error::InvalidArgument;
  const auto is_there = [&](const Attribute& attribute) { return query.has_side(attribute.side); };
  uint32_t there = 0;
  for (size_t side = 0; side < query.sides(); ++side) {
    if (query.has_side(side)) there |= uint32_t{1} << side;
  }
  bool holds = (sides_of(query.where) & ~there) == 0;
  for (const OrderPart& part : query.order) holds = holds && is_there(part.attribute);
  for (const Attribute& attribute : query.select) holds = holds && is_there(attribute);
  for (const Attribute& attribute : query.group_by) holds = holds && is_there(attribute);
  for (const Aggregate& each : query.aggregates) holds = holds && is_there(each.attribute);
  for (size_t i = 0; i < query.joins.size(); ++i) {
    const Join& join = query.joins[i];
    if (join.on.empty() || join.on.size() > kJoinPairsMax) return Error::InvalidArgument;
    holds = holds && (sides_of(join.where) & ~uint32_t{1}) == 0;
    for (const JoinPair& pair : join.on) {
      holds = holds && pair.left.side <= i && is_there(pair.left) && pair.right.side == 0;
    }
  }
  if (!holds) return Error::InvalidArgument;
  return {};
}

Bytes encode_query(const Query& query) {
  Bytes bytes;
  ByteWriter out(bytes);
  out.u8(kQueryVersion);
  out.varint(sections_of(query));
  if (!query.order.empty()) {
    out.varint(query.order.size());
    for (const OrderPart& part : query.order) {
      write_attribute(out, part.attribute);
      out.u8(part.direction == Direction::Ascending ? 0 : 1);
    }
  }
  if (query.offset != 0) out.varint(query.offset);
  if (query.limit) out.varint(*query.limit);
  if (!query.after.empty()) out.blob(query.after);
  if (!query.select.empty()) write_attributes(out, query.select);
  if (!query.group_by.empty()) write_attributes(out, query.group_by);
  if (!query.aggregates.empty()) {
    out.varint(query.aggregates.size());
    for (const Aggregate& aggregate : query.aggregates) {
      out.u8(static_cast<uint8_t>(aggregate.kind));
      if (aggregate.kind != AggregateKind::Count) write_attribute(out, aggregate.attribute);
    }
  }
  if (query.hints != Hints{}) write_hints(out, query.hints);
  if (!query.joins.empty()) write_joins(out, query.joins);
  write_predicate(out, query.where);
  return bytes;
}

Result<Query> decode_query(ByteView bytes) {
  if (bytes.size() > kPredicateBytesMax) return Error::TooLarge;
  ByteReader in(bytes);
  Query query;
  const uint8_t version = in.u8();
  if (in.ok() && version != kQueryVersion) return Error::UnsupportedVersion;
  const uint64_t sections = in.varint();
  if (sections > kSectionsMax) in.fail(Error::Malformed);
  if (in.ok() && (sections & kOrder) != 0) read_order(in, query.order);
  if (in.ok() && (sections & kOffset) != 0) query.offset = read_count(in, UINT64_MAX);
  if (in.ok() && (sections & kLimit) != 0) query.limit = in.varint();
  if (in.ok() && (sections & kAfter) != 0) {
    query.after = to_bytes(in.blob(kCursorBytesMax));
    if (query.after.empty()) in.fail(Error::Malformed);
  }
  if (in.ok() && (sections & kSelect) != 0) read_attributes(in, query.select, kSelectMax);
  if (in.ok() && (sections & kGroupBy) != 0) read_attributes(in, query.group_by, kGroupPartsMax);
  if (in.ok() && (sections & kAggregates) != 0) read_aggregates(in, query.aggregates);
  if (in.ok() && (sections & kHints) != 0) read_hints(in, query.hints);
  if (in.ok() && (sections & kJoins) != 0) read_joins(in, query.joins);
  if (in.ok()) query.where = read_predicate(in);
  if (in.ok() && !check_sides(query).ok()) in.fail(Error::Malformed);
  if (in.ok() && !in.at_end()) in.fail(Error::Malformed);
  const bool has_rows = !query.order.empty() || !query.after.empty() || !query.select.empty();
  if (query.is_grouped() && has_rows) in.fail(Error::Malformed);
  if (!query.after.empty() && query.offset != 0) in.fail(Error::Malformed);
  if (!in.ok()) return in.error();
  return query;
}

std::optional<ByteView> point_lookup_key(ByteView query) {
  // version, no sections, predicate version, In, of the key, one operand, its size
  static constexpr uint8_t kHead[] = {kQueryVersion,
                                      0,
                                      kPredicateVersion,
                                      static_cast<uint8_t>(PredicateKind::In),
                                      static_cast<uint8_t>(Attribute::Source::Key),
                                      1};
  constexpr size_t kHeadBytes = sizeof kHead;
  if (query.size() < kHeadBytes + 2 || !equal_bytes(query.first(kHeadBytes), kHead)) {
    return std::nullopt;
  }
  ByteReader in(query.subspan(kHeadBytes));
  const ByteView operand = in.blob(kPredicateBytesMax);
  if (!in.ok() || !in.at_end() || operand.empty()) return std::nullopt;
  const ValueView value(operand);
  const auto text = value.as_text();
  // The text must be all of the operand, and text: binary stands for keys that are not.
  if (!text || as_bytes(*text).data() + text->size() != operand.data() + operand.size()) {
    return std::nullopt;
  }
  if (!is_utf8(as_bytes(*text))) return std::nullopt;
  return as_bytes(*text);
}

}  // namespace topgun::query
