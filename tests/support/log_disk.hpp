#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/base/gen.hpp"
#include "core/storage/log_format.hpp"
#include "core/storage/log_retention.hpp"
#include "core/storage/log_writer.hpp"
#include "core/storage/recovery.hpp"

namespace topgun::storage {

/// A disk with a page cache, for log files. Written bytes can be read back at once; until a sync
/// succeeds, losing power may take any sector of them back, or tear it. A sync that fails leaves
/// them at risk for ever, even if a later one succeeds, as Linux does.
class LogDisk {
 public:
  static constexpr uint64_t kSectorBytes = 512;

  /// Header and name are durable at once; the rest is a recycled file's old content, if there is
  /// one.
  void create(const SegmentHeader& header, uint64_t bytes);
  void write(uint64_t segment, uint64_t offset, ByteView data);
  void sync(uint64_t segment) { at_risk_.erase(segment); }
  void sync_fails(uint64_t segment);
  void retire(uint64_t segment);
  void truncate(uint64_t segment, uint64_t bytes);

  /// Sectors that a loss of power may spoil.
  uint64_t sectors_at_risk() const;
  /// Every sector at risk is kept, lost or, where `may_tear`, half written, as `gen` chooses.
  void lose_power(Gen& gen, bool may_tear);

  std::map<uint64_t, Bytes>& segments() { return segments_; }
  const std::map<uint64_t, Bytes>& segments() const { return segments_; }

 private:
  struct Write {
    uint64_t offset = 0;
    Bytes before;
    bool poisoned = false;
  };

  std::map<uint64_t, Bytes> segments_;
  std::map<uint64_t, std::vector<Write>> at_risk_;
  std::map<uint64_t, std::vector<Write>> poisoned_;
  std::vector<Bytes> spares_;
};

/// A node that writes numbered entries to a `LogDisk` through a `LogWriter`, and remembers what it
/// was promised.
class LogModel {
 public:
  struct Limits {
    uint64_t segment_bytes = 4 * kLogPageBytes;
    uint64_t block_bytes = 2 * kLogPageBytes;
  };
  LogModel() = default;
  explicit LogModel(Limits limits) : limits_(limits) {}

  enum class Outcome : uint8_t { Done, Failed, FullDisk };

  /// Recovers and begins a new incarnation. False if recovery failed or something acknowledged is
  /// missing; `problem` says what.
  bool restart();
  const std::string& problem() const { return problem_; }

  /// Appends `count` entries of `entry_bytes` each.
  void append(uint16_t shard, uint64_t count, uint64_t entry_bytes);

  /// Carries out the writer's next request. False if there was none.
  bool step(Outcome outcome = Outcome::Done);
  /// Writes without syncing: the state in which a crash finds a busy node.
  bool step_without_completion();
  void run_until_idle() {
    while (step()) {
    }
  }
  void retry() { writer_->retry(); }
  bool stopped() const { return writer_->stopped().has_value(); }

  /// A checkpoint of everything acknowledged so far; segments it makes superfluous are recycled.
  void checkpoint();

  LogDisk& disk() { return disk_; }
  const std::map<uint64_t, Bytes>& segments() const { return disk_.segments(); }
  uint64_t log_id() const { return kLogId; }
  uint64_t entries_recovered() const { return entries_recovered_; }
  uint64_t blocks_written() const { return blocks_written_; }
  LogWriter::Position position() const { return writer_->position(); }
  const std::optional<LogRecovery::Damage>& damage() const { return damage_; }

  /// Reads the log as it is now and compares it with what was acknowledged; changes nothing.
  Result<void> verify();

 private:
  static constexpr uint64_t kLogId = 0x5eed;
  static Bytes payload(LogStream stream, uint64_t sequence, uint64_t bytes);
  Result<void> recover(LogRecovery& recovery, std::map<LogStream, uint64_t>& seen);
  bool is_complete(const std::map<LogStream, uint64_t>& seen);

  Limits limits_;
  LogDisk disk_;
  std::optional<LogWriter> writer_;
  LogRetention retention_;
  AppliedVector applied_;
  std::optional<LogRetention::Start> start_;
  uint64_t incarnation_ = 0;
  std::map<uint16_t, uint64_t> appended_;
  std::map<LogStream, uint64_t> acknowledged_;
  std::map<LogStream, uint64_t> ever_appended_;
  uint64_t entries_recovered_ = 0;
  uint64_t blocks_written_ = 0;
  std::optional<LogRecovery::Damage> damage_;
  std::string problem_;
};

}  // namespace topgun::storage
