#include "host-native/storage/engine.hpp"

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host-native/storage/backup.hpp"
#include "host-native/storage/check.hpp"
#include "tests/server/storage/storage_fixture.hpp"

namespace topgun::host {
namespace {

TEST_CASE("engine: what became durable comes back after a clean close") {
  const TemporaryDirectory directory;
  const Bytes first = lww_batch("m", "a", 2000, 1);
  const Bytes second = lww_batch("m", "b", 2001, 2);
  {
    Opened opened = open_and_start(directory.path());
    REQUIRE(opened.engine);
    opened.engine->append(0, log_append(1, {first}));
    opened.engine->append(3, log_append(1, {second}));
    CHECK(opened.observer->wait_durable(0, 1));
    CHECK(opened.observer->wait_durable(3, 1));
  }
  const Opened again = open_and_start(directory.path(), {.incarnation = 2});
  REQUIRE(again.engine);
  CHECK(again.recovered->operations == std::vector<Bytes>{first, second});
  CHECK(again.engine->recovery().log_entries == 2);
  CHECK(again.engine->recovery().torn_bytes == 0);
}

TEST_CASE("engine: what was reported durable survives the death of the process") {
  const TemporaryDirectory directory;
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    Opened opened = open_and_start(directory.path());
    if (!opened.engine) ::_exit(2);
    for (uint64_t i = 1; i <= 200; ++i) {
      opened.engine->append(0, log_append(i, {lww_batch("m", "k", 2000 + i, 1)}));
    }
    ::_exit(opened.observer->wait_durable(0, 200) ? 0 : 3);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  REQUIRE(WIFEXITED(status));
  REQUIRE(WEXITSTATUS(status) == 0);
  const Opened again = open_and_start(directory.path(), {.incarnation = 2});
  REQUIRE(again.engine);
  REQUIRE(again.recovered->operations.size() == 200);
  CHECK(again.recovered->operations.back() == lww_batch("m", "k", 2200, 1));
}

TEST_CASE("engine: the log runs over many segments and restarts") {
  const TemporaryDirectory directory;
  uint64_t written = 0;
  for (uint64_t run = 1; run <= 4; ++run) {
    CAPTURE(run);
    Opened opened = open_and_start(directory.path(), {.incarnation = run});
    REQUIRE(opened.engine);
    REQUIRE(opened.recovered->operations.size() == written);
    for (uint64_t i = 1; i <= 40; ++i, ++written) {
      opened.engine->append(0, log_append(i, {lww_batch("m", "k", 2000 + written, 1)}));
      REQUIRE(opened.observer->wait_durable(0, i));
    }
  }
}

TEST_CASE("engine: segments that are too short to be used again do not keep others from it") {
  constexpr uint64_t kSegmentBytes = 64u << 10;
  const TemporaryDirectory directory;
  storage::FileSystem& files = posix_environment().files;
  const Result<std::unique_ptr<LogDirectory>> log =
      open_file_log_directory(files, directory.path());
  REQUIRE(log.ok());
  const auto create = [&](uint64_t segment) {
    return (*log)->create({.log_id = 1, .segment = segment}, kSegmentBytes).ok();
  };
  for (const uint64_t segment : {1, 2, 3}) REQUIRE(create(segment));
  // As after two restarts: the last segments of earlier runs were cut to their ends.
  REQUIRE((*log)->truncate(1, 4096).ok());
  REQUIRE((*log)->truncate(2, 4096).ok());
  REQUIRE((*log)->retire({1, 2}).ok());
  REQUIRE(create(4));
  REQUIRE((*log)->retire({3}).ok());
  const Result<std::vector<std::string>> names = files.list(directory.path());
  REQUIRE(names.ok());
  std::vector<uint64_t> spares;
  for (const std::string& name : *names) {
    if (name.rfind("spare-", 0) != 0) continue;
    spares.push_back(std::filesystem::file_size(directory.sub(name)));
  }
  CHECK(spares == std::vector<uint64_t>{kSegmentBytes});
}

TEST_CASE("engine: a second server cannot open the directory") {
  const TemporaryDirectory directory;
  const Opened first = open_and_start(directory.path());
  REQUIRE(first.engine);
  const Opened second = open_and_start(directory.path());
  CHECK_FALSE(second.engine);
  CHECK(second.error == Error::StorageIo);
}

TEST_CASE("engine: a checkpoint takes the place of the log it covers") {
  const TemporaryDirectory directory;
  {
    Opened opened = open_and_start(directory.path(), {.checkpoint_interval_ms = 5});
    REQUIRE(opened.engine);
    for (uint64_t i = 1; i <= 40; ++i) {
      opened.engine->append(0, log_append(i, {lww_batch("m", "k", 2000 + i, 1)}));
      REQUIRE(opened.observer->wait_durable(0, i));
    }
    REQUIRE(opened.observer->wait_wanted());
    node::CheckpointChunk chunk;
    chunk.batches = {record_batch("m", {{"k", 2038, 38}}), record_batch("n", {{"x", 1, 9}})};
    opened.engine->checkpoint(0, chunk);
    chunk = {};
    chunk.batches = {record_batch("m", {{"k", 2039, 39}, {"gone", 1, 0, true}})};
    chunk.purges = {{1, "m", 2}};
    chunk.last = true;
    chunk.covers_sequence = 39;
    opened.engine->checkpoint(0, chunk);
    opened.engine->append(0, log_append(41, {lww_batch("m", "k", 2041, 1)}));
    REQUIRE(opened.observer->wait_durable(0, 41));
    REQUIRE(opened.observer->wait_wanted());  // The round before it is complete.
    chunk = {};
    chunk.last = true;
    chunk.covers_sequence = 39;
    opened.engine->checkpoint(0, chunk);
  }
  const Opened again = open_and_start(directory.path(), {.incarnation = 2});
  REQUIRE(again.engine);
  CHECK(again.recovered->rows("m") == std::map<std::string, int>{{"k", 39}});
  CHECK(again.recovered->rows("n") == std::map<std::string, int>{{"x", 9}});
  CHECK(again.recovered->operations ==
        std::vector<Bytes>{lww_batch("m", "k", 2040, 1), lww_batch("m", "k", 2041, 1)});
  // 42 blocks of a page each need three segments of 15; covered ones are gone or spare.
  size_t segments = 0;
  for (const auto& file : std::filesystem::directory_iterator(directory.sub("log"))) {
    if (file.path().extension() == ".log") segments += 1;
  }
  CHECK(segments <= 3);
}

TEST_CASE("engine: a backup made while the node runs restores to the same state") {
  const TemporaryDirectory directory;
  Opened opened = open_and_start(directory.sub("data"), {.checkpoint_interval_ms = 5});
  REQUIRE(opened.engine);
  opened.engine->append(0, log_append(1, {lww_batch("m", "a", 2000, 1)}));
  REQUIRE(opened.observer->wait_durable(0, 1));
  REQUIRE(opened.observer->wait_wanted());
  node::CheckpointChunk chunk;
  chunk.batches = {record_batch("m", {{"a", 2000, 1}})};
  chunk.last = true;
  chunk.covers_sequence = 1;
  opened.engine->checkpoint(0, chunk);
  opened.engine->append(0, log_append(2, {lww_batch("m", "b", 2001, 2)}));
  REQUIRE(opened.observer->wait_durable(0, 2));
  REQUIRE(opened.observer->wait_wanted());
  REQUIRE(opened.engine->backup(directory.sub("copy")).ok());
  opened.engine->append(0, log_append(3, {lww_batch("m", "c", 2002, 3)}));
  REQUIRE(opened.observer->wait_durable(0, 3));

  std::vector<std::string> lines;
  const auto report = [&lines](std::string_view line) { lines.emplace_back(line); };
  REQUIRE(restore_directory(posix_environment(), directory.sub("copy"), directory.sub("restored"),
                            report)
              .ok());
  CHECK(check_directory(posix_environment(), directory.sub("restored"), report).ok());
  const Opened restored = open_and_start(directory.sub("restored"), {.incarnation = 2});
  REQUIRE(restored.engine);
  CHECK(restored.recovered->rows("m") == std::map<std::string, int>{{"a", 1}});
  CHECK(restored.recovered->operations == std::vector<Bytes>{lww_batch("m", "b", 2001, 2)});

  CHECK_FALSE(restore_directory(posix_environment(), directory.sub("copy"),
                                directory.sub("restored"), report)
                  .ok());
  std::filesystem::remove(directory.sub("copy") + "/BACKUP");
  const Result<void> unfinished =
      restore_directory(posix_environment(), directory.sub("copy"), directory.sub("other"), report);
  REQUIRE_FALSE(unfinished.ok());
  CHECK(unfinished.error() == Error::Truncated);
}

}  // namespace
}  // namespace topgun::host
