#pragma once

#include <mutex>
#include <optional>
#include <string>

#include "core/base/bytes.hpp"
#include "core/base/result.hpp"
#include "host-native/storage/sqlite.hpp"

namespace topgun::addon {

/// Named rows of bytes in a SQLite file that one process at a time may hold: what a client in Node
/// keeps between starts. A transaction survives a crash once it is reported. Safe to call from any
/// thread; calls run one after the other.
class RowStore {
 public:
  /// Opens or makes the file. `NotReady` if another process holds it, `StorageCorrupt` if it is no
  /// database, else `StorageIo`.
  [[nodiscard]] Result<void> open(const std::string& path);

  /// Every row as text name and blob value, back to back, in the order of names.
  [[nodiscard]] Result<Bytes> load();

  /// Applies the payload of a `persist` event without its transaction number
  /// (docs/engine-protocol.md): puts and deletes, all of it or nothing. `Malformed` or `Truncated`
  /// if the bytes are not that, `StorageFull` without space.
  [[nodiscard]] Result<void> transact(ByteView transaction);

  /// Closes the file. Later calls fail with `Closed`.
  void close();

 private:
  Result<void> apply(ByteView transaction);

  std::mutex mutex_;
  std::optional<host::SqliteDatabase> database_;
};

}  // namespace topgun::addon
