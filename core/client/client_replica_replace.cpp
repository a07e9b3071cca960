#include "core/base/mix.hpp"
#include "core/base/probe.hpp"
#include "core/client/client_replica.hpp"

namespace topgun::client {
namespace {

/// The id under which operations of one run go on when their replica id is lost to a copy. It is a
/// function of the run, so that copies of this copy, which have a part of the run as well, move
/// that part to the very same operations.
ReplicaId id_of_run(ReplicaId replica, uint64_t first_sequence) {
  const uint64_t id = absorb64(mix64(replica.value), first_sequence);
  return {id == 0 ? 1 : id};
}

}  // namespace

// The part of `ClientReplica` that takes a new id when a copy of the replica goes on under the
// present one.

/// An operation that the other copy does not have, and the id that it moves to.
struct ClientReplica::Moved {
  ClientMap* map = nullptr;
  Operation operation;  ///< Borrows from the next two.
  Bytes key;
  Bytes payload;
  ReplicaId author;
  /// Nothing has overruled it.
  bool current = false;
};

ReplicaId ClientReplica::new_author(uint64_t sequence) const {
  uint64_t first = 0;
  for (const Run& run : runs_.runs) {
    if (run.first <= sequence) first = run.first;
  }
  return id_of_run(options_.replica, first);
}

/// Empties the outbox. Of counters, what the copies have in common becomes the base.
std::vector<ClientReplica::Moved> ClientReplica::take_moved(uint64_t common_sequence) {
  std::vector<Moved> moved;
  for (const Outbox::Entry& entry : outbox_.take()) {
    const Result<void> decoded = decode_operations(entry.batch, Values::Trust, operations_);
    TG_ASSERT(decoded.ok());
    ClientMap& map = map_for(operations_.header.kind, operations_.header.map);
    for (const Operation& operation : operations_.operations) {
      if (operation.sequence > common_sequence) {
        moved.push_back({&map, operation, to_bytes(operation.key), to_bytes(operation.payload),
                         new_author(operation.sequence), is_current(map, operation)});
        continue;
      }
      leave(map, options_.replica, operation);
      if (operation.kind != OperationKind::CounterAdd) continue;
      map.counter_bases[std::string(as_text(operation.key))] = {totals_of(operation),
                                                                operation.time};
    }
  }
  for (Moved& each : moved) {
    each.operation.key = each.key;
    each.operation.payload = each.payload;
  }
  return moved;
}

void ClientReplica::leave(ClientMap& map, ReplicaId author, const Operation& operation) {
  for_each_record(author, operation, [&](const Record& record) {
    // A map that never was in step holds nothing older than this, the first that is left. If that
    // is from before the horizon, it may have been overruled by what was collected since: saying
    // that the map was in step just then has the node start it anew.
    if (map.synced_ms == 0 && !TG_MUTANT(85))
      map.synced_ms = std::max<uint64_t>(record.stamp.ms(), 1);
    left_.push_back({&map, to_bytes(record.key), to_bytes(record.tag), record.stamp});
  });
}

void ClientReplica::note_all_taken(const ClientMap& map) {
  std::erase_if(left_, [&](const Left& left) { return left.map == &map; });
}

bool ClientReplica::forget_untaken(ClientMap& map, uint64_t node_ms, Now now) {
  // What comes from less far settles itself before this would be of use.
  constexpr uint64_t kFutureMs = 2 * kClockDriftMaxMs;
  const auto is_untaken = [&](const Left& left) {
    return left.map == &map && left.stamp.ms() > node_ms + kFutureMs && !TG_MUTANT(83);
  };
  bool any = false;
  close_batch();
  for (const Left& left : left_) {
    const std::optional<Record> ours = map.table.find(left.key, left.tag);
    if (!is_untaken(left) || !ours.has_value() || ours->stamp != left.stamp) continue;
    Record gone;
    gone.key = left.key;
    gone.tag = left.tag;
    gone.stamp = left.stamp;
    forget_stored(map, *ours, gone, now);
    any = true;
    events_.push(Event::Rejected, [&](ByteWriter& out) {
      out.varint(0);  // Nobody asks for its sequence any more.
      out.u16(static_cast<uint16_t>(Error::ClockDrift));
      out.varint(map.handle);
      out.blob(left.key);
      out.blob(as_bytes(error_name(Error::ClockDrift)));
    });
  }
  std::erase_if(left_, is_untaken);
  return any;
}

/// Takes the records of the operation out of the table, as nobody shall have them any more.
void ClientReplica::undo(const Moved& moved, Now now) {
  ClientMap& map = *moved.map;
  const bool is_element = moved.operation.kind == OperationKind::OrAdd;
  for_each_record(options_.replica, moved.operation, [&](const Record& record) {
    const std::optional<Record> ours = map.table.find(record.key, record.tag);
    // An element is ours alone, even if it was removed since; of others' elements and of entries,
    // only what this very operation made of them.
    if (!ours.has_value() || (!is_element && ours->stamp != record.stamp)) return;
    const bool was_shown = is_shown(map, *ours);
    forget(map, *ours, record.key, now);
    if (!is_element || !was_shown) return;
    Record gone = record;
    gone.tombstone = true;
    report_key(map, gone, now);
  });
}

/// Renames the tags of elements that move as well.
void ClientReplica::rename_tags(Moved& moved, uint64_t common_sequence) const {
  Bytes renamed;
  ByteReader in(moved.payload);
  ByteWriter out(renamed);
  const uint64_t count = in.varint();
  out.varint(count);
  for (uint64_t i = 0; i < count; ++i) {
    const ReplicaId replica{in.u64()};
    const uint64_t sequence = in.varint();
    const bool moves = replica == options_.replica && sequence > common_sequence;
    out.u64(moves ? new_author(sequence).value : replica.value);
    out.varint(sequence);
  }
  moved.payload = std::move(renamed);
  moved.operation.payload = moved.payload;
}

/// Turns totals of the old id into totals of the new ones: each has the steps of its own run.
void ClientReplica::split_steps(std::vector<Moved>& moved) {
  struct Count {
    CounterTotals old_id;  ///< So far.
    CounterTotals new_id;
    ReplicaId author;
  };
  std::map<std::pair<std::string, std::string>, Count> counts;
  for (Moved& each : moved) {
    if (each.operation.kind != OperationKind::CounterAdd) continue;
    ClientMap& map = *each.map;
    const std::string key(as_text(each.key));
    const auto [found, is_first] = counts.try_emplace({map.name, key});
    Count& count = found->second;
    const CounterBase base = is_first ? map.counter_bases[key] : CounterBase{};
    if (is_first) {
      count.old_id = base.totals;
      // The other copy counts on from the base under the old id; our own count there ends at it.
      const auto tag = counter_tag(options_.replica);
      map.table.forget(each.key, tag);
      const CounterBytes value = encode_counter(base.totals);
      Record record;
      record.key = each.key;
      record.tag = tag;
      record.stamp = {base.time, options_.replica};
      record.value = value;
      if (base.time != 0) map.table.merge(record);
    }
    if (count.author != each.author) count.new_id = {};
    count.author = each.author;
    const CounterTotals reached = totals_of(each.operation);
    count.new_id.positive += reached.positive - std::min(reached.positive, count.old_id.positive);
    count.new_id.negative += reached.negative - std::min(reached.negative, count.old_id.negative);
    count.old_id = reached;
    each.payload.clear();
    ByteWriter out(each.payload);
    out.varint(count.new_id.positive);
    out.varint(count.new_id.negative);
    each.operation.payload = each.payload;
  }
}

void ClientReplica::replace(uint64_t common_sequence, Now now) {
  close_batch();
  std::vector<Moved> moved = take_moved(common_sequence);
  split_steps(moved);
  for (Moved& each : moved) {
    if (each.operation.kind == OperationKind::OrRemove) rename_tags(each, common_sequence);
  }
  for (const Moved& each : moved) {
    if (each.operation.kind != OperationKind::CounterAdd) undo(each, now);
  }
  const ReplicaId former = options_.replica;
  options_.replica = new_author(runs_.runs.back().first);
  HybridLogicalClock clock(options_.replica, kClockDriftMaxMs);
  clock.restore(clock_->latest());
  clock_ = clock;
  runs_ = {.complete = true,
           .current_stored = !options_.has_storage,
           .runs = {{runs_.runs.back().first, last_sequence_}}};
  runs_transaction_ = 0;
  for (const auto& map : maps_) {
    map->counter_bases.clear();
    // Neither copy may ever have sent what both have, or what moved to an id that says no Hello.
    // Comparing roots shows what the node lacks.
    map->versions.clear();
    map->wants_repair = true;
    map->position_changed = true;
  }
  for (const Moved& each : moved) move(each, now);
  close_batch();
  conflated_operations_ = 0;
  TG_SOMETIMES(true, ClientReplaced);
  events_.push(Event::ReplicaReplaced, [&](ByteWriter& out) {
    out.u64(former.value);
    out.u64(options_.replica.value);
  });
  // One transaction: what this turn had gathered for the next row is part of the snapshot.
  row_.finish();
  meta_changed_ = true;
  if (options_.has_storage && !storage_failed_) write_snapshot();
}

void ClientReplica::move(const Moved& moved, Now now) {
  const Operation& operation = moved.operation;
  const bool is_entry =
      operation.kind == OperationKind::LwwSet || operation.kind == OperationKind::LwwRemove;
  if (is_entry && !moved.current) return;
  for_each_record(moved.author, operation, [&](const Record& record) {
    const bool changed = merge(*moved.map, record, now);
    // The application sees entries as it wrote them.
    if (changed && !is_entry) report_key(*moved.map, record, now);
  });
  // A former run of this copy has no session; its records are the node's by repair.
  if (moved.author != options_.replica) return leave(*moved.map, moved.author, operation);
  if (operation.kind == OperationKind::CounterAdd) {
    moved.map->counter_bases.try_emplace(std::string(as_text(moved.key)));
  }
  add_to_batch(*moved.map, operation);
}

}  // namespace topgun::client
