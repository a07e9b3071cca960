#pragma once

#include <atomic>

#include "core/node/shard.hpp"

namespace topgun::host {

/// A count or gauge as `/metrics` shows it.
struct StatField {
  const char* name;
  const char* help;
  bool is_counter;
};

/// Figures of one shard thread, written by it after every turn and read by any thread. Each value
/// is exact; values of one reading may be a turn apart.
class LoopStats {
 public:
  enum Host : uint8_t {
    Connections,
    Accepted,
    BytesReceived,
    BytesSent,
    Turns,
    HttpRequests,
    kHostCount  // NOLINT(readability-identifier-naming): how many there are, and none of them.
  };
  static constexpr size_t kShardCount = 20;

  static const StatField& host_field(size_t index);
  static const StatField& shard_field(size_t index);

  uint64_t host(size_t index) const { return host_[index].load(std::memory_order_relaxed); }
  uint64_t shard(size_t index) const { return shard_[index].load(std::memory_order_relaxed); }

  /// Owner only.
  void publish(const uint64_t (&host)[kHostCount], const node::ShardStats& shard);

 private:
  std::atomic<uint64_t> host_[kHostCount] = {};
  std::atomic<uint64_t> shard_[kShardCount] = {};
};

}  // namespace topgun::host
