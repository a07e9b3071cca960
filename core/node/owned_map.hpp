#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "core/base/ids.hpp"
#include "core/node/effects.hpp"
#include "core/replica/change_ring.hpp"
#include "core/replica/map_observer.hpp"
#include "core/replica/record_table.hpp"
#include "core/sync/batch.hpp"
#include "core/sync/messages.hpp"

namespace topgun::node {

/// Maps whose names begin like this are the node's own: clients can neither read nor write them.
inline constexpr std::string_view kReservedMapPrefix = "$topgun.";
inline bool is_reserved_map(std::string_view name) {
  return name.substr(0, kReservedMapPrefix.size()) == kReservedMapPrefix;
}

/// One shard's part of one map: the records of the partitions pinned to the shard, their recent
/// history, and who wants to hear of changes.
struct OwnedMap {
  OwnedMap(MapKind map_kind, std::string map_name, Slab& slab, size_t changes_max)
      : kind(map_kind), name(std::move(map_name)), table(map_kind, slab), ring(changes_max) {}

  MapKind kind;
  std::string name;
  RecordTable table;
  ChangeRing ring;
  /// Version up to which a checkpoint holds the map.
  uint64_t checkpointed_version = 0;
  /// Shards with subscribers, and the number under which each knows this map.
  std::map<uint16_t, uint64_t> listeners;
  /// Told of every change; not owned, and nothing if nobody asks queries of the map.
  MapObserver* observer = nullptr;
};

/// A piece of a map on its way to a subscriber or into a checkpoint.
struct RecordsChunk {
  std::vector<Bytes>
      batches;        ///< Record batches, each about `bytes_max` long at most; may be none.
  uint64_t next = 0;  ///< Where to go on.
  bool done = false;
};

/// All maps of a shard, by kind and name (maps of one name and another kind are other maps). Owns
/// the records.
class OwnedMaps {
 public:
  OwnedMaps(uint32_t maps_max, uint32_t changes_max)
      : maps_max_(maps_max), changes_max_(changes_max) {}

  OwnedMap* find(MapKind kind, ByteView name);
  /// Creates the map if it is new; `LimitExceeded` at the limit, which does not count reserved
  /// maps.
  Result<OwnedMap*> find_or_create(MapKind kind, ByteView name);

  /// Every map, by kind and then by name.
  void for_each(const std::function<void(OwnedMap&)>& visit);

 private:
  using ByName = std::map<std::string, std::unique_ptr<OwnedMap>, std::less<>>;

  uint32_t maps_max_;
  uint32_t changes_max_;
  size_t count_ = 0;
  Slab slab_;  // Before the maps, which return their records to it.
  ByName by_kind_[3];
};

/// Merges the operations of `batch` picked by `indices`; returns the indices of those that changed
/// the map. O(1) an operation. `wall_ms` is the time by which the map's observer takes records for
/// expired.
std::vector<uint32_t> apply_operations(OwnedMap& map, const OperationBatch& batch,
                                       const std::vector<uint32_t>& indices, uint64_t wall_ms);

/// Merges records; true for each that changed the map.
std::vector<bool> apply_records(OwnedMap& map, const std::vector<Record>& records,
                                uint64_t wall_ms);

/// The bytes of a batch with only the operations at `indices`; `original` as it is if those are
/// all.
Bytes batch_subset(const OperationBatch& batch, ByteView original,
                   const std::vector<uint32_t>& indices);

/// Records that changed after version `from`, in their present state, about `bytes_max` of them,
/// but for those that `reader` wrote itself. `next` is the version reached. The ring must cover
/// `from`.
RecordsChunk delta_chunk(const OwnedMap& map, uint64_t from, size_t bytes_max, ReplicaId reader);

/// The records of the whole map from region number `from` on; `next` is a region number. Regions
/// are cut by key hash and do not move when the table grows meanwhile.
RecordsChunk snapshot_chunk(const OwnedMap& map, uint64_t from, size_t bytes_max);

}  // namespace topgun::node
