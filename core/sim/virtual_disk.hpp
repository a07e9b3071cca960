#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/base/gen.hpp"
#include "core/base/prng.hpp"
#include "core/sim/sector_file.hpp"
#include "core/storage/file_system.hpp"

namespace topgun::sim {

/// Chances of what a disk does wrong, in parts per million of the operations of their kind. All 0:
/// a disk that forgets what is unsynced when the power is lost, and does nothing else.
struct DiskFaults {
  uint32_t write_error = 0;      ///< Nothing arrives; `StorageIo`.
  uint32_t short_write = 0;      ///< A part arrives; `StorageIo`.
  uint32_t read_error = 0;       ///< A sector cannot be read until it is rewritten.
  uint32_t sync_error = 0;       ///< `StorageIo` once, and the unsynced sectors count as clean.
  uint32_t name_error = 0;       ///< Opening, renaming, removing, syncing a directory: `StorageIo`.
  uint32_t full = 0;             ///< A write or allocation that makes a file larger: `StorageFull`.
  uint32_t lost_write = 0;       ///< Acknowledged, read back, never on the disk.
  uint32_t misdirected = 0;      ///< A lost write that spoils another sector of its file.
  uint32_t bit_flip = 0;         ///< With a write, a bit flips before it in the same file.
  uint32_t early_writeback = 0;  ///< After a write, some unsynced sectors reach the disk unasked.
};

/// What struck, for the report of a campaign.
struct DiskFaultCounts {
  uint64_t write_errors = 0;
  uint64_t short_writes = 0;
  uint64_t read_errors = 0;
  uint64_t sync_errors = 0;
  uint64_t name_errors = 0;
  uint64_t full = 0;
  uint64_t lost_writes = 0;
  uint64_t misdirected = 0;
  uint64_t bit_flips = 0;
  uint64_t early_writebacks = 0;
  uint64_t crashes = 0;
  uint64_t power_losses = 0;
  PowerLossCounts power;
};

/// The disk of one simulated machine: files of sectors and their names, each once as programs see
/// them and once as they would survive. What it does wrong is drawn by the seed, the machine, the
/// file and the number of the operation on that file, so that a run with one operation less meets
/// the other faults at the same places.
///
/// Directories hold names; each change of a name is pending until its directory is synced. A sync
/// of a file says nothing about its name, which is less than ext4 gives and all that POSIX
/// promises.
///
/// Not thread-safe. O(log files) for names, O(bytes) for content.
class VirtualDisk final : public storage::FileSystem {
 public:
  struct Options {
    uint64_t seed = 0;
    /// Tells the disks of one run apart.
    uint64_t node = 0;
    /// At most 4096, so that SQLite's pages and the log's are whole sectors.
    uint32_t sector_bytes = 512;
    /// Of all files together.
    uint64_t capacity_bytes = UINT64_MAX;
  };

  explicit VirtualDisk(const Options& options);
  ~VirtualDisk() override;

  // --- what goes wrong ---

  void set_faults(const DiskFaults& faults) { faults_ = faults; }
  /// While set, no file can be made larger.
  void set_full(bool is_full) { is_full_ = is_full; }
  bool is_full() const { return is_full_; }

  /// Operations begun so far, those that failed included.
  uint64_t operations() const { return operations_; }
  /// The machine dies at that operation, counted as `operations` does from 1: it does not happen,
  /// and nothing happens after it until a restart.
  void stop_at(uint64_t operation) { stop_at_ = operation; }
  /// That operation fails with `error`, and where `is_sticky` all that follow do. A sync that fails
  /// takes the unsynced sectors out of reach of later syncs.
  struct Failure {
    uint64_t operation = 0;
    Error error = Error::StorageIo;
    bool is_sticky = false;
  };
  void fail_at(std::optional<Failure> failure) { failure_ = failure; }

  /// Process or machine are dead: every operation fails until a restart. What is still open then
  /// stays dead for ever, so destroy the programs of the dead machine in between.
  void stop();
  bool is_stopped() const { return is_stopped_; }

  /// The process died, the machine did not: what was written is there.
  void restart_after_crash();
  /// The power was lost: of what was not synced any part is there. Draws are keyed by file and
  /// number of the power loss.
  void restart_after_power_loss(const PowerLoss& how = {});
  /// The same with choices made by `gen`, for tests that enumerate them.
  void restart_after_power_loss(Gen& gen, const PowerLoss& how);
  /// A new, empty disk takes the place of the old one.
  void wipe();

  // --- looking at it, and touching it ---

  struct FileView {
    std::string path;
    uint64_t bytes = 0;
    uint64_t unsynced_sectors = 0;
  };
  /// In the order of their paths.
  std::vector<FileView> files() const;
  /// Flips a bit of a synced sector. False if there is no such file or byte.
  bool flip_bit(const std::string& path, uint64_t offset, uint32_t bit);
  /// Whether a sector of any file cannot be read.
  bool has_unreadable() const;
  /// Whether it ever lost, changed or gave no longer what a sync had promised to keep.
  bool has_lied() const;
  /// Makes the sector with this byte unreadable until it is rewritten.
  bool make_unreadable(const std::string& path, uint64_t offset);

  const DiskFaultCounts& counts() const { return counts_; }
  /// A hash of all that programs see: names and contents. O(bytes).
  uint64_t digest() const;

  // --- storage::FileSystem ---

  Result<std::unique_ptr<storage::File>> open(const std::string& path, OpenMode mode) override;
  Result<bool> exists(const std::string& path) override;
  Result<std::vector<std::string>> list(const std::string& directory) override;
  Result<void> rename(const std::string& from, const std::string& to) override;
  Result<void> remove(const std::string& path) override;
  Result<void> sync_directory(const std::string& directory) override;
  Result<void> make_directories(const std::string& directory) override;
  Result<std::unique_ptr<storage::FileLock>> lock(const std::string& path) override;

 private:
  struct Inode;
  class OpenFile;
  class OpenLock;
  using Names = std::map<std::string, std::shared_ptr<Inode>>;

  /// A change of names that its directory does not hold yet: `inode` gets the name `to` and loses
  /// `from`; either may be empty.
  struct NameChange {
    std::string directory;
    std::string from;
    std::string to;
    std::shared_ptr<Inode> inode;
  };

  std::optional<Error> begin_operation();
  Result<void> begin_name_operation(const std::string& path);
  bool strikes(StreamId fault, uint32_t rate, Inode& inode);
  bool strikes_name(const std::string& path);
  uint64_t draw(StreamId stream, const Inode& inode) const;
  std::shared_ptr<Inode> make_inode(const std::string& path);
  Inode* find(const std::string& path);
  bool is_directory(const std::string& path) const;
  Result<void> check_room(uint64_t grown_bytes);

  Result<void> write_file(Inode& inode, uint64_t offset, ByteView data);
  void write_wrongly(Inode& inode, uint64_t offset, ByteView data);
  Result<uint64_t> read_file(Inode& inode, uint64_t offset, std::span<uint8_t> out);
  Result<void> sync_file(Inode& inode);

  void apply(const NameChange& change);
  void keep_names(Gen& gen, PowerLoss::Names how);
  template <typename GenOfFile>
  void lose_power(const PowerLoss& how, GenOfFile gen_of_file);
  void restart();

  const Options options_;
  DiskFaults faults_;
  DiskFaultCounts counts_;
  bool is_full_ = false;
  uint64_t operations_ = 0;
  uint64_t stop_at_ = 0;
  std::optional<Failure> failure_;
  bool is_stopped_ = false;
  uint64_t life_ = 0;  // Open files and locks of earlier lives are dead.

  Names names_;
  Names durable_names_;
  std::vector<NameChange> pending_;
  std::set<std::string> directories_;
  std::set<std::string> locked_;
  std::map<std::string, uint64_t> name_operations_;  // On each path, for the keys of the draws.
  std::map<std::string, uint64_t> times_made_;       // Of each path, for the keys of the draws.
};

}  // namespace topgun::sim
