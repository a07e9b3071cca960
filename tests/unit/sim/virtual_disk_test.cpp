#include "core/sim/virtual_disk.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>

namespace topgun::sim {
namespace {

using storage::File;
using OpenMode = storage::FileSystem::OpenMode;

constexpr uint64_t kSector = 512;

Bytes filled(uint8_t with, uint64_t bytes = kSector) {
  return Bytes(static_cast<size_t>(bytes), with);
}

std::unique_ptr<File> open_file(VirtualDisk& disk, const std::string& path,
                                OpenMode mode = OpenMode::Create) {
  auto file = disk.open(path, mode);
  REQUIRE(file.ok());
  return std::move(*file);
}

Bytes content(VirtualDisk& disk, const std::string& path) {
  Result<Bytes> read = storage::read_file(disk, path);
  REQUIRE(read.ok());
  return std::move(*read);
}

/// A file whose first two sectors hold ones, durable under its name.
std::unique_ptr<File> durable_file(VirtualDisk& disk, const std::string& path) {
  auto file = open_file(disk, path);
  REQUIRE(file->write(0, filled(1, 2 * kSector)).ok());
  REQUIRE(file->sync().ok());
  REQUIRE(disk.sync_directory("").ok());
  return file;
}

/// Restarts after a loss of power in which every choice is `alternative`: 0 keeps all, 1 loses all.
class Always final : public Gen {
 public:
  explicit Always(uint64_t alternative) : alternative_(alternative) {}

 private:
  uint64_t choose(uint64_t last) override { return std::min(last, alternative_); }
  bool choose_bool(uint64_t, uint64_t) override { return alternative_ != 0; }
  uint64_t alternative_;
};
void lose_power(VirtualDisk& disk, uint64_t alternative) {
  Always gen(alternative);
  disk.stop();
  disk.restart_after_power_loss(gen, {});
}
constexpr uint64_t kKeep = 0;
constexpr uint64_t kLose = 1;

TEST_CASE("virtual disk: what was synced survives a loss of power, and what was not may go") {
  VirtualDisk disk({});
  auto file = durable_file(disk, "f");
  REQUIRE(file->write(0, filled(2)).ok());
  SUBCASE("kept") {
    lose_power(disk, kKeep);
    CHECK(content(disk, "f").front() == 2);
  }
  SUBCASE("lost") {
    lose_power(disk, kLose);
    CHECK(content(disk, "f").front() == 1);
  }
  SUBCASE("synced") {
    REQUIRE(file->sync().ok());
    lose_power(disk, kLose);
    CHECK(content(disk, "f").front() == 2);
  }
  CHECK(content(disk, "f").back() == 1);
  CHECK(content(disk, "f").size() == 2 * kSector);
}

TEST_CASE("virtual disk: a process that dies loses nothing that it wrote") {
  VirtualDisk disk({});
  auto file = durable_file(disk, "f");
  REQUIRE(file->write(kSector, filled(2, 3 * kSector)).ok());
  REQUIRE(disk.rename("f", "g").ok());
  disk.stop();
  CHECK_FALSE(file->write(0, filled(3)).ok());
  disk.restart_after_crash();
  CHECK_FALSE(file->write(0, filled(3)).ok());  // It was the dead process's.
  CHECK(content(disk, "g").size() == 4 * kSector);
  CHECK(content(disk, "g").back() == 2);
}

TEST_CASE("virtual disk: a name is durable once its directory is synced, and not before") {
  VirtualDisk disk({});
  auto file = durable_file(disk, "old");
  REQUIRE(disk.rename("old", "new").ok());
  SUBCASE("lost") {
    lose_power(disk, kLose);
    CHECK(content(disk, "old") == filled(1, 2 * kSector));
    CHECK_FALSE(*disk.exists("new"));
  }
  SUBCASE("a sync of the file is not enough") {
    REQUIRE(file->sync().ok());
    lose_power(disk, kLose);
    CHECK_FALSE(*disk.exists("new"));
  }
  SUBCASE("synced") {
    REQUIRE(disk.sync_directory("").ok());
    lose_power(disk, kLose);
    CHECK(content(disk, "new") == filled(1, 2 * kSector));
    CHECK_FALSE(*disk.exists("old"));
  }
}

TEST_CASE("virtual disk: a file that was made and synced can still lose its name") {
  VirtualDisk disk({});
  auto file = open_file(disk, "f");
  REQUIRE(file->write(0, filled(1)).ok());
  REQUIRE(file->sync().ok());
  lose_power(disk, kLose);
  CHECK_FALSE(*disk.exists("f"));
}

TEST_CASE("virtual disk: a sync that fails takes what it should have written out of reach") {
  VirtualDisk disk({});
  auto file = durable_file(disk, "f");
  REQUIRE(file->write(0, filled(2)).ok());
  disk.fail_at(VirtualDisk::Failure{.operation = disk.operations() + 1});
  CHECK_FALSE(file->sync().ok());
  CHECK(file->sync().ok());  // The pages count as clean.
  CHECK(content(disk, "f").front() == 2);
  SUBCASE("a second sync does not help") {
    lose_power(disk, kLose);
    CHECK(content(disk, "f").front() == 1);
  }
  SUBCASE("writing once more does") {
    REQUIRE(file->write(0, filled(3)).ok());
    REQUIRE(file->sync().ok());
    lose_power(disk, kLose);
    CHECK(content(disk, "f").front() == 3);
  }
}

TEST_CASE("virtual disk: a cut that was not synced is undone as a whole or not at all") {
  ExhaustiveGen gen;
  while (gen.next_round()) {
    VirtualDisk each({});
    auto cut = durable_file(each, "f");
    REQUIRE(cut->truncate(0).ok());
    REQUIRE(cut->write(0, filled(2)).ok());
    each.stop();
    each.restart_after_power_loss(gen, {.may_tear = false});
    const Bytes left = content(each, "f");
    const bool is_old = left == filled(1, 2 * kSector);
    const bool has_old = std::find(left.begin(), left.end(), 1) != left.end();
    CHECK((is_old || !has_old));
  }
  CHECK(gen.rounds() > 3);
}

TEST_CASE("virtual disk: every mixture of the sectors of a write can be what is left of it") {
  std::set<std::pair<int, int>> seen;
  ExhaustiveGen gen;
  while (gen.next_round()) {
    VirtualDisk disk({});
    auto file = durable_file(disk, "f");
    REQUIRE(file->write(0, filled(2, 2 * kSector)).ok());
    disk.stop();
    disk.restart_after_power_loss(gen, {.may_tear = false});
    const Bytes left = content(disk, "f");
    seen.insert({left.front(), left.back()});
  }
  CHECK(seen == std::set<std::pair<int, int>>{{1, 1}, {1, 2}, {2, 1}, {2, 2}});
}

TEST_CASE("virtual disk: a torn sector begins with new bytes and ends with old ones") {
  VirtualDisk disk({});
  auto file = durable_file(disk, "f");
  REQUIRE(file->write(0, filled(2)).ok());
  lose_power(disk, 2);
  const Bytes left = content(disk, "f");
  CHECK(left.front() == 2);
  CHECK(left[kSector - 1] == 1);
}

TEST_CASE("virtual disk: a full disk refuses growth and takes what changes no size") {
  VirtualDisk disk({.capacity_bytes = 2 * kSector});
  auto file = durable_file(disk, "f");
  const Result<void> grown = file->write(2 * kSector, filled(2));
  REQUIRE_FALSE(grown.ok());
  CHECK(grown.error() == Error::StorageFull);
  CHECK(file->size().value() == 2 * kSector);
  CHECK(file->write(0, filled(2)).ok());
  CHECK_FALSE(file->allocate(3 * kSector).ok());
}

TEST_CASE("virtual disk: an unreadable sector stays so until it is rewritten") {
  VirtualDisk disk({});
  auto file = durable_file(disk, "f");
  REQUIRE(disk.make_unreadable("f", kSector + 3));
  Bytes out(kSector);
  CHECK(file->read(0, out).ok());
  CHECK_FALSE(file->read(kSector, out).ok());
  CHECK_FALSE(file->read(kSector, out).ok());
  REQUIRE(file->write(kSector, filled(2)).ok());
  CHECK(file->read(kSector, out).ok());
}

/// The outcomes of 200 writes to each of two files.
std::vector<bool> outcomes(uint64_t seed, bool skip_first_file) {
  VirtualDisk disk({.seed = seed});
  disk.set_faults({.write_error = 100'000});
  auto first = open_file(disk, "a");
  auto second = open_file(disk, "b");
  std::vector<bool> all;
  for (uint64_t i = 0; i < 200; ++i) {
    if (!skip_first_file) (void)first->write(0, filled(1));
    all.push_back(second->write(0, filled(1)).ok());
  }
  return all;
}

TEST_CASE(
    "virtual disk: faults depend on the file and its operation, on nothing that else happens") {
  const std::vector<bool> all = outcomes(7, false);
  CHECK(all == outcomes(7, true));
  CHECK(all != outcomes(8, true));
  const auto failed = std::count(all.begin(), all.end(), false);
  CHECK(failed > 5);
  CHECK(failed < 50);
}

TEST_CASE("virtual disk: silent faults leave a disk that differs from what programs saw") {
  const DiskFaults kinds[] = {{.lost_write = 1'000'000}, {.misdirected = 1'000'000}};
  for (const DiskFaults& faults : kinds) {
    VirtualDisk disk({});
    auto file = durable_file(disk, "f");
    disk.set_faults(faults);
    REQUIRE(file->write(0, filled(2)).ok());
    CHECK(content(disk, "f").front() == 2);
    REQUIRE(file->sync().ok());
    lose_power(disk, kKeep);
    CHECK(content(disk, "f").front() == 1);
    CHECK(disk.counts().lost_writes + disk.counts().misdirected > 0);
  }
}

}  // namespace
}  // namespace topgun::sim
