#pragma once

#include <algorithm>
#include <vector>

#include "core/base/bytes.hpp"
#include "core/sync/messages.hpp"

namespace topgun::node {

/// Turns the progress of a session's batches into watermarks. A batch may be split over shards; it
/// has reached `memory` when every part was applied, and `local` when each part's log entry is
/// durable. Watermarks move in the order of arrival. O(1) amortised a batch.
class AckTracker {
 public:
  /// A batch arrived whose last operation is `last_sequence`, split into `parts` parts, perhaps
  /// none (all refused). Returns the token under which parts report.
  uint64_t begin(uint64_t last_sequence, uint16_t parts);

  /// A part of batch `token` was applied by `shard`, whose log entry `log_sequence` covers it (0:
  /// no entry is needed).
  void applied(uint64_t token, uint16_t shard, uint64_t log_sequence);

  /// Highest sequence up to which everything was applied.
  uint64_t memory_sequence() const { return memory_sequence_; }

  /// Moves and returns the watermark of `local`, given how far each shard's log is durable.
  uint64_t advance_local(const std::vector<uint64_t>& durable);

  bool idle() const { return head_ == batches_.size(); }

 private:
  struct LogPosition {
    uint16_t shard;
    uint64_t sequence;
  };
  struct Batch {
    uint64_t last_sequence = 0;
    uint16_t waiting = 0;
    /// The first part's position inline: nearly every batch has one part.
    LogPosition first{0, 0};
    std::vector<LogPosition> more;
  };

  void advance_memory();
  void compact();

  std::vector<Batch> batches_;  // [head_, end): not yet durable
  size_t head_ = 0;
  size_t memory_at_ = 0;      // index of the first batch not yet wholly applied
  uint64_t first_token_ = 1;  // token of batches_[0]
  uint64_t memory_sequence_ = 0;
  uint64_t local_sequence_ = 0;
};

}  // namespace topgun::node
