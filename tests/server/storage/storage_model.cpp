#include "tests/server/storage/storage_model.hpp"

#include "core/base/byte_io.hpp"
#include "core/sync/batch.hpp"
#include "host-native/storage/stepped_engine.hpp"

namespace topgun::host {
namespace {

// Far more steps than any round takes on a disk that works.
constexpr int kStepsMax = 10'000;

/// MessagePack bytes: the id, then noise that differs from entry to entry, so that no lost sector
/// goes unnoticed because the old one looked the same.
Bytes value_of(uint64_t id, uint64_t bytes) {
  Bytes body;
  ByteWriter writer(body);
  writer.u64(id);
  for (uint64_t i = 1; body.size() < bytes; ++i) writer.u64(mix64(id * 8191 + i));
  Bytes value{0xc6};
  for (int shift = 24; shift >= 0; shift -= 8) {
    value.push_back(static_cast<uint8_t>(body.size() >> shift));
  }
  value.insert(value.end(), body.begin(), body.end());
  return value;
}

void add_record(RecordBatchBuilder& builder, const std::string& key, uint64_t id, ByteView value) {
  Record record;
  record.key = as_bytes(key);
  record.stamp = {id << 16, ReplicaId{7}};
  record.value = value;
  builder.add(record);
}

}  // namespace

StorageModel::StorageModel(const Options& options) : options_(options), disk_(options.disk) {}
StorageModel::~StorageModel() { die(); }

StorageModel::Outcome StorageModel::open() {
  TG_ASSERT(!storage_);
  state_.clear();
  unmoved_.clear();
  report_.clear();
  problem_.clear();
  hot_ = 0;
  storage::StorageSources sources;
  sources.random = [this] { return mix64(options_.disk.seed * 977 + ++random_draws_); };
  sources.wall_ms = [this] { return now_ms_; };
  storage::StorageOptions options;
  options.directory = "data";
  options.segment_bytes = options_.segment_bytes;
  options.checkpoint_interval_ms = options_.checkpoint_interval_ms;
  options.report = [this](std::string_view line) { report_.emplace_back(line); };
  auto opened = open_stepped_engine(
      disk_, sources, options, ++incarnation_,
      [this](node::LogEntryKind kind, ByteView payload) { return recover(kind, payload); });
  if (!problem_.empty()) return Outcome::Broken;
  if (!opened.ok()) {
    refusal_ = opened.error();
    return Outcome::Refused;
  }
  if (!is_complete()) return Outcome::Broken;
  storage_ = std::move(*opened);
  appended_.clear();
  durable_sequence_ = 0;
  is_checkpoint_wanted_ = false;
  is_log_stopped_ = false;
  storage::StorageCallbacks callbacks;
  callbacks.durable = [this](uint16_t, uint64_t sequence) {
    for (; durable_sequence_ < sequence; ++durable_sequence_) {
      promised_.insert(appended_[static_cast<size_t>(durable_sequence_)]);
    }
  };
  callbacks.failed = [this](Error) { is_log_stopped_ = true; };
  callbacks.recovered = [this, recovered = state_] {
    is_log_stopped_ = false;
    promised_.insert(recovered.begin(), recovered.end());
  };
  callbacks.checkpoint_wanted = [this] { is_checkpoint_wanted_ = true; };
  storage_->start(std::move(callbacks), 1, now_ms_);
  if (!is_log_stopped_ && !disk_.is_stopped()) promised_.insert(state_.begin(), state_.end());
  return Outcome::Serving;
}

Result<void> StorageModel::recover(node::LogEntryKind kind, ByteView payload) {
  RecordBatch batch;
  if (!decode_records(payload, Values::Validate, batch).ok()) {
    problem_ = "an entry cannot be decoded";
    return Error::Malformed;
  }
  for (const Record& record : batch.records) {
    const uint64_t id = record.stamp.time >> 16;
    const bool is_hot = as_text(record.key) == "hot";
    const bool is_known =
        id >= 1 && id <= last_id_ && (is_hot || as_text(record.key) == "u" + std::to_string(id)) &&
        equal_bytes(record.value, value_of(id, is_hot ? 8 : options_.entry_bytes));
    if (!is_known) {
      problem_ = "a record that nobody wrote: " + std::string(as_text(record.key));
      return Error::Malformed;
    }
    if (is_hot) hot_ = std::max(hot_, id);
    if (!is_hot) state_.insert(id);
    if (kind != node::LogEntryKind::Checkpoint && !is_hot) unmoved_.insert(id);
  }
  return {};
}

bool StorageModel::is_complete() {
  for (const uint64_t id : promised_) {
    if (state_.count(id) != 0) continue;
    problem_ = "entry " + std::to_string(id) + " of " + std::to_string(last_id_) +
               " was promised and is gone";
    return false;
  }
  if (!promised_.empty() && hot_ < *promised_.rbegin()) {
    problem_ = "the key that all entries set is older than the last one promised";
    return false;
  }
  return true;
}

bool StorageModel::is_only_the_last_entry_missing() const {
  std::set<uint64_t> missing;
  for (const uint64_t id : promised_) {
    if (state_.count(id) == 0) missing.insert(id);
  }
  return missing == std::set<uint64_t>{last_id_} && hot_ + 1 == last_id_;
}

void StorageModel::append(uint64_t count) {
  node::Effects::LogAppend append;
  append.first_sequence = appended_.size() + 1;
  append.last_sequence = appended_.size() + count;
  ByteWriter writer(append.entries);
  RecordBatchBuilder builder;
  for (uint64_t i = 0; i < count; ++i) {
    const uint64_t id = ++last_id_;
    builder.begin(MapKind::Lww, as_bytes("m"));
    add_record(builder, "u" + std::to_string(id), id, value_of(id, options_.entry_bytes));
    add_record(builder, "hot", id, value_of(id, 8));
    const Bytes payload = builder.finish();
    writer.u32(static_cast<uint32_t>(payload.size()));
    writer.u8(static_cast<uint8_t>(node::LogEntryKind::Records));
    writer.raw(payload);
    appended_.push_back(id);
    state_.insert(id);
    unmoved_.insert(id);
    hot_ = id;
  }
  storage_->append(0, std::move(append));
}

void StorageModel::step(Task task) {
  if (is_open()) storage_->step(task, now_ms_);
}

void StorageModel::run_log() {
  for (int i = 0; i < kStepsMax && is_due(Task::Log); ++i) step(Task::Log);
}

void StorageModel::run_checkpoint() {
  let_interval_pass();
  for (int i = 0; i < kStepsMax && is_due(Task::Checkpoint); ++i) {
    step(Task::Checkpoint);
    answer_checkpoint();
  }
}

void StorageModel::answer_checkpoint() {
  if (!std::exchange(is_checkpoint_wanted_, false) || !is_open()) return;
  node::CheckpointChunk chunk;
  chunk.last = true;
  chunk.covers_sequence = appended_.size();
  if (!unmoved_.empty()) {
    RecordBatchBuilder builder;
    builder.begin(MapKind::Lww, as_bytes("m"));
    for (const uint64_t id : unmoved_) {
      add_record(builder, "u" + std::to_string(id), id, value_of(id, options_.entry_bytes));
    }
    add_record(builder, "hot", hot_, value_of(hot_, 8));
    chunk.batches.push_back(builder.finish());
  }
  unmoved_.clear();
  storage_->checkpoint(0, std::move(chunk));
}

void StorageModel::close() {
  if (!is_open()) return;
  storage_->close(now_ms_);
  storage_.reset();
}

void StorageModel::die() {
  disk_.stop();
  storage_.reset();
}

}  // namespace topgun::host
