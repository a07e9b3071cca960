#include "core/node/owner.hpp"

#include <algorithm>

#include "core/base/partition.hpp"
#include "core/base/probe.hpp"

namespace topgun::node {

void ShardContext::post(uint16_t shard, ShardMessageKind kind,
                        std::initializer_list<uint64_t> numbers, SharedBytes payload) {
  ShardMessage message;
  message.from = options.shard;
  message.kind = static_cast<uint8_t>(kind);
  size_t at = 0;
  for (const uint64_t number : numbers) message.numbers[at++] = number;
  message.payload = std::move(payload);
  if (shard == options.shard) {
    to_self.push_back(std::move(message));
  } else {
    effects.posts.push_back({shard, std::move(message)});
  }
}

bool Owner::owns(const PartitionKey* partition_key, ByteView key) const {
  const uint16_t shards = context_.options.shard_count;
  return shards == 1 || partition_of(partition_key, key).value % shards == context_.options.shard;
}

void Owner::append_log(LogEntryKind kind, ByteView payload) {
  if (!context_.options.has_log) return;
  Effects::LogAppend& log = context_.effects.log;
  ++log_sequence_;
  if (log.entries.empty()) log.first_sequence = log_sequence_;
  log.last_sequence = log_sequence_;
  ByteWriter out(log.entries);
  out.u32(static_cast<uint32_t>(payload.size()));
  out.u8(static_cast<uint8_t>(kind));
  out.raw(payload);
}

void Owner::announce(OwnedMap& map, ByteView batch, ReplicaId author) {
  if (map.listeners.empty()) return;
  Bytes frame;
  // Without a batch, listeners pull what changed; that happens when a client repaired us.
  if (!batch.empty()) {
    frame.reserve(batch.size() + 16);
    MessageWriter(frame).changes({context_.options.shard, map.ring.version(), batch});
  }
  const SharedBytes shared = share(std::move(frame));
  for (const auto& [shard, channel] : map.listeners) {
    context_.post(shard, ShardMessageKind::Changes, {channel, map.ring.version(), author.value},
                  shared);
  }
}

Result<uint64_t> Owner::apply(const OperationBatch& batch, ByteView original,
                              const std::vector<uint32_t>& indices) {
  const Result<OwnedMap*> map = maps_.find_or_create(batch.header.kind, batch.header.map);
  if (!map.ok()) return map.error();
  const std::vector<uint32_t> changed =
      apply_operations(**map, batch, indices, context_.now.wall_ms);
  context_.stats.operations_applied += changed.size();
  context_.stats.operations_redundant += indices.size() - changed.size();
  TG_SOMETIMES(changed.empty(), NodeRedundant);
  if (changed.empty()) return TG_MUTANT(27) ? uint64_t{0} : log_sequence_;
  if (changed.size() == batch.operations.size()) {
    append_log(LogEntryKind::Operations, original);
    announce(**map, original, batch.header.replica);
  } else {
    const Bytes subset = batch_subset(batch, original, changed);
    append_log(LogEntryKind::Operations, subset);
    announce(**map, subset, batch.header.replica);
  }
  return log_sequence_;
}

Result<uint64_t> Owner::apply(const RecordBatch& batch) {
  const Result<OwnedMap*> map = maps_.find_or_create(batch.kind, batch.map);
  if (!map.ok()) return map.error();
  const std::vector<bool> changed = apply_records(**map, batch.records, context_.now.wall_ms);
  RecordBatchBuilder builder;
  builder.begin(batch.kind, batch.map);
  for (size_t i = 0; i < changed.size(); ++i) {
    if (changed[i]) builder.add(batch.records[i]);
  }
  context_.stats.operations_applied += builder.count();
  if (builder.count() == 0) return log_sequence_;
  TG_SOMETIMES(true, NodeTakesRecords);
  append_log(LogEntryKind::Records, builder.finish());
  announce(**map, {}, {});
  return log_sequence_;
}

void Owner::handle(const ShardMessage& message) {
  switch (static_cast<ShardMessageKind>(message.kind)) {
    case ShardMessageKind::ApplyOperations:
      return on_apply_operations(message);
    case ShardMessageKind::ApplyRecords:
      return on_apply_records(message);
    case ShardMessageKind::Describe:
      return on_describe(message);
    case ShardMessageKind::Unlisten:
      return on_unlisten(message);
    case ShardMessageKind::Pull:
      return on_pull(message);
    case ShardMessageKind::DiffChildren:
      return on_diff_children(message);
    case ShardMessageKind::DiffExpand:
      return on_diff_expand(message);
    case ShardMessageKind::Applied:
    case ShardMessageKind::Described:
    case ShardMessageKind::Pulled:
    case ShardMessageKind::Changes:
    case ShardMessageKind::DiffChildrenAnswer:
    case ShardMessageKind::DiffExpandAnswer:
    case ShardMessageKind::Greet:
    case ShardMessageKind::Greeted:
    case ShardMessageKind::TakeOver:
    case ShardMessageKind::TakenOver:
    case ShardMessageKind::Progress:
    case ShardMessageKind::OpenQuery:
    case ShardMessageKind::CloseQuery:
    case ShardMessageKind::QueryPart:
    case ShardMessageKind::QueryChanged:
      break;
  }
  TG_ASSERT(false);
}

void Owner::on_apply_operations(const ShardMessage& message) {
  // Validated by the home shard; the bytes never left the process.
  const Result<void> decoded = decode_operations(*message.payload, Values::Trust, operations_);
  TG_ASSERT(decoded.ok());
  all_indices_.clear();
  for (uint32_t i = 0; i < operations_.operations.size(); ++i) all_indices_.push_back(i);
  const Result<uint64_t> sequence = apply(operations_, *message.payload, all_indices_);
  if (sequence.ok()) {
    context_.post(message.from, ShardMessageKind::Applied,
                  {message.numbers[0], message.numbers[1], *sequence, 0}, nullptr);
    return;
  }
  std::vector<uint64_t> refused;
  for (const Operation& operation : operations_.operations) refused.push_back(operation.sequence);
  context_.post(
      message.from, ShardMessageKind::Applied,
      {message.numbers[0], message.numbers[1], 0, static_cast<uint64_t>(sequence.error())},
      share(encode_sequences(refused)));
}

void Owner::on_apply_records(const ShardMessage& message) {
  RecordBatch batch;
  const Result<void> decoded = decode_records(*message.payload, Values::Trust, batch);
  TG_ASSERT(decoded.ok());
  // At the map limit the repair is simply not taken: the client keeps its records and its root
  // differs.
  const Result<uint64_t> applied = apply(batch);
  if (!applied.ok()) ++context_.stats.operations_rejected;
}

std::optional<Record> Owner::find(MapKind kind, ByteView name, ByteView key) {
  const OwnedMap* map = maps_.find(kind, name);
  return map == nullptr ? std::nullopt : map->table.find(key, {});
}

void Owner::keep(MapKind kind, ByteView name, const Record& record) {
  const Result<OwnedMap*> map = maps_.find_or_create(kind, name);
  TG_ASSERT(map.ok());  // The limit does not count reserved maps.
  if (!apply_records(**map, {record}, context_.now.wall_ms)[0]) return;
  RecordBatchBuilder builder;
  builder.begin(kind, name);
  builder.add(record);
  append_log(LogEntryKind::Records, builder.finish());
}

size_t Owner::count(MapKind kind, ByteView name) {
  const OwnedMap* map = maps_.find(kind, name);
  return map == nullptr ? 0 : map->table.size();
}

MerkleRoot Owner::root(MapKind kind, ByteView name) {
  const OwnedMap* map = maps_.find(kind, name);
  return map == nullptr ? MerkleRoot{} : map->table.root();
}

Description Owner::describe(MapKind kind, ByteView name) {
  Description description;
  if (const OwnedMap* map = maps_.find(kind, name)) {
    description.root = map->table.root();
    description.records = map->table.size();
    description.version = map->ring.version();
  }
  return description;
}

bool Owner::holds(MapKind kind, ByteView name, ByteView key, ByteView tag) {
  const OwnedMap* map = maps_.find(kind, name);
  return map != nullptr && map->table.find(key, tag).has_value();
}

void Owner::on_describe(const ShardMessage& message) {
  ByteReader in(*message.payload);
  const MapRef ref = take_map(in);
  // Listening creates the map, so that the first write to it finds its listeners. At the limit the
  // subscriber sees an empty map.
  const Result<OwnedMap*> map = maps_.find_or_create(ref.kind, ref.name);
  if (map.ok()) (*map)->listeners[message.from] = message.numbers[2];
  Description description = describe(ref.kind, ref.name);
  if (in.u8() != 0) {
    description.root_children = map.ok() ? root_children((*map)->table)
                                         : std::vector<uint64_t>(size_t{1} << kDiffRootBits, 0);
  }
  context_.post(message.from, ShardMessageKind::Described,
                {message.numbers[0], message.numbers[1], message.numbers[3]},
                share(encode_description(description)));
}

void Owner::on_unlisten(const ShardMessage& message) {
  ByteReader in(*message.payload);
  const MapRef ref = take_map(in);
  OwnedMap* map = maps_.find(ref.kind, ref.name);
  if (map == nullptr) return;
  const auto listener = map->listeners.find(message.from);
  const bool is_same = listener != map->listeners.end() && listener->second == message.numbers[0];
  if (is_same) map->listeners.erase(listener);
}

void Owner::on_pull(const ShardMessage& message) {
  constexpr size_t kPullBytes = 128 * 1024;
  ByteReader in(*message.payload);
  const MapRef ref = take_map(in);
  const ReplicaId reader{in.u64()};
  const size_t bytes_max = std::min<uint64_t>(in.varint(), kPullBytes);
  const StepNumber step = StepNumber::decode(message.numbers[2]);
  const auto mode = static_cast<PullMode>(step.detail);
  const uint64_t position = message.numbers[3];
  const OwnedMap* map = maps_.find(ref.kind, ref.name);
  RecordsChunk chunk;
  PullOutcome outcome = PullOutcome::Done;
  if (map == nullptr) {
    chunk.next = 0;
  } else if (mode == PullMode::Delta && !map->ring.covers(position)) {
    outcome = PullOutcome::NotCovered;
  } else {
    chunk = mode == PullMode::Delta ? delta_chunk(*map, position, bytes_max, reader)
                                    : snapshot_chunk(*map, position, bytes_max);
    if (!chunk.done) outcome = PullOutcome::More;
  }
  context_.post(message.from, ShardMessageKind::Pulled,
                {message.numbers[0], message.numbers[1],
                 StepNumber{step.step, static_cast<uint8_t>(outcome)}.encode(), chunk.next},
                share(encode_batches(chunk.batches)));
}

void Owner::on_diff_children(const ShardMessage& message) {
  ByteReader in(*message.payload);
  const MapRef ref = take_map(in);
  const Result<DiffMessage> diff = decode_diff(in.rest());
  TG_ASSERT(diff.ok());
  const OwnedMap* map = maps_.find(ref.kind, ref.name);
  std::vector<uint64_t> hashes;
  if (map != nullptr) {
    hashes = diff_children(map->table, *diff);
  } else {
    hashes.assign(diff->children.size(), 0);
  }
  context_.post(message.from, ShardMessageKind::DiffChildrenAnswer,
                {message.numbers[0], message.numbers[1], message.numbers[2]},
                share(encode_sequences(hashes)));
}

void Owner::on_diff_expand(const ShardMessage& message) {
  ByteReader in(*message.payload);
  const MapRef ref = take_map(in);
  const std::vector<HashPrefix> prefixes = take_prefixes(in);
  const Result<DiffMessage> diff = decode_diff(in.rest());
  TG_ASSERT(diff.ok());
  const Result<OwnedMap*> found = maps_.find_or_create(ref.kind, ref.name);
  DiffExpansion expansion;
  Slab no_records;
  const RecordTable empty(ref.kind, no_records);
  const RecordTable& table = found.ok() ? (*found)->table : empty;
  for (const HashPrefix prefix : prefixes) expansion.regions.push_back(expand(table, prefix));
  RecordBatchBuilder builder;
  builder.begin(ref.kind, ref.name);
  const auto send = [&](const Record& record) {
    builder.add(record);
    if (builder.size() < 64 * 1024 && builder.count() < kBatchRecordsMax) return;
    expansion.batches.push_back(builder.finish());
    builder.begin(ref.kind, ref.name);
  };
  for (const DiffMessage::Entry& leaf : diff->leaves) {
    expansion.leaves.push_back(compare_leaf(table, leaf, diff->slice, send));
  }
  for (const DiffMessage::Claim& claim : diff->claims) {
    expansion.lost.push_back(settle_claim(table, claim, diff->slice, send));
  }
  for (const DiffMessage::Entry& want : diff->wants) find_wanted(table, want, diff->slice, send);
  if (builder.count() > 0) expansion.batches.push_back(builder.finish());
  context_.post(message.from, ShardMessageKind::DiffExpandAnswer,
                {message.numbers[0], message.numbers[1], message.numbers[2]},
                share(encode_expansion(expansion)));
}

void Owner::update_gauges() {
  ShardStats& stats = context_.stats;
  stats.maps = 0;
  stats.records = 0;
  stats.record_bytes = 0;
  maps_.for_each([&](OwnedMap& map) {
    if (is_reserved_map(map.name)) return;
    ++stats.maps;
    stats.records += map.table.size();
    stats.record_bytes += map.table.record_bytes();
  });
}

}  // namespace topgun::node
