#include "host-native/storage/sqlite_vfs.hpp"

#include <doctest/doctest.h>

#include <optional>

#include "core/sim/virtual_disk.hpp"
#include "host-native/storage/sqlite.hpp"

namespace topgun::host {
namespace {

using Rows = std::map<int64_t, Bytes>;

storage::StorageSources sources(uint64_t seed) {
  storage::StorageSources made;
  made.random = [seed, draws = uint64_t{0}]() mutable { return mix64(seed * 31 + ++draws); };
  made.wall_ms = [] { return uint64_t{1'700'000'000'000}; };
  return made;
}

/// The settings of the checkpoint, except that each commit is durable when it returns.
constexpr const char* kSetup =
    "PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
    "PRAGMA wal_autocheckpoint=0; PRAGMA mmap_size=0; PRAGMA temp_store=MEMORY;"
    "CREATE TABLE IF NOT EXISTS rows (k INTEGER PRIMARY KEY, v BLOB) WITHOUT ROWID";

/// A table on a virtual disk, and what it must hold: the rows after the last commit that returned,
/// or after the one that was under way when the machine died.
class Table {
 public:
  Table(uint64_t seed, uint32_t sector_bytes)
      : seed_(seed), disk_({.seed = seed, .sector_bytes = sector_bytes}) {
    REQUIRE(disk_.make_directories("d").ok());
  }

  sim::VirtualDisk& disk() { return disk_; }
  const Rows& committed() const { return committed_; }

  bool open() {
    vfs_ = std::make_unique<SqliteVfs>(disk_, sources(seed_ + ++lives_));
    Result<SqliteDatabase> opened = SqliteDatabase::open("d/t.db", vfs_->name());
    if (!opened.ok()) return false;
    database_.emplace(std::move(*opened));
    return database_->execute(kSetup).ok();
  }

  void die() {
    disk_.stop();
    database_.reset();
    vfs_.reset();
  }

  /// A few random changes in one transaction.
  void transact(Gen& gen) {
    Rows after = committed_;
    std::string sql = "BEGIN;";
    const uint64_t changes = gen.between(1, 6);
    for (uint64_t i = 0; i < changes; ++i) {
      const auto key = static_cast<int64_t>(gen.below(60));
      if (gen.chance(1, 4)) {
        sql += "DELETE FROM rows WHERE k = " + std::to_string(key) + ";";
        after.erase(key);
        continue;
      }
      const Bytes value = gen.bytes(0, 3000);
      sql += "INSERT OR REPLACE INTO rows VALUES (" + std::to_string(key) + ", x'";
      constexpr char kHex[] = "0123456789abcdef";
      for (const uint8_t byte : value) {
        sql += kHex[byte >> 4];
        sql += kHex[byte & 15];
      }
      sql += "');";
      after[key] = value;
    }
    under_way_ = after;
    if (!database_->execute((sql + "COMMIT").c_str()).ok()) return;
    committed_ = std::move(after);
    under_way_.reset();
  }

  void fold() {
    (void)sqlite3_wal_checkpoint_v2(database_->handle(), nullptr, SQLITE_CHECKPOINT_TRUNCATE,
                                    nullptr, nullptr);
  }

  /// Sound, and holding what it must.
  void check() {
    CHECK(text("PRAGMA integrity_check") == "ok");
    const Rows found = rows();
    const bool is_committed = found == committed_;
    const bool is_under_way = under_way_ && found == *under_way_;
    CHECK((is_committed || is_under_way));
    committed_ = found;
    under_way_.reset();
  }

  std::string text(const char* sql) {
    Result<SqliteStatement> statement = database_->prepare(sql);
    REQUIRE(statement.ok());
    const Result<bool> row = statement->step();
    REQUIRE(row.ok());
    return std::string(as_text(statement->bytes(0)));
  }

  Rows rows() {
    Rows found;
    Result<SqliteStatement> statement = database_->prepare("SELECT k, v FROM rows");
    REQUIRE(statement.ok());
    for (Result<bool> row = statement->step(); row.ok() && *row; row = statement->step()) {
      found[statement->integer(0)] = to_bytes(statement->bytes(1));
    }
    return found;
  }

 private:
  const uint64_t seed_;
  uint64_t lives_ = 0;
  sim::VirtualDisk disk_;
  std::unique_ptr<SqliteVfs> vfs_;
  std::optional<SqliteDatabase> database_;
  Rows committed_;
  std::optional<Rows> under_way_;
};

/// Transactions on a machine whose power is lost again and again, at any operation of the disk.
uint64_t live_and_die(uint64_t seed, uint64_t lives) {
  CAPTURE(seed);
  RandomGen gen(seed, stream_id("sqlite"));
  Table table(seed, seed % 2 == 0 ? 512 : 4096);
  uint64_t transactions = 0;
  for (uint64_t life = 0; life < lives; ++life) {
    CAPTURE(life);
    REQUIRE(table.open());
    table.check();
    table.disk().stop_at(table.disk().operations() + gen.between(1, 120));
    while (!table.disk().is_stopped()) {
      table.transact(gen);
      transactions += 1;
      if (gen.chance(1, 8)) table.fold();
    }
    table.die();
    const bool any_order = gen.coin();
    using Names = sim::PowerLoss::Names;
    table.disk().restart_after_power_loss({.names = any_order ? Names::AnyOrder : Names::Prefix});
  }
  return transactions;
}

TEST_CASE("sqlite vfs: what was committed survives the loss of power, and the database is sound") {
  uint64_t transactions = 0;
  for (uint64_t seed = 1; seed <= 40; ++seed) transactions += live_and_die(seed, 20);
  CHECK(transactions > 3000);
}

TEST_CASE(
    "sqlite vfs: a loss of power during the very first commands leaves a database that opens") {
  for (uint64_t stop_at = 1; stop_at <= 60; ++stop_at) {
    CAPTURE(stop_at);
    for (uint64_t seed = 1; seed <= 10; ++seed) {
      Table table(seed, 512);
      table.disk().stop_at(table.disk().operations() + stop_at);
      (void)table.open();
      table.die();
      table.disk().restart_after_power_loss({.names = sim::PowerLoss::Names::AnyOrder});
      REQUIRE(table.open());
      table.check();
    }
  }
}

TEST_CASE("sqlite vfs: databases of several disks stand side by side") {
  RandomGen gen(3);
  Table left(1, 512);
  Table right(2, 4096);
  REQUIRE(left.open());
  REQUIRE(right.open());
  for (int i = 0; i < 20; ++i) {
    left.transact(gen);
    right.transact(gen);
  }
  left.die();
  right.fold();
  right.check();
  left.disk().restart_after_crash();
  REQUIRE(left.open());
  left.check();
  CHECK(left.committed() != right.committed());
}

TEST_CASE("sqlite vfs: one seed gives one sequence of bytes") {
  const auto digest_of_life = [](uint64_t seed) {
    RandomGen gen(seed);
    Table table(seed, 512);
    REQUIRE(table.open());
    for (int i = 0; i < 30; ++i) table.transact(gen);
    return table.disk().digest();
  };
  CHECK(digest_of_life(5) == digest_of_life(5));
  CHECK(digest_of_life(5) != digest_of_life(6));
}

TEST_CASE("sqlite vfs: a full disk is named as one, and the database goes on afterwards") {
  RandomGen gen(9);
  Table table(9, 512);
  REQUIRE(table.open());
  for (int i = 0; i < 5; ++i) table.transact(gen);
  const Rows before = table.committed();
  table.disk().set_full(true);
  for (int i = 0; i < 5; ++i) table.transact(gen);
  table.disk().set_full(false);
  CHECK(table.committed() == before);
  table.transact(gen);
  CHECK(table.committed() != before);
  table.check();
}

TEST_CASE("sqlite vfs: time comes from the sources") {
  Table table(1, 512);
  REQUIRE(table.open());
  CHECK(table.text("SELECT datetime('now')") == "2023-11-14 22:13:20");
}

}  // namespace
}  // namespace topgun::host
