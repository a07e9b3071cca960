#include "core/sim/sector_file.hpp"

#include <algorithm>

namespace topgun::sim {

uint64_t SectorFile::read(uint64_t offset, std::span<uint8_t> out) const {
  if (offset >= live_.size()) return 0;
  const ByteView from = ByteView(live_).subspan(static_cast<size_t>(offset));
  const size_t bytes = std::min(from.size(), out.size());
  std::copy_n(from.begin(), bytes, out.begin());
  return bytes;
}

bool SectorFile::is_unsynced(uint64_t sector) const {
  const auto word = static_cast<size_t>(sector / 64);
  return word < is_unsynced_.size() && (is_unsynced_[word] >> (sector % 64) & 1) != 0;
}

/// Keeps what the disk has of a sector that is about to change.
void SectorFile::touch(uint64_t sector, Reach reach) {
  if (is_unsynced(sector)) {
    if (beyond_sync_ == 0 && reach == Reach::Sync) return;
    for (Unsynced& each : unsynced_) {
      if (each.sector != sector) continue;
      beyond_sync_ -= each.reach == Reach::Sync ? 0 : 1;
      beyond_sync_ += reach == Reach::Sync ? 0 : 1;
      each.reach = reach;
    }
    return;
  }
  const auto word = static_cast<size_t>(sector / 64);
  if (word >= is_unsynced_.size()) is_unsynced_.resize(word + 1, 0);
  is_unsynced_[word] |= uint64_t{1} << (sector % 64);
  unsynced_.push_back({static_cast<uint32_t>(sector), reach});
  beyond_sync_ += reach == Reach::Sync ? 0 : 1;
  const uint64_t begin = std::min<uint64_t>(sector * sector_bytes_, live_.size());
  const uint64_t end = std::min<uint64_t>(begin + sector_bytes_, live_.size());
  before_.insert(before_.end(), live_.begin() + static_cast<ptrdiff_t>(begin),
                 live_.begin() + static_cast<ptrdiff_t>(end));
  before_.resize(unsynced_.size() * sector_bytes_, 0);
}

void SectorFile::forget(uint32_t sector) {
  is_unsynced_[sector / 64] &= ~(uint64_t{1} << (sector % 64));
}

void SectorFile::write(uint64_t offset, ByteView data, Reach reach) {
  if (data.empty()) return;
  const uint64_t end = offset + data.size();
  const uint64_t first = offset / sector_bytes_;
  const uint64_t last = (end - 1) / sector_bytes_;
  for (uint64_t sector = first; sector <= last; ++sector) touch(sector, reach);
  std::erase_if(unreadable_, [&](uint32_t sector) { return sector >= first && sector <= last; });
  if (end > live_.size()) live_.resize(static_cast<size_t>(end), 0);
  std::copy(data.begin(), data.end(), live_.begin() + static_cast<ptrdiff_t>(offset));
}

void SectorFile::resize(uint64_t bytes) {
  if (bytes < live_.size()) {
    const uint64_t last = (live_.size() - 1) / sector_bytes_;
    for (uint64_t sector = bytes / sector_bytes_; sector <= last; ++sector) {
      touch(sector, Reach::Sync);
    }
    cut_to_ = std::min(cut_to_, bytes);
  }
  live_.resize(static_cast<size_t>(bytes), 0);
}

/// Drops the unsynced sectors that `keep` does not want: they are on the disk now.
template <typename Keep>
void SectorFile::retain(Keep keep) {
  size_t kept = 0;
  for (size_t i = 0; i < unsynced_.size(); ++i) {
    if (!keep(unsynced_[i])) {
      forget(unsynced_[i].sector);
      continue;
    }
    if (kept != i) {
      const auto from = before_.begin() + static_cast<ptrdiff_t>(i * sector_bytes_);
      const auto to = before_.begin() + static_cast<ptrdiff_t>(kept * sector_bytes_);
      std::copy_n(from, sector_bytes_, to);
      unsynced_[kept] = unsynced_[i];
    }
    kept += 1;
  }
  unsynced_.resize(kept);
  before_.resize(kept * sector_bytes_);
}

void SectorFile::sync() {
  durable_size_ = live_.size();
  cut_to_ = kNotCut;
  if (beyond_sync_ > 0) {
    retain([](const Unsynced& each) { return each.reach != Reach::Sync; });
    return;
  }
  for (const Unsynced& each : unsynced_) forget(each.sector);
  unsynced_.clear();
  before_.clear();
}

void SectorFile::fail_sync() {
  for (Unsynced& each : unsynced_) {
    if (each.reach != Reach::Sync) continue;
    each.reach = Reach::Unknown;
    beyond_sync_ += 1;
  }
}

void SectorFile::write_back(Gen& gen) {
  // What lies behind a cut is not written back before the cut itself is.
  if (cut_to_ != kNotCut) return;
  retain([&gen](const Unsynced& each) { return each.reach != Reach::Sync || gen.coin(); });
}

bool SectorFile::damage_disk(uint64_t offset, ByteView data) {
  const uint64_t sector = offset / sector_bytes_;
  if ((sector + 1) * sector_bytes_ > live_.size() || is_unsynced(sector)) return false;
  touch(sector, Reach::Never);
  const size_t bytes = std::min<size_t>(data.size(), sector_bytes_);
  std::copy_n(data.begin(), bytes, before_.end() - static_cast<ptrdiff_t>(sector_bytes_));
  return true;
}

bool SectorFile::flip_bit(uint64_t offset, uint32_t bit) {
  if (offset >= live_.size() || is_unsynced(offset / sector_bytes_)) return false;
  live_[static_cast<size_t>(offset)] ^= static_cast<uint8_t>(1u << (bit % 8));
  return true;
}

void SectorFile::make_unreadable(uint64_t offset) {
  unreadable_.push_back(static_cast<uint32_t>(offset / sector_bytes_));
}

bool SectorFile::is_readable(uint64_t offset, uint64_t bytes) const {
  return std::none_of(unreadable_.begin(), unreadable_.end(), [&](uint32_t sector) {
    const uint64_t begin = uint64_t{sector} * sector_bytes_;
    return begin < offset + bytes && offset < begin + sector_bytes_;
  });
}

/// The new size, the old one or, where a file grew, one in between: data and size are written at
/// different times.
uint64_t SectorFile::size_after_power_loss(Gen& gen, bool is_cut_kept) {
  if (!is_cut_kept) return durable_size_;
  const uint64_t base = std::min(cut_to_, durable_size_);
  if (base >= live_.size()) return live_.size();
  const uint64_t choice = gen.below(3);
  if (choice == 0) return live_.size();
  if (choice == 1) return base;
  return base + gen.below(live_.size() - base);
}

/// Puts the bytes of a sector from its byte `from` on back to what the disk has, which are zeros
/// where the file had been cut.
void SectorFile::restore(uint32_t sector, ByteView old, uint64_t from, uint64_t zeros_from) {
  const uint64_t begin = uint64_t{sector} * sector_bytes_;
  for (uint64_t i = from; i < sector_bytes_ && begin + i < live_.size(); ++i) {
    const bool is_zero = begin + i >= zeros_from;
    live_[static_cast<size_t>(begin + i)] = is_zero ? uint8_t{0} : old[static_cast<size_t>(i)];
  }
}

void SectorFile::lose_power(Gen& gen, const PowerLoss& how, PowerLossCounts& counts) {
  // Freed blocks are not used again before the cut is in the journal, so a file was cut or was not;
  // never does old content show through in what was written after the cut.
  const bool is_cut = cut_to_ < durable_size_;
  const bool is_cut_kept = !is_cut || !gen.coin();
  const uint64_t size = size_after_power_loss(gen, is_cut_kept);
  counts.sizes_lost += size == live_.size() ? 0 : 1;
  if (size > live_.size()) live_.resize(static_cast<size_t>(size), 0);

  uint64_t fate_bytes = 0;
  for (size_t i = 0; i < unsynced_.size(); ++i) {
    const Unsynced& each = unsynced_[i];
    if (i % how.group_sectors == 0) {
      const uint64_t fate = gen.below(how.may_tear ? 3 : 2);
      fate_bytes = fate == 0 ? sector_bytes_ : 0;
      if (fate == 2) fate_bytes = 1 + gen.below(sector_bytes_ - 1);
    }
    const bool is_behind_cut = is_cut && (uint64_t{each.sector} + 1) * sector_bytes_ > cut_to_;
    const bool is_lost = each.reach == Reach::Never || (is_behind_cut && !is_cut_kept);
    const uint64_t kept_bytes = is_lost ? 0 : fate_bytes;
    restore(each.sector, old_content(i), kept_bytes, is_cut && is_cut_kept ? cut_to_ : kNotCut);
    uint64_t& count = kept_bytes == 0               ? counts.sectors_dropped
                      : kept_bytes == sector_bytes_ ? counts.sectors_kept
                                                    : counts.sectors_torn;
    count += 1;
    forget(each.sector);
  }
  live_.resize(static_cast<size_t>(size), 0);
  durable_size_ = size;
  cut_to_ = kNotCut;
  beyond_sync_ = 0;
  unsynced_.clear();
  before_.clear();
}

}  // namespace topgun::sim
