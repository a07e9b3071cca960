#pragma once

#include <sqlite3.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/bytes.hpp"
#include "core/base/result.hpp"

/// SQLite as values and `Result`s: just what the checkpoint needs.
namespace topgun::host {

/// `StorageFull` for SQLITE_FULL, `StorageCorrupt` for SQLITE_CORRUPT and SQLITE_NOTADB, else
/// `StorageIo`.
Error error_of_sqlite(int code);

class SqliteDatabase;

/// A prepared statement. Parameters are numbered from 1, columns from 0. Bound bytes are borrowed
/// until `reset`.
class SqliteStatement {
 public:
  void bind(int parameter, int64_t value);
  void bind(int parameter, uint64_t value) { bind(parameter, static_cast<int64_t>(value)); }
  void bind(int parameter, ByteView value);
  void bind_text(int parameter, std::string_view value);
  void bind_null(int parameter);

  /// True if there is a row, false at the end.
  Result<bool> step();
  /// Steps to the end and resets.
  Result<void> run();
  void reset();

  int64_t integer(int column) const;
  uint64_t unsigned_integer(int column) const { return static_cast<uint64_t>(integer(column)); }
  /// Nothing for NULL.
  std::optional<uint64_t> optional_integer(int column) const;
  /// Borrowed until the next `step` or `reset`.
  ByteView bytes(int column) const;

 private:
  friend class SqliteDatabase;
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
  };
  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
};

/// One connection. Not thread-safe.
class SqliteDatabase {
 public:
  /// Creates the file if it is missing. `vfs` names the file system that SQLite works on; empty for
  /// that of the operating system.
  static Result<SqliteDatabase> open(const std::string& path, const std::string& vfs = {});

  Result<void> execute(const char* sql);
  Result<SqliteStatement> prepare(const char* sql);
  sqlite3* handle() const { return database_.get(); }
  /// What SQLite has to say about the last failure.
  std::string message() const { return sqlite3_errmsg(database_.get()); }

 private:
  struct Close {
    void operator()(sqlite3* database) const { sqlite3_close_v2(database); }
  };
  std::unique_ptr<sqlite3, Close> database_;
};

}  // namespace topgun::host
