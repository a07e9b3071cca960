#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

namespace topgun::host {

/// How far each shard's log entries have reached stable storage. The log thread writes, every shard
/// thread reads: one cache line a shard instead of a message for each of its peers.
class DurableBoard {
 public:
  explicit DurableBoard(uint16_t shard_count) : entries_(shard_count) {}

  void set(uint16_t shard, uint64_t sequence) { entries_[shard].sequence.store(sequence); }
  uint64_t get(uint16_t shard) const { return entries_[shard].sequence.load(); }
  uint16_t shard_count() const { return static_cast<uint16_t>(entries_.size()); }

 private:
  struct alignas(64) Entry {
    std::atomic<uint64_t> sequence{0};
  };
  std::vector<Entry> entries_;
};

}  // namespace topgun::host
