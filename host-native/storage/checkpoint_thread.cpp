#include "host-native/storage/checkpoint_thread.hpp"

#include <algorithm>

#include "host-native/storage/backup.hpp"

namespace topgun::host {
namespace {

constexpr std::chrono::milliseconds kRetryInterval{1000};
// Rows gather up to here, so that a transaction visits each page once for many rows.
constexpr uint64_t kTransactionBytes = 8u << 20;
// The WAL is folded into the database after this much, or when log can be recycled.
constexpr uint64_t kUndurableBytesMax = 64u << 20;

uint64_t chunk_bytes(const node::CheckpointChunk& chunk) {
  uint64_t bytes = 0;
  for (const Bytes& batch : chunk.batches) bytes += batch.size();
  return bytes;
}

}  // namespace

CheckpointThread::CheckpointThread(CheckpointStore& store, LogDirectory& directory, LogThread& log,
                                   const Options& options,
                                   const StorageEngine::Callbacks& callbacks,
                                   const CheckpointStore::Report& report)
    : store_(store),
      directory_(directory),
      log_(log),
      options_(options),
      callbacks_(callbacks),
      report_(report),
      is_dirty_(options.is_dirty),
      next_round_(Clock::now() + std::chrono::milliseconds(options.interval_ms)) {
  thread_ = std::thread([this] { run(); });
}

void CheckpointThread::take(uint16_t shard, node::CheckpointChunk chunk) {
  backlog_bytes_.fetch_add(chunk_bytes(chunk), std::memory_order_relaxed);
  {
    const std::lock_guard lock(mutex_);
    inbox_.push_back({shard, std::move(chunk)});
  }
  wake_.notify_one();
}

Result<void> CheckpointThread::backup(const std::string& directory) {
  std::future<Result<void>> done;
  {
    const std::lock_guard lock(mutex_);
    if (closing_) return Error::Closed;
    backups_.push_back({directory, {}});
    done = backups_.back().done.get_future();
  }
  wake_.notify_one();
  return done.get();
}

void CheckpointThread::close() {
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void CheckpointThread::run() {
  for (;;) {
    std::vector<Chunk> chunks;
    bool is_last_turn = false;
    {
      std::unique_lock lock(mutex_);
      wake_.wait_for(lock, time_to_wait(),
                     [this] { return closing_ || !inbox_.empty() || !backups_.empty(); });
      chunks.swap(inbox_);
      is_last_turn = closing_;
    }
    for (Chunk& chunk : chunks) {
      add(std::move(chunk));
      write_if_due();
    }
    write_if_due();
    do_backups();
    if (is_last_turn) return;
    begin_round_if_due();
    prepare_spare();
  }
}

CheckpointThread::Clock::duration CheckpointThread::time_to_wait() const {
  const bool has_failed = next_attempt_ > Clock::now();
  const Clock::time_point next = has_failed ? next_attempt_ : next_round_;
  return std::max<Clock::duration>(next - Clock::now(), std::chrono::milliseconds(1));
}

void CheckpointThread::begin_round_if_due() {
  if (Clock::now() < next_round_) return;
  next_round_ = Clock::now() + std::chrono::milliseconds(options_.interval_ms);
  if (is_round_open_) return;  // A slow one; the next begins at the next interval.
  const uint64_t appended = log_.appended_count();
  if (!is_dirty_ && appended == appended_before_round_) return;
  appended_before_round_ = appended;
  is_round_open_ = true;
  answered_.assign(options_.shard_count, false);
  if (callbacks_.checkpoint_wanted) callbacks_.checkpoint_wanted();
}

void CheckpointThread::add(Chunk chunk) {
  const uint64_t bytes = chunk_bytes(chunk.content);
  pending_bytes_ += bytes;
  for (Bytes& batch : chunk.content.batches) pending_.batches.push_back(std::move(batch));
  for (auto& purge : chunk.content.purges) purges_.push_back(std::move(purge));
  if (!chunk.content.last) return;
  const storage::LogStream stream{options_.incarnation, chunk.shard};
  uint64_t& covered = pending_.advance[stream];
  covered = std::max(covered, chunk.content.covers_sequence);
  if (chunk.shard < answered_.size()) answered_[chunk.shard] = true;
}

void CheckpointThread::write_if_due() {
  const bool is_complete =
      is_round_open_ && std::find(answered_.begin(), answered_.end(), false) == answered_.end();
  if (!is_complete && pending_bytes_ < kTransactionBytes) return;
  if (Clock::now() < next_attempt_) return;
  if (is_complete) finish_round();
  const Result<void> written = store_.write(pending_);
  if (!written.ok()) {
    next_attempt_ = Clock::now() + kRetryInterval;
    return;
  }
  const std::optional<storage::LogRetention::Start> start = pending_.log_start;
  undurable_bytes_ += pending_bytes_;
  backlog_bytes_.fetch_sub(pending_bytes_, std::memory_order_relaxed);
  pending_ = {};
  pending_bytes_ = 0;
  if (!is_complete) return;
  is_round_open_ = false;
  is_dirty_ = false;
  ripe_purges_ = std::move(purges_);
  purges_.clear();
  if (start) recycle(*start);
}

/// Adds to the last transaction of a round what only a complete one can say: all log of earlier
/// runs is covered, and so where the log has to begin.
void CheckpointThread::finish_round() {
  storage::AppliedVector after = store_.applied();
  for (const auto& [stream, sequence] : pending_.advance) after.advance(stream, sequence);
  const std::map<storage::LogStream, uint64_t> streams = log_.streams();
  for (const auto& [stream, sequence] : streams) {
    if (stream.incarnation == options_.incarnation) continue;
    pending_.advance[stream] = sequence;
    after.advance(stream, sequence);
  }
  pending_.purges = ripe_purges_;
  pending_.forget.clear();
  for (const auto& [stream, sequence] : after.entries()) {
    if (stream.incarnation == options_.incarnation || streams.count(stream) != 0) continue;
    pending_.forget.push_back(stream);
  }
  pending_.log_start = log_.start(after);
}

void CheckpointThread::recycle(const storage::LogRetention::Start& start) {
  Result<std::vector<uint64_t>> segments = directory_.segments();
  if (!segments.ok()) return;
  segments->erase(std::lower_bound(segments->begin(), segments->end(), start.segment),
                  segments->end());
  if (segments->empty() && undurable_bytes_ < kUndurableBytesMax) return;
  // The order matters: what a segment held is on stable storage before the segment is gone.
  if (!store_.make_durable().ok()) return;
  undurable_bytes_ = 0;
  log_.release_before(start.segment);
  if (segments->empty()) return;
  if (!directory_.retire(*segments).ok() && report_) {
    report_("log: cannot recycle segments; tried again after the next checkpoint");
  }
}

/// Writing a whole segment full of zeros takes a while; a log that has filled a quarter of its
/// segment will want the next one.
void CheckpointThread::prepare_spare() {
  const uint64_t used = log_.durable_end().offset;
  if (used < options_.segment_bytes / 4) return;
  if (!directory_.prepare_spare(options_.segment_bytes).ok() && report_) {
    report_("log: cannot prepare the next segment");
  }
}

void CheckpointThread::do_backups() {
  std::vector<Backup> backups;
  {
    const std::lock_guard lock(mutex_);
    backups.swap(backups_);
  }
  for (Backup& each : backups) {
    each.done.set_value(write_backup(store_, directory_, log_.durable_end(), each.directory));
  }
}

}  // namespace topgun::host
