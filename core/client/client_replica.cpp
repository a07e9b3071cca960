#include "core/client/client_replica.hpp"

#include "core/base/probe.hpp"
#include "core/value/utf8.hpp"

namespace topgun::client {
namespace {

/// A batch is closed at this size, so that it fits into a frame with others and is stored in small
/// rows.
constexpr size_t kBatchOperations = 256;
constexpr size_t kBatchBytes = 64 * 1024;

}  // namespace

void ClientReplica::open(const Options& options) {
  TG_ASSERT(options.replica.value != 0);
  options_ = options;
  opened_ = true;
  clock_.emplace(options.replica, kClockDriftMaxMs);
}

ClientMap& ClientReplica::map_for(MapKind kind, ByteView name) {
  auto key = std::make_pair(kind, std::string(as_text(name)));
  const auto found = by_name_.find(key);
  if (found != by_name_.end()) return *found->second;
  maps_.push_back(std::make_unique<ClientMap>(kind, key.second, slab_));
  by_name_.emplace(std::move(key), maps_.back().get());
  return *maps_.back();
}

ClientMap* ClientReplica::find_map(MapKind kind, ByteView name) {
  const auto found = by_name_.find(std::make_pair(kind, std::string(as_text(name))));
  return found == by_name_.end() ? nullptr : found->second;
}

ClientMap* ClientReplica::map_of(uint64_t handle) {
  const auto found = by_handle_.find(handle);
  return found == by_handle_.end() ? nullptr : found->second;
}

void ClientReplica::for_each_map(const std::function<void(ClientMap&)>& visit) {
  for (const auto& map : maps_) visit(*map);
}

Result<ClientMap*> ClientReplica::open_map(uint64_t handle, MapKind kind, ByteView name, Now now) {
  if (!started_) return Error::NotReady;
  if (handle == 0 || name.empty() || !is_utf8(name)) return Error::InvalidArgument;
  if (name.size() > kMapNameBytesMax) return Error::TooLarge;
  for (const auto& map : maps_) {
    const bool same_name = as_text(name) == map->name;
    if (same_name && map->kind != kind && map->handle != 0) return Error::TypeMismatch;
  }
  ClientMap* taken = map_of(handle);
  ClientMap& map = map_for(kind, name);
  if (taken != nullptr && taken != &map) return Error::InvalidArgument;
  if (map.handle != 0 && map.handle != handle) return Error::InvalidArgument;
  map.handle = handle;
  by_handle_[handle] = &map;
  report_map(map, now);
  return &map;
}

void ClientReplica::report_map(ClientMap& map, Now now) {
  // What is due has been shown, and nobody waits for it once the schedule is made anew.
  while (next_expiry_ms().value_or(UINT64_MAX) <= now.wall_ms) expire(now);
  expiries_.remove_map(map.handle);
  map.table.visit_all([&](uint64_t, uint64_t, const Record& record) {
    // A counter is reported once for each of its contributors, with the same sum.
    if (!record.visible(now.wall_ms)) return;
    report_key(map, record, now);
    schedule_expiry(map, record, now);
    if (map.observer == nullptr || record.ttl_ms == 0 || TG_MUTANT(72)) return;
    // What had expired is shown again after the clock was set back.
    map.observer->changing(record);
    map.observer->changed(record.key, now.wall_ms);
  });
  events_.push(Event::MapLoaded, [&](ByteWriter& out) { out.varint(map.handle); });
}

bool ClientReplica::is_shown(const ClientMap& map, const Record& record) const {
  if (record.tombstone || record.ttl_ms == 0) return !record.tombstone;
  return expiries_.contains({record.expires_at_ms(), map.handle,
                             RecordTable::placement(map.kind, record.key, record.tag)});
}

void ClientReplica::schedule_expiry(const ClientMap& map, const Record& record, Now now) {
  if (map.handle == 0 || record.ttl_ms == 0 || !record.visible(now.wall_ms)) return;
  expiries_.add({record.expires_at_ms(), map.handle,
                 RecordTable::placement(map.kind, record.key, record.tag)});
}

bool ClientReplica::merge(ClientMap& map, const Record& record, Now now) {
  const bool changed = map.table.merge(record, [&](const Record& before) {
    if (map.observer != nullptr) map.observer->changing(before);
    if (map.handle == 0 || before.ttl_ms == 0) return;
    expiries_.remove({before.expires_at_ms(), map.handle,
                      RecordTable::placement(map.kind, before.key, before.tag)});
  });
  if (!changed) return false;
  schedule_expiry(map, record, now);
  if (map.observer != nullptr) map.observer->changed(record.key, now.wall_ms);
  return true;
}

void ClientReplica::forget(ClientMap& map, const Record& current, ByteView key, Now now) {
  if (map.observer != nullptr) map.observer->changing(current);
  map.table.forget(key, current.tag);
  if (map.observer != nullptr) map.observer->changed(key, now.wall_ms);
}

void ClientReplica::expire(Now now) {
  for (size_t i = 0; i < kExpiriesMax; ++i) {
    const std::optional<ExpirySchedule::Entry> due = expiries_.take_due(now.wall_ms);
    if (!due.has_value()) return;
    ClientMap* map = map_of(due->map);
    if (map == nullptr) continue;
    map->table.visit_placement(due->placement, [&](const Record& record) {
      // A refused write may have been forgotten and another record have taken its place.
      const bool is_it = !record.tombstone && record.expires_at_ms() == due->expires_at_ms;
      TG_SOMETIMES(is_it, ClientExpires);
      if (!is_it) return;
      report_key(*map, record, now);
      if (map->observer == nullptr) return;
      map->observer->changing(record);
      map->observer->changed(record.key, now.wall_ms);
    });
  }
}

void ClientReplica::report_key(ClientMap& map, const Record& record, Now now) {
  push_state(map, record, Event::Entry, now);
}

void ClientReplica::report_written(ClientMap& map, const Record& record, Now now) {
  if (writer_ == Writer::Tab) return report_key(map, record, now);
  if (map.watched) push_state(map, record, Event::WrittenEntry, now);
}

void ClientReplica::push_state(const ClientMap& map, const Record& record, Event entry_event,
                               Now now) {
  if (map.handle == 0) return;
  const bool present = record.visible(now.wall_ms);
  const uint64_t expires_at_ms =
      record.ttl_ms == 0 ? 0 : record.expires_at_ms() - static_cast<uint64_t>(clock_offset_ms_);
  // The kinds of map have consecutive events, in the order of their numbers.
  const auto event =
      static_cast<Event>(static_cast<uint8_t>(entry_event) + static_cast<uint8_t>(map.kind) -
                         static_cast<uint8_t>(MapKind::Lww));
  events_.push(event, [&](ByteWriter& out) {
    out.varint(map.handle);
    out.blob(record.key);
    if (map.kind == MapKind::Counter) {
      out.u64(static_cast<uint64_t>(counter_value(map, record.key)));
      return;
    }
    if (map.kind == MapKind::Or) out.raw(record.tag);
    out.u8(present ? 1 : 0);
    out.u64(present ? expires_at_ms : 0);
    if (present) out.raw(record.value);
  });
}

int64_t ClientReplica::counter_value(const ClientMap& map, ByteView key) const {
  // Unsigned arithmetic, because totals of many replicas may pass any bound on the way.
  uint64_t value = 0;
  map.table.visit(RecordTable::key_region(key), [&](uint64_t, uint64_t, const Record& record) {
    if (!equal_bytes(record.key, key)) return;
    const CounterTotals totals = decode_counter(record.value);
    value += totals.positive - totals.negative;
  });
  return static_cast<int64_t>(value);
}

CounterTotals ClientReplica::own_totals(const ClientMap& map, ByteView key) const {
  const std::optional<Record> own = map.table.find(key, counter_tag(options_.replica));
  return own.has_value() ? decode_counter(own->value) : CounterTotals{};
}

void ClientReplica::note_base(ClientMap& map, ByteView key) {
  CounterBase base;
  if (const auto own = map.table.find(key, counter_tag(options_.replica)); own.has_value()) {
    base = {decode_counter(own->value), own->stamp.time};
  }
  map.counter_bases[std::string(as_text(key))] = base;
  if (options_.has_storage) put_counter_base(row_, map, key, base);
}

Result<void> ClientReplica::check_writable(const ClientMap& map, MapKind kind, ByteView key) const {
  if (map.kind != kind) return Error::TypeMismatch;
  if (key.empty() || !is_utf8(key)) return Error::InvalidArgument;
  if (key.size() > kKeyBytesMax) return Error::TooLarge;
  if (outbox_.operations() + builder_.count() >= options_.outbox_operations_max) {
    return Error::LimitExceeded;
  }
  return {};
}

void ClientReplica::add_to_batch(ClientMap& map, const Operation& operation) {
  const bool fits =
      building_ == &map && builder_.count() < kBatchOperations && builder_.size() < kBatchBytes;
  if (!fits) close_batch();
  if (building_ == nullptr) {
    building_ = &map;
    building_first_ = operation.sequence;
    builder_.begin(
        {map.kind, options_.replica, operation.sequence, operation.time >> 16, as_bytes(map.name)});
  }
  builder_.add(operation);
  building_last_ = operation.sequence;
}

void ClientReplica::issue(ClientMap& map, Operation operation, Now now) {
  operation.sequence = ++last_sequence_;
  operation.time = clock_->tick(now.wall_ms).time;
  add_to_batch(map, operation);
  for_each_record(options_.replica, operation, [&](const Record& record) {
    if (merge(map, record, now)) return report_written(map, record, now);
    // Someone else's record carries a later stamp than our clock would follow. The host believes in
    // its own write, so it is told what the map really holds.
    const std::optional<Record> current = map.table.find(record.key, record.tag);
    TG_ASSERT(current.has_value());
    report_key(map, *current, now);
  });
}

Result<void> ClientReplica::set(ClientMap& map, ByteView key, uint64_t ttl_ms, ByteView value,
                                Now now) {
  const Result<void> writable = check_writable(map, MapKind::Lww, key);
  if (!writable.ok()) return writable;
  if (ttl_ms > kTtlMsMax || value.size() > kValueBytesMax) return Error::TooLarge;
  Operation operation;
  operation.kind = OperationKind::LwwSet;
  operation.ttl_ms = ttl_ms;
  operation.key = key;
  operation.payload = value;
  issue(map, operation, now);
  return {};
}

Result<void> ClientReplica::remove(ClientMap& map, ByteView key, Now now) {
  const Result<void> writable = check_writable(map, MapKind::Lww, key);
  if (!writable.ok()) return writable;
  Operation operation;
  operation.kind = OperationKind::LwwRemove;
  operation.key = key;
  issue(map, operation, now);
  return {};
}

Result<void> ClientReplica::mirror(ClientMap& map, ByteView key, std::optional<ByteView> value,
                                   Now now) {
  const Result<void> writable = check_writable(map, MapKind::Lww, key);
  if (!writable.ok()) return writable;
  if (options_.has_storage || !outbox_.empty()) return Error::NotReady;
  if (value) {
    Record record;
    record.key = key;
    record.stamp = clock_->tick(now.wall_ms);
    record.value = *value;
    merge(map, record, now);
  } else if (const auto current = map.table.find(key, {})) {
    forget(map, *current, key, now);
  }
  return {};
}

Result<TagBytes> ClientReplica::or_add(ClientMap& map, ByteView key, uint64_t ttl_ms,
                                       ByteView value, Now now) {
  const Result<void> writable = check_writable(map, MapKind::Or, key);
  if (!writable.ok()) return writable.error();
  if (ttl_ms > kTtlMsMax || value.size() > kValueBytesMax) return Error::TooLarge;
  Operation operation;
  operation.kind = OperationKind::OrAdd;
  operation.ttl_ms = ttl_ms;
  operation.key = key;
  operation.payload = value;
  issue(map, operation, now);
  return element_tag({options_.replica, last_sequence_});
}

Result<uint64_t> ClientReplica::or_remove(ClientMap& map, ByteView key, ByteView value, Now now) {
  const Result<void> writable = check_writable(map, MapKind::Or, key);
  if (!writable.ok()) return writable.error();
  std::vector<TagBytes> tags;
  map.table.visit(RecordTable::key_region(key), [&](uint64_t, uint64_t, const Record& record) {
    const bool matches = equal_bytes(record.key, key) && equal_bytes(record.value, value);
    if (!matches || !record.visible(now.wall_ms) || tags.size() == kOrRemoveTagsMax) return;
    if (TG_MUTANT(10) && !tags.empty()) return;
    TagBytes tag;
    std::copy(record.tag.begin(), record.tag.end(), tag.begin());
    tags.push_back(tag);
  });
  if (tags.empty()) return uint64_t{0};
  std::sort(tags.begin(), tags.end());  // allow(sort): tags are unique
  Bytes payload;
  ByteWriter out(payload);
  out.varint(tags.size());
  for (const TagBytes& tag : tags) {
    ByteReader in(tag);
    out.u64(in.u64());
    out.varint(in.u64());
  }
  Operation operation;
  operation.kind = OperationKind::OrRemove;
  operation.key = key;
  operation.payload = payload;
  issue(map, operation, now);
  return tags.size();
}

Result<void> ClientReplica::counter_add(ClientMap& map, ByteView key, int64_t amount, Now now) {
  const Result<void> writable = check_writable(map, MapKind::Counter, key);
  if (!writable.ok()) return writable;
  CounterTotals totals = TG_MUTANT(13) ? CounterTotals{} : own_totals(map, key);
  const uint64_t magnitude =
      amount < 0 ? uint64_t{0} - static_cast<uint64_t>(amount) : static_cast<uint64_t>(amount);
  uint64_t& total = amount < 0 ? totals.negative : totals.positive;
  if (total > UINT64_MAX - magnitude) return Error::LimitExceeded;
  total += magnitude;
  Bytes payload;
  ByteWriter out(payload);
  out.varint(totals.positive);
  out.varint(totals.negative);
  if (map.counter_bases.find(as_text(key)) == map.counter_bases.end()) note_base(map, key);
  Operation operation;
  operation.kind = OperationKind::CounterAdd;
  operation.key = key;
  operation.payload = payload;
  issue(map, operation, now);
  return {};
}

void ClientReplica::close_batch() {
  if (building_ == nullptr) return;
  Outbox::Entry entry;
  entry.first_sequence = building_first_;
  entry.last_sequence = building_last_;
  entry.operations = static_cast<uint32_t>(builder_.count());
  entry.kind = building_->kind;
  entry.stored = !options_.has_storage;
  entry.batch = builder_.finish();
  if (options_.has_storage) row_.bytes_section(Section::OwnOperations, entry.batch);
  outbox_.add(std::move(entry));
  building_ = nullptr;
  meta_changed_ = true;
}

}  // namespace topgun::client
