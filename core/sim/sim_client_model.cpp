#include "core/base/byte_io.hpp"
#include "core/base/probe.hpp"
#include "core/client/store.hpp"
#include "core/sim/invariant_checker.hpp"
#include "core/sim/sim_client.hpp"
#include "core/sync/messages.hpp"

// What a client's reference model learns, from outside: the frames that reach the engine and the
// rows that leave it.

namespace topgun::sim {
namespace {

MapRef take_map(ByteReader& in) {
  const auto kind = static_cast<MapKind>(in.u8());
  return {kind, std::string(as_text(in.blob(kMapNameBytesMax)))};
}

MapRef map_of_subscription(uint64_t id) {
  for (const OpenMap& map : open_maps()) {
    if (map.handle == id) return map.ref;
  }
  return {};
}

}  // namespace

bool SimClient::is_left(uint64_t handle) const {
  return unfollowed_.count(handle) != 0 || left_.count(handle) != 0;
}

void SimClient::model_frame(const Bytes& frame) {
  FrameReader reader(frame);
  while (const std::optional<MessageView> message = reader.next()) model_message(*message);
}

void SimClient::model_message(const MessageView& message) {
  switch (static_cast<MessageKind>(message.kind)) {
    case MessageKind::Changes: {
      const Result<ChangesMessage> changes = decode_changes(message.payload);
      if (changes.ok()) note_stamps(model_.merge_operations(changes->batch));
      return;
    }
    case MessageKind::Records: {
      const Result<RecordsMessage> records = decode_records_message(message.payload);
      if (records.ok()) note_stamps(model_.merge_records(records->batch));
      return;
    }
    case MessageKind::Welcome: {
      const Result<WelcomeMessage> welcome = decode_welcome(message.payload);
      if (!welcome.ok()) return;
      for (const auto& [map, synced_ms] : synced_ms_) {
        if (synced_ms >= welcome->horizon_ms) model_.collect(map, welcome->horizon_ms);
      }
      welcomed_ms_ = welcome->node_ms;
      // An answer that was held back tells a time that has passed.
      if (!is_reading_held_) clock_is_doubtful_ = false;
      for (const OpenMap& map : open_maps()) {
        uint64_t& synced_ms = synced_ms_[map.ref];
        if (synced_ms == 0) synced_ms = welcomed_ms_;
      }
      return;
    }
    case MessageKind::Subscribed: {
      const Result<SubscribedMessage> subscribed = decode_subscribed(message.payload);
      if (!subscribed.ok() || is_left(subscribed->subscription)) return;
      modes_[map_of_subscription(subscribed->subscription)] = subscribed->mode;
      if (subscribed->mode == SyncMode::Resync) {
        const MapRef map = map_of_subscription(subscribed->subscription);
        model_resync(map);
        TG_SOMETIMES(map.kind == MapKind::Lww && has_live_queries(), LiveResyncs);
        synced_ms_[map] = welcomed_ms_;
        std::erase_if(own_, [&](const auto& own) { return own.second.map == map; });
        return;
      }
      for (const auto& [map, synced_ms] : synced_ms_) {
        if (synced_ms >= subscribed->horizon_ms) model_.collect(map, subscribed->horizon_ms);
      }
      return;
    }
    case MessageKind::Synced: {
      const Result<SyncedMessage> synced = decode_synced(message.payload);
      if (!synced.ok() || is_left(synced->subscription)) return;
      const MapRef map = map_of_subscription(synced->subscription);
      synced_ms_[map] = synced->node_ms;
      // Of what was acked while a resync was on its way, the node may have told nothing: the client
      // knows.
      const SyncMode mode = modes_[map];
      if (mode == SyncMode::Resync && was_acked_meanwhile_) return;
      check_position(map, synced->cursor);
      if (asked_ != nullptr && mode != SyncMode::Repair) check_fresh(map, *asked_);
      return;
    }
    case MessageKind::Error:
      return model_error(message.payload);
    case MessageKind::Reject:
      return model_reject(message.payload);
    default:
      return;
  }
}

/// Clocks follow what they see up to a minute ahead; some less here, for drift.
void SimClient::note_stamps(uint64_t latest_ms) {
  constexpr uint64_t kFollowedMs = 50'000;
  const uint64_t present_ms = std::min(now().wall_ms, std::max<uint64_t>(welcomed_ms_, 1));
  if (latest_ms > present_ms + kFollowedMs) {
    first_future_ms_ = std::min(first_future_ms_, present_ms + kFollowedMs);
  }
}

void SimClient::check_subscribe(ByteView payload) {
  const Result<SubscribeMessage> subscribe = decode_subscribe(payload);
  if (!subscribe.ok()) return;
  const MapRef map = map_of_subscription(subscribe->subscription);
  // The engine speaks just now, so it cannot be asked what it did not send.
  const bool is_known = modes_[map] != SyncMode::Repair && has_storage();
  if (is_known) check_position(map, subscribe->cursor);
  const uint64_t in_step_ms = subscribe->records == 0 ? 0 : synced_ms_[map];
  checker_.count_check(Invariant::NoResurrection);
  // A client that is not sure says that it was long ago, which is never 0: that would mean never.
  const bool is_bold = subscribe->synced_ms > std::max<uint64_t>(in_step_ms, 1);
  const bool denies = subscribe->synced_ms == 0 && in_step_ms != 0;
  if ((!is_bold && !denies) || !model_covers_node()) return;
  // Nothing that it holds can have been overruled by what was collected before that time.
  const auto& held = model_.records(map);
  const bool is_harmless = std::all_of(held.begin(), held.end(), [&](const auto& record) {
    return Stamp{record.second.time, {}}.ms() >= subscribe->synced_ms;
  });
  if (is_bold && is_harmless) return;
  checker_.fail(Invariant::NoResurrection, "client " + std::to_string(number()) + " says of " +
                                               map.name + " that it was in step at " +
                                               std::to_string(subscribe->synced_ms) +
                                               ", but it was at " + std::to_string(in_step_ms));
}

void SimClient::check_position(const MapRef& map, ByteView cursor) {
  const PositionLog& positions = checker_.positions();
  ByteReader in(cursor);
  const uint64_t incarnation = in.u64();
  std::vector<uint64_t> versions;
  for (uint64_t left = in.varint_max(1024); left > 0 && in.ok(); --left) {
    versions.push_back(in.varint());
  }
  // One that continues what was cut says nothing yet, and one of another life means nothing.
  const bool is_whole = in.ok() && in.at_end();
  if (!is_whole || incarnation != positions.incarnation()) return;
  if (may_lack_its_own_ || !model_covers_node() || !checker_.replicas_are_one_each()) return;
  if (std::exchange(proven_incarnation_, incarnation) != incarnation) proven_.clear();
  std::vector<uint64_t>& proven = proven_[map];
  proven.resize(versions.size(), 0);
  // A comparison of trees may leave something out. The next one finds it, as roots differ; till
  // then positions from before it are not asked for.
  const bool is_compared = modes_[map] == SyncMode::Repair;
  for (uint16_t shard = 0; shard < versions.size(); ++shard) {
    if (is_compared) {
      proven[shard] = std::max(proven[shard], versions[shard]);
      continue;
    }
    checker_.count_check(Invariant::SyncIsCheap);
    const auto missing =
        positions.missing(map, shard, proven[shard], versions[shard], model_, replica_);
    proven[shard] = std::max(proven[shard], versions[shard]);
    if (!missing.has_value() || has_unknown_writes()) continue;
    return checker_.fail(Invariant::SyncIsCheap, "client " + std::to_string(number()) +
                                                     " stands at a position of " + map.name +
                                                     " up to which it lacks " + missing->key.first);
  }
}

void SimClient::check_fresh(const MapRef& map, const PositionLog::Moment& asked) {
  const PositionLog& positions = checker_.positions();
  if (asked.incarnation != positions.incarnation()) return;
  if (may_lack_its_own_ || !model_covers_node() || !checker_.replicas_are_one_each()) return;
  if (std::exchange(proven_incarnation_, asked.incarnation) != asked.incarnation) proven_.clear();
  std::vector<uint64_t>& proven = proven_[map];
  for (const auto& [part, version] : asked.versions) {
    const auto& [ref, shard] = part;
    if (ref != map) continue;
    checker_.count_check(Invariant::AnswersAreFresh);
    if (proven.size() <= shard) proven.resize(shard + 1u, 0);
    const auto missing = positions.missing(map, shard, proven[shard], version, model_, replica_);
    proven[shard] = std::max(proven[shard], version);
    if (!missing.has_value() || has_unknown_writes()) continue;
    return checker_.fail(Invariant::AnswersAreFresh,
                         "client " + std::to_string(number()) + " is told that " + map.name +
                             " is in step, and lacks " + missing->key.first +
                             ", which the node had when it was asked");
  }
}

/// What this replica has counted is nobody else's to say.
void SimClient::model_resync(const MapRef& map) {
  proven_.erase(map);
  std::vector<ReferenceModel::Effect> own;
  if (map.kind == MapKind::Counter) {
    Bytes tag;
    ByteWriter(tag).u64(replica_);
    for (const auto& [key, record] : model_.records(map)) {
      if (equal_bytes(as_bytes(key.second), tag)) own.push_back({key, record});
    }
    own_counts_.clear();
  }
  model_.clear(map);
  for (const ReferenceModel::Effect& effect : own) model_.merge(map, effect);
}

/// What is put off was not taken. It goes out again from the start of the outbox, where something
/// may have been overruled meanwhile.
void SimClient::model_error(ByteView payload) {
  const Result<ErrorMessage> message = decode_error(payload);
  if (!message.ok()) return;
  const auto error = error_from_code(message->error);
  if (error != Error::RateLimited && error != Error::ReadOnly) return;
  for (auto& [sequence, own] : own_) own.connection = 0;
}

void SimClient::model_reject(ByteView payload) {
  const Result<RejectMessage> reject = decode_reject(payload);
  if (!reject.ok()) return;
  checker_.refused({replica_}, reject->sequence, reject->count);
  // What the refused write had overruled went with it.
  may_lack_its_own_ = true;
  const bool is_too_late = error_from_code(reject->error) == Error::BehindHorizon;
  auto own = own_.lower_bound(reject->sequence);
  while (own != own_.end() && own->first - reject->sequence < reject->count) {
    if (is_too_late && model_is_complete()) withdraw(own->second);
    take_back(own->first, own->second);
    own = own_.erase(own);
  }
}

/// What has the last word about its key must not be dropped without a word. Steps of counters stand
/// in the total that the next one tells.
void SimClient::withdraw(const OwnOperation& own) {
  if (own.map.kind == MapKind::Counter) return;
  for (const ReferenceModel::Effect& effect : own.effects) {
    if (model_.find(own.map, effect.key) == effect.record) withdrawn_.emplace_back(own.map, effect);
  }
}

/// The node does not take a write of ours that only records tell of any more: it comes from what is
/// the future by the Synced that the engine just read.
void SimClient::model_untaken(ByteReader& in) {
  constexpr uint64_t kFutureMs = 120'000;
  in.u16();
  const uint64_t handle = in.varint();
  const std::string key(as_text(in.blob(kKeyBytesMax)));
  const MapRef map = map_of_subscription(handle);
  std::vector<ReferenceModel::RecordKey> gone;
  for (const auto& [record_key, record] : model_.records(map)) {
    const bool is_future = record.ms() > synced_ms_[map] + kFutureMs;
    const bool is_it = record_key.first == key && is_future;
    if (is_it && checker_.is_own({record.replica}, number())) gone.push_back(record_key);
  }
  for (const ReferenceModel::RecordKey& record_key : gone) model_.forget(map, record_key);
}

void SimClient::take_back(uint64_t sequence, const OwnOperation& own) {
  for (const ReferenceModel::Effect& effect : own.effects) {
    const auto current = model_.find(own.map, effect.key);
    const bool is_ours = current.has_value() && current->time == effect.record.time &&
                         current->replica == effect.record.replica;
    if (is_ours) model_.forget(own.map, effect.key);
    const auto counts = own_counts_.find(effect.key);
    if (own.map.kind != MapKind::Counter || counts == own_counts_.end()) continue;
    counts->second.erase(sequence);
    if (!is_ours || counts->second.empty()) continue;
    model_.merge(own.map, {effect.key, counts->second.rbegin()->second});
  }
}

void SimClient::learn_own(ByteView bytes, bool sent) {
  OperationBatch batch;
  const Result<void> decoded = decode_operations(bytes, Values::Validate, batch);
  if (!decoded.ok())
    return checker_.fail(Invariant::CodecRoundTrip, "a client wrote a broken batch");
  const MapRef map{batch.header.kind, std::string(as_text(batch.header.map))};
  for (const Operation& operation : batch.operations) {
    if (sent) check_stored(batch.header.replica, operation);
    // What was neither stored nor sent may vanish with the process, and its sequence come again.
    if (sent) checker_.issued({batch.header.replica, map, number(), starts_, false}, operation);
    const auto effects = ReferenceModel::effects_of(batch.header.replica, operation);
    // What is sent again was learned before, and may have been overruled or taken back since.
    const bool is_new = own_.find(operation.sequence) == own_.end();
    OwnOperation& own = own_[operation.sequence];
    own.sent = own.sent || sent;
    if (sent) {
      own.exchange = asking_;
      own.connection = asking_ == 0 ? connection_ : 0;
    }
    if (!is_new) continue;
    own.author = batch.header.replica.value;
    own.map = map;
    own.effects = effects;
    for (const ReferenceModel::Effect& effect : effects) {
      std::erase_if(withdrawn_, [&](const auto& withdrawn) {
        return withdrawn.first == map && withdrawn.second.key.first == effect.key.first;
      });
      const bool counts = map.kind == MapKind::Counter && !is_loading_ && !has_lost_rows_;
      if (counts) checker_.stepped(map, effect);
      model_.merge(map, effect);
      const bool is_count = map.kind == MapKind::Counter && !options_.has_storage;
      if (is_count) own_counts_[effect.key][operation.sequence] = effect.record;
    }
  }
}

/// An ack speaks of what its connection or request carried. What an earlier one carried may have
/// been overruled in the outbox since, and have never arrived.
bool SimClient::is_spoken_of(const OwnOperation& own) const {
  if (answering_ != 0) return own.exchange == answering_;
  return !over_exchanges_ && own.connection == connection_;
}

/// What is sent has been stored, so that no restart gives its sequence to another; only where
/// storing fails, sequences are skipped instead.
void SimClient::check_stored(ReplicaId author, const Operation& operation) {
  if (!options_.has_storage || has_failed_to_store_) return;
  const auto known = own_.find(operation.sequence);
  const bool is_repeated = known != own_.end() && known->second.sent;
  if (is_repeated || checker_.is_stored({author, operation.sequence})) return;
  checker_.fail(Invariant::AtMostOnce, "client " + std::to_string(number()) + " sent operation " +
                                           std::to_string(operation.sequence) +
                                           " before it was stored");
}

void SimClient::report_stored(const Bytes& row) {
  client::visit_sections(row, [&](client::Section section, ByteView payload) {
    if (section == client::Section::OwnOperations) report_issued(payload);
    return true;
  });
}

void SimClient::report_issued(ByteView bytes) {
  OperationBatch batch;
  if (!decode_operations(bytes, Values::Trust, batch).ok()) return;
  const MapRef map{batch.header.kind, std::string(as_text(batch.header.map))};
  for (const Operation& operation : batch.operations) {
    checker_.issued({batch.header.replica, map, number(), starts_, true}, operation);
  }
}

void SimClient::forget_own(const MapRef& map, const std::map<uint64_t, OwnOperation>& except) {
  for (auto own = own_.begin(); own != own_.end();) {
    if (own->second.map != map || except.count(own->first) != 0) {
      ++own;
      continue;
    }
    for (const ReferenceModel::Effect& effect : own->second.effects) {
      if (model_.find(map, effect.key) == effect.record) model_.forget(map, effect.key);
    }
    own = own_.erase(own);
  }
}

void SimClient::model_row(const std::string& key, const Bytes& row) {
  // A page of a snapshot repeats what is known, but for writes that no row held before. The
  // manifest holds no sections.
  const bool is_page = key[0] == 's';
  if (!is_page && key[0] != 'j') return;
  const std::map<uint64_t, OwnOperation> before = own_;
  bool is_refusal = false;
  std::vector<Bytes> counts;
  client::visit_sections(row, [&](client::Section section, ByteView payload) {
    if (section == client::Section::OwnOperations) learn_own(payload, false);
    if (section == client::Section::Refused) is_refusal = true;
    // Taking a count back brings the one before it to light, which a fold has forgotten.
    if (section == client::Section::Records && !is_page) counts.push_back(to_bytes(payload));
    if (section == client::Section::Clear) {
      // The frame has cleared the model already; what the engine issued between two messages of the
      // frame goes the same way.
      ByteReader in(payload);
      const MapRef map = take_map(in);
      forget_own(map, before);
      // What the row holds of the map before that is gone as well.
      if (map.kind == MapKind::Counter) counts.clear();
    }
    return true;
  });
  RecordBatch batch;
  for (const Bytes& records : counts) {
    if (!is_refusal || !decode_records(records, Values::Trust, batch).ok()) continue;
    if (batch.kind == MapKind::Counter) model_.merge_records(records);
  }
  if (is_page) has_unseen_writes_ = false;
}

void SimClient::load_model(const std::map<std::string, Bytes>& rows) {
  model_.reset();
  synced_ms_.clear();
  proven_.clear();
  has_unseen_writes_ = false;
  is_loading_ = true;
  client::Store store;
  for (const auto& [key, row] : rows) store.load(key, row);
  client::Store::Loaded loaded = store.take_loaded();
  const auto load = [&](client::Section section, ByteView payload) {
    ByteReader in(payload);
    switch (section) {
      case client::Section::OwnOperations:
        learn_own(payload, false);
        return true;
      case client::Section::RemoteOperations:
        model_.merge_operations(payload);
        return true;
      case client::Section::Records:
        model_.merge_records(payload);
        return true;
      case client::Section::Position: {
        const MapRef map = take_map(in);
        in.u64();
        synced_ms_[map] = in.u64();
        return true;
      }
      case client::Section::Forget: {
        const MapRef map = take_map(in);
        const std::string record_key(as_text(in.blob(kKeyBytesMax)));
        const std::string tag(as_text(in.blob(kTagBytesMax)));
        const uint64_t time = in.u64();
        const auto current = model_.find(map, {record_key, tag});
        if (current.has_value() && current->time == time) model_.forget(map, {record_key, tag});
        // What was taken back will not be acked, whatever sequence an ack covers.
        std::erase_if(own_, [&](const auto& own) {
          return own.second.map == map && own.second.effects[0].record.time == time;
        });
        return true;
      }
      case client::Section::Clear: {
        const MapRef map = take_map(in);
        model_.clear(map);
        std::erase_if(own_, [&](const auto& own) { return own.second.map == map; });
        return true;
      }
      case client::Section::Refused: {
        const uint64_t first = in.varint();
        own_.erase(own_.lower_bound(first), own_.upper_bound(in.varint()));
        return true;
      }
      case client::Section::Runs:
      case client::Section::Tab:
      case client::Section::CounterBase:
        return true;
      case client::Section::Meta: {
        in.u64();
        in.u64();
        in.varint();
        const uint64_t acknowledged = in.varint();
        own_.erase(own_.begin(), own_.upper_bound(acknowledged));
        return true;
      }
    }
    return true;
  };
  std::map<MapRef, uint64_t> sure_ms;
  for (size_t i = 0; i <= loaded.rows.size(); ++i) {
    if (i == loaded.rows_before_damage) sure_ms = synced_ms_;
    if (i < loaded.rows.size()) client::visit_sections(loaded.rows[i], load);
  }
  is_loading_ = false;
  if (loaded.damaged == 0) return;
  // Of a map whose rows are whole, but for the one that said where it stood, nothing is sure
  // either.
  for (const MapRef& map : model_.maps()) synced_ms_.try_emplace(map, 0);
  for (auto& [map, synced_ms] : synced_ms_) {
    synced_ms = std::max<uint64_t>(std::min(synced_ms, sure_ms[map]), 1);
  }
}

}  // namespace topgun::sim
