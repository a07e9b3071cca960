#include "host-native/addon/row_store.hpp"

#include "core/base/byte_io.hpp"

namespace topgun::addon {

namespace {

// Larger than anything the engine sends; a bound so that a broken length is found at once.
constexpr size_t kRowBytesMax = 64u << 20;
constexpr size_t kNameBytesMax = 64u << 10;

Error busy_or(const host::SqliteDatabase& database, Error error) {
  return sqlite3_errcode(database.handle()) == SQLITE_BUSY ? Error::NotReady : error;
}

}  // namespace

Result<void> RowStore::open(const std::string& path) {
  const std::lock_guard guard(mutex_);
  Result<host::SqliteDatabase> database = host::SqliteDatabase::open(path);
  if (!database.ok()) return database.error();
  // The exclusive lock is taken by the first transaction and kept until the file is closed; FULL
  // makes a commit wait for the disk.
  const Result<void> prepared = database->execute(
      "PRAGMA locking_mode=EXCLUSIVE;"
      "PRAGMA journal_mode=WAL;"
      "PRAGMA synchronous=FULL;"
      "BEGIN IMMEDIATE;"
      "CREATE TABLE IF NOT EXISTS rows(name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;"
      "COMMIT;");
  if (!prepared.ok()) return busy_or(*database, prepared.error());
  database_.emplace(std::move(*database));
  return {};
}

Result<Bytes> RowStore::load() {
  const std::lock_guard guard(mutex_);
  if (!database_) return Error::Closed;
  Result<host::SqliteStatement> select =
      database_->prepare("SELECT name, value FROM rows ORDER BY name");
  if (!select.ok()) return select.error();
  Bytes out;
  ByteWriter writer(out);
  for (;;) {
    const Result<bool> row = select->step();
    if (!row.ok()) return row.error();
    if (!*row) return out;
    writer.blob(select->bytes(0));
    writer.blob(select->bytes(1));
  }
}

Result<void> RowStore::transact(ByteView transaction) {
  const std::lock_guard guard(mutex_);
  if (!database_) return Error::Closed;
  if (const Result<void> begun = database_->execute("BEGIN IMMEDIATE"); !begun.ok()) return begun;
  Result<void> applied = apply(transaction);
  if (applied.ok()) applied = database_->execute("COMMIT");
  // The first error is the one to report, whatever the rollback says.
  if (!applied.ok()) (void)database_->execute("ROLLBACK");
  return applied;
}

Result<void> RowStore::apply(ByteView transaction) {
  ByteReader reader(transaction);
  Result<host::SqliteStatement> put =
      database_->prepare("INSERT OR REPLACE INTO rows(name, value) VALUES(?1, ?2)");
  if (!put.ok()) return put.error();
  for (uint64_t n = reader.varint(); n > 0 && reader.ok(); --n) {
    const std::string_view name = as_text(reader.blob(kNameBytesMax));
    const ByteView value = reader.blob(kRowBytesMax);
    if (!reader.ok()) break;
    put->bind_text(1, name);
    put->bind(2, value);
    if (const Result<void> done = put->run(); !done.ok()) return done;
  }
  Result<host::SqliteStatement> erase = database_->prepare("DELETE FROM rows WHERE name = ?1");
  if (!erase.ok()) return erase.error();
  for (uint64_t n = reader.varint(); n > 0 && reader.ok(); --n) {
    const std::string_view name = as_text(reader.blob(kNameBytesMax));
    if (!reader.ok()) break;
    erase->bind_text(1, name);
    if (const Result<void> done = erase->run(); !done.ok()) return done;
  }
  if (!reader.ok()) return reader.error();
  if (!reader.at_end()) return Error::Malformed;
  return {};
}

void RowStore::close() {
  const std::lock_guard guard(mutex_);
  database_.reset();
}

}  // namespace topgun::addon
