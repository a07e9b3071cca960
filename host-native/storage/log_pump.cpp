#include "host-native/storage/log_pump.hpp"

#include "core/base/probe.hpp"

namespace topgun::host {
namespace {

// How long a stopped log waits before it tries a new file. Long enough not to hammer a sick disk,
// short enough that a full one comes back soon after space does.
constexpr uint64_t kRetryIntervalMs = 500;

}  // namespace

LogPump::LogPump(LogDirectory& directory, const storage::LogWriter::Options& options,
                 storage::LogEnd end, storage::LogWriter::Position tail,
                 storage::LogRetention retention, const storage::StorageCallbacks& callbacks)
    : directory_(directory),
      options_(options),
      callbacks_(callbacks),
      writer_(options, std::move(end)),
      retention_(std::move(retention)),
      durable_end_(tail) {
  if (tail.segment != 0) tail_to_cut_ = tail;
}

void LogPump::begin(uint64_t now_ms) {
  while (!writer_.stopped() && !writer_.idle()) step(now_ms);
}

uint64_t LogPump::due_ms() const {
  if (is_written_) return 0;
  if (writer_.stopped()) return retry_ms_;
  return writer_.idle() && !has_entries() ? kNever : 0;
}

void LogPump::step(uint64_t now_ms) {
  if (due_ms() > now_ms) return;
  if (is_written_) return sync_block(now_ms);
  if (writer_.stopped()) writer_.retry();
  // While nothing is under way, what has gathered goes into the next block.
  take_inbox();
  const std::optional<storage::LogWriter::Request> request = writer_.next();
  if (!request) return;
  if (request->kind == storage::LogWriter::Request::Kind::OpenSegment) {
    return completed(open_segment(*request), now_ms);
  }
  const Result<void> written = file_->write(request->offset, request->data);
  is_written_ = written.ok();
  if (!written.ok()) completed(written, now_ms);
}

void LogPump::finish(uint64_t now_ms) {
  // What a stopped log cannot take in one more attempt stays unacknowledged.
  for (int attempt = 0; attempt < 2; ++attempt) {
    if (writer_.stopped()) retry_ms_ = now_ms;
    while (due_ms() <= now_ms) step(now_ms);
  }
}

void LogPump::take_inbox() {
  std::vector<Append> taken;
  {
    const std::lock_guard lock(mutex_);
    taken.swap(inbox_);
  }
  for (Append& each : taken) {
    const Result<void> accepted =
        writer_.append(each.shard, each.entries.first_sequence, each.entries.last_sequence,
                       std::move(each.entries.entries));
    // The shards make these bytes themselves, within the limits; to go on without them would leave
    // a hole in the log that nobody sees.
    TG_ASSERT(accepted.ok());
  }
}

Result<void> LogPump::open_segment(const storage::LogWriter::Request& request) {
  file_.reset();
  Result<std::unique_ptr<LogFile>> created =
      directory_.create({options_.log_id, request.segment}, request.bytes);
  if (!created.ok()) return created.error();
  file_ = std::move(*created);
  return {};
}

void LogPump::sync_block(uint64_t now_ms) {
  is_written_ = false;
  Result<void> synced = TG_MUTANT(22) ? Result<void>() : file_->sync();
  TG_SOMETIMES(!synced.ok(), LogSyncFails);
  if (TG_MUTANT(23)) synced = Result<void>();
  completed(synced, now_ms);
}

void LogPump::completed(const Result<void>& outcome, uint64_t now_ms) {
  if (!outcome.ok()) file_.reset();
  const storage::LogWriter::Progress progress = writer_.completed(outcome);
  if (writer_.stopped()) {
    retry_ms_ = now_ms + kRetryIntervalMs;
    if (!is_stopped_ && callbacks_.failed) callbacks_.failed(*writer_.stopped());
    is_stopped_ = true;
    return;
  }
  if (progress.block == 0) return;  // A new segment, or a failure that is worth another one.
  publish(progress);
  if (tail_to_cut_) cut_tail();
  if (!is_stopped_) return;
  is_stopped_ = false;
  TG_SOMETIMES(true, LogRecovers);
  if (callbacks_.recovered) callbacks_.recovered();
}

void LogPump::publish(const storage::LogWriter::Progress& progress) {
  {
    const std::lock_guard lock(mutex_);
    durable_end_ = writer_.position();
    for (const storage::LogWriter::Durable& each : progress.durable) {
      retention_.note(progress.segment, progress.block, each.stream, each.sequence);
    }
  }
  if (!callbacks_.durable) return;
  for (const storage::LogWriter::Durable& each : progress.durable) {
    // The repeated last block of an earlier run is nobody's news.
    if (each.stream.incarnation != options_.incarnation) continue;
    callbacks_.durable(each.stream.shard, each.sequence);
  }
}

/// Gives back what the segment of the last run had allocated beyond its end. Only now, with its
/// last block safe in a new segment, is nothing of it needed but what lies before. A failure costs
/// disk space until the segment is recycled, nothing more.
void LogPump::cut_tail() {
  (void)directory_.truncate(tail_to_cut_->segment, tail_to_cut_->offset);
  tail_to_cut_.reset();
}

bool LogPump::append(uint16_t shard, node::Effects::LogAppend append) {
  if (append.entries.empty()) return false;
  const std::lock_guard lock(mutex_);
  inbox_.push_back({shard, std::move(append)});
  appended_count_ += 1;
  // The driver looks into the inbox before it waits, so telling it of the first entry is enough.
  return inbox_.size() == 1;
}

bool LogPump::has_entries() const {
  const std::lock_guard lock(mutex_);
  return !inbox_.empty();
}

storage::LogWriter::Position LogPump::durable_end() const {
  const std::lock_guard lock(mutex_);
  return durable_end_;
}

uint64_t LogPump::appended_count() const {
  const std::lock_guard lock(mutex_);
  return appended_count_;
}

std::optional<storage::LogRetention::Start> LogPump::start(
    const storage::AppliedVector& applied) const {
  const std::lock_guard lock(mutex_);
  return retention_.start(applied);
}

std::map<storage::LogStream, uint64_t> LogPump::streams() const {
  const std::lock_guard lock(mutex_);
  return retention_.streams();
}

std::vector<uint64_t> LogPump::release_before(uint64_t segment) {
  const std::lock_guard lock(mutex_);
  return retention_.release_before(segment);
}

}  // namespace topgun::host
