#include "core/sim/virtual_disk.hpp"

#include <algorithm>

#include "core/base/hash.hpp"

namespace topgun::sim {
namespace {

constexpr uint64_t kMillion = 1'000'000;

/// Files are mostly room; where nothing is, a flipped bit is nobody's. So a few places are tried.
uint64_t used_byte(ByteView bytes, uint64_t bits) {
  constexpr uint64_t kPlaces = 16;
  uint64_t at = Prng::multiply_high(bits, bytes.size());
  for (uint64_t i = 1; i < kPlaces && !bytes.empty() && bytes[static_cast<size_t>(at)] == 0; ++i) {
    at = Prng::multiply_high(absorb64(bits, i), bytes.size());
  }
  return at;
}

std::string directory_of(const std::string& path) {
  const size_t slash = path.find_last_of('/');
  return slash == std::string::npos ? std::string() : path.substr(0, slash);
}

}  // namespace

struct VirtualDisk::Inode {
  Inode(uint32_t sector_bytes, uint64_t draw_key) : content(sector_bytes), key(draw_key) {}

  SectorFile content;
  const uint64_t key;       // Of its draws.
  uint64_t operations = 0;  // On this file; which one a draw is for.
};

class VirtualDisk::OpenFile final : public storage::File {
 public:
  OpenFile(VirtualDisk& disk, std::shared_ptr<Inode> inode)
      : disk_(disk), inode_(std::move(inode)), life_(disk.life_) {}

  Result<uint64_t> size() override {
    if (const auto failure = begin()) return *failure;
    return inode_->content.size();
  }
  Result<uint64_t> read(uint64_t offset, std::span<uint8_t> out) override {
    if (const auto failure = begin()) return *failure;
    return disk_.read_file(*inode_, offset, out);
  }
  Result<void> write(uint64_t offset, ByteView data) override {
    if (const auto failure = begin()) return *failure;
    return disk_.write_file(*inode_, offset, data);
  }
  Result<void> truncate(uint64_t bytes) override {
    if (const auto failure = begin()) return *failure;
    if (auto room = make_room(bytes); !room.ok()) return room;
    inode_->content.resize(bytes);
    return {};
  }
  Result<void> allocate(uint64_t bytes) override {
    if (const auto failure = begin()) return *failure;
    if (auto room = make_room(bytes); !room.ok()) return room;
    if (bytes > inode_->content.size()) inode_->content.resize(bytes);
    return {};
  }
  Result<void> sync() override {
    if (const auto failure = begin()) {
      // A machine that is dead does nothing; one that lives has told the kernel of its error.
      if (life_ == disk_.life_ && !disk_.is_stopped_) inode_->content.fail_sync();
      return *failure;
    }
    return disk_.sync_file(*inode_);
  }

 private:
  std::optional<Error> begin() {
    if (life_ != disk_.life_) return Error::StorageIo;
    inode_->operations += 1;
    return disk_.begin_operation();
  }
  Result<void> make_room(uint64_t bytes) {
    const uint64_t size = inode_->content.size();
    return bytes > size ? disk_.check_room(bytes - size) : Result<void>();
  }

  VirtualDisk& disk_;
  const std::shared_ptr<Inode> inode_;
  const uint64_t life_;
};

class VirtualDisk::OpenLock final : public storage::FileLock {
 public:
  OpenLock(VirtualDisk& disk, std::string path)
      : disk_(disk), path_(std::move(path)), life_(disk.life_) {}
  ~OpenLock() override {
    if (life_ == disk_.life_) disk_.locked_.erase(path_);
  }

 private:
  VirtualDisk& disk_;
  const std::string path_;
  const uint64_t life_;
};

VirtualDisk::VirtualDisk(const Options& options) : options_(options) {
  TG_ASSERT(options.sector_bytes >= 2);
  TG_ASSERT(options.sector_bytes <= 4096);
}

VirtualDisk::~VirtualDisk() = default;

// --- faults ---

std::optional<Error> VirtualDisk::begin_operation() {
  operations_ += 1;
  if (stop_at_ != 0 && operations_ >= stop_at_) stop();
  if (is_stopped_) return Error::StorageIo;
  if (!failure_) return std::nullopt;
  const bool is_hit =
      failure_->is_sticky ? operations_ >= failure_->operation : operations_ == failure_->operation;
  if (!is_hit) return std::nullopt;
  return failure_->error;
}

uint64_t VirtualDisk::draw(StreamId stream, const Inode& inode) const {
  const uint64_t entity = absorb64(options_.node, inode.key);
  return Prng(options_.seed, stream, entity).at(inode.operations);
}

bool VirtualDisk::strikes(StreamId fault, uint32_t rate, Inode& inode) {
  return rate != 0 && Prng::multiply_high(draw(fault, inode), kMillion) < rate;
}

bool VirtualDisk::strikes_name(const std::string& path) {
  if (faults_.name_error == 0) return false;
  const uint64_t entity = absorb64(options_.node, hash64(as_bytes(path)));
  const uint64_t number = name_operations_[path]++;
  const uint64_t bits = Prng(options_.seed, stream_id("disk.name_error"), entity).at(number);
  return Prng::multiply_high(bits, kMillion) < faults_.name_error;
}

Result<void> VirtualDisk::begin_name_operation(const std::string& path) {
  if (const auto failure = begin_operation()) return *failure;
  if (!strikes_name(path)) return {};
  counts_.name_errors += 1;
  return Error::StorageIo;
}

Result<void> VirtualDisk::check_room(uint64_t grown_bytes) {
  uint64_t used = 0;
  if (options_.capacity_bytes != UINT64_MAX) {
    for (const auto& [path, inode] : names_) used += inode->content.size();
  }
  const bool has_room = used + grown_bytes <= options_.capacity_bytes;
  if (!is_full_ && has_room) return {};
  counts_.full += 1;
  return Error::StorageFull;
}

// --- content ---

Result<void> VirtualDisk::write_file(Inode& inode, uint64_t offset, ByteView data) {
  SectorFile& content = inode.content;
  const uint64_t end = offset + data.size();
  if (end > content.size()) {
    if (auto room = check_room(end - content.size()); !room.ok()) return room;
    if (strikes(stream_id("disk.full"), faults_.full, inode)) {
      counts_.full += 1;
      return Error::StorageFull;
    }
  }
  if (strikes(stream_id("disk.write_error"), faults_.write_error, inode)) {
    counts_.write_errors += 1;
    return Error::StorageIo;
  }
  if (strikes(stream_id("disk.short_write"), faults_.short_write, inode)) {
    counts_.short_writes += 1;
    const uint64_t bits = draw(stream_id("disk.short_bytes"), inode);
    content.write(
        offset,
        data.first(static_cast<size_t>(Prng::multiply_high(bits, data.size() + uint64_t{1}))));
    return Error::StorageIo;
  }
  write_wrongly(inode, offset, data);
  return {};
}

/// Writes, and does in silence what the disk's faults say.
void VirtualDisk::write_wrongly(Inode& inode, uint64_t offset, ByteView data) {
  SectorFile& content = inode.content;
  const bool is_lost = strikes(stream_id("disk.lost_write"), faults_.lost_write, inode);
  const bool is_misdirected = strikes(stream_id("disk.misdirected"), faults_.misdirected, inode);
  counts_.lost_writes += is_lost ? 1 : 0;
  const bool arrives = !is_lost && !is_misdirected;
  content.write(offset, data, arrives ? SectorFile::Reach::Sync : SectorFile::Reach::Never);
  if (is_misdirected && content.size() > 0) {
    const uint64_t bits = draw(stream_id("disk.misdirected_to"), inode);
    (void)content.damage_disk(Prng::multiply_high(bits, content.size()), data);
    counts_.misdirected += 1;
  }
  if (strikes(stream_id("disk.bit_flip"), faults_.bit_flip, inode)) {
    const uint64_t bits = draw(stream_id("disk.flipped"), inode);
    // Damage at the very end of a log cannot be told from a write that was torn.
    const bool is_flipped =
        offset > 0 && content.flip_bit(used_byte(content.live().first(static_cast<size_t>(
                                                     std::min<uint64_t>(offset, content.size()))),
                                                 bits),
                                       static_cast<uint32_t>(bits));
    counts_.bit_flips += is_flipped ? 1 : 0;
  }
  if (strikes(stream_id("disk.writeback"), faults_.early_writeback, inode)) {
    RandomGen gen(draw(stream_id("disk.written_back"), inode));
    content.write_back(gen);
    counts_.early_writebacks += 1;
  }
}

Result<uint64_t> VirtualDisk::read_file(Inode& inode, uint64_t offset, std::span<uint8_t> out) {
  SectorFile& content = inode.content;
  if (offset < content.size() && !out.empty() &&
      strikes(stream_id("disk.read_error"), faults_.read_error, inode)) {
    const uint64_t bytes = std::min<uint64_t>(out.size(), content.size() - offset);
    const uint64_t bits = draw(stream_id("disk.unreadable"), inode);
    content.make_unreadable(offset + Prng::multiply_high(bits, bytes));
    counts_.read_errors += 1;
  }
  if (!content.is_readable(offset, out.size())) return Error::StorageIo;
  return content.read(offset, out);
}

Result<void> VirtualDisk::sync_file(Inode& inode) {
  if (!strikes(stream_id("disk.sync_error"), faults_.sync_error, inode)) {
    inode.content.sync();
    return {};
  }
  counts_.sync_errors += 1;
  inode.content.fail_sync();
  return Error::StorageIo;
}

// --- names ---

std::shared_ptr<VirtualDisk::Inode> VirtualDisk::make_inode(const std::string& path) {
  const uint64_t times = times_made_[path]++;
  const uint64_t key = absorb64(hash64(as_bytes(path)), times);
  return std::make_shared<Inode>(options_.sector_bytes, key);
}

VirtualDisk::Inode* VirtualDisk::find(const std::string& path) {
  const auto found = names_.find(path);
  return found == names_.end() ? nullptr : found->second.get();
}

bool VirtualDisk::is_directory(const std::string& path) const {
  return path.empty() || path == "." || directories_.count(path) != 0;
}

Result<std::unique_ptr<storage::File>> VirtualDisk::open(const std::string& path, OpenMode mode) {
  if (auto begun = begin_name_operation(path); !begun.ok()) return begun.error();
  const auto found = names_.find(path);
  const bool is_there = found != names_.end();
  const bool must_exist = mode == OpenMode::Read || mode == OpenMode::Write;
  if (is_there ? mode == OpenMode::CreateNew : must_exist) return Error::StorageIo;
  if (is_there) {
    if (mode == OpenMode::Replace) found->second->content.resize(0);
    return std::unique_ptr<storage::File>(std::make_unique<OpenFile>(*this, found->second));
  }
  const std::string directory = directory_of(path);
  if (!is_directory(directory) || is_directory(path)) return Error::StorageIo;
  std::shared_ptr<Inode> inode = make_inode(path);
  names_[path] = inode;
  pending_.push_back({directory, {}, path, inode});
  return std::unique_ptr<storage::File>(std::make_unique<OpenFile>(*this, std::move(inode)));
}

Result<bool> VirtualDisk::exists(const std::string& path) {
  if (auto begun = begin_name_operation(path); !begun.ok()) return begun.error();
  return names_.count(path) != 0 || is_directory(path);
}

Result<std::vector<std::string>> VirtualDisk::list(const std::string& directory) {
  if (auto begun = begin_name_operation(directory); !begun.ok()) return begun.error();
  if (!is_directory(directory)) return Error::StorageIo;
  const std::string prefix = directory + "/";
  std::vector<std::string> entries;
  const auto add = [&](const std::string& path) {
    const bool is_below = path.compare(0, prefix.size(), prefix) == 0 && path != prefix;
    if (is_below && path.find('/', prefix.size()) == std::string::npos) {
      entries.push_back(path.substr(prefix.size()));
    }
  };
  for (auto at = names_.lower_bound(prefix); at != names_.end(); ++at) {
    if (at->first.compare(0, prefix.size(), prefix) != 0) break;
    add(at->first);
  }
  for (const std::string& path : directories_) add(path);
  std::stable_sort(entries.begin(), entries.end());
  return entries;
}

Result<void> VirtualDisk::rename(const std::string& from, const std::string& to) {
  if (auto begun = begin_name_operation(from); !begun.ok()) return begun;
  const auto found = names_.find(from);
  if (found == names_.end() || directory_of(from) != directory_of(to)) return Error::StorageIo;
  std::shared_ptr<Inode> inode = found->second;
  names_.erase(found);
  names_[to] = inode;
  pending_.push_back({directory_of(to), from, to, std::move(inode)});
  return {};
}

Result<void> VirtualDisk::remove(const std::string& path) {
  if (auto begun = begin_name_operation(path); !begun.ok()) return begun;
  const auto found = names_.find(path);
  if (found == names_.end()) return Error::StorageIo;
  pending_.push_back({directory_of(path), path, {}, found->second});
  names_.erase(found);
  return {};
}

Result<void> VirtualDisk::sync_directory(const std::string& directory) {
  if (auto begun = begin_name_operation(directory); !begun.ok()) return begun;
  for (const NameChange& change : pending_) {
    if (change.directory == directory) apply(change);
  }
  std::erase_if(pending_, [&](const NameChange& each) { return each.directory == directory; });
  return {};
}

Result<void> VirtualDisk::make_directories(const std::string& directory) {
  if (auto begun = begin_name_operation(directory); !begun.ok()) return begun;
  for (std::string path = directory; !is_directory(path); path = directory_of(path)) {
    if (names_.count(path) != 0) return Error::StorageIo;
    directories_.insert(path);
  }
  return {};
}

Result<std::unique_ptr<storage::FileLock>> VirtualDisk::lock(const std::string& path) {
  // The file is there to be locked; what the lock holds does not outlive the process.
  if (auto opened = open(path, OpenMode::Create); !opened.ok()) return opened.error();
  if (!locked_.insert(path).second) return Error::StorageIo;
  return std::unique_ptr<storage::FileLock>(std::make_unique<OpenLock>(*this, path));
}

// --- the end of a life, and the next ---

void VirtualDisk::stop() { is_stopped_ = true; }

void VirtualDisk::restart() {
  is_stopped_ = false;
  stop_at_ = 0;
  life_ += 1;
  locked_.clear();
}

void VirtualDisk::restart_after_crash() {
  counts_.crashes += 1;
  restart();
}

void VirtualDisk::apply(const NameChange& change) {
  const auto old = durable_names_.find(change.from);
  if (old != durable_names_.end() && old->second == change.inode) durable_names_.erase(old);
  if (!change.to.empty()) durable_names_[change.to] = change.inode;
}

/// Decides which of the pending changes of names survive.
void VirtualDisk::keep_names(Gen& gen, PowerLoss::Names how) {
  std::map<std::string, std::vector<const NameChange*>> by_directory;
  for (const NameChange& change : pending_) by_directory[change.directory].push_back(&change);
  for (const auto& [directory, changes] : by_directory) {
    uint64_t kept = changes.size();
    if (how == PowerLoss::Names::Prefix) kept -= gen.below(changes.size() + 1);
    std::vector<const NameChange*> lost;
    for (size_t i = 0; i < changes.size(); ++i) {
      const NameChange& change = *changes[i];
      const bool depends_on_lost =
          std::any_of(lost.begin(), lost.end(), [&](const NameChange* earlier) {
            const auto is_named = [&](const std::string& name) {
              return !name.empty() && (name == earlier->from || name == earlier->to);
            };
            return earlier->inode == change.inode || is_named(change.from) || is_named(change.to);
          });
      bool is_kept = i < kept && !depends_on_lost;
      if (is_kept && how == PowerLoss::Names::AnyOrder) is_kept = !gen.coin();
      if (!is_kept) {
        lost.push_back(&change);
        counts_.power.names_lost += 1;
        continue;
      }
      counts_.power.names_kept += 1;
      apply(change);
    }
  }
  pending_.clear();
  names_ = durable_names_;
}

template <typename GenOfFile>
void VirtualDisk::lose_power(const PowerLoss& how, GenOfFile gen_of_file) {
  counts_.power_losses += 1;
  keep_names(gen_of_file(0), how.names);
  for (const auto& [path, inode] : names_) {
    inode->content.lose_power(gen_of_file(inode->key), how, counts_.power);
  }
  restart();
}

void VirtualDisk::restart_after_power_loss(const PowerLoss& how) {
  std::optional<RandomGen> gen;
  const uint64_t number = counts_.power_losses;
  lose_power(how, [&](uint64_t file) -> Gen& {
    const uint64_t entity = absorb64(absorb64(options_.node, file), number);
    return gen.emplace(options_.seed, stream_id("disk.power"), entity);
  });
}

void VirtualDisk::restart_after_power_loss(Gen& gen, const PowerLoss& how) {
  lose_power(how, [&gen](uint64_t) -> Gen& { return gen; });
}

void VirtualDisk::wipe() {
  names_.clear();
  durable_names_.clear();
  pending_.clear();
  directories_.clear();
  restart();
}

// --- looking ---

std::vector<VirtualDisk::FileView> VirtualDisk::files() const {
  std::vector<FileView> all;
  for (const auto& [path, inode] : names_) {
    all.push_back({path, inode->content.size(), inode->content.unsynced_sectors()});
  }
  return all;
}

bool VirtualDisk::flip_bit(const std::string& path, uint64_t offset, uint32_t bit) {
  Inode* const inode = find(path);
  if (inode == nullptr || !inode->content.flip_bit(offset, bit)) return false;
  counts_.bit_flips += 1;
  return true;
}

bool VirtualDisk::has_unreadable() const {
  return std::any_of(names_.begin(), names_.end(),
                     [](const auto& name) { return name.second->content.has_unreadable(); });
}

bool VirtualDisk::has_lied() const {
  return counts_.bit_flips + counts_.lost_writes + counts_.misdirected + counts_.read_errors > 0;
}

bool VirtualDisk::make_unreadable(const std::string& path, uint64_t offset) {
  Inode* const inode = find(path);
  if (inode == nullptr || offset >= inode->content.size()) return false;
  inode->content.make_unreadable(offset);
  counts_.read_errors += 1;
  return true;
}

uint64_t VirtualDisk::digest() const {
  uint64_t digest = names_.size();
  for (const auto& [path, inode] : names_) {
    digest = hash64(inode->content.live(), hash64(as_bytes(path), digest));
  }
  return digest;
}

}  // namespace topgun::sim
