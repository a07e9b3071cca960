#include "core/sim/invariant_checker.hpp"

#include <algorithm>
#include <numeric>

#include "core/base/hash.hpp"
#include "core/base/mix.hpp"
#include "core/sim/sim_client.hpp"
#include "core/sim/sim_node.hpp"
#include "core/sync/messages.hpp"

namespace topgun::sim {
namespace {

uint64_t digest_of(const MapRef& map, std::string_view key, ByteView value) {
  uint64_t digest = hash64(as_bytes(map.name));
  digest = absorb64(digest, static_cast<uint64_t>(map.kind));
  digest = absorb64(digest, hash64(as_bytes(key)));
  return absorb64(digest, hash64(value));
}

std::string describe(const MapRef& map, const ReferenceModel::RecordKey& key,
                     const ReferenceModel::Record& record) {
  std::string text = map.name + "/" + key.first;
  text += record.tombstone ? " removed" : " written";
  text += " at " + std::to_string(record.ms()) + "." + std::to_string(record.time & 0xffff);
  return text + " by " + std::to_string(record.replica);
}

/// Whether `shown` is what these records show, but for entries that expire. In place, because this
/// is asked of every client every second.
template <typename Shown, typename NameOf>
bool shows(const ReferenceModel::Records& records, const Shown& shown, NameOf&& name_of) {
  auto next = shown.begin();
  for (const auto& [key, record] : records) {
    if (!record.is_visible(0)) continue;
    if (next == shown.end() || next->first != name_of(key) || next->second != record.value) {
      return false;
    }
    ++next;
  }
  return next == shown.end();
}

std::string client_name(const SimClient& client) {
  return "client " + std::to_string(client.number());
}

}  // namespace

std::string invariant_name(Invariant invariant) {
  const auto number = static_cast<unsigned>(invariant);
  if (invariant == Invariant::Converges) return "L1";
  if (invariant == Invariant::FallsSilent) return "L5";
  return std::string(number < 10 ? "I0" : "I") + std::to_string(number);
}

uint64_t InvariantChecker::checks() const {
  return std::accumulate(checks_.begin(), checks_.end(), uint64_t{0});
}

void InvariantChecker::fail(Invariant invariant, std::string detail) {
  if (violation_.has_value()) return;
  violation_ = Violation{invariant, std::move(detail), now_ms_()};
}

// --- reports ---

void InvariantChecker::issued(const Issue& issue, const Operation& operation) {
  uint64_t digest = digest_of(issue.map, as_text(operation.key), operation.payload);
  digest = absorb64(digest, operation.ttl_ms);
  std::map<uint64_t, Issued>& all = issued_[issue.author.value];
  const std::string name = "replica " + std::to_string(issue.author.value);
  const auto [at, is_new] = all.try_emplace(
      operation.sequence, Issued{operation.time, digest, issue.client, issue.start, issue.stored});
  if (!is_new) {
    if (at->second.digest != digest || at->second.time != operation.time) {
      fail(Invariant::AtMostOnce, "sequence " + std::to_string(operation.sequence) + " of " + name +
                                      " stands for two different operations");
    }
    at->second.stored = at->second.stored || issue.stored;
    return;
  }
  const auto counts = [&](const Issued& other) {
    return other.client == issue.client && (other.stored || other.start == issue.start);
  };
  auto before = at;
  while (before != all.begin()) {
    if (!counts((--before)->second)) continue;
    if (before->second.time < operation.time) break;
    return fail(Invariant::StampsGrow, "stamps of " + name + " do not grow at sequence " +
                                           std::to_string(operation.sequence));
  }
}

void InvariantChecker::instance_begins(uint64_t replica) {
  count_check(Invariant::AtMostOnce);
  if (instances_.insert(replica).second && issued_.count(replica) == 0) return;
  fail(Invariant::AtMostOnce,
       "an instance begins as replica " + std::to_string(replica) + ", which another one was");
}

bool InvariantChecker::is_stored(OperationId id) const {
  const auto all = issued_.find(id.replica.value);
  if (all == issued_.end()) return false;
  const auto at = all->second.find(id.sequence);
  return at != all->second.end() && at->second.stored;
}

bool InvariantChecker::is_own(ReplicaId replica, uint32_t client) const {
  const auto all = issued_.find(replica.value);
  return all == issued_.end() ||
         std::all_of(all->second.begin(), all->second.end(),
                     [&](const auto& issued) { return issued.second.client == client; });
}

void InvariantChecker::written(const MapRef& map, const std::string& key, ByteView value) {
  written_.insert(digest_of(map, key, value));
}

void InvariantChecker::seen(const MapRef& map, const std::string& key, ByteView value) {
  count_check(Invariant::NoThinAir);
  if (written_.count(digest_of(map, key, value)) != 0) return;
  fail(Invariant::NoThinAir, map.name + "/" + key + " shows a value that nobody wrote there");
}

void InvariantChecker::acked_local(OperationId id, const MapRef& map,
                                   const std::vector<ReferenceModel::Effect>& effects) {
  // An ack covers what was refused before.
  const auto& ranges = refused_[id.replica.value];
  auto range = ranges.upper_bound(id.sequence);
  if (range != ranges.begin() && id.sequence - std::prev(range)->first < std::prev(range)->second) {
    return;
  }
  for (const auto& effect : effects) acked_.merge(map, effect);
}

void InvariantChecker::stepped(const MapRef& map, const ReferenceModel::Effect& effect) {
  count_check(Invariant::AtMostOnce);
  const auto acked = acked_.find(map, effect.key);
  if (!acked.has_value() || !replicas_are_one_each_) return;
  const ReferenceModel::Record& step = effect.record;
  if (step.positive >= acked->positive && step.negative >= acked->negative) return;
  fail(Invariant::AtMostOnce, describe(map, effect.key, step) + " counts from less than was acked");
}

void InvariantChecker::refused(ReplicaId author, uint64_t first, uint64_t count) {
  uint64_t& known = refused_[author.value][first];
  known = std::max(known, count);
}

void InvariantChecker::accepted(const Operation& operation, uint64_t wall_ms,
                                uint64_t drift_max_ms) {
  count_check(Invariant::StampsGrow);
  // The shard that checked may have read its clock before someone set it back.
  node_wall_ms_ = std::max(node_wall_ms_, wall_ms);
  const uint64_t stamp_ms = operation.time >> 16;
  if (stamp_ms <= node_wall_ms_ + drift_max_ms) return;
  fail(Invariant::StampsGrow, "the node took an operation from " +
                                  std::to_string(stamp_ms - node_wall_ms_) + " ms in the future");
}

void InvariantChecker::node_lost_everything(uint64_t now_us) {
  node_lost_us_ = now_us;
  acked_.reset();
  given_up_.reset();
  counts_are_exact_ = false;
}

void InvariantChecker::recovered_entry(node::LogEntryKind kind, ByteView payload) {
  const auto check = [&](const MapRef& map, const ReferenceModel::Effect& effect) {
    const bool has_value = map.kind != MapKind::Counter && !effect.record.tombstone;
    if (has_value && handle_of(map) != 0) seen(map, effect.key.first, effect.record.value);
  };
  if (kind == node::LogEntryKind::Operations) {
    OperationBatch batch;
    if (!decode_operations(payload, Values::Trust, batch).ok()) return;
    const MapRef map{batch.header.kind, std::string(as_text(batch.header.map))};
    for (const Operation& operation : batch.operations) {
      for (const auto& effect : ReferenceModel::effects_of(batch.header.replica, operation)) {
        check(map, effect);
      }
    }
  } else if (kind != node::LogEntryKind::Horizon) {
    RecordBatch batch;
    if (!decode_records(payload, Values::Trust, batch).ok()) return;
    const MapRef map{batch.kind, std::string(as_text(batch.map))};
    for (const Record& record : batch.records) {
      check(map, ReferenceModel::effect_of(batch.kind, record));
    }
  }
}

void InvariantChecker::found_damage(bool is_disk_to_blame) {
  count_check(Invariant::CheckpointIsPrefix);
  if (is_disk_to_blame) return;
  fail(Invariant::CheckpointIsPrefix,
       "the node takes its storage for damaged, though the disk kept all that was synced");
}

void InvariantChecker::taken(const MapRef& map, const ReferenceModel::Effect& effect) {
  count_check(Invariant::NoResurrection);
  if (effect.record.tombstone || map.kind == MapKind::Counter) return;
  const auto gone = given_up_.find(map, effect.key);
  if (!gone.has_value() || !gone->tombstone || !given_up_.covers(map, effect)) return;
  fail(Invariant::NoResurrection,
       describe(map, effect.key, effect.record) + " is back, although it had been removed");
}

void InvariantChecker::frame(ByteView frame, bool from_node) {
  FrameReader reader(frame);
  size_t messages = 0;
  while (reader.next().has_value()) ++messages;
  count_check(Invariant::CodecRoundTrip);
  if (reader.ok() && messages > 0) return;
  fail(Invariant::CodecRoundTrip,
       std::string(from_node ? "the node" : "a client") + " sent a frame that cannot be read");
}

// --- comparisons ---

void InvariantChecker::check_acked(const ReferenceModel& node_model) {
  for (const MapRef& map : acked_.maps()) {
    for (const auto& [key, record] : acked_.records(map)) {
      count_check(Invariant::AckedIsDurable);
      if (node_model.covers(map, {key, record})) continue;
      const auto there = node_model.find(map, key);
      // What overruled it may have been collected since.
      if (!there.has_value() && collected_.covers(map, {key, record})) continue;
      if (there.has_value() && record.tombstone && !there->tombstone) {
        return fail(Invariant::NoResurrection, describe(map, key, record) + " is back");
      }
      return fail(Invariant::AckedIsDurable,
                  describe(map, key, record) + " was acked at local and is gone");
    }
  }
}

void InvariantChecker::recovered(const SimNode& node) {
  check_acked(node.model());
  for (const OpenMap& map : open_maps()) {
    count_check(Invariant::CheckpointIsPrefix);
    if (node.root(map.ref) == node.model().root(map.ref)) continue;
    fail(Invariant::CheckpointIsPrefix,
         map.ref.name + " after recovery is not the fold of what storage gave back");
  }
}

void InvariantChecker::check_node(SimNode& node) {
  for (const OpenMap& map : open_maps()) {
    count_check(Invariant::StateIsFold);
    if (node.root(map.ref) == node.model().root(map.ref)) continue;
    fail(Invariant::StateIsFold, "the node's " + map.ref.name + " is not the fold of its log");
  }
}

void InvariantChecker::check_client(SimClient& client, bool whole) {
  if (violation_.has_value() || !client.is_running() || !client.model_is_complete()) return;
  for (const OpenMap& map : open_maps()) {
    count_check(Invariant::StateIsFold);
    if (client.root(map.handle) == client.model().root(map.ref)) continue;
    fail(Invariant::StateIsFold,
         client_name(client) + ": " + map.ref.name + " is not the fold of what was delivered");
    return;
  }
  if (!whole) return;
  check_mirror(client);
  check_status(client);
}

void InvariantChecker::check_status(SimClient& client) {
  if (client.pending() > 0) return;
  count_check(Invariant::StatusIsTrue);
  for (const auto& [map, effect] : client.withdrawn_) {
    return fail(Invariant::StatusIsTrue, client_name(client) + " has nothing pending, but " +
                                             describe(map, effect.key, effect.record) +
                                             " came too late and was not issued anew");
  }
  for (const auto& [sequence, own] : client.own_) {
    if (!own.sent) continue;
    for (const ReferenceModel::Effect& effect : own.effects) {
      // What was overruled meanwhile need not arrive.
      if (client.model().find(own.map, effect.key) != effect.record) continue;
      return fail(Invariant::StatusIsTrue, client_name(client) + " has nothing pending, but " +
                                               describe(own.map, effect.key, effect.record) +
                                               " was not acked at local");
    }
  }
}

void InvariantChecker::check_mirror(SimClient& client) {
  count_check(Invariant::SessionOrder);
  const ReferenceModel& model = client.model();
  // The records of entries have no tag, so keys alone order them the same way.
  const auto entry_name = [](const ReferenceModel::RecordKey& key) -> const std::string& {
    return key.first;
  };
  if (!shows(model.records(open_maps()[0].ref), client.entries(), entry_name)) {
    return fail(Invariant::SessionOrder,
                client_name(client) + " shows other entries than its state holds");
  }
  const auto element_name =
      [](const ReferenceModel::RecordKey& key) -> const ReferenceModel::RecordKey& { return key; };
  if (!shows(model.records(open_maps()[1].ref), client.elements(), element_name)) {
    return fail(Invariant::SessionOrder,
                client_name(client) + " shows other elements than its state holds");
  }
  const ReferenceModel::Records& counts = model.records(open_maps()[2].ref);
  auto count = counts.begin();
  for (const auto& [key, value] : client.counters()) {
    while (count != counts.end() && count->first.first < key) ++count;
    uint64_t held = 0;
    for (; count != counts.end() && count->first.first == key; ++count) {
      held += count->second.positive - count->second.negative;
    }
    if (value == static_cast<int64_t>(held)) continue;
    return fail(Invariant::SessionOrder, client_name(client) + " shows " + key + " as " +
                                             std::to_string(value) + ", but its state holds " +
                                             std::to_string(static_cast<int64_t>(held)));
  }
}

void InvariantChecker::check_bounds(SimNode& node, const std::vector<SimClient*>& clients) {
  if (!node.is_idle()) return;  // What is gone may not have been heard of yet.
  const node::ShardStats stats = node.stats();
  count_check(Invariant::Bounded);
  if (stats.sessions > node.connections() || stats.connections > node.connections()) {
    fail(Invariant::Bounded, "the node keeps sessions of connections that are gone");
  }
  if (stats.exchanges_open > node.connections()) {
    fail(Invariant::Bounded, "the node keeps exchanges that nobody waits for");
  }
  if (stats.subscriptions > (stats.sessions + stats.exchanges_open) * open_maps().size()) {
    fail(Invariant::Bounded, "the node keeps subscriptions that nobody has");
  }
  const uint64_t queue_max = node.queue_bytes_max();
  for (const SimClient* client : clients) {
    if (client->queued_bytes() <= queue_max) continue;
    fail(Invariant::Bounded, "the queue to " + client_name(*client) + " holds " +
                                 std::to_string(client->queued_bytes()) + " bytes");
  }
}

bool InvariantChecker::agree(SimNode& node, SimClient& client, const MapRef& map) {
  const ReferenceModel::Records& theirs = node.model().records(map);
  const ReferenceModel::Records& ours = client.agreed_records(map, theirs, node.root(map));
  if (theirs == ours) return true;
  const uint64_t horizon_ms = node.horizon_ms();
  const uint64_t now_ms = node.now().wall_ms;
  const auto is_old = [&](const auto& record) { return record.second.is_retired(horizon_ms); };
  const auto is_waiting = [&](const auto& record) {
    const auto held = ours.find(record.first);
    return held != ours.end() && client.waits_for_time(held->second, now_ms);
  };
  auto left = theirs.begin();
  auto right = ours.begin();
  for (;;) {
    while (left != theirs.end() && (is_old(*left) || is_waiting(*left))) ++left;
    while (right != ours.end() && (is_old(*right) || is_waiting(*right))) ++right;
    if (left == theirs.end() || right == ours.end()) break;
    if (*left++ != *right++) return false;
  }
  return left == theirs.end() && right == ours.end();
}

void InvariantChecker::check_agreement(SimNode& node, const std::vector<SimClient*>& clients,
                                       bool everybody_is_here) {
  for (SimClient* client : clients) {
    check_client(*client, true);
    for (const OpenMap& map : open_maps()) {
      count_check(Invariant::Converges);
      count_check(Invariant::RootsTellStates);
      const bool same_root = client->root(map.handle) == node.root(map.ref);
      const bool same_state = client->model().records(map.ref) == node.model().records(map.ref);
      if (same_root != same_state && client->has_storage()) {
        fail(Invariant::RootsTellStates, client_name(*client) +
                                             " and the node: roots and states of " + map.ref.name +
                                             " do not agree about being equal");
      }
      if (agree(node, *client, map.ref)) continue;
      fail(Invariant::Converges, client_name(*client) + " and the node differ in " + map.ref.name);
    }
  }
  check_acked(node.model());
  if (!counts_are_exact_ || !everybody_is_here) return;
  for (const auto& [key, expected] : counted_) {
    count_check(Invariant::AtMostOnce);
    const int64_t value = node.model().counter(open_maps()[2].ref, key);
    if (value == expected) continue;
    fail(Invariant::AtMostOnce, "counter " + key + " is " + std::to_string(value) + ", but " +
                                    std::to_string(expected) + " was counted");
  }
}

}  // namespace topgun::sim
