#include "host-native/storage/sqlite.hpp"

namespace topgun::host {

Error error_of_sqlite(int code) {
  switch (code & 0xff) {
    case SQLITE_FULL:
      return Error::StorageFull;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return Error::StorageCorrupt;
    default:
      return Error::StorageIo;
  }
}

void SqliteStatement::bind(int parameter, int64_t value) {
  sqlite3_bind_int64(statement_.get(), parameter, value);
}

void SqliteStatement::bind(int parameter, ByteView value) {
  // A null pointer would bind NULL, not an empty blob.
  const void* const data = value.empty() ? static_cast<const void*>("") : value.data();
  sqlite3_bind_blob64(statement_.get(), parameter, data, value.size(), SQLITE_STATIC);
}

void SqliteStatement::bind_text(int parameter, std::string_view value) {
  sqlite3_bind_text64(statement_.get(), parameter, value.data(), value.size(), SQLITE_STATIC,
                      SQLITE_UTF8);
}

void SqliteStatement::bind_null(int parameter) { sqlite3_bind_null(statement_.get(), parameter); }

Result<bool> SqliteStatement::step() {
  const int code = sqlite3_step(statement_.get());
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  return error_of_sqlite(code);
}

Result<void> SqliteStatement::run() {
  Result<bool> more = true;
  while (more.ok() && *more) more = step();
  reset();
  if (!more.ok()) return more.error();
  return {};
}

void SqliteStatement::reset() { sqlite3_reset(statement_.get()); }

int64_t SqliteStatement::integer(int column) const {
  return sqlite3_column_int64(statement_.get(), column);
}

std::optional<uint64_t> SqliteStatement::optional_integer(int column) const {
  if (sqlite3_column_type(statement_.get(), column) == SQLITE_NULL) return std::nullopt;
  return unsigned_integer(column);
}

ByteView SqliteStatement::bytes(int column) const {
  const void* const data = sqlite3_column_blob(statement_.get(), column);
  const auto size = static_cast<size_t>(sqlite3_column_bytes(statement_.get(), column));
  return {static_cast<const uint8_t*>(data), size};
}

Result<SqliteDatabase> SqliteDatabase::open(const std::string& path, const std::string& vfs) {
  sqlite3* opened = nullptr;
  // One thread at a time uses a connection, so SQLite's own mutexes would only cost.
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
  const int code =
      sqlite3_open_v2(path.c_str(), &opened, flags, vfs.empty() ? nullptr : vfs.c_str());
  SqliteDatabase database;
  database.database_.reset(opened);
  if (code != SQLITE_OK) return error_of_sqlite(code);
  return database;
}

Result<void> SqliteDatabase::execute(const char* sql) {
  const int code = sqlite3_exec(database_.get(), sql, nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return error_of_sqlite(code);
  return {};
}

Result<SqliteStatement> SqliteDatabase::prepare(const char* sql) {
  sqlite3_stmt* prepared = nullptr;
  const int code =
      sqlite3_prepare_v3(database_.get(), sql, -1, SQLITE_PREPARE_PERSISTENT, &prepared, nullptr);
  SqliteStatement statement;
  statement.statement_.reset(prepared);
  if (code != SQLITE_OK) return error_of_sqlite(code);
  return statement;
}

}  // namespace topgun::host
