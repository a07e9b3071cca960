#pragma once

#include <deque>
#include <optional>
#include <vector>

#include "core/base/bytes.hpp"
#include "core/base/result.hpp"
#include "core/storage/log_format.hpp"
#include "core/storage/log_retention.hpp"

namespace topgun::storage {

/// Where a recovered log ends, and so where writing goes on.
struct LogEnd {
  /// The highest segment number in use, with or without blocks; 0 for a new log.
  uint64_t segment = 0;
  /// The last block of the chain; none in a new log.
  struct LastBlock {
    BlockHeader header;
    uint64_t checksum = 0;
    Bytes payload;
  };
  std::optional<LastBlock> last;
};

/// Group commit as a state machine. Entries go in, requests for the host come out, one at a time:
/// while one is carried out, entries gather and form the next block. So latency is at most two
/// syncs, and the batch grows with the load by itself (no timer).
///
/// A segment whose write or sync failed is never touched again: after a failed fsync the kernel may
/// call pages clean that never reached the disk, so a second fsync that succeeds proves nothing
/// (Rebello et al., "Can Applications Recover from fsync Failures?", ATC 2020). The block is still
/// in memory and goes to a new segment. If that fails too, the writer stops: nothing becomes
/// durable until `retry` finds a segment that works.
///
/// For the same reason the last block of a recovered log is written once more, first thing: it may
/// have been read from the page cache of a machine that never got it to disk.
///
/// Not thread-safe. Memory: the entries that are not yet durable.
class LogWriter {
 public:
  struct Options {
    uint64_t log_id = 0;
    uint64_t incarnation = 0;
    /// Size of new segments, a multiple of the page. A block that needs more gets a larger one.
    uint64_t segment_bytes = 64ull << 20;
    /// Blocks are closed at this size, header included; at most `kBlockBytesMax`.
    uint64_t block_bytes = kBlockBytesMax;
  };

  LogWriter(const Options& options, LogEnd end);

  /// Takes over entries of one shard, `first_sequence` and onwards, back to back. `TooLarge` if an
  /// entry exceeds `kEntryBytesMax`, `Malformed` if the bytes are not whole entries with these
  /// sequences; nothing is taken then. O(entries).
  Result<void> append(uint16_t shard, uint64_t first_sequence, uint64_t last_sequence,
                      Bytes entries);

  /// What the host must do next; it answers with `completed`, always.
  struct Request {
    enum class Kind : uint8_t {
      /// Make segment `segment` of `bytes` bytes with its header durable under its name.
      OpenSegment,
      /// Write `data` at `offset` of `segment`, the one opened last, and sync it.
      Write,
    };
    Kind kind = Kind::Write;
    uint64_t segment = 0;
    uint64_t bytes = 0;
    uint64_t offset = 0;
    /// Borrowed from the writer, valid until `completed`.
    ByteView data;
  };

  /// Nothing while a request is out, while stopped, or when all is durable.
  std::optional<Request> next();

  /// Entries of one stream up to `sequence` are on stable storage.
  struct Durable {
    LogStream stream;
    uint64_t sequence = 0;
  };

  /// What a completed write made durable: `block` of `segment`. Empty for other requests and for
  /// failures.
  struct Progress {
    uint64_t segment = 0;
    uint64_t block = 0;
    std::vector<Durable> durable;
  };

  /// Reports the outcome of the request that is out. `StorageFull` and `StorageIo` are told apart
  /// only for `stopped`.
  Progress completed(const Result<void>& outcome);

  /// Why the writer stopped, while it is stopped.
  std::optional<Error> stopped() const { return stopped_; }

  /// Makes a stopped writer try again, with a new segment.
  void retry() { stopped_.reset(); }

  /// Nothing is waiting and nothing is out.
  bool idle() const { return !in_flight_ && block_.empty() && pending_.empty(); }
  uint64_t pending_bytes() const { return pending_bytes_ + block_bytes_; }

  /// The segment written to and the end of what is durable in it; 0 and 0 before the first.
  struct Position {
    uint64_t segment = 0;
    uint64_t offset = 0;
  };
  Position position() const { return {open_ ? segment_ : 0, open_ ? offset_ : 0}; }

 private:
  struct Pending {
    uint16_t shard = 0;
    uint64_t first_sequence = 0;
    uint64_t last_sequence = 0;
    Bytes entries;
    size_t taken = 0;  // Bytes of `entries` that are in a block already.
  };

  void repeat_last_block(LogEnd::LastBlock last);
  void build_block();
  bool take_group(Pending& pending);
  void note_stream(const Durable& group);
  uint64_t block_span() const { return align_to_page(block_bytes_); }

  Options options_;
  std::deque<Pending> pending_;
  uint64_t pending_bytes_ = 0;

  // The block that is waiting to be written or being written; empty if there is none. It stays
  // here until a sync succeeded.
  Bytes block_;
  uint64_t block_bytes_ = 0;  // Without padding.
  BlockHeader header_;
  uint64_t checksum_ = 0;
  std::vector<Durable> block_streams_;

  uint64_t next_block_ = 1;
  uint64_t previous_ = 0;

  uint64_t segment_ = 0;  // Highest number ever asked for.
  bool open_ = false;
  uint64_t segment_bytes_ = 0;
  uint64_t offset_ = 0;

  std::optional<Request::Kind> in_flight_;
  bool write_failed_ = false;
  std::optional<Error> stopped_;
};

}  // namespace topgun::storage
