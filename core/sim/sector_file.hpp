#pragma once

#include <span>
#include <vector>

#include "core/base/bytes.hpp"
#include "core/base/gen.hpp"

namespace topgun::sim {

/// What a loss of power does to what was not synced.
struct PowerLoss {
  /// Whether a sector may hold the first part of the new bytes and the rest of the old ones. Disks
  /// promise that for 512 bytes it does not happen; file systems and emulated sectors promise less.
  bool may_tear = true;
  /// Sectors written one after another that share their fate; 1: each has its own. Larger groups
  /// keep the number of cases small where all of them are enumerated.
  uint32_t group_sectors = 1;
  /// What may become of names made, removed and changed since their directory was synced.
  enum class Names : uint8_t {
    /// In each directory the first so many changes are kept, as the journals of ext4 and XFS do it.
    Prefix,
    /// Any of them, as btrfs does it (Pillai et al., "All File Systems Are Not Created Equal", OSDI
    /// 2014); changes of one file or of one name stay in order.
    AnyOrder,
  };
  Names names = Names::Prefix;
};

/// How often which fate befell something.
struct PowerLossCounts {
  uint64_t sectors_kept = 0;
  uint64_t sectors_dropped = 0;
  uint64_t sectors_torn = 0;
  uint64_t names_kept = 0;
  uint64_t names_lost = 0;
  uint64_t sizes_lost = 0;
};

/// The content of one file twice: as programs see it (the page cache) and as the disk holds it.
/// They differ in the unsynced sectors only, so what is kept of the disk is the old content of
/// these, copied when a sector is written for the first time after a sync. A write costs a bit and
/// at most one copy for each sector and, once the buffers have grown, allocates nothing.
class SectorFile {
 public:
  explicit SectorFile(uint32_t sector_bytes) : sector_bytes_(sector_bytes) {}

  uint64_t size() const { return live_.size(); }
  ByteView live() const { return live_; }
  uint64_t unsynced_sectors() const { return unsynced_.size(); }
  uint32_t sector_bytes() const { return sector_bytes_; }

  /// What becomes of written sectors.
  enum class Reach : uint8_t {
    Sync,  ///< The next sync brings them to the disk.
    /// A sync failed while they were under way: they count as clean and are read back, but later
    /// syncs pass them over, and nobody knows whether they reached the disk (Rebello et al., "Can
    /// Applications Recover from fsync Failures?", ATC 2020).
    Unknown,
    Never,  ///< The disk said that it wrote them, and did not.
  };

  /// The number of bytes read. O(bytes).
  uint64_t read(uint64_t offset, std::span<uint8_t> out) const;
  /// Grows the file as needed.
  void write(uint64_t offset, ByteView data, Reach reach = Reach::Sync);
  void resize(uint64_t bytes);
  void sync();
  /// A sync that fails: see `Reach::Unknown`.
  void fail_sync();
  /// Some unsynced sectors reach the disk without a sync, as `gen` chooses: the kernel writes back
  /// when it likes.
  void write_back(Gen& gen);

  /// The disk writes `data` to the wrong place: programs still see there what they wrote, until the
  /// power is lost. One whole synced sector; false, and nothing happens, elsewhere.
  bool damage_disk(uint64_t offset, ByteView data);
  /// Flips a bit of a synced sector, on the disk and for programs. False if none is there.
  bool flip_bit(uint64_t offset, uint32_t bit);

  /// A sector that cannot be read until it is written.
  void make_unreadable(uint64_t offset);
  bool has_unreadable() const { return !unreadable_.empty(); }
  bool is_readable(uint64_t offset, uint64_t bytes) const;

  /// The power goes and comes back: what programs see is what the disk holds then.
  void lose_power(Gen& gen, const PowerLoss& how, PowerLossCounts& counts);

 private:
  struct Unsynced {
    uint32_t sector = 0;
    Reach reach = Reach::Sync;
  };
  static constexpr uint64_t kNotCut = UINT64_MAX;

  bool is_unsynced(uint64_t sector) const;
  void touch(uint64_t sector, Reach reach);
  void forget(uint32_t sector);
  template <typename Keep>
  void retain(Keep keep);
  ByteView old_content(size_t index) const {
    return ByteView(before_).subspan(index * sector_bytes_, sector_bytes_);
  }
  uint64_t size_after_power_loss(Gen& gen, bool is_cut_kept);
  void restore(uint32_t sector, ByteView old, uint64_t from, uint64_t zeros_from);

  const uint32_t sector_bytes_;
  Bytes live_;
  uint64_t durable_size_ = 0;
  uint64_t cut_to_ = kNotCut;  // The smallest size since the last sync, if it was cut.
  // `before_` holds the sectors of `unsynced_` as the disk has them, in the same order.
  std::vector<Unsynced> unsynced_;
  Bytes before_;
  std::vector<uint64_t> is_unsynced_;  // A bit a sector.
  uint64_t beyond_sync_ = 0;           // Unsynced sectors that a sync does not help.
  std::vector<uint32_t> unreadable_;
};

}  // namespace topgun::sim
