#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/base/slab.hpp"
#include "core/merkle/merkle_tree.hpp"
#include "core/replica/record_table.hpp"
#include "core/sync/batch.hpp"

namespace topgun::sim {

/// A map by kind and name.
struct MapRef {
  MapKind kind = MapKind::Lww;
  std::string name;
  friend bool operator==(const MapRef&, const MapRef&) = default;
  friend bool operator<(const MapRef& left, const MapRef& right) {
    return left.kind != right.kind ? left.kind < right.kind : left.name < right.name;
  }
};

/// The state of one replica as a sentence of the specification would have it: plain maps, one rule
/// for each type, nothing shared with the code under test but the decoder of batches. What a
/// replica holds must equal the fold of what it was given.
///
/// Beside each map stands a `RecordTable` that is handed finished records only, never asked to
/// merge: it tells what the Merkle root of this state has to be.
class ReferenceModel {
 public:
  struct Record {
    uint64_t time = 0;
    uint64_t replica = 0;
    uint64_t ttl_ms = 0;
    bool tombstone = false;
    Bytes value;
    uint64_t positive = 0;  ///< Counters only, like `negative`.
    uint64_t negative = 0;

    uint64_t ms() const { return time >> 16; }
    /// Whether readers see it; at time 0 only if it never expires.
    bool is_visible(uint64_t wall_ms) const {
      if (tombstone) return false;
      return ttl_ms == 0 || (wall_ms != 0 && wall_ms < ms() + ttl_ms);
    }
    /// When it was deleted, or expires; far away for what stays.
    uint64_t retired_ms() const {
      if (tombstone) return ms();
      return ttl_ms == 0 ? UINT64_MAX : ms() + ttl_ms;
    }
    bool is_retired(uint64_t horizon_ms) const { return retired_ms() < horizon_ms; }
    friend bool operator==(const Record&, const Record&) = default;
  };
  /// Key and tag.
  using RecordKey = std::pair<std::string, std::string>;
  using Records = std::map<RecordKey, Record>;

  /// One operation's effect: what it merges into its map.
  struct Effect {
    RecordKey key;
    Record record;
  };

  ReferenceModel() = default;
  ReferenceModel(const ReferenceModel&) = delete;
  ReferenceModel& operator=(const ReferenceModel&) = delete;

  /// Back to the empty state.
  void reset() { maps_.clear(); }

  static std::vector<Effect> effects_of(ReplicaId author, const Operation& operation);
  static Effect effect_of(MapKind kind, const topgun::Record& record);

  void merge(const MapRef& map, const Effect& effect);
  /// Both assert that the batch decodes: it has passed the product's own checks. They return the
  /// latest time in it, in ms.
  uint64_t merge_operations(ByteView batch);
  uint64_t merge_records(ByteView batch);
  void forget(const MapRef& map, const RecordKey& key);
  void clear(const MapRef& map);
  /// Drops what was deleted or expired before the horizon, but for what `is_kept`.
  using IsKept = std::function<bool(const MapRef& map, const Effect& effect)>;
  void collect(const MapRef& map, uint64_t horizon_ms, const IsKept& is_kept = nullptr);

  const Records& records(const MapRef& map) const;
  std::vector<MapRef> maps() const;
  std::optional<Record> find(const MapRef& map, const RecordKey& key) const;

  MerkleRoot root(const MapRef& map) const;

  /// Whether merging `effect` would change nothing: it is here, or was overruled.
  bool covers(const MapRef& map, const Effect& effect) const;

  /// What a reader of an LWW map sees: key to value. Entries that expire at some time are left out
  /// if `wall_ms` is 0, else shown until then.
  std::map<std::string, Bytes> visible(const MapRef& map, uint64_t wall_ms) const;
  /// Elements of an OR map: (key, tag) to value.
  std::map<RecordKey, Bytes> elements(const MapRef& map, uint64_t wall_ms) const;
  int64_t counter(const MapRef& map, const std::string& key) const;

 private:
  struct Map {
    Records records;
    std::unique_ptr<RecordTable> table;
    uint64_t first_retired_ms = UINT64_MAX;  ///< No record was retired earlier than that.
  };
  Map& map_of(const MapRef& map);
  void store(Map& map, MapKind kind, const RecordKey& key, const Record& record);
  static bool overrules(MapKind kind, const Record& incoming, const Record& current);

  Slab slab_;  // Before the maps, whose tables live in it.
  std::map<MapRef, Map> maps_;
};

}  // namespace topgun::sim
