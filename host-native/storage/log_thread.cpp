#include "host-native/storage/log_thread.hpp"

#include <chrono>

namespace topgun::host {
namespace {

// How long a stopped log waits before it tries a new file. Long enough not to hammer a sick disk,
// short enough that a full one comes back soon after space does.
constexpr std::chrono::milliseconds kRetryInterval{500};

}  // namespace

LogThread::LogThread(LogDirectory& directory, const storage::LogWriter::Options& options,
                     storage::LogEnd end, storage::LogWriter::Position tail,
                     storage::LogRetention retention, const StorageEngine::Callbacks& callbacks)
    : directory_(directory),
      options_(options),
      callbacks_(callbacks),
      writer_(options, std::move(end)),
      retention_(std::move(retention)),
      durable_end_(tail) {
  if (tail.segment != 0) tail_to_cut_ = tail;
  // The last block of the log goes to its new segment before anything else happens: what recovery
  // read may so far exist in the page cache only, and a client that offers it again will be told at
  // once that it is durable. If the disk refuses, the thread starts as a stopped log.
  while (const auto request = writer_.next()) carry_out(*request);
  thread_ = std::thread([this] { run(); });
}

void LogThread::append(uint16_t shard, node::Effects::LogAppend append) {
  if (append.entries.empty()) return;
  bool was_empty = false;
  {
    const std::lock_guard lock(mutex_);
    was_empty = inbox_.empty();
    inbox_.push_back({shard, std::move(append)});
    appended_count_ += 1;
  }
  // The thread looks into the inbox before it sleeps, so one call for the first entry is enough.
  if (was_empty) wake_.notify_one();
}

void LogThread::close() {
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void LogThread::run() {
  for (;;) {
    // While nothing is under way, what has gathered goes into the next block.
    while (const auto request = writer_.next()) {
      carry_out(*request);
      take_inbox();
    }
    if (writer_.stopped()) {
      if (!wait_for_retry()) return;
      continue;
    }
    std::unique_lock lock(mutex_);
    wake_.wait(lock, [this] { return closing_ || !inbox_.empty(); });
    const bool is_done = inbox_.empty();
    lock.unlock();
    if (is_done) return;
    take_inbox();
  }
}

void LogThread::take_inbox() {
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

/// False if the thread shall end: what a stopped log could not take by the time of `close`, and in
/// one more attempt after it, stays unacknowledged.
bool LogThread::wait_for_retry() {
  note_stop();
  if (is_last_attempt_) return false;
  std::unique_lock lock(mutex_);
  wake_.wait_for(lock, kRetryInterval, [this] { return closing_; });
  is_last_attempt_ = closing_;
  lock.unlock();
  take_inbox();
  writer_.retry();
  return true;
}

void LogThread::note_stop() {
  if (is_stopped_) return;
  is_stopped_ = true;
  if (callbacks_.failed) callbacks_.failed(*writer_.stopped());
}

void LogThread::carry_out(const storage::LogWriter::Request& request) {
  const bool is_write = request.kind == storage::LogWriter::Request::Kind::Write;
  const Result<void> outcome = perform(request);
  if (!outcome.ok()) file_.reset();
  const storage::LogWriter::Progress progress = writer_.completed(outcome);
  if (!is_write || !outcome.ok()) return;
  publish(progress);
  if (tail_to_cut_) cut_tail();
  if (!is_stopped_) return;
  is_stopped_ = false;
  if (callbacks_.recovered) callbacks_.recovered();
}

Result<void> LogThread::perform(const storage::LogWriter::Request& request) {
  if (request.kind == storage::LogWriter::Request::Kind::OpenSegment) {
    file_.reset();
    Result<std::unique_ptr<LogFile>> created =
        directory_.create({options_.log_id, request.segment}, request.bytes);
    if (!created.ok()) return created.error();
    file_ = std::move(*created);
    return {};
  }
  if (auto written = file_->write(request.offset, request.data); !written.ok()) return written;
  return file_->sync();
}

void LogThread::publish(const storage::LogWriter::Progress& progress) {
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
void LogThread::cut_tail() {
  (void)directory_.truncate(tail_to_cut_->segment, tail_to_cut_->offset);
  tail_to_cut_.reset();
}

storage::LogWriter::Position LogThread::durable_end() const {
  const std::lock_guard lock(mutex_);
  return durable_end_;
}

uint64_t LogThread::appended_count() const {
  const std::lock_guard lock(mutex_);
  return appended_count_;
}

std::optional<storage::LogRetention::Start> LogThread::start(
    const storage::AppliedVector& applied) const {
  const std::lock_guard lock(mutex_);
  return retention_.start(applied);
}

std::map<storage::LogStream, uint64_t> LogThread::streams() const {
  const std::lock_guard lock(mutex_);
  return retention_.streams();
}

std::vector<uint64_t> LogThread::release_before(uint64_t segment) {
  const std::lock_guard lock(mutex_);
  return retention_.release_before(segment);
}

}  // namespace topgun::host
