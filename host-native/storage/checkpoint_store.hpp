#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/node/shard.hpp"
#include "core/storage/file_system.hpp"
#include "core/storage/log_retention.hpp"
#include "core/sync/batch.hpp"
#include "host-native/storage/checkpoint_row.hpp"
#include "host-native/storage/sqlite.hpp"

namespace topgun::host {

/// The checkpoint of the log: current state, one row a record, in SQLite, together with the
/// position in the log up to which it holds. Rows and position change in one transaction, so that
/// whatever a crash leaves is a state the log can be replayed onto. docs/formats/checkpoint.md.
///
/// Commits are not synced one by one (`synchronous=NORMAL`): a crash of the machine may take back
/// the last of them, which costs replay and no data as long as the log still has the entries. Only
/// after `make_durable` may log be given up.
///
/// One connection, one thread at a time.
class CheckpointStore {
 public:
  using Report = std::function<void(std::string_view line)>;

  /// Whether opening may create the file and its tables, and closing may tidy up.
  enum class Mode : uint8_t { Work, Inspect };

  /// `files` is borrowed; `vfs` names SQLite's view of the same files, as in
  /// `SqliteDatabase::open`.
  ///
  /// In mode `Work` all that the database holds is durable when the call returns: a process that
  /// was killed may have left commits in the page cache alone, and whoever reads them will rely on
  /// them.
  static Result<std::unique_ptr<CheckpointStore>> open(storage::FileSystem& files,
                                                       const std::string& vfs,
                                                       const std::string& path, Mode mode,
                                                       Report report);

  /// What the checkpoint knows of the log; empty in a new database.
  const std::optional<uint64_t>& log_id() const { return log_id_; }
  const std::optional<storage::LogRetention::Start>& log_start() const { return log_start_; }
  const storage::AppliedVector& applied() const { return applied_; }

  /// Remembers the log this is the checkpoint of; once, in a new database.
  Result<void> set_log_id(uint64_t log_id);

  /// One transaction: current records (later ones replace earlier ones), purges, and where the log
  /// stands afterwards.
  struct Transaction {
    std::vector<Bytes> batches;
    std::vector<node::CheckpointChunk::Purge> purges;
    std::map<storage::LogStream, uint64_t> advance;
    std::vector<storage::LogStream> forget;
    std::optional<storage::LogRetention::Start> log_start;
  };
  /// Nothing changes on an error, except that `Malformed` batches are our own fault and leave the
  /// store as it was, too. O(records log records).
  Result<void> write(const Transaction& transaction);

  /// Everything committed reaches stable storage.
  Result<void> make_durable();

  /// Calls `on_batch` for all records, as record batches. `StorageCorrupt` if a row does not match
  /// its checksum; the report names the map and the key. So if the rows together are not those that
  /// were written, which only the end tells. Returns the number of records.
  Result<uint64_t> load(const std::function<Result<void>(ByteView batch)>& on_batch);

  /// A consistent copy in the new file `path` of the same file system; not synced.
  Result<void> copy_to(const std::string& path);

  /// SQLite's own structure check. Reports what is wrong.
  Result<void> check_structure();

 private:
  struct Row;
  struct MapName {
    MapKind kind = MapKind::Lww;
    Bytes name;
  };

  CheckpointStore(storage::FileSystem& files, std::string vfs, std::string path,
                  SqliteDatabase database, Report report)
      : files_(files),
        vfs_(std::move(vfs)),
        path_(std::move(path)),
        database_(std::move(database)),
        report_(std::move(report)) {}
  Result<void> prepare();
  Result<void> read_meta();
  Result<void> read_applied();
  Result<void> read_maps();
  Result<int64_t> map_id(MapKind kind, ByteView name);
  Result<void> write_inside(const Transaction& transaction);
  Result<void> write_rows(const std::vector<Bytes>& batches);
  Result<void> write_row(const Row& row);
  Result<void> purge(const node::CheckpointChunk::Purge& purge);
  Result<void> take_from_digest(const Row& row);
  Result<void> take_from_digest(SqliteStatement& checksums);
  uint64_t applied_sum(const Transaction& transaction) const;
  Result<void> put_digest(const Transaction& transaction);
  Result<void> write_position(const Transaction& transaction);
  Result<void> put_meta(std::string_view name, uint64_t value);
  Result<void> damaged_row(const MapName& map, ByteView key, std::string_view what);
  Result<void> failed(std::string_view what, Error error);

  storage::FileSystem& files_;
  const std::string vfs_;
  const std::string path_;
  SqliteDatabase database_;
  Report report_;
  bool is_wal_doubtful_ = false;  // A sync failed; what the WAL shows may not be on the disk.
  std::optional<uint64_t> log_id_;
  std::optional<storage::LogRetention::Start> log_start_;
  storage::AppliedVector applied_;
  CheckpointDigest digest_;
  bool has_digest_ = true;  // An older database gets one once its rows were read.
  std::map<std::pair<uint8_t, std::string>, int64_t> map_ids_;
  std::map<int64_t, MapName> maps_;
  Bytes scratch_;

  struct Statements {
    SqliteStatement begin, commit, rollback, find_checksum, upsert, purge, add_map, put_meta,
        put_applied, erase_applied;
  };
  Statements statements_;
};

}  // namespace topgun::host
