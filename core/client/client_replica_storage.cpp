#include "core/base/probe.hpp"
#include "core/client/client_replica.hpp"

namespace topgun::client {
namespace {

/// An outbox of fewer operations is not worth conflating.
constexpr uint64_t kConflateOperationsMin = 8192;

/// Before every horizon.
constexpr uint64_t kLongAgoMs = 1;

struct MapKey {
  MapKind kind = MapKind::Lww;
  ByteView name;
};

MapKey take_map_key(ByteReader& in) {
  MapKey key;
  const uint8_t kind = in.u8();
  if (in.ok() && !is_map_kind(kind)) in.fail(Error::Malformed);
  key.kind = static_cast<MapKind>(kind);
  key.name = in.blob(kMapNameBytesMax);
  if (in.ok() && key.name.empty()) in.fail(Error::Malformed);
  return key;
}

}  // namespace

// The part of `ClientReplica` that lives through restarts.

bool ClientReplica::start() {
  TG_ASSERT(opened_ && !started_);
  started_ = true;
  Store::Loaded loaded = store_.take_loaded();
  const ReplicaId given = options_.replica;
  options_.replica = {};
  std::vector<Outbox::Entry> own;
  load_rows(loaded, own);
  const bool known = options_.replica.value != 0;
  if (!known) options_.replica = given;
  HybridLogicalClock clock(options_.replica, kClockDriftMaxMs);
  clock.restore(clock_->latest());
  clock_ = clock;
  for (Outbox::Entry& entry : own) {
    if (entry.last_sequence <= acknowledged_) continue;
    entry.stored = true;
    outbox_.add(std::move(entry));
  }
  begin_run(known, loaded.damaged == 0);
  prune_counter_bases();
  if (loaded.damaged > 0) {
    TG_SOMETIMES(true, ClientDamaged);
    // What is readable is kept; comparing roots with the node brings back the rest.
    for (const auto& map : maps_) map->versions.clear();
    events_.push(Event::Error, [&](ByteWriter& out) {
      out.u16(static_cast<uint16_t>(Error::StorageCorrupt));
      out.blob(as_bytes("stored rows are damaged; the node will be asked for repair"));
    });
  }
  meta_changed_ = !known;
  may_send_unstored_ = !known;
  return known;
}

void ClientReplica::begin_run(bool is_known, bool is_whole) {
  if (is_known) {
    if (!runs_.runs.empty()) runs_.runs.back().last = last_sequence_;
    // Rows that are missing may have held a run, or the end of one.
    if (!is_whole || runs_.runs.empty()) runs_ = RunHistory{};
    // Operations may have been sent although storing them failed; theirs are the numbers we skip.
    if (!TG_MUTANT(36)) last_sequence_ += kSequenceReserve;
  } else {
    runs_.complete = true;
  }
  const uint64_t scatter = options_.draws.below(kSequenceScatter);
  if (!TG_MUTANT(36) && !TG_MUTANT(37)) last_sequence_ += scatter;
  while (runs_.runs.size() >= RunHistory::kRunsMax) {
    runs_.runs.erase(runs_.runs.begin());
    runs_.complete = false;
  }
  runs_.runs.push_back({last_sequence_ + 1, last_sequence_});
  runs_.current_stored = !options_.has_storage;
}

RunHistory ClientReplica::history() const {
  RunHistory history = runs_;
  if (!history.runs.empty()) history.runs.back().last = last_sequence_;
  return history;
}

void ClientReplica::put_runs(RowWriter& row) {
  row.section(Section::Runs, [&](ByteWriter& out) { put_history(out, runs_); });
}

bool ClientReplica::load_runs(ByteReader& in) {
  RunHistory loaded = take_history(in);
  if (!in.ok() || loaded.runs.empty()) return false;
  runs_ = std::move(loaded);
  return true;
}

void ClientReplica::put_counter_base(RowWriter& row, const ClientMap& map, ByteView key,
                                     const CounterBase& base) {
  row.section(Section::CounterBase, [&](ByteWriter& out) {
    out.u8(static_cast<uint8_t>(map.kind));
    out.blob(as_bytes(map.name));
    out.blob(key);
    out.varint(base.totals.positive);
    out.varint(base.totals.negative);
    out.u64(base.time);
  });
}

bool ClientReplica::load_counter_base(ByteReader& in) {
  const MapKey key = take_map_key(in);
  const ByteView record_key = in.blob(kKeyBytesMax);
  CounterBase base;
  base.totals.positive = in.varint();
  base.totals.negative = in.varint();
  base.time = in.u64();
  if (!in.ok()) return false;
  map_for(key.kind, key.name).counter_bases[std::string(as_text(record_key))] = base;
  return true;
}

/// Keeps the bases of counters that have steps in the outbox; acks since they were stored have
/// done away with the others.
void ClientReplica::prune_counter_bases() {
  std::map<ClientMap*, std::map<std::string, CounterBase, std::less<>>> kept;
  for (const Outbox::Entry& entry : outbox_.entries()) {
    if (entry.kind != MapKind::Counter) continue;
    const Result<void> decoded = decode_operations(entry.batch, Values::Trust, operations_);
    TG_ASSERT(decoded.ok());
    ClientMap& map = map_for(operations_.header.kind, operations_.header.map);
    for (const Operation& operation : operations_.operations) {
      const auto base = map.counter_bases.find(as_text(operation.key));
      if (base != map.counter_bases.end()) kept[&map].insert(*base);
    }
  }
  for (const auto& map : maps_) map->counter_bases = std::move(kept[map.get()]);
}

/// A row that is missing may have held removals that no other row repeats, so each map stands where
/// it stood before the first of them.
void ClientReplica::load_rows(const Store::Loaded& loaded, std::vector<Outbox::Entry>& own) {
  std::map<std::pair<MapKind, std::string>, uint64_t> sure_ms;
  for (size_t i = 0; i <= loaded.rows.size(); ++i) {
    if (i == loaded.rows_before_damage) {
      for (const auto& map : maps_) sure_ms[{map->kind, map->name}] = map->synced_ms;
    }
    if (i < loaded.rows.size()) load_sections(loaded.rows[i], own);
  }
  if (loaded.damaged == 0 || TG_MUTANT(52)) return;
  for (const auto& map : maps_) {
    const uint64_t sure = std::max(sure_ms[{map->kind, map->name}], kLongAgoMs);
    map->synced_ms = map->synced_ms == 0 ? kLongAgoMs : std::min(map->synced_ms, sure);
  }
}

void ClientReplica::load_sections(ByteView row, std::vector<Outbox::Entry>& own) {
  visit_sections(
      row, [&](Section section, ByteView payload) { return load_section(section, payload, own); });
}

bool ClientReplica::load_section(Section section, ByteView payload,
                                 std::vector<Outbox::Entry>& own) {
  ByteReader in(payload);
  switch (section) {
    case Section::OwnOperations:
      return load_operations(payload, &own);
    case Section::RemoteOperations:
      return load_operations(payload, nullptr);
    case Section::Records: {
      if (!decode_records(payload, Values::Trust, records_).ok()) return false;
      ClientMap& map = map_for(records_.kind, records_.map);
      for (const Record& record : records_.records) map.table.merge(record);
      return true;
    }
    case Section::Meta: {
      options_.replica = {in.u64()};
      const uint64_t clock = in.u64();
      if (!TG_MUTANT(6)) clock_->restore(clock);
      last_sequence_ = std::max(last_sequence_, in.varint());
      acknowledged_ = std::max(acknowledged_, in.varint());
      return in.ok();
    }
    case Section::Position:
      return load_position(payload);
    case Section::Runs:
      return load_runs(in);
    case Section::CounterBase:
      return load_counter_base(in);
    case Section::Forget: {
      const MapKey key = take_map_key(in);
      const ByteView record_key = in.blob(kKeyBytesMax);
      const ByteView tag = in.blob(kTagBytesMax);
      const uint64_t time = in.u64();
      if (!in.ok()) return false;
      ClientMap& map = map_for(key.kind, key.name);
      const std::optional<Record> record = map.table.find(record_key, tag);
      if (record.has_value() && record->stamp.time == time) map.table.forget(record_key, tag);
      return true;
    }
    case Section::Refused: {
      const uint64_t first = in.varint();
      const uint64_t last = in.varint();
      if (!in.ok()) return false;
      if (TG_MUTANT(31)) return true;
      std::erase_if(own, [&](Outbox::Entry& entry) { return !drop_refused(entry, first, last); });
      return true;
    }
    case Section::Tab: {
      const TabId tab = take_tab(in);
      const uint64_t number = in.varint();
      if (in.ok()) tabs_.set(tab, number);
      return in.ok();
    }
    case Section::Clear: {
      const MapKey key = take_map_key(in);
      if (!in.ok()) return false;
      ClientMap& map = map_for(key.kind, key.name);
      map.table.clear();
      std::erase_if(own, [&](const Outbox::Entry& entry) {
        const bool decoded = decode_operations(entry.batch, Values::Trust, operations_).ok();
        return decoded && operations_.header.kind == key.kind &&
               equal_bytes(operations_.header.map, key.name);
      });
      return true;
    }
  }
  return false;
}

bool ClientReplica::load_operations(ByteView payload, std::vector<Outbox::Entry>* own) {
  if (!decode_operations(payload, Values::Trust, operations_).ok()) return false;
  const OperationBatchHeader& header = operations_.header;
  ClientMap& map = map_for(header.kind, header.map);
  for (const Operation& operation : operations_.operations) {
    for_each_record(header.replica, operation,
                    [&](const Record& record) { map.table.merge(record); });
  }
  if (own == nullptr) return true;
  Outbox::Entry entry;
  entry.first_sequence = operations_.operations.front().sequence;
  entry.last_sequence = operations_.operations.back().sequence;
  entry.operations = static_cast<uint32_t>(operations_.operations.size());
  entry.kind = header.kind;
  entry.batch = to_bytes(payload);
  // The meta section follows in the same row; this is for a row that was damaged there. Without
  // their replica the operations could not be sent.
  if (!TG_MUTANT(81)) options_.replica = header.replica;
  last_sequence_ = std::max(last_sequence_, entry.last_sequence);
  if (!TG_MUTANT(6)) clock_->restore(operations_.operations.back().time);
  own->push_back(std::move(entry));
  return true;
}

bool ClientReplica::load_position(ByteView payload) {
  ByteReader in(payload);
  const MapKey key = take_map_key(in);
  const uint64_t incarnation = in.u64();
  const uint64_t synced_ms = in.u64();
  const uint64_t count = in.varint_max(1024);
  std::vector<uint64_t> versions;
  for (uint64_t i = 0; i < count && in.ok(); ++i) versions.push_back(in.varint());
  if (!in.ok()) return false;
  ClientMap& map = map_for(key.kind, key.name);
  map.incarnation = incarnation;
  map.synced_ms = synced_ms;
  map.versions = std::move(versions);
  return true;
}

void ClientReplica::put_position(const ClientMap& map) {
  row_.section(Section::Position, [&](ByteWriter& out) {
    out.u8(static_cast<uint8_t>(map.kind));
    out.blob(as_bytes(map.name));
    out.u64(map.incarnation);
    out.u64(map.synced_ms);
    out.varint(map.versions.size());
    for (const uint64_t version : map.versions) out.varint(version);
  });
}

void ClientReplica::put_tab(const TabCursors::Cursor& cursor) {
  row_.section(Section::Tab, [&](ByteWriter& out) {
    out.raw(cursor.tab);
    out.varint(cursor.number);
  });
}

Meta ClientReplica::meta() const {
  return {options_.replica, clock_->latest(), last_sequence_, acknowledged_};
}

void ClientReplica::end_turn() {
  if (!started_) return;
  store_turn();
  if (!options_.stores_at_once) return;
  while (stored_at_once_ < store_.last_transaction()) persisted(++stored_at_once_, {});
}

void ClientReplica::store_turn() {
  close_batch();
  if (outbox_.operations() > std::max(kConflateOperationsMin, 2 * conflated_operations_)) {
    conflate_outbox(Conflate::Everything);
  }
  const std::vector<TabCursors::Cursor> tab_changes = tabs_.take_changes();
  if (!options_.has_storage) return;
  for (const auto& map : maps_) {
    // A position alone is not worth a transaction; it goes along with the records that moved it, or
    // with Synced.
    if (!map->position_changed) continue;
    if (row_.empty() && map->phase != SyncPhase::Live) continue;
    put_position(*map);
    map->position_changed = false;
  }
  if (storage_failed_) return end_turn_without_storage();
  if (row_.empty() && !meta_changed_ && tab_changes.empty()) return;
  const bool stores_run = runs_transaction_ == 0;
  if (stores_run) put_runs(row_);
  row_.meta(meta());
  // Behind everything else: to those who know nothing of tabs a row ends where they begin.
  for (const TabCursors::Cursor& cursor : tab_changes) put_tab(cursor);
  meta_changed_ = false;
  const uint64_t transaction = store_.append(row_.finish(), events_);
  if (stores_run) runs_transaction_ = transaction;
  outbox_.set_transaction(transaction);
  if (store_.wants_snapshot()) write_snapshot();
}

void ClientReplica::end_turn_without_storage() {
  // The next transaction is a snapshot, which holds everything; rows before it would be of no use.
  row_.finish();
  if (!may_send_unstored_ && !TG_MUTANT(37)) return;
  while (Outbox::Entry* entry = outbox_.first_unstored()) {
    if (unstored_operations_ + entry->operations > kSequenceReserve) return;
    unstored_operations_ += entry->operations;
    entry->stored = true;
  }
}

void ClientReplica::persisted(uint64_t transaction, std::optional<Error> error) {
  store_.persisted(transaction, !error.has_value());
  if (!error.has_value()) {
    outbox_.mark_stored(transaction);
    may_send_unstored_ = true;
    const bool is_whole = !storage_failed_ && transaction >= snapshot_transaction_;
    if (is_whole) unstored_operations_ = 0;
    const bool has_run = runs_transaction_ != 0 && transaction >= runs_transaction_;
    if (has_run && !storage_failed_) runs_.current_stored = true;
    return;
  }
  storage_failed_ = true;
  events_.push(Event::Error, [&](ByteWriter& out) {
    out.u16(static_cast<uint16_t>(*error));
    out.blob(as_bytes("storing failed; it is tried again"));
  });
}

bool ClientReplica::retry_storage() {
  if (!storage_failed_) return false;
  TG_SOMETIMES(true, ClientStoresAgain);
  storage_failed_ = false;
  close_batch();
  row_.finish();
  write_snapshot();
  return true;
}

void ClientReplica::conflate_outbox(Conflate what) {
  OperationBatchBuilder builder;
  std::deque<Outbox::Entry> entries = outbox_.take();
  for (Outbox::Entry& entry : entries) {
    const Result<void> decoded = decode_operations(entry.batch, Values::Trust, operations_);
    TG_ASSERT(decoded.ok());
    const OperationBatchHeader& header = operations_.header;
    // An OR element is its own record: no later write overrules it. What is on its way stays as it
    // is.
    const bool keeps_steps = what == Conflate::AllButCounters && header.kind == MapKind::Counter;
    if (entry.sent || header.kind == MapKind::Or || keeps_steps) {
      outbox_.add(std::move(entry));
      continue;
    }
    ClientMap& map = map_for(header.kind, header.map);
    builder.begin(header);
    uint64_t first = 0;
    uint64_t last = 0;
    for (size_t i = 0; i < operations_.operations.size(); ++i) {
      if (!is_current(map, operations_.operations[i])) continue;
      builder.add_encoded(operations_.encoded[i]);
      last = operations_.operations[i].sequence;
      if (first == 0) first = last;
    }
    if (builder.count() == 0) continue;
    entry.operations = static_cast<uint32_t>(builder.count());
    entry.first_sequence = first;
    entry.last_sequence = last;
    entry.batch = builder.finish();
    outbox_.add(std::move(entry));
  }
  conflated_operations_ = outbox_.operations();
}

/// The records of a map and where it stands, as pages.
void ClientReplica::put_map(RowWriter& page, std::vector<Bytes>& pages, const ClientMap& map) {
  RecordBatchBuilder builder;
  const auto flush = [&] {
    if (builder.count() == 0) return;
    page.bytes_section(Section::Records, builder.finish());
    if (page.size() >= Store::kPageBytes) pages.push_back(page.finish());
    builder.begin(map.kind, as_bytes(map.name));
  };
  builder.begin(map.kind, as_bytes(map.name));
  map.table.visit_all([&](uint64_t, uint64_t, const Record& record) {
    builder.add(record);
    if (builder.size() >= Store::kPageBytes || builder.count() == kBatchRecordsMax) flush();
  });
  flush();
  std::swap(row_, page);
  put_position(map);
  std::swap(row_, page);
}

Result<void> ClientReplica::export_state(ByteWriter& out) {
  close_batch();
  if (!outbox_.empty()) return Error::NotReady;
  std::vector<Bytes> pages;
  RowWriter page;
  // The clock alone: whoever loads this is a replica of its own.
  page.meta(TG_MUTANT(92) ? meta() : Meta{{}, clock_->latest(), 0, 0});
  for (const auto& map : maps_) put_map(page, pages, *map);
  pages.push_back(page.finish());
  for (size_t i = 0; i < pages.size(); ++i) {
    out.blob(as_bytes(Store::journal_key(i + 1)));
    out.blob(pages[i]);
  }
  return {};
}

void ClientReplica::write_snapshot() {
  conflate_outbox(Conflate::AllButCounters);
  std::vector<Bytes> pages;
  RowWriter page;
  const auto turn_page = [&](size_t bytes_max) {
    if (page.empty() || page.size() < bytes_max) return;
    pages.push_back(page.finish());
  };
  put_runs(page);
  page.meta(meta());
  for (const auto& map : maps_) {
    for (const auto& [key, base] : map->counter_bases) {
      put_counter_base(page, *map, as_bytes(key), base);
      turn_page(Store::kPageBytes);
    }
    put_map(page, pages, *map);
    map->position_changed = false;
  }
  for (const Outbox::Entry& entry : outbox_.entries()) {
    page.bytes_section(Section::OwnOperations, entry.batch);
    turn_page(Store::kPageBytes);
  }
  std::swap(row_, page);
  for (const TabCursors::Cursor& cursor : tabs_.all()) put_tab(cursor);
  std::swap(row_, page);
  turn_page(0);
  snapshot_transaction_ = store_.replace(std::move(pages), events_);
  runs_transaction_ = snapshot_transaction_;
  outbox_.set_transaction(snapshot_transaction_);
}

}  // namespace topgun::client
