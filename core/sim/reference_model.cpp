#include "core/sim/reference_model.hpp"

#include <algorithm>

#include "core/base/byte_io.hpp"

namespace topgun::sim {
namespace {

std::string text_of(ByteView bytes) { return std::string(as_text(bytes)); }

std::string tag_of(uint64_t replica, uint64_t sequence) {
  Bytes tag;
  ByteWriter out(tag);
  out.u64(replica);
  out.u64(sequence);
  return text_of(tag);
}

/// The record as the table takes it; borrows from its arguments.
topgun::Record plain_record(MapKind kind, const ReferenceModel::RecordKey& key,
                            const ReferenceModel::Record& record, CounterBytes& totals) {
  topgun::Record plain;
  plain.key = as_bytes(key.first);
  plain.tag = as_bytes(key.second);
  plain.stamp = {record.time, {record.replica}};
  plain.ttl_ms = record.ttl_ms;
  plain.tombstone = record.tombstone;
  plain.value = record.value;
  if (kind == MapKind::Counter) {
    totals = encode_counter({record.positive, record.negative});
    plain.value = totals;
  }
  return plain;
}

}  // namespace

std::vector<ReferenceModel::Effect> ReferenceModel::effects_of(ReplicaId author,
                                                               const Operation& operation) {
  Effect effect;
  effect.key.first = text_of(operation.key);
  effect.record.time = operation.time;
  effect.record.replica = author.value;
  ByteReader in(operation.payload);
  std::vector<Effect> effects;
  switch (operation.kind) {
    case OperationKind::LwwSet:
      effect.record.ttl_ms = operation.ttl_ms;
      effect.record.value = to_bytes(operation.payload);
      break;
    case OperationKind::LwwRemove:
      effect.record.tombstone = true;
      break;
    case OperationKind::OrAdd:
      effect.key.second = tag_of(author.value, operation.sequence);
      effect.record.ttl_ms = operation.ttl_ms;
      effect.record.value = to_bytes(operation.payload);
      break;
    case OperationKind::OrRemove:
      effect.record.tombstone = true;
      for (uint64_t left = in.varint(); left > 0; --left) {
        const uint64_t replica = in.u64();
        effect.key.second = tag_of(replica, in.varint());
        effects.push_back(effect);
      }
      return effects;
    case OperationKind::CounterAdd: {
      Bytes tag;
      ByteWriter(tag).u64(author.value);
      effect.key.second = text_of(tag);
      effect.record.positive = in.varint();
      effect.record.negative = in.varint();
      break;
    }
  }
  effects.push_back(std::move(effect));
  return effects;
}

ReferenceModel::Effect ReferenceModel::effect_of(MapKind kind, const topgun::Record& record) {
  Effect effect;
  effect.key = {text_of(record.key), text_of(record.tag)};
  effect.record.time = record.stamp.time;
  effect.record.replica = record.stamp.replica.value;
  effect.record.ttl_ms = record.ttl_ms;
  effect.record.tombstone = record.tombstone;
  if (kind == MapKind::Counter) {
    ByteReader in(record.value);
    effect.record.positive = in.u64();
    effect.record.negative = in.u64();
  } else {
    effect.record.value = to_bytes(record.value);
  }
  return effect;
}

bool ReferenceModel::overrules(MapKind kind, const Record& incoming, const Record& current) {
  // An element of an OR map that was removed stays removed.
  if (kind == MapKind::Or && incoming.tombstone != current.tombstone) return incoming.tombstone;
  if (incoming.time != current.time) return incoming.time > current.time;
  if (incoming.replica != current.replica) return incoming.replica > current.replica;
  // One stamp, two contents: only clones and misfortunes do this. Any rule will do that everybody
  // follows.
  if (incoming.tombstone != current.tombstone) return incoming.tombstone;
  if (incoming.ttl_ms != current.ttl_ms) return incoming.ttl_ms > current.ttl_ms;
  return compare_bytes(incoming.value, current.value) > 0;
}

ReferenceModel::Map& ReferenceModel::map_of(const MapRef& map) {
  Map& found = maps_[map];
  if (found.table == nullptr) found.table = std::make_unique<RecordTable>(map.kind, slab_);
  return found;
}

void ReferenceModel::store(Map& map, MapKind kind, const RecordKey& key, const Record& record) {
  CounterBytes totals;
  const topgun::Record plain = plain_record(kind, key, record, totals);
  map.table->forget(plain.key, plain.tag);
  map.table->merge(plain);
  map.records[key] = record;
  map.first_retired_ms = std::min(map.first_retired_ms, record.retired_ms());
}

void ReferenceModel::merge(const MapRef& ref, const Effect& effect) {
  Map& map = map_of(ref);
  const auto found = map.records.find(effect.key);
  if (found == map.records.end()) return store(map, ref.kind, effect.key, effect.record);
  if (ref.kind != MapKind::Counter) {
    if (overrules(ref.kind, effect.record, found->second)) {
      store(map, ref.kind, effect.key, effect.record);
    }
    return;
  }
  Record joined = found->second;
  joined.positive = std::max(joined.positive, effect.record.positive);
  joined.negative = std::max(joined.negative, effect.record.negative);
  const bool is_later =
      std::pair(effect.record.time, effect.record.replica) > std::pair(joined.time, joined.replica);
  if (is_later) {
    joined.time = effect.record.time;
    joined.replica = effect.record.replica;
  }
  if (joined != found->second) store(map, ref.kind, effect.key, joined);
}

uint64_t ReferenceModel::merge_operations(ByteView bytes) {
  OperationBatch batch;
  const Result<void> decoded = decode_operations(bytes, Values::Trust, batch);
  TG_ASSERT(decoded.ok());
  const MapRef ref{batch.header.kind, text_of(batch.header.map)};
  uint64_t latest = 0;
  for (const Operation& operation : batch.operations) {
    for (const Effect& effect : effects_of(batch.header.replica, operation)) merge(ref, effect);
    latest = std::max(latest, operation.time >> 16);
  }
  return latest;
}

uint64_t ReferenceModel::merge_records(ByteView bytes) {
  RecordBatch batch;
  const Result<void> decoded = decode_records(bytes, Values::Trust, batch);
  TG_ASSERT(decoded.ok());
  const MapRef ref{batch.kind, text_of(batch.map)};
  uint64_t latest = 0;
  for (const topgun::Record& record : batch.records) {
    latest = std::max(latest, record.stamp.ms());
    merge(ref, effect_of(batch.kind, record));
  }
  return latest;
}

void ReferenceModel::forget(const MapRef& ref, const RecordKey& key) {
  Map& map = map_of(ref);
  if (map.records.erase(key) == 0) return;
  map.table->forget(as_bytes(key.first), as_bytes(key.second));
}

void ReferenceModel::clear(const MapRef& ref) {
  Map& map = map_of(ref);
  map.records.clear();
  map.table->clear();
}

void ReferenceModel::collect(const MapRef& ref, uint64_t horizon_ms, const IsKept& is_kept) {
  Map& map = map_of(ref);
  if (map.first_retired_ms >= horizon_ms) return;
  map.first_retired_ms = UINT64_MAX;
  for (auto at = map.records.begin(); at != map.records.end();) {
    const bool stays =
        !at->second.is_retired(horizon_ms) || (is_kept && is_kept(ref, {at->first, at->second}));
    if (stays) {
      map.first_retired_ms = std::min(map.first_retired_ms, at->second.retired_ms());
      ++at;
      continue;
    }
    map.table->forget(as_bytes(at->first.first), as_bytes(at->first.second));
    at = map.records.erase(at);
  }
}

const ReferenceModel::Records& ReferenceModel::records(const MapRef& map) const {
  static const Records kNone;
  const auto found = maps_.find(map);
  return found == maps_.end() ? kNone : found->second.records;
}

std::vector<MapRef> ReferenceModel::maps() const {
  std::vector<MapRef> names;
  for (const auto& [name, map] : maps_) names.push_back(name);
  return names;
}

std::optional<ReferenceModel::Record> ReferenceModel::find(const MapRef& map,
                                                           const RecordKey& key) const {
  const Records& all = records(map);
  const auto found = all.find(key);
  if (found == all.end()) return std::nullopt;
  return found->second;
}

MerkleRoot ReferenceModel::root(const MapRef& map) const {
  const auto found = maps_.find(map);
  return found == maps_.end() ? MerkleRoot{} : found->second.table->root();
}

bool ReferenceModel::covers(const MapRef& map, const Effect& effect) const {
  const std::optional<Record> current = find(map, effect.key);
  if (!current.has_value()) return false;
  if (map.kind != MapKind::Counter) return !overrules(map.kind, effect.record, *current);
  return current->positive >= effect.record.positive && current->negative >= effect.record.negative;
}

std::map<std::string, Bytes> ReferenceModel::visible(const MapRef& map, uint64_t wall_ms) const {
  std::map<std::string, Bytes> entries;
  for (const auto& [key, record] : records(map)) {
    if (record.is_visible(wall_ms)) entries[key.first] = record.value;
  }
  return entries;
}

std::map<ReferenceModel::RecordKey, Bytes> ReferenceModel::elements(const MapRef& map,
                                                                    uint64_t wall_ms) const {
  std::map<RecordKey, Bytes> elements;
  for (const auto& [key, record] : records(map)) {
    if (record.is_visible(wall_ms)) elements[key] = record.value;
  }
  return elements;
}

int64_t ReferenceModel::counter(const MapRef& map, const std::string& key) const {
  uint64_t value = 0;
  const Records& all = records(map);
  for (auto at = all.lower_bound({key, ""}); at != all.end() && at->first.first == key; ++at) {
    value += at->second.positive - at->second.negative;
  }
  return static_cast<int64_t>(value);
}

}  // namespace topgun::sim
