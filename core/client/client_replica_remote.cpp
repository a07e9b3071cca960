#include <algorithm>

#include "core/base/probe.hpp"
#include "core/client/client_replica.hpp"

namespace topgun::client {

// The part of `ClientReplica` that takes what the node says.

void ClientReplica::observe(Stamp stamp, Now now) {
  // A stamp beyond the drift bound is merged like any other, but does not pull our clock along.
  const Result<void> observed = clock_->observe(stamp, now.wall_ms);
  (void)observed;
}

void ClientReplica::merge_and_report(ClientMap& map, const Record& record, Now now) {
  observe(record.stamp, now);
  if (merge(map, record, now)) report_key(map, record, now);
}

uint64_t ClientReplica::undecided_from() {
  close_batch();
  if (outbox_.empty()) return UINT64_MAX;
  const Result<void> decoded =
      decode_operations(outbox_.entries().front().batch, Values::Trust, operations_);
  TG_ASSERT(decoded.ok());
  return operations_.operations.front().time;
}

Result<ClientMap*> ClientReplica::merge_operations(ByteView batch, Now now) {
  const Result<void> decoded = decode_operations(batch, Values::Validate, operations_);
  if (!decoded.ok()) return decoded.error();
  const OperationBatchHeader& header = operations_.header;
  ClientMap* map = find_map(header.kind, header.map);
  if (map == nullptr) return map;
  close_batch();
  for (const Operation& operation : operations_.operations) {
    for_each_record(header.replica, operation,
                    [&](const Record& record) { merge_and_report(*map, record, now); });
  }
  if (options_.has_storage) row_.bytes_section(Section::RemoteOperations, batch);
  return map;
}

Result<ClientMap*> ClientReplica::merge_records(ByteView batch, Now now) {
  const Result<void> decoded = decode_records(batch, Values::Validate, records_);
  if (!decoded.ok()) return decoded.error();
  ClientMap* map = find_map(records_.kind, records_.map);
  if (map == nullptr) return map;
  close_batch();
  for (const Record& record : records_.records) merge_and_report(*map, record, now);
  if (options_.has_storage) row_.bytes_section(Section::Records, batch);
  return map;
}

void ClientReplica::acknowledge(uint64_t sequence) {
  if (sequence <= acknowledged_) return;
  acknowledged_ = sequence;
  const auto before = [&](const Outbox::Entry& entry) {
    if (entry.kind == MapKind::Counter) advance_counter_bases(entry);
  };
  if (!outbox_.acknowledge(sequence, before)) return;
  conflated_operations_ = std::min(conflated_operations_, outbox_.operations());
  // Forgotten acks only cost a second delivery, so they are stored once there is nothing left to
  // send.
  if (outbox_.empty()) meta_changed_ = true;
}

void ClientReplica::advance_counter_bases(const Outbox::Entry& acknowledged) {
  const Result<void> decoded = decode_operations(acknowledged.batch, Values::Trust, operations_);
  TG_ASSERT(decoded.ok());
  ClientMap& map = map_for(operations_.header.kind, operations_.header.map);
  for (const Operation& operation : operations_.operations) {
    const auto base = map.counter_bases.find(as_text(operation.key));
    if (base == map.counter_bases.end()) continue;
    if (is_current(map, operation)) {
      map.counter_bases.erase(base);
    } else {
      base->second = {totals_of(operation), operation.time};
    }
  }
}

bool ClientReplica::is_current(ClientMap& map, const Operation& operation) {
  size_t records = 0;
  size_t current = 0;
  for_each_record(options_.replica, operation, [&](const Record& record) {
    const std::optional<Record> ours = map.table.find(record.key, record.tag);
    records += 1;
    current += ours.has_value() && ours->stamp == record.stamp ? 1 : 0;
  });
  // A removal of several elements still counts if others have removed some of them as well.
  return TG_MUTANT(86) ? current == records : current > 0;
}

/// `current` borrows from the table, `gone` must not.
void ClientReplica::forget_stored(ClientMap& map, const Record& current, const Record& gone,
                                  Now now) {
  forget(map, current, gone.key, now);
  if (options_.has_storage) {
    row_.section(Section::Forget, [&](ByteWriter& out) {
      out.u8(static_cast<uint8_t>(map.kind));
      out.blob(as_bytes(map.name));
      out.blob(gone.key);
      out.blob(gone.tag);
      out.u64(gone.stamp.time);
    });
  }
  // For the application the key is gone until repair brings what the node has.
  Record tombstone = gone;
  tombstone.tombstone = true;
  report_key(map, tombstone, now);
}

void ClientReplica::forget_effect(ClientMap& map, const Operation& operation, Now now) {
  for_each_record(options_.replica, operation, [&](const Record& record) {
    const std::optional<Record> ours = map.table.find(record.key, record.tag);
    if (!ours.has_value() || ours->stamp != record.stamp) return;
    if (TG_MUTANT(34)) return;
    forget_stored(map, *ours, record, now);
  });
}

/// Takes the operations `first` to `last` out of the entry; false if none is left.
bool ClientReplica::drop_refused(Outbox::Entry& entry, uint64_t first, uint64_t last) {
  if (entry.last_sequence < first || entry.first_sequence > last) return true;
  const Result<void> decoded = decode_operations(entry.batch, Values::Trust, operations_);
  TG_ASSERT(decoded.ok());
  OperationBatchBuilder builder;
  builder.begin(operations_.header);
  entry.first_sequence = 0;
  for (size_t i = 0; i < operations_.operations.size(); ++i) {
    const uint64_t sequence = operations_.operations[i].sequence;
    if (sequence >= first && sequence <= last) continue;
    builder.add_encoded(operations_.encoded[i]);
    entry.last_sequence = sequence;
    if (entry.first_sequence == 0) entry.first_sequence = sequence;
  }
  if (builder.count() == 0) return false;
  entry.operations = static_cast<uint32_t>(builder.count());
  entry.batch = builder.finish();
  return true;
}

/// A count that was refused goes back to what was counted before it: the next step adds to that.
void ClientReplica::restore_count(ClientMap& map, const Operation& refused, Now now) {
  const auto tag = counter_tag(options_.replica);
  if (TG_MUTANT(45) || map.table.find(refused.key, tag).has_value()) return;
  const auto found = map.counter_bases.find(as_text(refused.key));
  CounterBase base = found == map.counter_bases.end() ? CounterBase{} : found->second;
  OperationBatch batch;
  for (const Outbox::Entry& entry : outbox_.entries()) {
    if (entry.kind != MapKind::Counter || entry.first_sequence >= refused.sequence) continue;
    const Result<void> decoded = decode_operations(entry.batch, Values::Trust, batch);
    TG_ASSERT(decoded.ok());
    if (as_text(batch.header.map) != map.name) continue;
    for (const Operation& operation : batch.operations) {
      if (operation.sequence >= refused.sequence) break;
      if (!equal_bytes(operation.key, refused.key)) continue;
      base = {totals_of(operation), operation.time};
    }
  }
  if (base.time == 0) return;
  TG_SOMETIMES(true, ClientRestoresCount);
  const CounterBytes value = encode_counter(base.totals);
  Record record;
  record.key = refused.key;
  record.tag = tag;
  record.stamp = {base.time, options_.replica};
  record.value = value;
  map.table.merge(record);
  report_key(map, record, now);
  if (!options_.has_storage) return;
  RecordBatchBuilder builder;
  builder.begin(map.kind, as_bytes(map.name));
  builder.add(record);
  row_.bytes_section(Section::Records, builder.finish());
}

void ClientReplica::reject(uint64_t sequence, uint64_t count, Error error, ByteView detail,
                           Now now) {
  close_batch();
  const uint64_t last = sequence + std::max<uint64_t>(count, 1) - 1;
  // Collected first, because issuing anew changes the outbox.
  std::vector<std::pair<ClientMap*, Issued>> too_old;
  for (const Outbox::Entry& entry : outbox_.entries()) {
    if (entry.last_sequence < sequence || entry.first_sequence > last) continue;
    const Result<void> decoded = decode_operations(entry.batch, Values::Trust, operations_);
    TG_ASSERT(decoded.ok());
    ClientMap& map = map_for(operations_.header.kind, operations_.header.map);
    for (const Operation& operation : operations_.operations) {
      if (operation.sequence < sequence || operation.sequence > last) continue;
      const bool current = is_current(map, operation);
      forget_effect(map, operation, now);
      // The node may have it all the same, by repair; then it comes back from there.
      map.wants_repair = true;
      if (error == Error::BehindHorizon) {
        if (!current || TG_MUTANT(54)) continue;
        too_old.emplace_back(&map, Issued{operation.kind, operation.ttl_ms, to_bytes(operation.key),
                                          to_bytes(operation.payload)});
        continue;
      }
      if (map.kind == MapKind::Counter) restore_count(map, operation, now);
      events_.push(Event::Rejected, [&](ByteWriter& out) {
        out.varint(operation.sequence);
        out.u16(static_cast<uint16_t>(error));
        out.varint(map.handle);
        out.blob(operation.key);
        out.blob(detail);
      });
    }
  }
  // A refusal is final: what was reported must not come to life when the outbox is sent again.
  TG_SOMETIMES(error == Error::BehindHorizon, ClientReissues);
  TG_SOMETIMES(error != Error::BehindHorizon, ClientRejected);
  for (Outbox::Entry& entry : outbox_.take()) {
    if (TG_MUTANT(31) || drop_refused(entry, sequence, last)) outbox_.add(std::move(entry));
  }
  if (options_.has_storage) {
    row_.section(Section::Refused, [&](ByteWriter& out) {
      out.varint(sequence);
      out.varint(last);
    });
  }
  for (auto& [map, issued] : too_old) issue_anew(*map, {issued}, now);
}

void ClientReplica::issue_anew(ClientMap& map, const std::vector<Issued>& operations, Now now) {
  for (const Issued& issued : operations) {
    Operation operation;
    operation.kind = issued.kind;
    operation.ttl_ms = issued.ttl_ms;
    operation.key = issued.key;
    operation.payload = issued.payload;
    issue(map, operation, now);
    for_each_record(options_.replica,
                    {operation.kind, last_sequence_, clock_->latest(), operation.ttl_ms,
                     operation.key, operation.payload},
                    [&](const Record& record) { report_key(map, record, now); });
  }
  close_batch();
}

std::vector<Bytes> ClientReplica::keys_of(const ClientMap& map) {
  std::vector<Bytes> keys;
  map.table.visit_all(
      [&](uint64_t, uint64_t, const Record& record) { keys.push_back(to_bytes(record.key)); });
  std::sort(keys.begin(), keys.end());  // allow(sort): equal keys are equal bytes
  keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
  return keys;
}

void ClientReplica::resync(ClientMap& map, Now now) {
  close_batch();
  std::vector<Issued> unsent;
  std::deque<Outbox::Entry> kept;
  for (Outbox::Entry& entry : outbox_.take()) {
    const Result<void> decoded = decode_operations(entry.batch, Values::Trust, operations_);
    TG_ASSERT(decoded.ok());
    const OperationBatchHeader& header = operations_.header;
    if (header.kind != map.kind || as_text(header.map) != map.name) {
      kept.push_back(std::move(entry));
      continue;
    }
    for (const Operation& operation : operations_.operations) {
      // A write that was overruled in the meantime stays overruled.
      if (!is_current(map, operation)) continue;
      unsent.push_back(
          {operation.kind, operation.ttl_ms, to_bytes(operation.key), to_bytes(operation.payload)});
    }
  }
  for (Outbox::Entry& entry : kept) outbox_.add(std::move(entry));
  map.table.visit_all([&](uint64_t, uint64_t, const Record& record) {
    Record gone = record;
    gone.tombstone = true;
    // Some of what is shown may have expired just now, by a clock that the node has put right.
    const bool is_seen = TG_MUTANT(87) ? record.visible(now.wall_ms) : is_shown(map, record);
    if (is_seen && map.kind != MapKind::Counter) report_key(map, gone, now);
  });
  TG_SOMETIMES(true, ClientResync);
  std::vector<Bytes> counters = map.kind == MapKind::Counter ? keys_of(map) : std::vector<Bytes>();
  const std::vector<Bytes> own = TG_MUTANT(56) ? std::vector<Bytes>() : own_counts(map);
  if (map.observer != nullptr) map.observer->clearing();
  if (!TG_MUTANT(35)) map.table.clear();
  expiries_.remove_map(map.handle);
  // A counter that nobody counts on any more reads zero.
  for (const Bytes& key : counters) {
    if (TG_MUTANT(43)) break;
    Record gone;
    gone.key = key;
    report_key(map, gone, now);
  }
  map.synced_ms = 0;
  map.versions.clear();
  map.position_changed = true;
  if (options_.has_storage) {
    row_.section(Section::Clear, [&](ByteWriter& out) {
      out.u8(static_cast<uint8_t>(map.kind));
      out.blob(as_bytes(map.name));
    });
  }
  keep_own_counts(map, own, now);
  issue_anew(map, unsent, now);
}

/// What this replica has counted, as batches of records.
std::vector<Bytes> ClientReplica::own_counts(const ClientMap& map) const {
  if (map.kind != MapKind::Counter) return {};
  const auto tag = counter_tag(options_.replica);
  std::vector<Bytes> batches;
  RecordBatchBuilder builder;
  builder.begin(map.kind, as_bytes(map.name));
  map.table.visit_all([&](uint64_t, uint64_t, const Record& record) {
    if (!equal_bytes(record.tag, tag)) return;
    builder.add(record);
    if (builder.count() < kBatchRecordsMax) return;
    batches.push_back(builder.finish());
    builder.begin(map.kind, as_bytes(map.name));
  });
  if (builder.count() > 0) batches.push_back(builder.finish());
  return batches;
}

/// Each step tells the total so far, so the next one must not begin at zero while the node's
/// records are on their way. Nobody else adds to these records, and none of them is ever removed.
void ClientReplica::keep_own_counts(ClientMap& map, const std::vector<Bytes>& batches, Now now) {
  for (const Bytes& batch : batches) {
    const Result<void> decoded = decode_records(batch, Values::Trust, records_);
    TG_ASSERT(decoded.ok());
    for (const Record& record : records_.records) {
      if (merge(map, record, now)) report_key(map, record, now);
    }
    if (options_.has_storage) row_.bytes_section(Section::Records, batch);
  }
}

void ClientReplica::collect(uint64_t horizon_ms) {
  // With a clock that was set back, some of it may be shown.
  while (!TG_MUTANT(73) && next_expiry_ms().value_or(UINT64_MAX) < horizon_ms)
    expire({horizon_ms, 0});
  for (const auto& map : maps_) {
    // A map from before the horizon must keep its tombstones: it may hold writes they overruled,
    // and is about to be resynced as a whole.
    if (map->synced_ms < horizon_ms) continue;
    if (map->observer != nullptr) map->observer->collecting(horizon_ms);
    map->table.collect(horizon_ms);
  }
}

}  // namespace topgun::client
