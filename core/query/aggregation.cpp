#include "core/query/aggregation.hpp"

#include "core/value/value_writer.hpp"

namespace topgun::query {
namespace {

/// Room for a number.
constexpr size_t kAggregateBytes = 9;

enum class Change : uint8_t { Add, Remove };

/// Whether the value is one that a sum counts; changes the sum if so.
bool change_sum(ExactSum& sum, const ValueView& value, Change change) {
  if (const auto number = value.as_double()) {
    change == Change::Add ? sum.add(*number) : sum.remove(*number);
    return true;
  }
  const auto bigint = value.as_bigint();
  if (!bigint) return false;
  change == Change::Add ? sum.add(*bigint) : sum.remove(*bigint);
  return true;
}

void change_value(AggregateState& state, AggregateKind kind, const std::optional<ValueView>& value,
                  Change change) {
  const uint64_t one = change == Change::Add ? 1 : ~uint64_t{0};
  switch (kind) {
    case AggregateKind::Count:
      state.count += one;
      return;
    case AggregateKind::CountOf:
    case AggregateKind::Min:
    case AggregateKind::Max:
      if (value && !value->is_nil()) state.count += one;
      return;
    case AggregateKind::Sum:
    case AggregateKind::Average:
      if (value && change_sum(state.sum, *value, change)) state.count += one;
      return;
  }
}

}  // namespace

void add_value(AggregateState& state, AggregateKind kind, const std::optional<ValueView>& value) {
  change_value(state, kind, value, Change::Add);
  if (kind != AggregateKind::Min && kind != AggregateKind::Max) return;
  if (!value || value->is_nil()) return;
  Bytes key;
  append_ordered_key(key, value);
  const int order = state.extreme.empty() ? 0 : compare_bytes(key, state.extreme);
  const bool is_further = kind == AggregateKind::Min ? order < 0 : order > 0;
  if (state.extreme.empty() || is_further) state.extreme = std::move(key);
}

void remove_value(AggregateState& state, AggregateKind kind,
                  const std::optional<ValueView>& value) {
  change_value(state, kind, value, Change::Remove);
}

void write_aggregate(Bytes& out, const AggregateState& state, AggregateKind kind) {
  ValueWriter writer(out);
  switch (kind) {
    case AggregateKind::Count:
    case AggregateKind::CountOf:
      return writer.unsigned_integer(state.count);
    case AggregateKind::Sum:
      return writer.number(state.sum.value());
    case AggregateKind::Average:
      if (state.count == 0) return writer.nil();
      return writer.number(state.sum.value() / static_cast<double>(state.count));
    case AggregateKind::Min:
    case AggregateKind::Max: {
      if (state.extreme.empty()) return writer.nil();
      const auto part = read_ordered_part(state.extreme);
      TG_ASSERT(part.ok());
      return writer.encoded(ValueView(part->value));
    }
  }
}

Result<GroupReader> GroupReader::make(const Query& query, AttributeTable& attributes) {
  GroupReader reader(attributes);
  for (const Attribute& attribute : query.group_by) {
    const auto id = attributes.intern(attribute);
    if (!id.ok()) return id.error();
    reader.group_by_.push_back(*id);
  }
  for (const Aggregate& aggregate : query.aggregates) {
    const auto id = attributes.intern(aggregate.attribute);
    if (!id.ok()) return id.error();
    reader.aggregated_.push_back(*id);
    reader.kinds_.push_back(aggregate.kind);
  }
  return reader;
}

void GroupReader::append_group_key(Bytes& out, const RowView& row) {
  for (const AttributeId id : group_by_) append_ordered_key(out, reader_.read(row, id));
}

std::optional<ValueView> GroupReader::value(const RowView& row, size_t index) {
  if (kinds_[index] == AggregateKind::Count) return std::nullopt;
  return reader_.read(row, aggregated_[index]);
}

namespace {

Bytes encode_partial_group(ByteView group_key, std::span<const AggregateState> states) {
  Bytes out;
  ByteWriter writer(out);
  writer.blob(group_key);
  for (const AggregateState& state : states) {
    writer.varint(state.count);
    state.sum.write(writer);
    writer.blob(state.extreme);
  }
  return out;
}

/// The next aggregate of a partial group joins those before.
void combine_state(AggregateState& state, AggregateKind kind, ByteReader& in) {
  state.count += in.varint();
  state.sum.add(ExactSum::read(in));
  const ByteView extreme = in.blob(SIZE_MAX);
  if (extreme.empty()) return;
  const int order = state.extreme.empty() ? 0 : compare_bytes(extreme, state.extreme);
  const bool is_further = kind == AggregateKind::Min ? order < 0 : order > 0;
  if (state.extreme.empty() || is_further) state.extreme = to_bytes(extreme);
}

}  // namespace

ByteView partial_group_key(ByteView partial) { return ByteReader(partial).blob(SIZE_MAX); }

Bytes combine_groups(const Query& query, std::span<const ByteView> partials) {
  TG_ASSERT(!partials.empty() && !query.partial_groups);
  std::vector<AggregateState> states(query.aggregates.size());
  for (const ByteView partial : partials) {
    ByteReader in(partial);
    in.blob(SIZE_MAX);
    for (size_t i = 0; i < states.size(); ++i) {
      combine_state(states[i], query.aggregates[i].kind, in);
    }
  }
  return encode_group(partial_group_key(partials.front()), query, states);
}

Bytes encode_group(ByteView group_key, const Query& query, std::span<const AggregateState> states) {
  if (query.partial_groups) return encode_partial_group(group_key, states);
  Bytes out;
  out.reserve(group_key.size() + kAggregateBytes * query.aggregates.size() + 1);
  ValueWriter writer(out);
  writer.begin_array(query.group_by.size() + query.aggregates.size());
  for (size_t i = 0; i < query.group_by.size(); ++i) {
    const auto part = read_ordered_part(group_key);
    TG_ASSERT(part.ok());
    writer.encoded(ValueView(part->value));
    group_key = group_key.subspan(part->key_bytes);
  }
  for (size_t i = 0; i < query.aggregates.size(); ++i) {
    write_aggregate(out, states[i], query.aggregates[i].kind);
  }
  return out;
}

}  // namespace topgun::query
