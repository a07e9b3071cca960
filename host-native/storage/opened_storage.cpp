#include "host-native/storage/opened_storage.hpp"

namespace topgun::host {

Result<OpenedStorage> OpenedStorage::open(const DataEnvironment& environment,
                                          const storage::StorageOptions& options,
                                          uint64_t incarnation, const storage::Recover& recover) {
  const bool is_segment_sound = options.segment_bytes >= storage::kSegmentBytesMin &&
                                options.segment_bytes <= storage::kSegmentBytesMax &&
                                options.segment_bytes % storage::kLogPageBytes == 0;
  if (!is_segment_sound || options.checkpoint_interval_ms == 0) return Error::InvalidArgument;
  Result<std::unique_ptr<storage::FileLock>> lock =
      lock_data_directory(environment.files, options.directory);
  if (!lock.ok()) {
    if (options.report) {
      options.report("cannot lock " + options.directory + ": it cannot be written, or another " +
                     "server uses it");
    }
    return lock.error();
  }
  Result<DataDirectory> data = read_data_directory(
      environment, options.directory, CheckpointStore::Mode::Work, recover, options.report);
  if (!data.ok()) return data.error();
  return OpenedStorage(std::unique_ptr<State>(
      new State{environment.files, options, incarnation, std::move(*lock), std::move(*data)}));
}

void OpenedStorage::start(storage::StorageCallbacks callbacks, uint16_t shard_count,
                          uint64_t now_ms) {
  State& state = *state_;
  TG_ASSERT(!state.log);
  TG_ASSERT(shard_count > 0);
  state.callbacks = std::move(callbacks);
  state.log = std::make_unique<LogPump>(
      *state.data.log,
      storage::LogWriter::Options{.log_id = state.data.log_id,
                                  .incarnation = state.incarnation,
                                  .segment_bytes = state.options.segment_bytes},
      std::move(state.data.end), state.data.tail, std::move(state.data.retention), state.callbacks);
  state.checkpointer = std::make_unique<Checkpointer>(
      *state.data.checkpoint, *state.data.log, *state.log,
      Checkpointer::Options{.incarnation = state.incarnation,
                            .shard_count = shard_count,
                            .segment_bytes = state.options.segment_bytes,
                            .interval_ms = state.options.checkpoint_interval_ms,
                            .is_dirty = state.data.report.log_entries > 0},
      state.callbacks, state.options.report, now_ms);
  state.log->begin(now_ms);
}

}  // namespace topgun::host
