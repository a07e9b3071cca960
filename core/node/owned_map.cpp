#include "core/node/owned_map.hpp"

#include <algorithm>
#include <set>

namespace topgun::node {
namespace {

/// A snapshot walks the map in this many regions: few enough to walk an empty map quickly, enough
/// that a region of a map with ten million records is below a megabyte.
constexpr uint8_t kSnapshotRegionBits = 12;
constexpr uint64_t kSnapshotRegions = uint64_t{1} << kSnapshotRegionBits;

/// Gathers records into batches of about `bytes_max`.
class ChunkBuilder {
 public:
  ChunkBuilder(const OwnedMap& map, size_t bytes_max) : map_(map), bytes_max_(bytes_max) {
    begin();
  }

  void add(const Record& record) {
    builder_.add(record);
    if (builder_.size() >= bytes_max_ || builder_.count() == kBatchRecordsMax) flush();
  }

  size_t bytes() const { return flushed_bytes_ + builder_.size(); }

  RecordsChunk finish(uint64_t next, bool done) {
    flush();
    chunk_.next = next;
    chunk_.done = done;
    return std::move(chunk_);
  }

 private:
  void begin() { builder_.begin(map_.kind, as_bytes(map_.name)); }

  void flush() {
    if (builder_.count() == 0) return;
    flushed_bytes_ += builder_.size();
    chunk_.batches.push_back(builder_.finish());
    begin();
  }

  const OwnedMap& map_;
  size_t bytes_max_;
  size_t flushed_bytes_ = 0;
  RecordBatchBuilder builder_;
  RecordsChunk chunk_;
};

/// Merges and, if the state changed, notes it in the map's history.
bool merge_record(OwnedMap& map, uint64_t key_hash, const Record& record, uint64_t wall_ms) {
  const uint64_t placement = RecordTable::placement(map.kind, key_hash, record.tag);
  const bool changed = map.table.merge_at(placement, record, [&](const Record& current) {
    if (map.observer != nullptr) map.observer->changing(current);
  });
  if (!changed) return false;
  map.ring.append(placement);
  if (map.observer != nullptr) map.observer->changed(record.key, wall_ms);
  return true;
}

}  // namespace

OwnedMap* OwnedMaps::find(MapKind kind, ByteView name) {
  ByName& maps = by_kind_[static_cast<size_t>(kind) - 1];
  const auto found = maps.find(as_text(name));
  return found == maps.end() ? nullptr : found->second.get();
}

Result<OwnedMap*> OwnedMaps::find_or_create(MapKind kind, ByteView name) {
  if (OwnedMap* map = find(kind, name)) return map;
  const bool is_reserved = is_reserved_map(as_text(name));
  if (!is_reserved && count_ >= maps_max_) return Error::LimitExceeded;
  const std::string key(as_text(name));
  auto map = std::make_unique<OwnedMap>(kind, key, slab_, changes_max_);
  OwnedMap* created = map.get();
  by_kind_[static_cast<size_t>(kind) - 1].emplace(key, std::move(map));
  if (!is_reserved) ++count_;
  return created;
}

void OwnedMaps::for_each(const std::function<void(OwnedMap&)>& visit) {
  for (ByName& maps : by_kind_) {
    for (auto& [name, map] : maps) visit(*map);
  }
}

std::vector<uint32_t> apply_operations(OwnedMap& map, const OperationBatch& batch,
                                       const std::vector<uint32_t>& indices, uint64_t wall_ms) {
  std::vector<uint32_t> changed;
  changed.reserve(indices.size());
  const auto key_at = [&](size_t i) { return batch.operations[indices[i]].key; };
  map.table.for_each_prefetched(indices.size(), key_at, [&](size_t i, uint64_t key_hash) {
    bool any = false;
    for_each_record(batch.header.replica, batch.operations[indices[i]], [&](const Record& record) {
      any |= merge_record(map, key_hash, record, wall_ms);
    });
    if (any) changed.push_back(indices[i]);
  });
  return changed;
}

std::vector<bool> apply_records(OwnedMap& map, const std::vector<Record>& records,
                                uint64_t wall_ms) {
  std::vector<bool> changed;
  changed.reserve(records.size());
  const auto key_at = [&](size_t i) { return records[i].key; };
  map.table.for_each_prefetched(records.size(), key_at, [&](size_t i, uint64_t key_hash) {
    changed.push_back(merge_record(map, key_hash, records[i], wall_ms));
  });
  return changed;
}

Bytes batch_subset(const OperationBatch& batch, ByteView original,
                   const std::vector<uint32_t>& indices) {
  if (indices.size() == batch.operations.size()) return to_bytes(original);
  OperationBatchBuilder builder;
  builder.begin(batch.header);
  for (const uint32_t index : indices) builder.add_encoded(batch.encoded[index]);
  return builder.finish();
}

RecordsChunk delta_chunk(const OwnedMap& map, uint64_t from, size_t bytes_max, ReplicaId reader) {
  TG_ASSERT(map.ring.covers(from));
  ChunkBuilder builder(map, bytes_max);
  std::set<uint64_t> seen;
  uint64_t version = from;
  while (version < map.ring.version() && builder.bytes() < bytes_max) {
    const uint64_t placement = map.ring.at(++version);
    if (!seen.insert(placement).second) continue;
    map.table.visit_placement(placement, [&](const Record& record) {
      if (record.stamp.replica != reader) builder.add(record);
    });
  }
  return builder.finish(version, version == map.ring.version());
}

RecordsChunk snapshot_chunk(const OwnedMap& map, uint64_t from, size_t bytes_max) {
  ChunkBuilder builder(map, bytes_max);
  uint64_t region = from;
  while (region < kSnapshotRegions && builder.bytes() < bytes_max) {
    map.table.visit({kSnapshotRegionBits, region},
                    [&](uint64_t, uint64_t, const Record& record) { builder.add(record); });
    ++region;
  }
  return builder.finish(region, region == kSnapshotRegions);
}

}  // namespace topgun::node
