#include "host-native/storage/checkpoint_store.hpp"

#include <algorithm>

#include "core/base/byte_io.hpp"
#include "core/base/hash.hpp"
#include "host-native/storage/checkpoint_row.hpp"

namespace topgun::host {
namespace {

constexpr const char* kSchema = R"sql(
CREATE TABLE IF NOT EXISTS meta (
  name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS applied (
  incarnation INTEGER, shard INTEGER, sequence INTEGER NOT NULL,
  PRIMARY KEY (incarnation, shard)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS maps (
  id INTEGER PRIMARY KEY, kind INTEGER NOT NULL, name BLOB NOT NULL, UNIQUE (kind, name));
CREATE TABLE IF NOT EXISTS records (
  map INTEGER, key BLOB, tag BLOB, retired_ms INTEGER, record BLOB NOT NULL,
  PRIMARY KEY (map, key, tag)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS retired ON records (map, retired_ms) WHERE retired_ms IS NOT NULL;
)sql";

constexpr uint64_t kFormat = 2;
// Had no digest.
constexpr uint64_t kFirstFormat = 1;

/// Writes the WAL of the database `path` to where it stands, and syncs it. Its pages may be clean
/// in the page cache and yet not on the disk: nobody synced them, or a sync failed (Rebello et al.,
/// ATC 2020). They must be there before anyone relies on them, and before SQLite copies them into
/// the database, which a loss of power would leave half done with nothing to finish it.
Result<void> write_wal_again(storage::FileSystem& files, const std::string& path) {
  const std::string wal = path + "-wal";
  const Result<bool> is_there = files.exists(wal);
  if (!is_there.ok()) return is_there.error();
  if (!*is_there) return {};
  const auto file = files.open(wal, storage::FileSystem::OpenMode::Write);
  if (!file.ok()) return file.error();
  const Result<uint64_t> size = (*file)->size();
  if (!size.ok()) return size.error();
  Bytes buffer(static_cast<size_t>(std::min<uint64_t>(*size, 1 << 20)));
  for (uint64_t at = 0; at < *size;) {
    const Result<uint64_t> got = (*file)->read(at, buffer);
    if (!got.ok()) return got.error();
    if (*got == 0) break;
    const ByteView chunk = ByteView(buffer).first(static_cast<size_t>(*got));
    if (auto written = (*file)->write(at, chunk); !written.ok()) return written;
    at += *got;
  }
  return (*file)->sync();
}

}  // namespace

struct CheckpointStore::Row {
  int64_t map = 0;
  const RecordBatch* batch = nullptr;
  const Record* record = nullptr;
  size_t order = 0;  // Of arrival: among rows of one record the last one holds.

  int compare_place(const Row& other) const {
    if (map != other.map) return map < other.map ? -1 : 1;
    if (const int by_key = compare_bytes(record->key, other.record->key); by_key != 0) {
      return by_key;
    }
    return compare_bytes(record->tag, other.record->tag);
  }
};

Result<std::unique_ptr<CheckpointStore>> CheckpointStore::open(storage::FileSystem& files,
                                                               const std::string& vfs,
                                                               const std::string& path, Mode mode,
                                                               Report report) {
  if (mode == Mode::Work) {
    if (auto safe = write_wal_again(files, path); !safe.ok()) {
      if (report) report("checkpoint: cannot sync " + path + "-wal");
      return safe.error();
    }
  }
  Result<SqliteDatabase> database = SqliteDatabase::open(path, vfs);
  if (!database.ok()) return database.error();
  std::unique_ptr<CheckpointStore> store(
      new CheckpointStore(files, vfs, path, std::move(*database), std::move(report)));
  if (mode == Mode::Inspect) {
    // Closing the last connection would fold the WAL into the database; a check changes nothing.
    sqlite3_db_config(store->database_.handle(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  }
  if (auto ready = store->prepare(); !ready.ok()) {
    return store->failed("cannot open " + path, ready.error()).error();
  }
  return store;
}

Result<void> CheckpointStore::prepare() {
  // EXCLUSIVE before WAL: no shared memory file, and nobody else can write to the database
  // meanwhile. Two connections that checkpoint at once is how SQLite before 3.51.3 corrupts a WAL.
  const char* const setup =
      "PRAGMA locking_mode=EXCLUSIVE; PRAGMA page_size=8192; PRAGMA journal_mode=WAL;"
      "PRAGMA synchronous=NORMAL; PRAGMA wal_autocheckpoint=0; PRAGMA cache_size=-65536;"
      "PRAGMA mmap_size=0; PRAGMA temp_store=MEMORY;";
  if (auto done = database_.execute(setup); !done.ok()) return done;
  if (auto done = database_.execute(kSchema); !done.ok()) return done;

  const struct {
    SqliteStatement* statement;
    const char* sql;
  } prepared[] = {
      {&statements_.begin, "BEGIN IMMEDIATE"},
      {&statements_.commit, "COMMIT"},
      {&statements_.rollback, "ROLLBACK"},
      {&statements_.upsert,
       "INSERT OR REPLACE INTO records (map, key, tag, retired_ms, record) VALUES (?,?,?,?,?)"},
      {&statements_.find_checksum,
       "SELECT substr(record, 1, 8) FROM records WHERE map = ? AND key = ? AND tag = ?"},
      {&statements_.purge,
       "DELETE FROM records WHERE map = ? AND retired_ms < ? RETURNING substr(record, 1, 8)"},
      {&statements_.add_map, "INSERT INTO maps (id, kind, name) VALUES (?, ?, ?)"},
      {&statements_.put_meta, "INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)"},
      {&statements_.put_applied,
       "INSERT OR REPLACE INTO applied (incarnation, shard, sequence) VALUES (?, ?, ?)"},
      {&statements_.erase_applied, "DELETE FROM applied WHERE incarnation = ? AND shard = ?"},
  };
  for (const auto& [statement, sql] : prepared) {
    Result<SqliteStatement> made = database_.prepare(sql);
    if (!made.ok()) return made.error();
    *statement = std::move(*made);
  }
  if (auto read = read_meta(); !read.ok()) return read;
  return read_maps();
}

Result<void> CheckpointStore::read_meta() {
  Result<SqliteStatement> meta = database_.prepare("SELECT name, value FROM meta");
  if (!meta.ok()) return meta.error();
  std::map<std::string, uint64_t> found;
  for (;;) {
    const Result<bool> row = meta->step();
    if (!row.ok()) return row.error();
    if (!*row) break;
    found[std::string(as_text(meta->bytes(0)))] = meta->unsigned_integer(1);
  }
  const auto take = [&](const char* name) -> std::optional<uint64_t> {
    const auto at = found.find(name);
    return at == found.end() ? std::nullopt : std::optional(at->second);
  };
  const std::optional<uint64_t> format = take("format");
  if (format.value_or(kFormat) != kFormat && *format != kFirstFormat) {
    return Error::UnsupportedVersion;
  }
  log_id_ = take("log_id");
  const auto segment = take("log_start_segment");
  const auto block = take("log_start_block");
  if (segment && block) log_start_ = storage::LogRetention::Start{*segment, *block};
  has_digest_ = format != kFirstFormat;
  digest_ = {take("rows").value_or(0), take("rows_sum").value_or(0)};
  if (auto read = read_applied(); !read.ok()) return read;
  const bool is_whole = !has_digest_ || take("applied_sum").value_or(0) == applied_sum({});
  return is_whole ? Result<void>() : Error::StorageCorrupt;
}

Result<void> CheckpointStore::read_applied() {
  Result<SqliteStatement> applied =
      database_.prepare("SELECT incarnation, shard, sequence FROM applied");
  if (!applied.ok()) return applied.error();
  for (;;) {
    const Result<bool> row = applied->step();
    if (!row.ok()) return row.error();
    if (!*row) return {};
    applied_.advance({applied->unsigned_integer(0), static_cast<uint16_t>(applied->integer(1))},
                     applied->unsigned_integer(2));
  }
}

Result<void> CheckpointStore::read_maps() {
  Result<SqliteStatement> maps = database_.prepare("SELECT id, kind, name FROM maps");
  if (!maps.ok()) return maps.error();
  for (;;) {
    const Result<bool> row = maps->step();
    if (!row.ok()) return row.error();
    if (!*row) return {};
    const int64_t id = maps->integer(0);
    const int64_t kind = maps->integer(1);
    const ByteView name = maps->bytes(2);
    if (kind < 1 || kind > 3 || name.empty() || name.size() > kMapNameBytesMax) {
      return Error::StorageCorrupt;
    }
    map_ids_[{static_cast<uint8_t>(kind), std::string(as_text(name))}] = id;
    maps_[id] = {static_cast<MapKind>(kind), to_bytes(name)};
  }
}

Result<int64_t> CheckpointStore::map_id(MapKind kind, ByteView name) {
  const std::pair<uint8_t, std::string> full{static_cast<uint8_t>(kind), as_text(name)};
  const auto known = map_ids_.find(full);
  if (known != map_ids_.end()) return known->second;
  const int64_t id = maps_.empty() ? 1 : maps_.rbegin()->first + 1;
  statements_.add_map.bind(1, id);
  statements_.add_map.bind(2, static_cast<int64_t>(kind));
  statements_.add_map.bind(3, name);
  if (auto added = statements_.add_map.run(); !added.ok()) return added.error();
  map_ids_[full] = id;
  maps_[id] = {kind, to_bytes(name)};
  return id;
}

Result<void> CheckpointStore::set_log_id(uint64_t log_id) {
  if (auto done = put_meta("format", kFormat); !done.ok()) return done;
  if (auto done = put_meta("log_id", log_id); !done.ok()) return done;
  log_id_ = log_id;
  return {};
}

Result<void> CheckpointStore::put_meta(std::string_view name, uint64_t value) {
  statements_.put_meta.bind_text(1, name);
  statements_.put_meta.bind(2, value);
  return statements_.put_meta.run();
}

Result<void> CheckpointStore::write(const Transaction& transaction) {
  if (auto begun = statements_.begin.run(); !begun.ok()) {
    return failed("cannot begin a checkpoint", begun.error());
  }
  const CheckpointDigest digest_before = digest_;
  Result<void> done = write_inside(transaction);
  if (done.ok()) done = statements_.commit.run();
  if (!done.ok()) {
    const Result<void> reported = failed("cannot write a checkpoint", done.error());
    if (sqlite3_get_autocommit(database_.handle()) == 0) (void)statements_.rollback.run();
    digest_ = digest_before;
    // The names that were added in the transaction are gone with it.
    map_ids_.clear();
    maps_.clear();
    if (auto read = read_maps(); !read.ok()) return read;
    return reported;
  }
  for (const auto& [stream, sequence] : transaction.advance) applied_.advance(stream, sequence);
  for (const storage::LogStream& stream : transaction.forget) applied_.erase(stream);
  if (transaction.log_start) log_start_ = transaction.log_start;
  return {};
}

Result<void> CheckpointStore::write_inside(const Transaction& transaction) {
  if (auto done = write_rows(transaction.batches); !done.ok()) return done;
  for (const node::CheckpointChunk::Purge& each : transaction.purges) {
    if (auto done = purge(each); !done.ok()) return done;
  }
  if (auto done = put_digest(transaction); !done.ok()) return done;
  return write_position(transaction);
}

Result<void> CheckpointStore::write_rows(const std::vector<Bytes>& batches) {
  std::vector<RecordBatch> decoded(batches.size());
  std::vector<Row> rows;
  for (size_t i = 0; i < batches.size(); ++i) {
    if (auto read = decode_records(batches[i], Values::Trust, decoded[i]); !read.ok()) return read;
    const Result<int64_t> map = map_id(decoded[i].kind, decoded[i].map);
    if (!map.ok()) return map.error();
    for (const Record& record : decoded[i].records) {
      rows.push_back({*map, &decoded[i], &record, rows.size()});
    }
  }
  // In the order of the primary key: each page of the table is then visited once.
  std::sort(rows.begin(), rows.end(), [](const Row& left, const Row& right) {
    const int by_place = left.compare_place(right);
    return by_place != 0 ? by_place < 0 : left.order < right.order;
  });
  for (size_t i = 0; i < rows.size(); ++i) {
    const bool is_superseded = i + 1 < rows.size() && rows[i].compare_place(rows[i + 1]) == 0;
    if (is_superseded) continue;
    if (auto written = write_row(rows[i]); !written.ok()) return written;
  }
  return {};
}

Result<void> CheckpointStore::write_row(const Row& row) {
  const Record& record = *row.record;
  Bytes stored(8, 0);
  encode_body(record, stored);
  const uint64_t checksum =
      row_checksum(log_id_.value_or(0), row.batch->kind, row.batch->map, record.key, record.tag,
                   ByteView(stored).subspan(8), scratch_);
  for (size_t i = 0; i < 8; ++i) stored[i] = static_cast<uint8_t>(checksum >> (8 * i));

  if (auto taken = take_from_digest(row); !taken.ok()) return taken;
  digest_.add(checksum);
  SqliteStatement& upsert = statements_.upsert;
  upsert.bind(1, row.map);
  upsert.bind(2, record.key);
  upsert.bind(3, record.tag);
  if (const auto retired = retired_ms(record)) {
    upsert.bind(4, *retired);
  } else {
    upsert.bind_null(4);
  }
  upsert.bind(5, ByteView(stored));
  return upsert.run();
}

/// The row that is about to be replaced, if there is one.
Result<void> CheckpointStore::take_from_digest(const Row& row) {
  statements_.find_checksum.bind(1, row.map);
  statements_.find_checksum.bind(2, row.record->key);
  statements_.find_checksum.bind(3, row.record->tag);
  return take_from_digest(statements_.find_checksum);
}

Result<void> CheckpointStore::take_from_digest(SqliteStatement& checksums) {
  Result<bool> row = checksums.step();
  for (; row.ok() && *row; row = checksums.step()) {
    ByteReader reader(checksums.bytes(0));
    digest_.take(reader.u64());
  }
  checksums.reset();
  return row.ok() ? Result<void>() : row.error();
}

Result<void> CheckpointStore::purge(const node::CheckpointChunk::Purge& purge) {
  const auto known = map_ids_.find({purge.map_kind, purge.map});
  if (known == map_ids_.end()) return {};
  statements_.purge.bind(1, known->second);
  statements_.purge.bind(2, purge.horizon_ms);
  return take_from_digest(statements_.purge);
}

/// What the table `applied` holds once the transaction is done.
uint64_t CheckpointStore::applied_sum(const Transaction& transaction) const {
  storage::AppliedVector applied = applied_;
  for (const auto& [stream, sequence] : transaction.advance) applied.advance(stream, sequence);
  for (const storage::LogStream& stream : transaction.forget) applied.erase(stream);
  CheckpointDigest digest;
  for (const auto& [stream, sequence] : applied.entries()) {
    Bytes row;
    ByteWriter out(row);
    out.u64(stream.incarnation);
    out.u16(stream.shard);
    out.u64(sequence);
    digest.add(hash64(row));
  }
  return digest.sum;
}

Result<void> CheckpointStore::put_digest(const Transaction& transaction) {
  const std::pair<const char*, uint64_t> values[] = {{"format", kFormat},
                                                     {"rows", digest_.rows},
                                                     {"rows_sum", digest_.sum},
                                                     {"applied_sum", applied_sum(transaction)}};
  for (const auto& [name, value] : values) {
    if (auto done = put_meta(name, value); !done.ok()) return done;
  }
  return {};
}

Result<void> CheckpointStore::write_position(const Transaction& transaction) {
  for (const auto& [stream, sequence] : transaction.advance) {
    SqliteStatement& put = statements_.put_applied;
    put.bind(1, stream.incarnation);
    put.bind(2, uint64_t{stream.shard});
    put.bind(3, std::max(sequence, applied_.sequence(stream)));
    if (auto done = put.run(); !done.ok()) return done;
  }
  for (const storage::LogStream& stream : transaction.forget) {
    statements_.erase_applied.bind(1, stream.incarnation);
    statements_.erase_applied.bind(2, uint64_t{stream.shard});
    if (auto done = statements_.erase_applied.run(); !done.ok()) return done;
  }
  if (!transaction.log_start) return {};
  if (auto done = put_meta("log_start_segment", transaction.log_start->segment); !done.ok()) {
    return done;
  }
  return put_meta("log_start_block", transaction.log_start->block);
}

Result<void> CheckpointStore::make_durable() {
  if (is_wal_doubtful_) {
    if (auto safe = write_wal_again(files_, path_); !safe.ok()) return safe;
  }
  // In WAL mode a checkpoint syncs the WAL first, copies it into the database and syncs that.
  int frames = 0;
  int copied = 0;
  const int code = sqlite3_wal_checkpoint_v2(database_.handle(), nullptr,
                                             SQLITE_CHECKPOINT_TRUNCATE, &frames, &copied);
  is_wal_doubtful_ = code != SQLITE_OK;
  if (is_wal_doubtful_) return failed("cannot sync the checkpoint", error_of_sqlite(code));
  return {};
}

Result<void> CheckpointStore::failed(std::string_view what, Error error) {
  if (report_) {
    report_("checkpoint: " + std::string(what) + ": " + std::string(error_name(error)) + " (" +
            database_.message() + ")");
  }
  return error;
}

Result<void> CheckpointStore::copy_to(const std::string& path) {
  Result<SqliteDatabase> target = SqliteDatabase::open(path, vfs_);
  if (!target.ok()) return target.error();
  sqlite3_backup* const backup =
      sqlite3_backup_init(target->handle(), "main", database_.handle(), "main");
  if (backup == nullptr) return error_of_sqlite(sqlite3_errcode(target->handle()));
  sqlite3_backup_step(backup, -1);
  const int code = sqlite3_backup_finish(backup);
  if (code != SQLITE_OK) return error_of_sqlite(code);
  return {};
}

}  // namespace topgun::host
