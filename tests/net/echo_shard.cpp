// A shard that sends every frame back, linked in place of the real one: what is under test is the
// host. A frame that starts with "post" travels through every other shard first.

#include <set>

#include "core/node/shard.hpp"

namespace topgun::node {

class Shard::Impl {
 public:
  ShardOptions options;
  ShardStats stats;
  Effects effects;
  std::set<ConnectionId> waiting;  ///< Exchanges that have no answer.
};

Shard::Shard(ShardOptions options) : impl_(std::make_unique<Impl>()) {
  impl_->options = std::move(options);
}
Shard::~Shard() = default;

std::optional<MisplacedRecord> Shard::find_misplaced(uint64_t) const { return std::nullopt; }
Result<void> Shard::recover(LogEntryKind, ByteView) { return {}; }
void Shard::connected(ConnectionId, Now) { ++impl_->stats.connections; }
void Shard::closed(ConnectionId connection, Now) {
  if (impl_->waiting.erase(connection) == 0) {
    --impl_->stats.connections;
  } else {
    --impl_->stats.exchanges_open;
  }
}

void Shard::frame(ConnectionId connection, ByteView frame, Now) {
  ++impl_->stats.frames_received;
  auto payload = std::make_shared<const Bytes>(to_bytes(frame));
  const std::string_view text = as_text(frame);
  if (text.starts_with("post")) {
    ShardMessage message;
    message.from = impl_->options.shard;
    message.numbers[0] = connection.value;
    message.payload = std::move(payload);
    const auto next = static_cast<uint16_t>((message.from + 1) % impl_->options.shard_count);
    impl_->effects.posts.push_back({next, std::move(message)});
  } else if (text == "close") {
    impl_->effects.closes.push_back({connection, Error::Forbidden});
  } else {
    impl_->effects.sends.push_back({connection, std::move(payload)});
  }
}

/// The request comes back as the answer, with the token behind it. "wait" gets none; "stream" one
/// that does not end.
void Shard::exchange(ConnectionId exchange, ByteView request, const ExchangeOptions& options, Now) {
  ++impl_->stats.exchanges;
  const std::string_view text = as_text(request);
  const bool waits = text == "wait" || text == "stream";
  if (waits) {
    ++impl_->stats.exchanges_open;
    impl_->waiting.insert(exchange);
  }
  if (text == "wait") return;
  for (const ByteView part : {request, options.token}) {
    if (part.empty()) continue;
    impl_->effects.sends.push_back({exchange, std::make_shared<const Bytes>(to_bytes(part))});
  }
  std::optional<Error> error;
  if (text == "refuse") error = Error::Forbidden;
  if (!waits) impl_->effects.answers.push_back({exchange, error});
}

void Shard::sent(ConnectionId, uint64_t bytes, Now) { impl_->stats.records_sent += bytes; }

void Shard::message(const ShardMessage& message, Now) {
  const uint16_t self = impl_->options.shard;
  if (message.from == self) {
    impl_->effects.sends.push_back({{message.numbers[0]}, message.payload});
    return;
  }
  const auto next = static_cast<uint16_t>((self + 1) % impl_->options.shard_count);
  impl_->effects.posts.push_back({next, message});
}

void Shard::durable(uint16_t, uint64_t, Now) {}
void Shard::log_failed(Error, Now) {}
void Shard::log_recovered(Now) {}
void Shard::drain(Now) {
  for (const ConnectionId exchange : impl_->waiting) {
    impl_->effects.answers.push_back({exchange, Error::Draining});
  }
  impl_->waiting.clear();
}
void Shard::tick(Now) {}
void Shard::end_turn(Now) {}
Effects Shard::take_effects() { return std::exchange(impl_->effects, {}); }
uint64_t Shard::next_tick_ms() const { return ~uint64_t{0}; }
CheckpointChunk Shard::next_checkpoint_chunk(size_t) { return {{}, {}, true, 0}; }
const ShardStats& Shard::stats() const { return impl_->stats; }
Shard::Root Shard::root(uint8_t, std::string_view) const { return {}; }

}  // namespace topgun::node
