#pragma once

#include <memory>
#include <string>

#include "core/storage/node_storage.hpp"

struct sqlite3_vfs;

namespace topgun::host {

/// SQLite on the files, the randomness and the time of whoever makes this, so that the database of
/// the product runs in the simulator (sqlite.org/vfs.html). Registered under a name of its own from
/// construction to destruction; any number may exist side by side, one a simulated node.
///
/// Made for one connection a database, as `CheckpointStore` uses it: locks always succeed (the lock
/// of the data directory keeps others out), and there is no shared memory, which WAL mode does not
/// need under `locking_mode=EXCLUSIVE`. No temporary files, no memory mapping, no sleep. Where
/// SQLite's own unix VFS syncs a directory, so does this one.
///
/// SQLite draws the salts of its WAL from a generator that all its connections share; making this
/// seeds it anew, so that one program with one seed gives one sequence of bytes.
class SqliteVfs {
 public:
  /// `files` is borrowed and outlives every connection, as this does.
  SqliteVfs(storage::FileSystem& files, storage::StorageSources sources);
  ~SqliteVfs();
  SqliteVfs(const SqliteVfs&) = delete;
  SqliteVfs& operator=(const SqliteVfs&) = delete;

  /// For `SqliteDatabase::open`.
  const std::string& name() const { return name_; }

  // For the callbacks.
  storage::FileSystem& files() { return files_; }
  const storage::StorageSources& sources() const { return sources_; }

 private:
  storage::FileSystem& files_;
  storage::StorageSources sources_;
  std::string name_;
  std::unique_ptr<sqlite3_vfs> vfs_;
};

}  // namespace topgun::host
