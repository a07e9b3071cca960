#include "host-native/storage/stepped_engine.hpp"

#include "host-native/storage/opened_storage.hpp"
#include "host-native/storage/sqlite_vfs.hpp"

namespace topgun::host {
namespace {

class SteppedEngine final : public storage::SteppedStorage {
 public:
  SteppedEngine(std::unique_ptr<SqliteVfs> vfs, OpenedStorage opened)
      : vfs_(std::move(vfs)), storage_(std::move(opened)) {}

  const storage::RecoveryReport& recovery() const override { return storage_.recovery(); }

  void start(storage::StorageCallbacks callbacks, uint16_t shard_count, uint64_t now_ms) override {
    storage_.start(std::move(callbacks), shard_count, now_ms);
  }

  void append(uint16_t shard, node::Effects::LogAppend append) override {
    (void)storage_.log().append(shard, std::move(append));
  }
  void checkpoint(uint16_t shard, node::CheckpointChunk chunk) override {
    storage_.checkpointer().take(shard, std::move(chunk));
  }
  uint64_t checkpoint_backlog_bytes() const override {
    return storage_.checkpointer().backlog_bytes();
  }

  uint64_t due_ms(Task task) const override {
    return task == Task::Log ? storage_.log().due_ms() : storage_.checkpointer().due_ms();
  }

  void step(Task task, uint64_t now_ms) override {
    if (task == Task::Log) {
      storage_.log().step(now_ms);
    } else {
      storage_.checkpointer().step(now_ms);
    }
  }

  void close(uint64_t now_ms) override {
    storage_.log().finish(now_ms);
    storage_.checkpointer().finish(now_ms);
  }

 private:
  std::unique_ptr<SqliteVfs> vfs_;  // Before its user.
  OpenedStorage storage_;
};

}  // namespace

Result<std::unique_ptr<storage::SteppedStorage>> open_stepped_engine(
    storage::FileSystem& files, const storage::StorageSources& sources,
    const storage::StorageOptions& options, uint64_t incarnation, const storage::Recover& recover) {
  auto vfs = std::make_unique<SqliteVfs>(files, sources);
  DataEnvironment environment{
      .files = files, .sqlite_vfs = vfs->name(), .random = [&sources]() -> Result<uint64_t> {
        return sources.random();
      }};
  Result<OpenedStorage> opened = OpenedStorage::open(environment, options, incarnation, recover);
  if (!opened.ok()) return opened.error();
  return std::unique_ptr<storage::SteppedStorage>(
      std::make_unique<SteppedEngine>(std::move(vfs), std::move(*opened)));
}

}  // namespace topgun::host
