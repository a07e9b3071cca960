#include <algorithm>
#include <utility>

#include "core/base/probe.hpp"
#include "core/client/link.hpp"
#include "core/sync/diff.hpp"

namespace topgun::client {
namespace {

/// Credit is granted in steps of this size: small against what any node lets out.
constexpr size_t kCreditBytes = 16 * 1024;
/// Records that repair the node go in messages of this size.
constexpr size_t kUploadBytes = 64 * 1024;
/// A comparison that moved as many records was not in vain, whatever still differs.
constexpr size_t kFarRecords = 1'000;
/// Of a cursor that continues a snapshot.
constexpr uint8_t kSnapshotStage = 2;
/// Stamp, time to live and sizes of a record, at most.
constexpr size_t kRecordHead = 48;

/// What every cursor begins with.
struct Position {
  uint64_t incarnation = 0;
  std::vector<uint64_t> versions;
};

Position take_position(ByteReader& in) {
  Position position;
  position.incarnation = in.u64();
  const uint64_t count = in.varint_max(1024);
  for (uint64_t i = 0; i < count && in.ok(); ++i) position.versions.push_back(in.varint());
  return position;
}

}  // namespace

// The part of `Link` that keeps maps in step with the node.

void Link::end_continuation(ClientMap& map) {
  map.continuation.clear();
  map.continues_snapshot = false;
}

/// Only a comparison tells what we lack.
void Link::distrust_position(ClientMap& map) {
  map.versions.clear();
  map.position_changed = true;
  map.wants_repair = true;
}

void Link::follow(ClientMap& map) {
  map.followed = true;
  if (state_ == State::Online && map.phase == SyncPhase::Detached) subscribe(map);
}

void Link::unfollow(ClientMap& map) {
  if (state_ == State::Online && map.phase != SyncPhase::Detached && !uses_exchanges_) {
    MessageWriter(out_).unsubscribe(map.handle);
  }
  map.followed = false;
  detach(map);
}

/// From now on the map may get records that are the node's as well, and sooner or later are removed
/// there. If it is left before it was ever in step, it must not pass for one that never met a node.
void Link::note_first_contact(ClientMap& map) {
  if (map.synced_ms != 0 || TG_MUTANT(50)) return;
  map.synced_ms = welcomed_ms_;
  map.position_changed = true;
}

void Link::subscribe(ClientMap& map) {
  if (uses_exchanges_) {
    map.phase = SyncPhase::Detached;
    return exchanges_.want_changes();
  }
  note_first_contact(map);
  put_subscribe(out_, map);
}

void Link::put_subscribe(Bytes& frame, ClientMap& map) {
  SubscribeMessage message;
  message.subscription = map.handle;
  message.kind = map.kind;
  message.map = as_bytes(map.name);
  Bytes cursor;
  // Without a cursor, unequal roots lead to repair; that is what we want where a delta would not
  // help.
  const bool goes_on = !map.wants_repair && !map.continuation.empty();
  if (goes_on) {
    cursor = map.continuation;
  } else if (!map.wants_repair && (map.incarnation == incarnation_ || TG_MUTANT(48)) &&
             !map.versions.empty()) {
    ByteWriter out(cursor);
    out.u64(map.incarnation);
    out.varint(map.versions.size());
    for (const uint64_t version : map.versions) out.varint(version);
  }
  message.cursor = cursor;
  message.synced_ms = map.table.size() == 0 ? 0 : map.synced_ms;
  message.root = map.table.root();
  message.records = map.table.size();
  MessageWriter(frame).subscribe(message);
  if (goes_on)
    frame.insert(frame.end(), map.continued_messages.begin(), map.continued_messages.end());
  // Should nothing come of this, a snapshot goes on from where it stood.
  if (!goes_on || !map.continues_snapshot) end_continuation(map);
  map.continued_messages.clear();
  map.phase = SyncPhase::Subscribed;
  map.wants_repair = false;
  map.moved_records = 0;
}

Result<void> Link::on_subscribed(ByteView payload, Now now) {
  const Result<SubscribedMessage> message = decode_subscribed(payload);
  if (!message.ok()) return message.error();
  ClientMap* map = replica_.map_of(message->subscription);
  if (map == nullptr || map->phase == SyncPhase::Detached) return {};
  if (message->mode == SyncMode::Resync) {
    end_continuation(*map);
    replica_.resync(*map, corrected(now));
    note_first_contact(*map);
    const auto* exchange = answering_.has_value() ? exchanges_.find(*answering_) : nullptr;
    map->lacks_own = exchange != nullptr && final_acked_ > exchange->acknowledged;
  } else {
    replica_.collect(message->horizon_ms);
  }
  return {};
}

void Link::consumed(size_t bytes) {
  if (uses_exchanges_) return;
  consumed_bytes_ += bytes;
  if (consumed_bytes_ < kCreditBytes || TG_MUTANT(41)) return;
  MessageWriter(out_).credit(consumed_bytes_);
  consumed_bytes_ = 0;
}

Result<void> Link::on_changes(ByteView payload, Now now) {
  const Result<ChangesMessage> message = decode_changes(payload);
  if (!message.ok()) return message.error();
  const Result<ClientMap*> merged = replica_.merge_operations(message->batch, corrected(now));
  if (!merged.ok()) return merged.error();
  ClientMap* map = *merged;
  const bool moves = map != nullptr && (map->phase == SyncPhase::Live || TG_MUTANT(20)) &&
                     message->shard < map->versions.size();
  if (!moves) return {};
  map->versions[message->shard] = std::max(map->versions[message->shard], message->version);
  map->position_changed = true;
  return {};
}

Result<void> Link::on_records(ByteView payload, Now now) {
  const Result<RecordsMessage> message = decode_records_message(payload);
  if (!message.ok()) return message.error();
  const Result<ClientMap*> merged = replica_.merge_records(message->batch, corrected(now));
  if (!merged.ok()) return merged.error();
  ByteReader in(message->batch);
  in.u16();  // Format and kind.
  in.blob(kMapNameBytesMax);
  if (*merged != nullptr) (*merged)->moved_records += static_cast<size_t>(in.varint());
  return {};
}

size_t Link::room_to_continue() {
  size_t used = 0;
  replica_.for_each_map([&](ClientMap& map) { used += map.continued_messages.size(); });
  return request_bytes_max_ - std::min(used, request_bytes_max_);
}

Result<void> Link::on_diff(ByteView payload) {
  const Result<DiffMessage> diff = decode_diff(payload);
  if (!diff.ok()) return diff.error();
  ClientMap* map = replica_.map_of(diff->subscription);
  if (map == nullptr || diff->empty()) return {};
  Bytes& out = uses_exchanges_ ? map->continued_messages : out_;
  // A request has room for so much; what is left out is found by the next comparison.
  size_t room = uses_exchanges_ ? room_to_continue() : SIZE_MAX;
  const bool may_be_large = room == request_bytes_max_;
  bool is_first = true;
  RecordBatchBuilder builder;
  builder.begin(map->kind, as_bytes(map->name));
  const auto flush = [&] {
    if (builder.count() == 0) return;
    MessageWriter(out).records({diff->subscription, builder.finish()});
    builder.begin(map->kind, as_bytes(map->name));
  };
  // The node is yet to decide on operations in the outbox. Coming as records, they would be in
  // before it refuses them: a write from before the horizon would bring back what was removed.
  const uint64_t undecided_from = TG_MUTANT(82) ? UINT64_MAX : replica_.undecided_from();
  const DiffMessage answer = answer_diff(map->table, *diff, [&](const Record& record) {
    if (record.stamp.replica == replica_.replica() && record.stamp.time >= undecided_from) return;
    const size_t size = record.key.size() + record.tag.size() + record.value.size() + kRecordHead;
    if (size > room && !(is_first && may_be_large)) return;
    is_first = false;
    ++map->moved_records;
    room -= std::min(room, size);
    builder.add(record);
    if (builder.size() >= std::min(kUploadBytes, request_bytes_max_) ||
        builder.count() == kBatchRecordsMax)
      flush();
  });
  flush();
  MessageWriter(out).diff(answer);
  return {};
}

Result<void> Link::on_synced(ByteView payload, Now now) {
  const Result<SyncedMessage> message = decode_synced(payload);
  if (!message.ok()) return message.error();
  ClientMap* map = replica_.map_of(message->subscription);
  // An answer that crossed our Unsubscribe says nothing of what will come.
  if (map == nullptr || (map->phase == SyncPhase::Detached && !TG_MUTANT(53))) return {};
  ByteReader in(message->cursor);
  Position position = take_position(in);
  if (!in.ok()) return in.error();
  map->incarnation = position.incarnation;
  map->versions = std::move(position.versions);
  end_continuation(*map);
  map->synced_ms = message->node_ms;
  map->position_changed = true;
  map->phase = SyncPhase::Live;
  map->was_synced = true;
  events_.push(Event::MapSynced, [&](ByteWriter& out) { out.varint(map->handle); });
  if (std::exchange(map->lacks_own, false) && map->table.root() != message->root) {
    distrust_position(*map);
  }
  if (map->table.root() == message->root) {
    replica_.note_all_taken(*map);
  } else if (map->repairs_in_row > 0 &&
             replica_.forget_untaken(*map, message->node_ms, corrected(now))) {
    map->wants_repair = true;
  }
  // A comparison says only so much at once: one that got far is followed by another.
  if (map->moved_records >= kFarRecords) map->repairs_in_row = 0;
  // Our own writes that are still on their way make roots differ without anything being wrong.
  const bool quiet = replica_.outbox().empty();
  if (map->table.root() == message->root) {
    map->repairs_in_row = 0;
    map->recheck_at_ms = 0;
  } else if (map->wants_repair || (quiet && map->repairs_in_row < kRepairsInRowMax)) {
    ++map->repairs_in_row;
    map->wants_repair = true;
    subscribe(*map);
  } else if (map->recheck_at_ms == 0 || TG_MUTANT(55)) {
    // Planned once: over exchanges an answer like this one comes every few seconds.
    map->recheck_at_ms = now.mono_ms + kRecheckMs;
  }
  return {};
}

/// The node says how far it has come. Who loses the connection need not start over: where
/// connections are short, what has to be said might never fit into one.
Result<void> Link::on_more(ByteView payload) {
  const Result<MoreMessage> more = decode_more(payload);
  if (!more.ok()) return more.error();
  ClientMap* map = replica_.map_of(more->subscription);
  if (map == nullptr || map->phase == SyncPhase::Detached || TG_MUTANT(63)) return {};
  ByteReader in(more->cursor);
  Position position = take_position(in);
  const bool says_all = in.ok() && in.at_end();
  const bool is_snapshot = in.ok() && !says_all && in.u8() == kSnapshotStage;
  if (says_all && std::exchange(map->lacks_own, false)) {
    distrust_position(*map);
  } else if (says_all) {
    map->incarnation = position.incarnation;
    map->versions = std::move(position.versions);
    map->position_changed = true;
  }
  if (!uses_exchanges_ && !is_snapshot) return {};
  // An empty one means that the node came to nothing.
  if (!more->cursor.empty()) {
    map->continuation = to_bytes(more->cursor);
    map->continues_snapshot = is_snapshot;
  }
  if (!uses_exchanges_) return {};
  map->phase = SyncPhase::Detached;
  exchanges_.want_changes();
  return {};
}

// --- queries that the node answers ---

Result<void> Link::ask(uint64_t number, bool live, ByteView map, ByteView query) {
  const Result<void> added = queries_.add(number, live, map, query);
  if (!added.ok()) return added;
  if (uses_exchanges_) {
    exchanges_.want_changes();
  } else if (state_ == State::Online) {
    queries_.put_unasked(out_);
  }
  return {};
}

void Link::end_ask(uint64_t number) {
  const bool was_asked = queries_.remove(number);
  if (was_asked && state_ == State::Online && !uses_exchanges_) {
    MessageWriter(out_).end_query(number);
  }
}

}  // namespace topgun::client
