#include <algorithm>

#include "core/base/probe.hpp"
#include "core/node/owner.hpp"
#include "core/node/replica_registry.hpp"

namespace topgun::node {

// The second half of `Owner`: how its state survives a restart, and how it forgets tombstones.

Result<void> Owner::recover(LogEntryKind kind, ByteView payload) {
  switch (kind) {
    case LogEntryKind::Operations:
      return recover_operations(payload);
    case LogEntryKind::Records:
    case LogEntryKind::Checkpoint:
      return recover_records(payload, kind);
    case LogEntryKind::Horizon: {
      ByteReader in(payload);
      const uint64_t horizon = in.u64();
      if (!in.ok()) return in.error();
      horizon_ms_ = std::max(horizon_ms_, horizon);
      return {};
    }
  }
  return Error::Malformed;
}

Result<void> Owner::recover_operations(ByteView payload) {
  const Result<void> decoded = decode_operations(payload, Values::Trust, operations_);
  if (!decoded.ok()) return decoded;
  note_author(operations_.header.replica, operations_.operations.back().sequence);
  all_indices_.clear();
  const PartitionKey* const partition_key =
      context_.options.partition_key_of(operations_.header.kind, as_text(operations_.header.map));
  for (uint32_t i = 0; i < operations_.operations.size(); ++i) {
    if (owns(partition_key, operations_.operations[i].key)) all_indices_.push_back(i);
  }
  if (all_indices_.empty()) return {};
  const Result<OwnedMap*> map =
      maps_.find_or_create(operations_.header.kind, operations_.header.map);
  if (!map.ok()) return map.error();
  apply_operations(**map, operations_, all_indices_, context_.now.wall_ms);
  return {};
}

void Owner::note_author(ReplicaId author, uint64_t sequence) {
  // Batches of one author come in rows.
  if (author != noted_author_) {
    const uint16_t registry = ReplicaRegistry::shard_of(author, context_.options.shard_count);
    noted_author_ = author;
    noted_sequence_ = registry == context_.options.shard ? &recovered_authors_[author] : nullptr;
  }
  if (noted_sequence_ != nullptr) *noted_sequence_ = std::max(*noted_sequence_, sequence);
}

Result<void> Owner::recover_records(ByteView payload, LogEntryKind kind) {
  RecordBatch batch;
  const Result<void> decoded = decode_records(payload, Values::Trust, batch);
  if (!decoded.ok()) return decoded;
  const PartitionKey* const partition_key =
      context_.options.partition_key_of(batch.kind, as_text(batch.map));
  std::erase_if(batch.records,
                [&](const Record& record) { return !owns(partition_key, record.key); });
  if (batch.records.empty()) return {};
  const Result<OwnedMap*> map = maps_.find_or_create(batch.kind, batch.map);
  if (!map.ok()) return map.error();
  if (kind == LogEntryKind::Checkpoint) {
    for (const Record& record : batch.records) (*map)->table.merge(record);
  } else {
    apply_records(**map, batch.records, context_.now.wall_ms);
  }
  return {};
}

std::optional<MisplacedRecord> Owner::find_misplaced(uint64_t wall_ms) {
  for (const PartitionKey& declared : context_.options.partition_keys) {
    const OwnedMap* const map = maps_.find(MapKind::Lww, as_bytes(declared.map));
    if (map == nullptr) continue;
    std::optional<MisplacedRecord> found;
    map->table.visit_all([&](uint64_t, uint64_t, const Record& record) {
      if (found || !record.visible(wall_ms)) return;
      if (is_in_partition(declared, record.key, record.value)) return;
      found = {declared.map, std::string(as_text(record.key))};
    });
    if (found) return found;
  }
  return std::nullopt;
}

void Owner::advance_horizon(uint64_t horizon_ms) {
  if (horizon_ms <= horizon_ms_) return;
  horizon_ms_ = horizon_ms;
  Bytes payload;
  ByteWriter(payload).u64(horizon_ms);
  append_log(LogEntryKind::Horizon, payload);
  maps_.for_each([&](OwnedMap& map) { collect(map); });
}

void Owner::collect(OwnedMap& map) {
  // The checkpoint may still hold what a tombstone overruled, and the log that has the tombstone is
  // given up one day: so a tombstone must be in the checkpoint before it is forgotten here. Those
  // that are not wait for the next horizon.
  std::vector<uint64_t> kept;
  if (context_.options.has_log && !TG_MUTANT(12)) {
    if (!map.ring.covers(map.checkpointed_version)) return;
    for (uint64_t version = map.checkpointed_version; version < map.ring.version(); ++version) {
      kept.push_back(map.ring.at(version + 1));
    }
    TG_SOMETIMES(!kept.empty(), CollectionWaits);
    std::sort(kept.begin(), kept.end());  // allow(sort): equal numbers are alike
  }
  const uint64_t horizon_ms = collect_horizon_ms();
  if (map.observer != nullptr) map.observer->collecting(horizon_ms);
  if (map.table.collect(horizon_ms, kept) == 0) return;
  TG_SOMETIMES(true, TombstoneCollected);
  purges_.push_back({static_cast<uint8_t>(map.kind), map.name, horizon_ms});
}

void Owner::start_checkpoint() {
  checkpoint_ = std::make_unique<CheckpointCursor>();
  // Taken first: whatever is appended while the checkpoint runs may be in it, but need not.
  checkpoint_->covers_sequence = log_sequence_;
  maps_.for_each([&](OwnedMap& map) {
    if (map.ring.version() > map.checkpointed_version) {
      checkpoint_->maps.emplace_back(map.kind, map.name);
    }
  });
}

void Owner::checkpoint_map(OwnedMap& map, size_t bytes_max, CheckpointChunk& chunk) {
  CheckpointCursor& cursor = *checkpoint_;
  const bool fresh = cursor.position == 0 && !cursor.whole;
  if (fresh) {
    cursor.position = map.checkpointed_version;
    cursor.version = map.ring.version();
  }
  if (!cursor.whole && !map.ring.covers(cursor.position)) {
    cursor.whole = true;
    cursor.position = 0;
    cursor.version = map.ring.version();
  }
  RecordsChunk records = cursor.whole ? snapshot_chunk(map, cursor.position, bytes_max)
                                      : delta_chunk(map, cursor.position, bytes_max, ReplicaId{});
  for (Bytes& batch : records.batches) chunk.batches.push_back(std::move(batch));
  cursor.position = records.next;
  if (!records.done) return;
  map.checkpointed_version = cursor.whole ? cursor.version : records.next;
  cursor.whole = false;
  cursor.position = 0;
  ++cursor.at;
}

CheckpointChunk Owner::next_checkpoint_chunk(size_t bytes_max) {
  if (checkpoint_ == nullptr) start_checkpoint();
  CheckpointChunk chunk;
  size_t bytes = 0;
  while (checkpoint_->at < checkpoint_->maps.size() && bytes < bytes_max) {
    const auto& [kind, name] = checkpoint_->maps[checkpoint_->at];
    OwnedMap* map = maps_.find(kind, as_bytes(name));
    TG_ASSERT(map != nullptr);
    const size_t before = chunk.batches.size();
    checkpoint_map(*map, bytes_max, chunk);
    for (size_t i = before; i < chunk.batches.size(); ++i) bytes += chunk.batches[i].size();
  }
  chunk.last = checkpoint_->at == checkpoint_->maps.size();
  if (!chunk.last) return chunk;
  chunk.purges = std::move(purges_);
  purges_.clear();
  chunk.covers_sequence = TG_MUTANT(25) ? log_sequence_ + 1 : checkpoint_->covers_sequence;
  TG_SOMETIMES(true, CheckpointWritten);
  checkpoint_.reset();
  return chunk;
}

}  // namespace topgun::node
