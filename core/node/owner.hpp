#pragma once

#include <algorithm>
#include <deque>
#include <map>
#include <optional>
#include <utility>

#include "core/base/probe.hpp"
#include "core/node/owned_map.hpp"
#include "core/node/shard.hpp"
#include "core/node/shard_codec.hpp"
#include "core/node/shard_messages.hpp"

namespace topgun::node {

/// What the two sides of a shard share: options, time, effects, and the way to other shards.
struct ShardContext {
  explicit ShardContext(ShardOptions shard_options)
      : options(std::move(shard_options)), durable(options.shard_count, 0) {}

  ShardOptions options;
  Now now;
  Effects effects;
  ShardStats stats;
  /// How far each shard's log is durable.
  std::vector<uint64_t> durable;
  /// Messages of this shard to itself; delivered before the event ends.
  std::deque<ShardMessage> to_self;

  void post(uint16_t shard, ShardMessageKind kind, std::initializer_list<uint64_t> numbers,
            SharedBytes payload);
};

/// The half of a shard that owns data: merges writes, logs what changed, tells listeners, and
/// answers for its part of each map. Entered from the shard's own sessions or by message from
/// another shard.
class Owner {
 public:
  explicit Owner(ShardContext& context)
      : context_(context),
        maps_(context.options.limits.maps_max, context.options.limits.changes_max) {}

  /// Merges the operations of `batch` at `indices`, logs and announces those that changed
  /// something. Returns the log sequence after which all of them are durable (0 without a log).
  /// `LimitExceeded` if the map would be one too many; nothing was applied then.
  Result<uint64_t> apply(const OperationBatch& batch, ByteView original,
                         const std::vector<uint32_t>& indices);

  /// The same for records that a client repaired us with.
  Result<uint64_t> apply(const RecordBatch& batch);

  void handle(const ShardMessage& message);

  Result<void> recover(LogEntryKind kind, ByteView payload);
  CheckpointChunk next_checkpoint_chunk(size_t bytes_max);

  /// The authors of the operations that recovery read and the last sequence of each, for those
  /// whose registry is on this shard; hands them out once.
  std::map<ReplicaId, uint64_t> take_recovered_authors() {
    noted_author_ = {};
    noted_sequence_ = nullptr;
    return std::exchange(recovered_authors_, {});
  }

  /// Moves the tombstone horizon and collects behind it.
  void advance_horizon(uint64_t horizon_ms);
  /// Writes stamped before it are refused, and clients that were last in step before it start anew.
  uint64_t horizon_ms() const { return horizon_ms_; }
  /// Tombstones stamped before it are collected. A removal may arrive as late as the retention
  /// after its stamp, and a client that was in step any later than that has seen it: so tombstones
  /// stay for the retention twice.
  uint64_t collect_horizon_ms() const {
    if (TG_MUTANT(11)) return horizon_ms_;
    return horizon_ms_ - std::min(horizon_ms_, context_.options.limits.tombstone_retention_ms);
  }

  /// The record of this shard, which borrows until the next write; nothing if there is none.
  std::optional<Record> find(MapKind kind, ByteView map, ByteView key);
  /// This shard's part of a map; null if there is none. `find_or_create` of `OwnedMaps` for the
  /// other one.
  OwnedMap* find_map(MapKind kind, ByteView map) { return maps_.find(kind, map); }
  Result<OwnedMap*> find_or_create_map(MapKind kind, ByteView map) {
    return maps_.find_or_create(kind, map);
  }
  /// Merges a record of a reserved map and logs it; nobody is told.
  void keep(MapKind kind, ByteView map, const Record& record);
  /// Records of this shard in a map.
  size_t count(MapKind kind, ByteView map);

  Description describe(MapKind kind, ByteView map);
  /// The root alone, which costs nothing.
  MerkleRoot root(MapKind kind, ByteView map);
  bool holds(MapKind kind, ByteView map, ByteView key, ByteView tag);
  bool owns(const PartitionKey* partition_key, ByteView key) const;
  std::optional<MisplacedRecord> find_misplaced(uint64_t wall_ms);
  void update_gauges();

 private:
  void append_log(LogEntryKind kind, ByteView payload);
  void announce(OwnedMap& map, ByteView batch, ReplicaId author);

  void on_apply_operations(const ShardMessage& message);
  void on_apply_records(const ShardMessage& message);
  void on_describe(const ShardMessage& message);
  void on_unlisten(const ShardMessage& message);
  void on_pull(const ShardMessage& message);
  void on_diff_children(const ShardMessage& message);
  void on_diff_expand(const ShardMessage& message);

  Result<void> recover_operations(ByteView payload);
  void note_author(ReplicaId author, uint64_t sequence);
  Result<void> recover_records(ByteView payload, LogEntryKind kind);

  struct CheckpointCursor {
    std::vector<std::pair<MapKind, std::string>> maps;
    size_t at = 0;
    /// Position within the map when it is written whole, because its history is no longer covered.
    bool whole = false;
    uint64_t position = 0;
    uint64_t version = 0;
    uint64_t covers_sequence = 0;
  };
  void collect(OwnedMap& map);
  void start_checkpoint();
  void checkpoint_map(OwnedMap& map, size_t bytes_max, CheckpointChunk& chunk);

  ShardContext& context_;
  OwnedMaps maps_;
  uint64_t log_sequence_ = 0;
  uint64_t horizon_ms_ = 0;
  std::map<ReplicaId, uint64_t> recovered_authors_;
  ReplicaId noted_author_;  ///< Of the batch before; its entry above, if it is ours.
  uint64_t* noted_sequence_ = nullptr;
  std::unique_ptr<CheckpointCursor> checkpoint_;
  std::vector<CheckpointChunk::Purge> purges_;
  OperationBatch operations_;  // Reused, so that a part from another shard allocates nothing.
  std::vector<uint32_t> all_indices_;
};

}  // namespace topgun::node
