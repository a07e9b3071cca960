#include "core/base/partition.hpp"
#include "core/base/probe.hpp"
#include "core/node/home.hpp"

namespace topgun::node {
namespace {

/// How long a client waits before it offers writes again that a full or failed log refused.
constexpr uint64_t kReadOnlyRetryMs = 1'000;
/// Replicas whose rate of operations is remembered beyond an exchange; a full table limits each
/// exchange by itself.
constexpr size_t kExchangeRatesMax = 65536;

/// Whether queries would not find what the operation writes.
bool is_misplaced(const PartitionKey* declared, const Operation& operation) {
  return declared != nullptr && operation.kind == OperationKind::LwwSet &&
         !is_in_partition(*declared, operation.key, operation.payload);
}

}  // namespace

void Home::put_off(Session& session, Error error, uint64_t retry_after_ms) {
  send_error(session, error, retry_after_ms);
  session.is_put_off = true;
  if (session.exchange != nullptr) session.exchange->put_off = error;
  TG_SOMETIMES(error == Error::ReadOnly, NodeReadOnly);
  if (TG_MUTANT(19)) session.acks.begin(batch_.operations.back().sequence, 0);
}

RateBucket Home::full_bucket() const {
  return {context_.options.limits.operations_burst, context_.now.mono_ms};
}

RateBucket& Home::rate_of(Session& session) {
  if (session.exchange == nullptr) return session.rate;
  const auto known = exchange_rates_.find(session.replica);
  if (known != exchange_rates_.end()) return known->second;
  if (exchange_rates_.size() >= kExchangeRatesMax) return session.rate;
  return exchange_rates_.emplace(session.replica, full_bucket()).first->second;
}

/// A bucket that has filled up again says nothing.
void Home::forget_idle_rates() {
  const ShardLimits& limits = context_.options.limits;
  if (exchange_rates_.empty()) return;
  const uint64_t fills_ms =
      uint64_t{1000} * limits.operations_burst / std::max(limits.operations_per_second, 1u) + 1;
  std::erase_if(exchange_rates_, [&](const auto& rate) {
    return context_.now.mono_ms - rate.second.counted_ms > fills_ms;
  });
}

bool Home::may_take(Session& session) {
  // What was on its way when the client heard of it.
  if (session.is_put_off) return false;
  if (log_error_.has_value()) {
    put_off(session, Error::ReadOnly, kReadOnlyRetryMs);
    return false;
  }
  const ShardLimits& limits = context_.options.limits;
  if (limits.operations_per_second == 0) return true;
  RateBucket& rate = rate_of(session);
  // Whole tokens only, so that time that bought none is kept for the next count.
  const uint64_t elapsed_ms = context_.now.mono_ms - rate.counted_ms;
  const uint64_t earned = elapsed_ms * limits.operations_per_second / 1000;
  if (earned > 0) {
    rate.tokens = std::min<uint64_t>(rate.tokens + earned, limits.operations_burst);
    rate.counted_ms = context_.now.mono_ms;
  }
  const uint64_t wanted = batch_.operations.size();
  // A batch larger than the burst could never be paid; a full bucket is enough for it.
  if (rate.tokens >= std::min<uint64_t>(wanted, limits.operations_burst)) {
    rate.tokens -= std::min(rate.tokens, wanted);
    return true;
  }
  const uint64_t missing = wanted - rate.tokens;
  put_off(session, Error::RateLimited, missing * 1000 / limits.operations_per_second + 1);
  return false;
}

bool Home::may_write(Session& session, ByteView map) {
  if (is_reserved_map(as_text(map)) || context_.options.is_view(as_text(map))) return false;
  if (context_.options.access == nullptr) return true;
  if (session.write_map != as_text(map) || session.write_map.empty()) {
    session.write_map = std::string(as_text(map));
    session.write_allowed =
        context_.options.access->allows(*session.principal, session.write_map, Permission::Write);
  }
  return session.write_allowed;
}

std::optional<Error> Home::check_stamp(Stamp stamp) const {
  const uint64_t now = context_.now.wall_ms;
  if (stamp.ms() > now && stamp.ms() - now > context_.options.limits.clock_drift_max_ms) {
    TG_SOMETIMES(true, NodeClockDrift);
    if (!TG_MUTANT(7)) return Error::ClockDrift;
  }
  if (stamp.ms() < owner_.horizon_ms()) {
    TG_SOMETIMES(true, NodeBehindHorizon);
    return Error::BehindHorizon;
  }
  return std::nullopt;
}

void Home::reject(Session& session, uint64_t sequence, Error error) {
  ++context_.stats.operations_rejected;
  if (session.exchange != nullptr) session.exchange->has_news = true;
  MessageWriter(output(session))
      .reject({sequence, 1, static_cast<uint16_t>(error), as_bytes(error_name(error))});
}

Result<void> Home::on_operations(Session& session, ByteView payload) {
  const Result<void> decoded = decode_operations(payload, Values::Validate, batch_);
  if (!decoded.ok()) return decoded;
  // A client speaks for one replica only: its identity is what makes delivery idempotent.
  if (batch_.header.replica != session.replica) return Error::Forbidden;
  if (!may_take(session)) return {};
  session.taken_sequence = std::max(session.taken_sequence, batch_.operations.back().sequence);

  const uint16_t shards = context_.options.shard_count;
  by_shard_.resize(shards);
  for (std::vector<uint32_t>& indices : by_shard_) indices.clear();
  const bool allowed = may_write(session, batch_.header.map);
  const PartitionKey* const partition_key =
      context_.options.partition_key_of(batch_.header.kind, as_text(batch_.header.map));
  for (uint32_t i = 0; i < batch_.operations.size(); ++i) {
    const Operation& operation = batch_.operations[i];
    std::optional<Error> refused = Error::Forbidden;
    if (allowed) refused = check_stamp({operation.time, session.replica});
    if (allowed && !refused && is_misplaced(partition_key, operation))
      refused = Error::InvalidArgument;
    if (refused.has_value()) {
      reject(session, operation.sequence, *refused);
      continue;
    }
    const size_t shard =
        shards == 1 ? 0 : partition_of(partition_key, operation.key).value % shards;
    by_shard_[shard].push_back(i);
  }
  uint16_t parts = 0;
  for (const std::vector<uint32_t>& indices : by_shard_) parts += indices.empty() ? 0 : 1;
  const uint64_t token = session.acks.begin(batch_.operations.back().sequence, parts);
  if (!session.awaits_acks) {
    session.awaits_acks = true;
    awaiting_acks_.push_back(session.connection);
  }
  for (uint16_t shard = 0; shard < shards; ++shard) {
    if (by_shard_[shard].empty()) continue;
    if (shard == context_.options.shard) {
      apply_here(session, token, payload);
    } else {
      context_.post(shard, ShardMessageKind::ApplyOperations, {session.connection.value, token},
                    share(batch_subset(batch_, payload, by_shard_[shard])));
    }
  }
  return {};
}

void Home::apply_here(Session& session, uint64_t token, ByteView batch) {
  const uint16_t shard = context_.options.shard;
  const Result<uint64_t> sequence = owner_.apply(batch_, batch, by_shard_[shard]);
  if (!sequence.ok()) {
    for (const uint32_t index : by_shard_[shard]) {
      reject(session, batch_.operations[index].sequence, sequence.error());
    }
  }
  session.acks.applied(token, shard, sequence.ok() ? *sequence : 0);
}

void Home::on_applied(const ShardMessage& message) {
  Session* session = find({message.numbers[0]});
  if (session == nullptr) return;
  if (message.numbers[3] != 0) {
    for (const uint64_t sequence : decode_sequences(*message.payload)) {
      reject(*session, sequence, static_cast<Error>(message.numbers[3]));
    }
  }
  const uint64_t log_sequence = TG_MUTANT(47) ? 0 : message.numbers[2];
  TG_SOMETIMES(message.from != context_.options.shard, NodeCrossShard);
  session->acks.applied(message.numbers[1], message.from, log_sequence);
}

void Home::send_acks(Session& session) {
  const bool has_log = context_.options.has_log;
  const uint64_t memory = session.acks.memory_sequence();
  const uint64_t memory_before = session.memory_acked;
  const uint64_t local = session.acks.advance_local(context_.durable);
  // An ack of `local` says `memory` as well.
  if (has_log && local > session.local_acked) {
    session.local_acked = local;
    session.memory_acked = std::max(session.memory_acked, local);
    MessageWriter(output(session)).ack({AckLevel::Local, local});
  }
  const bool wants_memory = !has_log || session.ack_level_min == AckLevel::Memory;
  if (wants_memory && memory > session.memory_acked) {
    session.memory_acked = memory;
    MessageWriter(output(session)).ack({AckLevel::Memory, memory});
  }
  const bool is_news = session.memory_acked > memory_before;
  if (is_news && session.exchange != nullptr) session.exchange->has_news = true;
}

Result<void> Home::on_records(Session& session, ByteView payload) {
  const Result<RecordsMessage> message = decode_records_message(payload);
  if (!message.ok()) return message.error();
  RecordBatch batch;
  const Result<void> decoded = decode_records(message->batch, Values::Validate, batch);
  if (!decoded.ok()) return decoded;
  if (log_error_.has_value() || !may_write(session, batch.map)) return {};
  // One that took so long would bring back what was removed meanwhile.
  const Subscription* subscription = find_subscription(session, message->subscription);
  if (subscription == nullptr || is_behind(*subscription)) return {};
  std::vector<RecordBatchBuilder> parts(context_.options.shard_count);
  for (RecordBatchBuilder& part : parts) part.begin(batch.kind, batch.map);
  // A client that repairs us was in step after the horizon, so what lives there was not removed
  // behind our back, however old it is: we may have lost it. Tombstones that nobody needs any more
  // stay out.
  const uint64_t horizon_ms = owner_.collect_horizon_ms();
  const PartitionKey* const partition_key =
      context_.options.partition_key_of(batch.kind, as_text(batch.map));
  for (const Record& record : batch.records) {
    if (check_stamp(record.stamp) == Error::ClockDrift) continue;
    if (record.retired_before(horizon_ms)) continue;
    if (TG_MUTANT(39) && check_stamp(record.stamp).has_value()) continue;
    if (partition_key != nullptr && !record.tombstone &&
        !is_in_partition(*partition_key, record.key, record.value)) {
      continue;
    }
    parts[partition_of(partition_key, record.key).value % parts.size()].add(record);
  }
  for (uint16_t shard = 0; shard < parts.size(); ++shard) {
    if (parts[shard].count() == 0) continue;
    context_.post(shard, ShardMessageKind::ApplyRecords, {session.connection.value},
                  share(parts[shard].finish()));
  }
  return {};
}

}  // namespace topgun::node
