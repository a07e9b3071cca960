#include "host-native/storage/checkpointer.hpp"

#include <algorithm>

#include "core/base/probe.hpp"
#include "host-native/storage/backup.hpp"

namespace topgun::host {
namespace {

constexpr uint64_t kRetryIntervalMs = 1000;
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

Checkpointer::Checkpointer(CheckpointStore& store, LogDirectory& directory, LogPump& log,
                           const Options& options, const storage::StorageCallbacks& callbacks,
                           const CheckpointStore::Report& report, uint64_t now_ms)
    : store_(store),
      directory_(directory),
      log_(log),
      options_(options),
      callbacks_(callbacks),
      report_(report),
      is_dirty_(options.is_dirty),
      next_round_ms_(now_ms + options.interval_ms) {}

void Checkpointer::take(uint16_t shard, node::CheckpointChunk chunk) {
  backlog_bytes_.fetch_add(chunk_bytes(chunk), std::memory_order_relaxed);
  const std::lock_guard lock(mutex_);
  inbox_.push_back({shard, std::move(chunk)});
}

bool Checkpointer::has_chunks() const {
  const std::lock_guard lock(mutex_);
  return !inbox_.empty();
}

uint64_t Checkpointer::due_ms() const {
  if (recycling_ != Recycling::None || has_chunks()) return 0;
  uint64_t due = next_round_ms_;
  if (write_wanted()) due = std::min(due, next_attempt_ms_);
  if (segment_without_spare()) due = std::min(due, next_spare_attempt_ms_);
  return due;
}

void Checkpointer::step(uint64_t now_ms) {
  if (write_step(now_ms)) return;
  if (now_ms >= next_round_ms_) return begin_round(now_ms);
  const std::optional<uint64_t> segment = segment_without_spare();
  if (segment && now_ms >= next_spare_attempt_ms_) prepare_spare(*segment, now_ms);
}

void Checkpointer::finish(uint64_t now_ms) {
  while (write_step(now_ms)) {
  }
}

/// A step of a round that is under way; false if there is none to do.
bool Checkpointer::write_step(uint64_t now_ms) {
  if (recycling_ == Recycling::MakeDurable) {
    make_durable();
  } else if (recycling_ == Recycling::Retire) {
    retire();
  } else if (write_wanted() && now_ms >= next_attempt_ms_) {
    write(now_ms);
  } else if (has_chunks()) {
    add_one();
  } else {
    return false;
  }
  return true;
}

void Checkpointer::begin_round(uint64_t now_ms) {
  next_round_ms_ = now_ms + options_.interval_ms;
  if (is_round_open_) return;  // A slow one; the next begins at the next interval.
  const uint64_t appended = log_.appended_count();
  if (!is_dirty_ && appended == appended_before_round_) return;
  appended_before_round_ = appended;
  is_round_open_ = true;
  answered_.assign(options_.shard_count, false);
  if (callbacks_.checkpoint_wanted) callbacks_.checkpoint_wanted();
}

void Checkpointer::add_one() {
  std::optional<Chunk> chunk;
  {
    const std::lock_guard lock(mutex_);
    chunk = std::move(inbox_.front());
    inbox_.pop_front();
  }
  add(std::move(*chunk));
}

void Checkpointer::add(Chunk chunk) {
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

bool Checkpointer::is_round_complete() const {
  return is_round_open_ && std::find(answered_.begin(), answered_.end(), false) == answered_.end();
}

bool Checkpointer::write_wanted() const {
  return pending_bytes_ >= kTransactionBytes || is_round_complete();
}

void Checkpointer::write(uint64_t now_ms) {
  const bool is_complete = is_round_complete();
  if (is_complete) finish_round();
  const Result<void> written = store_.write(pending_);
  if (!written.ok()) {
    TG_SOMETIMES(true, CheckpointFails);
    next_attempt_ms_ = now_ms + kRetryIntervalMs;
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
  if (!start) return;
  recycling_ = Recycling::MakeDurable;
  recycle_before_ = start->segment;
}

/// Adds to the last transaction of a round what only a complete one can say: all log of earlier
/// runs is covered, and so where the log has to begin.
void Checkpointer::finish_round() {
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

void Checkpointer::make_durable() {
  recycling_ = Recycling::None;
  Result<std::vector<uint64_t>> segments = directory_.segments();
  if (!segments.ok()) return;
  segments->erase(std::lower_bound(segments->begin(), segments->end(), recycle_before_),
                  segments->end());
  if (segments->empty() && undurable_bytes_ < kUndurableBytesMax) return;
  // The order matters: what a segment held is on stable storage before the segment is gone.
  if (!TG_MUTANT(24) && !store_.make_durable().ok()) return;
  undurable_bytes_ = 0;
  log_.release_before(recycle_before_);
  if (segments->empty()) return;
  TG_SOMETIMES(true, LogRecycles);
  superfluous_ = std::move(*segments);
  recycling_ = Recycling::Retire;
}

void Checkpointer::retire() {
  recycling_ = Recycling::None;
  if (!directory_.retire(superfluous_).ok() && report_) {
    report_("log: cannot recycle segments; tried again after the next checkpoint");
  }
}

/// The segment that the log writes to, if it has filled a quarter of it and so will want the next
/// one: writing a whole segment full of zeros takes a while.
std::optional<uint64_t> Checkpointer::segment_without_spare() const {
  const storage::LogWriter::Position end = log_.durable_end();
  if (end.offset < options_.segment_bytes / 4) return std::nullopt;
  if (end.segment == spare_made_in_segment_) return std::nullopt;
  return end.segment;
}

void Checkpointer::prepare_spare(uint64_t segment, uint64_t now_ms) {
  if (directory_.prepare_spare(options_.segment_bytes).ok()) {
    spare_made_in_segment_ = segment;
    return;
  }
  next_spare_attempt_ms_ = now_ms + kRetryIntervalMs;
  if (report_) report_("log: cannot prepare the next segment");
}

Result<void> Checkpointer::backup(storage::FileSystem& files, const std::string& directory) {
  return write_backup(files, store_, directory_, log_.durable_end(), directory);
}

}  // namespace topgun::host
