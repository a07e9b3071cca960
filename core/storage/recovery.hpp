#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string_view>

#include "core/base/bytes.hpp"
#include "core/base/result.hpp"
#include "core/storage/log_format.hpp"
#include "core/storage/log_writer.hpp"

namespace topgun::storage {

/// Reads a log back, segment by segment, and tells a torn tail from damage.
///
/// There is never more than one block under way to the disk, so a crash can spoil only the last
/// block of the log. Where no valid block stands, therefore: if none stands after it either, it is
/// the torn tail, nothing in it was ever acknowledged, and the log ends here. If one does, in this
/// segment or as a gap in the chain to the next, an acknowledged block was damaged:
/// `StorageCorrupt` with its place, and nothing is cut off.
///
/// Pure: bytes in, entries out. O(bytes); memory: the last block.
class LogRecovery {
 public:
  /// `start` is where the checkpoint says that the log begins. Without one, the log begins with
  /// block 1, or there is none yet.
  LogRecovery(uint64_t log_id, std::optional<LogRetention::Start> start);

  /// Called for each group of entries in the order of the log; an error ends the recovery with it.
  using OnGroup = std::function<Result<void>(const BlockHeader& block, const EntryGroup& group)>;

  /// Where and what is wrong.
  struct Damage {
    uint64_t segment = 0;
    uint64_t offset = 0;
    std::string_view reason;
  };

  /// The whole content of segment `number`. Segments come in ascending order, none before the
  /// start's. `StorageCorrupt`, or the error of `on_group`; `damage` then says where.
  Result<void> segment(uint64_t number, ByteView content, const OnGroup& on_group);

  /// After the last segment: `StorageCorrupt` if a log that must exist did not.
  Result<void> finish();

  const std::optional<Damage>& damage() const { return damage_; }

  /// What the segments hold, repeated blocks included.
  LogRetention take_retention() { return std::move(retention_); }
  /// Where the log ended.
  LogEnd take_end() { return std::move(end_); }
  /// The end of the valid blocks of the last segment.
  uint64_t tail_offset() const { return tail_.offset; }
  /// Bytes of the block that a crash tore, as far as its header tells.
  uint64_t torn_bytes() const { return torn_bytes_; }
  /// Bytes and count of the blocks read.
  uint64_t log_bytes() const { return log_bytes_; }
  uint64_t blocks() const { return blocks_; }

 private:
  Error damaged(uint64_t segment, uint64_t offset, std::string_view reason);
  Result<void> check_link(uint64_t number, uint64_t offset, const Block& block,
                          bool is_first_in_segment, bool& is_repetition);
  Result<void> deliver(uint64_t number, uint64_t offset, const Block& block, bool is_repetition,
                       const OnGroup& on_group);
  Result<void> check_tail(uint64_t number, uint64_t offset, ByteView content);

  uint64_t log_id_;
  std::optional<LogRetention::Start> start_;
  LogEnd end_;
  LogRetention retention_;
  // Each stream counts without gaps, so a block that was never written is noticed, too.
  std::map<LogStream, uint64_t> last_sequences_;
  struct Place {
    uint64_t segment = 0;
    uint64_t offset = 0;
  };
  Place tail_;
  uint64_t torn_bytes_ = 0;
  uint64_t log_bytes_ = 0;
  uint64_t blocks_ = 0;
  std::optional<Damage> damage_;
};

}  // namespace topgun::storage
