#pragma once

#include <stdlib.h>

#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "core/base/byte_io.hpp"
#include "core/sync/batch.hpp"
#include "host-native/storage/engine.hpp"
#include "host-native/storage/posix_environment.hpp"

namespace topgun::host {

/// A directory of its own for one test, removed at the end.
class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string name = (std::filesystem::temp_directory_path() / "topgun-storage-XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  const std::string& path() const { return path_; }
  std::string sub(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

/// What the callbacks of an engine said, and waiting for them to say it.
class Observer {
 public:
  StorageEngine::Callbacks callbacks() {
    StorageEngine::Callbacks calls;
    calls.durable = [this](uint16_t shard, uint64_t sequence) {
      const std::lock_guard lock(mutex_);
      durable_[shard] = sequence;
      changed_.notify_all();
    };
    calls.failed = [this](Error error) {
      const std::lock_guard lock(mutex_);
      failure_ = error;
      changed_.notify_all();
    };
    calls.recovered = [this] {
      const std::lock_guard lock(mutex_);
      failure_.reset();
      recoveries_ += 1;
      changed_.notify_all();
    };
    calls.checkpoint_wanted = [this] {
      const std::lock_guard lock(mutex_);
      wanted_ += 1;
      changed_.notify_all();
    };
    return calls;
  }

  bool wait_durable(uint16_t shard, uint64_t sequence) {
    return wait([&] { return durable_[shard] >= sequence; });
  }
  bool wait_failed(Error error) {
    return wait([&] { return failure_ == error; });
  }
  bool wait_recovered() {
    return wait([&] { return recoveries_ > 0 && !failure_; });
  }
  /// Waits until a checkpoint is wanted that nobody has waited for yet.
  bool wait_wanted() {
    return wait([&] {
      if (wanted_ == taken_) return false;
      taken_ = wanted_;
      return true;
    });
  }
  uint64_t durable(uint16_t shard) {
    const std::lock_guard lock(mutex_);
    return durable_[shard];
  }

 private:
  template <typename Condition>
  bool wait(Condition condition) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(20), condition);
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<uint16_t, uint64_t> durable_;
  std::optional<Error> failure_;
  int recoveries_ = 0;
  int wanted_ = 0;
  int taken_ = 0;
};

inline Bytes lww_batch(std::string_view map, std::string_view key, uint64_t ms, uint8_t number) {
  const Bytes value{0xcc, number};
  OperationBatchBuilder builder;
  builder.begin({MapKind::Lww, ReplicaId{7}, 1, 1000, as_bytes(map)});
  Operation operation;
  operation.kind = OperationKind::LwwSet;
  operation.sequence = ms;
  operation.time = ms << 16;
  operation.key = as_bytes(key);
  operation.payload = value;
  builder.add(operation);
  return builder.finish();
}

struct RecordSpec {
  std::string key;
  uint64_t ms = 0;
  uint8_t number = 0;
  bool tombstone = false;
};

inline Bytes record_batch(std::string_view map, const std::vector<RecordSpec>& specs) {
  RecordBatchBuilder builder;
  builder.begin(MapKind::Lww, as_bytes(map));
  for (const RecordSpec& spec : specs) {
    const Bytes value{0xcc, spec.number};
    Record record;
    record.key = as_bytes(spec.key);
    record.stamp = {spec.ms << 16, ReplicaId{7}};
    record.tombstone = spec.tombstone;
    if (!spec.tombstone) record.value = value;
    builder.add(record);
  }
  return builder.finish();
}

/// Entries `first..` with these payloads, as a shard hands them over.
inline node::Effects::LogAppend log_append(uint64_t first, const std::vector<Bytes>& payloads) {
  node::Effects::LogAppend append;
  append.first_sequence = first;
  append.last_sequence = first + payloads.size() - 1;
  ByteWriter writer(append.entries);
  for (const Bytes& payload : payloads) {
    writer.u32(static_cast<uint32_t>(payload.size()));
    writer.u8(static_cast<uint8_t>(node::LogEntryKind::Operations));
    writer.raw(payload);
  }
  return append;
}

/// What recovery handed over.
struct Recovered {
  std::vector<Bytes> record_batches;
  std::vector<Bytes> operations;
  std::vector<std::string> report;

  StorageEngine::Recover recover() {
    return [this](node::LogEntryKind kind, ByteView payload) -> Result<void> {
      (kind == node::LogEntryKind::Checkpoint ? record_batches : operations)
          .push_back(to_bytes(payload));
      return {};
    };
  }
  /// key -> number of the rows of a map.
  std::map<std::string, int> rows(std::string_view map) const {
    std::map<std::string, int> found;
    for (const Bytes& bytes : record_batches) {
      RecordBatch batch;
      if (!decode_records(bytes, Values::Validate, batch).ok()) continue;
      if (as_text(batch.map) != map) continue;
      for (const Record& record : batch.records) {
        found[std::string(as_text(record.key))] = record.tombstone ? -1 : record.value[1];
      }
    }
    return found;
  }
};

/// An engine on `directory` with small segments, its observer, and what it recovered.
struct Opened {
  std::unique_ptr<Observer> observer = std::make_unique<Observer>();
  std::unique_ptr<Recovered> recovered = std::make_unique<Recovered>();
  std::unique_ptr<StorageEngine> engine;
  std::optional<Error> error;
};

struct OpenOptions {
  uint64_t incarnation = 1;
  uint64_t segment_bytes = 64u << 10;
  uint64_t checkpoint_interval_ms = 3'600'000;
  uint16_t shards = 1;
  OpenLogDirectory open_log = open_file_log_directory;
};

inline Opened open_and_start(const std::string& directory, const OpenOptions& options = {}) {
  Opened opened;
  Recovered* const recovered = opened.recovered.get();
  StorageEngine::Options engine_options;
  engine_options.directory = directory;
  engine_options.segment_bytes = options.segment_bytes;
  engine_options.checkpoint_interval_ms = options.checkpoint_interval_ms;
  engine_options.report = [recovered](std::string_view line) {
    recovered->report.emplace_back(line);
  };
  DataEnvironment environment = posix_environment();
  environment.open_log = options.open_log;
  auto engine = open_engine(engine_options, options.incarnation, recovered->recover(), environment);
  if (!engine.ok()) {
    opened.error = engine.error();
    return opened;
  }
  opened.engine = std::move(*engine);
  opened.engine->start(opened.observer->callbacks(), options.shards);
  return opened;
}

}  // namespace topgun::host
