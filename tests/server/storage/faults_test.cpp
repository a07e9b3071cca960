// The engine on a disk that fails: files that cannot be synced, a full device, bytes that changed.

#include <doctest/doctest.h>

#include <atomic>
#include <fstream>

#include "host-native/storage/check.hpp"
#include "host-native/storage/file_log_directory.hpp"
#include "host-native/storage/sqlite.hpp"
#include "tests/server/storage/storage_fixture.hpp"

namespace topgun::host {
namespace {

/// What goes wrong, shared between the test and the log thread.
struct Faults {
  std::atomic<int> syncs_to_fail{0};
  std::atomic<int> writes_to_fail{0};
  std::atomic<bool> disk_full{false};
  std::atomic<int> syncs_after_failure{0};  // On a file that had failed before: must stay 0.
};

class FaultyFile final : public LogFile {
 public:
  FaultyFile(std::unique_ptr<LogFile> sound, Faults& faults)
      : sound_(std::move(sound)), faults_(faults) {}
  Result<void> write(uint64_t offset, ByteView data) override {
    if (faults_.writes_to_fail > 0) {
      faults_.writes_to_fail -= 1;
      failed_ = true;
      // Half of it arrives.
      (void)sound_->write(offset, data.first(data.size() / 2));
      return Error::StorageIo;
    }
    return sound_->write(offset, data);
  }
  Result<void> sync() override {
    if (failed_) faults_.syncs_after_failure += 1;
    if (faults_.syncs_to_fail > 0) {
      faults_.syncs_to_fail -= 1;
      failed_ = true;
      return Error::StorageIo;
    }
    return sound_->sync();
  }

 private:
  std::unique_ptr<LogFile> sound_;
  Faults& faults_;
  bool failed_ = false;
};

class FaultyDirectory final : public LogDirectory {
 public:
  FaultyDirectory(std::unique_ptr<LogDirectory> sound, Faults& faults)
      : sound_(std::move(sound)), faults_(faults) {}
  Result<std::vector<uint64_t>> segments() override { return sound_->segments(); }
  Result<Bytes> read(uint64_t segment) override { return sound_->read(segment); }
  Result<std::unique_ptr<LogFile>> create(const storage::SegmentHeader& header,
                                          uint64_t bytes) override {
    if (faults_.disk_full) return Error::StorageFull;
    Result<std::unique_ptr<LogFile>> file = sound_->create(header, bytes);
    if (!file.ok()) return file.error();
    return std::unique_ptr<LogFile>(std::make_unique<FaultyFile>(std::move(*file), faults_));
  }
  Result<void> truncate(uint64_t segment, uint64_t bytes) override {
    return sound_->truncate(segment, bytes);
  }
  Result<void> retire(const std::vector<uint64_t>& segments) override {
    return sound_->retire(segments);
  }
  Result<void> prepare_spare(uint64_t bytes) override { return sound_->prepare_spare(bytes); }

 private:
  std::unique_ptr<LogDirectory> sound_;
  Faults& faults_;
};

OpenLogDirectory faulty(Faults& faults) {
  return [&faults](storage::FileSystem& files,
                   const std::string& path) -> Result<std::unique_ptr<LogDirectory>> {
    Result<std::unique_ptr<LogDirectory>> sound = open_file_log_directory(files, path);
    if (!sound.ok()) return sound.error();
    return std::unique_ptr<LogDirectory>(
        std::make_unique<FaultyDirectory>(std::move(*sound), faults));
  };
}

std::vector<Bytes> batches(uint64_t count) {
  std::vector<Bytes> all;
  for (uint64_t i = 1; i <= count; ++i) all.push_back(lww_batch("m", "k", 2000 + i, 1));
  return all;
}

void flip_byte(const std::string& path, uint64_t offset) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  REQUIRE(file.good());
  file.seekg(static_cast<std::streamoff>(offset));
  const char byte = static_cast<char>(file.get() ^ 0x20);
  file.seekp(static_cast<std::streamoff>(offset));
  file.put(byte);
}

TEST_CASE("engine: a failed sync is made good in a new file, and the old one is left alone") {
  const TemporaryDirectory directory;
  Faults faults;
  const std::vector<Bytes> all = batches(3);
  {
    Opened opened = open_and_start(directory.path(), {.open_log = faulty(faults)});
    REQUIRE(opened.engine);
    opened.engine->append(0, log_append(1, {all[0]}));
    REQUIRE(opened.observer->wait_durable(0, 1));
    faults.syncs_to_fail = 1;
    opened.engine->append(0, log_append(2, {all[1]}));
    REQUIRE(opened.observer->wait_durable(0, 2));
    faults.writes_to_fail = 1;
    opened.engine->append(0, log_append(3, {all[2]}));
    REQUIRE(opened.observer->wait_durable(0, 3));
    CHECK(faults.syncs_after_failure == 0);
  }
  const Opened again = open_and_start(directory.path(), {.incarnation = 2});
  REQUIRE(again.engine);
  CHECK(again.recovered->operations == all);
}

TEST_CASE("engine: a disk that keeps failing stops the acks until it works again") {
  const TemporaryDirectory directory;
  Faults faults;
  const std::vector<Bytes> all = batches(2);
  {
    Opened opened = open_and_start(directory.path(), {.open_log = faulty(faults)});
    REQUIRE(opened.engine);
    opened.engine->append(0, log_append(1, {all[0]}));
    REQUIRE(opened.observer->wait_durable(0, 1));
    faults.syncs_to_fail = 1'000'000;
    opened.engine->append(0, log_append(2, {all[1]}));
    REQUIRE(opened.observer->wait_failed(Error::StorageIo));
    CHECK(opened.observer->durable(0) == 1);
    faults.syncs_to_fail = 0;
    REQUIRE(opened.observer->wait_recovered());
    CHECK(opened.observer->wait_durable(0, 2));
    CHECK(faults.syncs_after_failure == 0);
  }
  const Opened again = open_and_start(directory.path(), {.incarnation = 2});
  REQUIRE(again.engine);
  CHECK(again.recovered->operations == all);
}

TEST_CASE("engine: a full disk is named, and space that comes back is used") {
  const TemporaryDirectory directory;
  Faults faults;
  faults.disk_full = true;
  const std::vector<Bytes> all = batches(1);
  Opened opened = open_and_start(directory.path(), {.open_log = faulty(faults)});
  REQUIRE(opened.engine);
  opened.engine->append(0, log_append(1, {all[0]}));
  REQUIRE(opened.observer->wait_failed(Error::StorageFull));
  CHECK(opened.observer->durable(0) == 0);
  faults.disk_full = false;
  REQUIRE(opened.observer->wait_recovered());
  CHECK(opened.observer->wait_durable(0, 1));
}

TEST_CASE("engine: a full disk at the start leaves what is there readable") {
  const TemporaryDirectory directory;
  const std::vector<Bytes> all = batches(2);
  {
    Opened opened = open_and_start(directory.path());
    opened.engine->append(0, log_append(1, {all[0]}));
    REQUIRE(opened.observer->wait_durable(0, 1));
  }
  Faults faults;
  faults.disk_full = true;
  Opened opened = open_and_start(directory.path(), {.incarnation = 2, .open_log = faulty(faults)});
  REQUIRE(opened.engine);
  CHECK(opened.recovered->operations == std::vector<Bytes>{all[0]});
  REQUIRE(opened.observer->wait_failed(Error::StorageFull));
  faults.disk_full = false;
  REQUIRE(opened.observer->wait_recovered());
}

TEST_CASE("engine: damage inside the log stops the start, and changes nothing") {
  const TemporaryDirectory directory;
  {
    Opened opened = open_and_start(directory.path());
    for (uint64_t i = 1; i <= 3; ++i) {
      opened.engine->append(0, log_append(i, {lww_batch("m", "k", 2000 + i, 1)}));
      REQUIRE(opened.observer->wait_durable(0, i));
    }
  }
  const std::string segment = directory.sub("log/") + FileLogDirectory::segment_name(1);
  flip_byte(segment, 2 * storage::kLogPageBytes + 60);
  const auto size = std::filesystem::file_size(segment);
  const Opened again = open_and_start(directory.path(), {.incarnation = 2});
  CHECK_FALSE(again.engine);
  CHECK(again.error == Error::StorageCorrupt);
  REQUIRE_FALSE(again.recovered->report.empty());
  CHECK(again.recovered->report.back().find("00001.log at byte 8192") != std::string::npos);
  CHECK(std::filesystem::file_size(segment) == size);
  CHECK_FALSE(check_directory(posix_environment(), directory.path(), {}).ok());
  flip_byte(segment, 2 * storage::kLogPageBytes + 60);
  CHECK(check_directory(posix_environment(), directory.path(), {}).ok());
}

TEST_CASE("engine: a damaged row of the checkpoint is named, never passed over") {
  const TemporaryDirectory directory;
  {
    Opened opened = open_and_start(directory.path(), {.checkpoint_interval_ms = 5});
    opened.engine->append(0, log_append(1, {lww_batch("m", "the key", 2000, 1)}));
    REQUIRE(opened.observer->wait_wanted());
    node::CheckpointChunk chunk;
    chunk.batches = {record_batch("m", {{"the key", 2000, 77}})};
    chunk.last = true;
    chunk.covers_sequence = 1;
    opened.engine->checkpoint(0, chunk);
  }
  // Closing folded the WAL into the database.
  const std::string database = directory.sub("checkpoint.db");
  const Result<Bytes> content = storage::read_file(posix_environment().files, database);
  REQUIRE(content.ok());
  const std::string_view text = as_text(*content);
  const size_t key = text.find("the key");
  REQUIRE(key != std::string_view::npos);
  flip_byte(database, text.find("\xcc\x4d", key) + 1);

  const Opened again = open_and_start(directory.path(), {.incarnation = 2});
  CHECK_FALSE(again.engine);
  CHECK(again.error == Error::StorageCorrupt);
  REQUIRE_FALSE(again.recovered->report.empty());
  const std::string& line = again.recovered->report.back();
  CHECK(line.find("map \"m\"") != std::string::npos);
  CHECK(line.find("key \"the key\"") != std::string::npos);
}

/// A closed directory whose checkpoint holds three records and all of the log.
void live_with_three_records(const TemporaryDirectory& directory) {
  Opened opened = open_and_start(directory.path(), {.checkpoint_interval_ms = 5});
  opened.engine->append(0, log_append(1, {lww_batch("m", "a", 2000, 1)}));
  REQUIRE(opened.observer->wait_wanted());
  node::CheckpointChunk chunk;
  chunk.batches = {record_batch("m", {{"a", 2000, 1}, {"b", 2000, 2}, {"c", 2000, 3}})};
  chunk.last = true;
  chunk.covers_sequence = 1;
  opened.engine->checkpoint(0, chunk);
}

void change(const TemporaryDirectory& directory, const char* sql) {
  Result<SqliteDatabase> database = SqliteDatabase::open(directory.sub("checkpoint.db"), {});
  REQUIRE(database.ok());
  REQUIRE(database->execute(sql).ok());
}

TEST_CASE("engine: a row that is gone from the checkpoint is missed") {
  const char* const damages[] = {"DELETE FROM records WHERE key = CAST('b' AS BLOB)",
                                 "DROP TABLE records", "DELETE FROM applied",
                                 "DELETE FROM meta WHERE name = 'rows_sum'"};
  for (const char* const damage : damages) {
    CAPTURE(damage);
    const TemporaryDirectory directory;
    live_with_three_records(directory);
    change(directory, damage);
    const Opened again = open_and_start(directory.path(), {.incarnation = 2});
    CHECK_FALSE(again.engine);
    CHECK(again.error == Error::StorageCorrupt);
  }
}

TEST_CASE("engine: a checkpoint of the first format is read, and has a digest from then on") {
  const TemporaryDirectory directory;
  live_with_three_records(directory);
  change(directory,
         "DELETE FROM meta WHERE name IN ('rows', 'rows_sum', 'applied_sum');"
         "UPDATE meta SET value = 1 WHERE name = 'format'");
  {
    const Opened again =
        open_and_start(directory.path(), {.incarnation = 2, .checkpoint_interval_ms = 5});
    REQUIRE(again.engine);
    CHECK(again.recovered->rows("m").size() == 3);
    again.engine->append(0, log_append(1, {lww_batch("m", "d", 3000, 1)}));
    REQUIRE(again.observer->wait_wanted());
    node::CheckpointChunk chunk;
    chunk.batches = {record_batch("m", {{"d", 3000, 1}})};
    chunk.last = true;
    chunk.covers_sequence = 1;
    again.engine->checkpoint(0, chunk);
  }
  change(directory, "DELETE FROM records WHERE key = CAST('c' AS BLOB)");
  const Opened damaged = open_and_start(directory.path(), {.incarnation = 3});
  CHECK(damaged.error == Error::StorageCorrupt);
}

TEST_CASE("engine: a log that the checkpoint relies on must be there") {
  const TemporaryDirectory directory;
  {
    Opened opened = open_and_start(directory.path(), {.checkpoint_interval_ms = 5});
    opened.engine->append(0, log_append(1, {lww_batch("m", "k", 2000, 1)}));
    REQUIRE(opened.observer->wait_durable(0, 1));
    REQUIRE(opened.observer->wait_wanted());
    node::CheckpointChunk chunk;
    chunk.last = true;
    chunk.covers_sequence = 0;
    opened.engine->checkpoint(0, chunk);
  }
  std::filesystem::remove_all(directory.sub("log"));
  const Opened again = open_and_start(directory.path(), {.incarnation = 2});
  CHECK_FALSE(again.engine);
  CHECK(again.error == Error::StorageCorrupt);
}

TEST_CASE("engine: the checkpoint covers an earlier run only when all shards have answered") {
  const TemporaryDirectory directory;
  {
    Opened opened = open_and_start(directory.path());
    opened.engine->append(0, log_append(1, {lww_batch("m", "k", 2000, 1)}));
    REQUIRE(opened.observer->wait_durable(0, 1));
  }
  node::CheckpointChunk last;
  last.last = true;
  {
    Opened opened = open_and_start(directory.path(),
                                   {.incarnation = 2, .checkpoint_interval_ms = 5, .shards = 2});
    REQUIRE(opened.observer->wait_wanted());
    opened.engine->checkpoint(0, last);
  }
  {
    Opened opened = open_and_start(directory.path(),
                                   {.incarnation = 3, .checkpoint_interval_ms = 5, .shards = 2});
    CHECK(opened.recovered->operations.size() == 1);
    REQUIRE(opened.observer->wait_wanted());
    opened.engine->checkpoint(0, last);
    opened.engine->checkpoint(1, last);
  }
  const Opened again = open_and_start(directory.path(), {.incarnation = 4});
  REQUIRE(again.engine);
  CHECK(again.recovered->operations.empty());
}

}  // namespace
}  // namespace topgun::host
