#pragma once

#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "core/base/bytes.hpp"

namespace topgun::storage {

/// Names the stream of entries that one shard wrote during one run of the node.
struct LogStream {
  uint64_t incarnation = 0;
  uint16_t shard = 0;
  friend constexpr auto operator<=>(LogStream, LogStream) = default;
};

/// For each stream, the sequence up to which the checkpoint holds its effects.
class AppliedVector {
 public:
  /// Nothing is ever taken back: a lower sequence than known is ignored.
  void advance(LogStream stream, uint64_t sequence) {
    uint64_t& known = sequences_[stream];
    if (sequence > known) known = sequence;
  }
  uint64_t sequence(LogStream stream) const {
    const auto found = sequences_.find(stream);
    return found == sequences_.end() ? 0 : found->second;
  }
  void erase(LogStream stream) { sequences_.erase(stream); }
  /// In ascending order of the streams.
  const std::map<LogStream, uint64_t>& entries() const { return sequences_; }

 private:
  std::map<LogStream, uint64_t> sequences_;
};

/// Knows what each segment of the log holds, and so which segments a checkpoint has made
/// superfluous. Memory: one number for each stream of each segment.
class LogRetention {
 public:
  /// Block number `block` of `segment` holds entries of `stream` up to `sequence`. Blocks come in
  /// the order of the log.
  void note(uint64_t segment, uint64_t block, LogStream stream, uint64_t sequence);

  /// Where the log must begin if the checkpoint is at `applied`.
  struct Start {
    uint64_t segment = 0;
    uint64_t block = 0;  ///< The first block of that segment.
  };

  /// The first segment that is still needed: the first with an entry beyond `applied`, and never
  /// later than the last segment with a block, because the chain continues from there. Nothing if
  /// no block was noted. O(streams of all segments).
  std::optional<Start> start(const AppliedVector& applied) const;

  /// Forgets the segments before `segment` and returns their numbers, ascending.
  std::vector<uint64_t> release_before(uint64_t segment);

  /// The streams that segments hold, with the last sequence of each.
  std::map<LogStream, uint64_t> streams() const;

 private:
  struct Segment {
    uint64_t first_block = 0;
    std::map<LogStream, uint64_t> last;
  };
  std::map<uint64_t, Segment> segments_;
};

}  // namespace topgun::storage
