#include "core/node/replica_registry.hpp"

#include <algorithm>

#include "core/base/partition.hpp"

namespace topgun::node {
namespace {

constexpr std::string_view kReplicasMap = "$topgun.replicas";
/// A record's value is a MessagePack bin 16, so that whoever checks the stored form finds a value.
constexpr uint8_t kBin16 = 0xc5;

Bytes encode_value(uint64_t last_taken, const RunHistory& history) {
  Bytes body;
  ByteWriter out(body);
  out.varint(last_taken);
  put_history(out, history);
  Bytes value = {kBin16, static_cast<uint8_t>(body.size() >> 8), static_cast<uint8_t>(body.size())};
  value.insert(value.end(), body.begin(), body.end());
  return value;
}

}  // namespace

std::string ReplicaRegistry::key_of(ReplicaId replica) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string key(16, '0');
  for (size_t i = 0; i < key.size(); ++i) key[i] = kDigits[(replica.value >> (60 - 4 * i)) & 0xf];
  return key;
}

uint16_t ReplicaRegistry::shard_of(ReplicaId replica, uint16_t shard_count) {
  if (shard_count == 1) return 0;
  const std::string key = key_of(replica);
  return static_cast<uint16_t>(partition_of(as_bytes(key)).value % shard_count);
}

void ReplicaRegistry::handle(const ShardMessage& message) {
  const auto kind = static_cast<ShardMessageKind>(message.kind);
  if (kind == ShardMessageKind::Greet) return on_greet(message);
  if (kind == ShardMessageKind::TakenOver) return on_taken_over(message);
  TG_ASSERT(kind == ShardMessageKind::Progress);
  on_progress(message);
}

void ReplicaRegistry::on_greet(const ShardMessage& message) {
  const ReplicaId replica{message.numbers[1]};
  ByteReader in(*message.payload);
  Greeting greeting;
  greeting.from = {message.from, message.numbers[0], message.numbers[2]};
  greeting.is_exchange = message.numbers[3] != 0;
  greeting.history = take_history(in);
  TG_ASSERT(in.ok());
  std::vector<Greeting>& waiting = waiting_[replica];
  waiting.push_back(std::move(greeting));
  if (waiting.size() == 1) judge_waiting(replica);
}

bool ReplicaRegistry::is_in_the_way(const Holder& holder, const Greeting& greeting) {
  // A process may speak through both while it changes from one transport to the other.
  return !greeting.is_exchange || holder.instance != greeting.from.instance;
}

bool ReplicaRegistry::is_overtaken(const Greeting& greeting, const Known& known) {
  // Requests of one process overtake each other: what this one does not know of yet is what the
  // same run wrote after it. Copies have runs of their own.
  const std::vector<Run>& ours = known.history.runs;
  const std::vector<Run>& theirs = greeting.history.runs;
  const bool is_late = greeting.is_exchange && !ours.empty() && !theirs.empty() &&
                       ours.back().first == theirs.back().first &&
                       known.last_taken >= ours.back().first;
  if (is_late) return false;
  return !includes(greeting.history, known.last_taken) ||
         !includes_run(greeting.history, latest_stored_run(known.history));
}

void ReplicaRegistry::judge_waiting(ReplicaId replica) {
  const auto found = waiting_.find(replica);
  if (found == waiting_.end()) return;
  std::vector<Greeting>& waiting = found->second;
  while (!waiting.empty()) {
    const Greeting& next = waiting.front();
    const std::optional<Known> known = find(replica);
    if (known.has_value() && is_overtaken(next, *known)) {
      context_.post(next.from.shard, ShardMessageKind::Greeted,
                    {next.from.connection, static_cast<uint64_t>(GreetVerdict::Cloned),
                     common_until(known->history, next.history)},
                    nullptr);
    } else if (const auto holder = holders_.find(replica);
               holder != holders_.end() && is_in_the_way(holder->second, next)) {
      // Its last operations may be what the newcomer lacks.
      context_.post(holder->second.shard, ShardMessageKind::TakeOver,
                    {holder->second.connection, replica.value}, nullptr);
      return;
    } else {
      welcome(replica, next, known);
    }
    waiting.erase(waiting.begin());
  }
  waiting_.erase(found);
}

void ReplicaRegistry::welcome(ReplicaId replica, const Greeting& greeting,
                              const std::optional<Known>& known) {
  if (!greeting.is_exchange) holders_[replica] = greeting.from;
  context_.post(greeting.from.shard, ShardMessageKind::Greeted,
                {greeting.from.connection, static_cast<uint64_t>(GreetVerdict::Welcome)}, nullptr);
  // A client that keeps no history cannot be told apart from its copies.
  if (greeting.history.runs.empty()) return;
  Known now = known.value_or(Known{});
  RunHistory history = greeting.history;
  // How far the present run has come is of no interest: it goes on.
  history.runs.back().last = history.runs.back().first - 1;
  // The calendar may have been set back since.
  const uint64_t age_ms = context_.now.wall_ms - std::min(context_.now.wall_ms, now.written_ms);
  const bool is_fresh = age_ms < context_.options.limits.tombstone_retention_ms / 2;
  if (known.has_value() && now.history == history && is_fresh) return;
  now.history = std::move(history);
  remember(replica, now);
}

void ReplicaRegistry::on_taken_over(const ShardMessage& message) {
  const ReplicaId replica{message.numbers[1]};
  note_taken(replica, message.numbers[2]);
  release(replica, message.from, message.numbers[0]);
  judge_waiting(replica);
}

void ReplicaRegistry::on_progress(const ShardMessage& message) {
  const ReplicaId replica{message.numbers[1]};
  note_taken(replica, message.numbers[2]);
  const bool is_closed = message.numbers[3] != 0;
  if (!is_closed) return;
  release(replica, message.from, message.numbers[0]);
  const auto waiting = waiting_.find(replica);
  if (waiting == waiting_.end()) return;
  std::erase_if(waiting->second, [&](const Greeting& greeting) {
    return greeting.from.shard == message.from && greeting.from.connection == message.numbers[0];
  });
  judge_waiting(replica);
}

void ReplicaRegistry::release(ReplicaId replica, uint16_t shard, uint64_t connection) {
  const auto holder = holders_.find(replica);
  if (holder == holders_.end()) return;
  const bool is_it = holder->second.shard == shard && holder->second.connection == connection;
  if (is_it) holders_.erase(holder);
}

void ReplicaRegistry::note_taken(ReplicaId replica, uint64_t sequence) {
  std::optional<Known> known = find(replica);
  if (!known.has_value() || sequence <= known->last_taken) return;
  known->last_taken = sequence;
  remember(replica, *known);
}

void ReplicaRegistry::settle_recovery() {
  for (const auto& [replica, sequence] : owner_.take_recovered_authors()) {
    note_taken(replica, sequence);
  }
}

std::optional<ReplicaRegistry::Known> ReplicaRegistry::find(ReplicaId replica) {
  const std::string key = key_of(replica);
  const std::optional<Record> record =
      owner_.find(MapKind::Lww, as_bytes(kReplicasMap), as_bytes(key));
  if (!record.has_value() || !record->visible(context_.now.wall_ms)) return std::nullopt;
  Known known;
  ByteReader in(record->value);
  in.u8();
  in.u16();
  known.last_taken = in.varint();
  known.history = take_history(in);
  known.written_ms = record->stamp.ms();
  if (!in.ok()) return std::nullopt;
  return known;
}

void ReplicaRegistry::remember(ReplicaId replica, const Known& known) {
  const ShardOptions& options = context_.options;
  const std::string key = key_of(replica);
  const std::optional<Record> before =
      owner_.find(MapKind::Lww, as_bytes(kReplicasMap), as_bytes(key));
  const bool is_new = !before.has_value();
  if (is_new && owner_.count(MapKind::Lww, as_bytes(kReplicasMap)) >= options.limits.replicas_max) {
    return;
  }
  const Bytes value = encode_value(known.last_taken, known.history);
  Record record;
  record.key = as_bytes(key);
  record.value = value;
  record.ttl_ms = std::min(options.limits.tombstone_retention_ms, kTtlMsMax);
  // The calendar may have been set back; the record must replace the one before all the same.
  const uint64_t now = stamp_time(context_.now.wall_ms, 0);
  record.stamp = {is_new ? now : std::max(now, before->stamp.time + 1),
                  {std::max<uint64_t>(options.node_id, 1)}};
  owner_.keep(MapKind::Lww, as_bytes(kReplicasMap), record);
}

}  // namespace topgun::node
