#include "core/node/shard.hpp"

#include "core/node/home.hpp"
#include "core/node/replica_registry.hpp"

namespace topgun::node {
namespace {

/// The horizon moves in steps, so that shards and clients that read slightly different clocks still
/// collect the same tombstones.
constexpr uint64_t kHorizonStepsPerRetention = 64;
constexpr uint64_t kTickIntervalMs = 250;

uint64_t horizon_at(uint64_t wall_ms, uint64_t retention_ms) {
  if (wall_ms <= retention_ms) return 0;
  const uint64_t step_ms = std::max<uint64_t>(retention_ms / kHorizonStepsPerRetention, 1);
  return (wall_ms - retention_ms) / step_ms * step_ms;
}

}  // namespace

class Shard::Impl {
 public:
  explicit Impl(ShardOptions options)
      : context(std::move(options)),
        owner(context),
        registry(context, owner),
        home(context, owner, registry) {}

  /// Delivers what this shard told itself; each delivery may add more.
  void settle() {
    while (!context.to_self.empty()) {
      const ShardMessage message = std::move(context.to_self.front());
      context.to_self.pop_front();
      home.handle(message);
    }
  }

  uint64_t last_tick_ms = 0;
  ShardContext context;
  bool recovery_settled = false;
  Owner owner;
  ReplicaRegistry registry;
  Home home;
};

Shard::Shard(ShardOptions options) : impl_(std::make_unique<Impl>(std::move(options))) {
  const ShardOptions& checked = impl_->context.options;
  TG_ASSERT(checked.shard_count > 0 && checked.shard < checked.shard_count);
}

Shard::~Shard() = default;

Result<void> Shard::recover(LogEntryKind kind, ByteView payload) {
  return impl_->owner.recover(kind, payload);
}

void Shard::connected(ConnectionId connection, Now now) {
  impl_->context.now = now;
  impl_->home.connected(connection);
}

void Shard::frame(ConnectionId connection, ByteView frame, Now now) {
  impl_->context.now = now;
  impl_->home.frame(connection, frame);
  impl_->settle();
}

void Shard::closed(ConnectionId connection, Now now) {
  impl_->context.now = now;
  impl_->home.closed(connection);
  impl_->settle();
}

void Shard::exchange(ConnectionId exchange, ByteView request, const ExchangeOptions& options,
                     Now now) {
  impl_->context.now = now;
  impl_->home.exchange(exchange, request, options);
  impl_->settle();
}

void Shard::sent(ConnectionId stream, uint64_t bytes, Now now) {
  impl_->context.now = now;
  impl_->home.sent(stream, bytes);
  impl_->settle();
}

void Shard::message(const ShardMessage& message, Now now) {
  impl_->context.now = now;
  impl_->home.handle(message);
  impl_->settle();
}

void Shard::durable(uint16_t shard, uint64_t sequence, Now now) {
  impl_->context.now = now;
  TG_ASSERT(shard < impl_->context.durable.size());
  uint64_t& known = impl_->context.durable[shard];
  known = std::max(known, sequence);
}

void Shard::log_failed(Error error, Now now) {
  impl_->context.now = now;
  impl_->home.set_log_error(error);
}

void Shard::log_recovered(Now now) {
  impl_->context.now = now;
  impl_->home.set_log_error(std::nullopt);
}

void Shard::drain(Now now) {
  impl_->context.now = now;
  impl_->home.drain();
  impl_->settle();
}

void Shard::tick(Now now) {
  impl_->context.now = now;
  impl_->last_tick_ms = now.mono_ms;
  const uint64_t retention_ms = impl_->context.options.limits.tombstone_retention_ms;
  impl_->owner.advance_horizon(horizon_at(now.wall_ms, retention_ms));
  if (!impl_->recovery_settled) impl_->registry.settle_recovery();
  impl_->recovery_settled = true;
  impl_->home.tick();
  impl_->settle();
}

void Shard::end_turn(Now now) {
  impl_->context.now = now;
  do {
    impl_->home.flush_queries();
    impl_->home.answer_due();
    impl_->settle();
  } while (impl_->home.has_answers_due());
  impl_->home.flush_outputs();
}

Effects Shard::take_effects() {
  Effects effects = std::move(impl_->context.effects);
  impl_->context.effects = {};
  return effects;
}

uint64_t Shard::next_tick_ms() const {
  return impl_->last_tick_ms + (impl_->home.is_busy() ? 1 : kTickIntervalMs);
}

CheckpointChunk Shard::next_checkpoint_chunk(size_t bytes_max) {
  return impl_->owner.next_checkpoint_chunk(bytes_max);
}

const ShardStats& Shard::stats() const {
  impl_->owner.update_gauges();
  impl_->home.update_gauges();
  return impl_->context.stats;
}

Shard::Root Shard::root(uint8_t map_kind, std::string_view map) const {
  TG_ASSERT(is_map_kind(map_kind));
  const auto kind = static_cast<MapKind>(map_kind);
  const MerkleRoot root = impl_->owner.root(kind, as_bytes(map));
  return {{root.sum, root.mixed_sum}, impl_->owner.count(kind, as_bytes(map))};
}

uint64_t Shard::version(uint8_t map_kind, std::string_view map) const {
  TG_ASSERT(is_map_kind(map_kind));
  return impl_->owner.describe(static_cast<MapKind>(map_kind), as_bytes(map)).version;
}

std::optional<MisplacedRecord> Shard::find_misplaced(uint64_t wall_ms) const {
  return impl_->owner.find_misplaced(wall_ms);
}

bool Shard::holds(uint8_t map_kind, std::string_view map, ByteView key, ByteView tag) const {
  TG_ASSERT(is_map_kind(map_kind));
  return impl_->owner.holds(static_cast<MapKind>(map_kind), as_bytes(map), key, tag);
}

}  // namespace topgun::node
