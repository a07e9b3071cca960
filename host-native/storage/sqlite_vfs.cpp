#include "host-native/storage/sqlite_vfs.hpp"

#include <sqlite3.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <new>

namespace topgun::host {
namespace {

using storage::File;
using storage::FileSystem;

constexpr int kPathBytesMax = 512;
constexpr int kSectorBytes = 4096;  // As SQLite's unix VFS has it.
// 1970-01-01 in SQLite's milliseconds, which begin at noon of the first Julian day.
constexpr sqlite3_int64 kEpochMs = 210'866'760'000'000;

/// What SQLite reserves room for and passes back as its first part.
struct VfsFile {
  sqlite3_file base;
  FileSystem* files;
  File* file;
  // Of a journal that may be new: its directory is synced with its first sync.
  std::string* directory_to_sync;
};

VfsFile& self(sqlite3_file* file) { return *reinterpret_cast<VfsFile*>(file); }
SqliteVfs& owner(sqlite3_vfs* vfs) { return *static_cast<SqliteVfs*>(vfs->pAppData); }

int code_of(const Result<void>& outcome, int otherwise) {
  if (outcome.ok()) return SQLITE_OK;
  return outcome.error() == Error::StorageFull ? SQLITE_FULL : otherwise;
}

std::string directory_of(const std::string& path) {
  const size_t slash = path.find_last_of('/');
  return slash == std::string::npos ? "." : path.substr(0, slash);
}

int close(sqlite3_file* file) {
  delete self(file).file;
  delete self(file).directory_to_sync;
  return SQLITE_OK;
}

int read(sqlite3_file* file, void* out, int bytes, sqlite3_int64 offset) {
  const std::span<uint8_t> wanted(static_cast<uint8_t*>(out), static_cast<size_t>(bytes));
  const Result<uint64_t> got = self(file).file->read(static_cast<uint64_t>(offset), wanted);
  if (!got.ok()) return SQLITE_IOERR_READ;
  if (*got == wanted.size()) return SQLITE_OK;
  const auto rest = wanted.subspan(static_cast<size_t>(*got));
  std::fill(rest.begin(), rest.end(), uint8_t{0});
  return SQLITE_IOERR_SHORT_READ;
}

int write(sqlite3_file* file, const void* data, int bytes, sqlite3_int64 offset) {
  const ByteView view(static_cast<const uint8_t*>(data), static_cast<size_t>(bytes));
  return code_of(self(file).file->write(static_cast<uint64_t>(offset), view), SQLITE_IOERR_WRITE);
}

int truncate(sqlite3_file* file, sqlite3_int64 bytes) {
  return code_of(self(file).file->truncate(static_cast<uint64_t>(bytes)), SQLITE_IOERR_TRUNCATE);
}

int sync(sqlite3_file* file, int) {
  VfsFile& at = self(file);
  if (auto synced = at.file->sync(); !synced.ok()) return code_of(synced, SQLITE_IOERR_FSYNC);
  if (at.directory_to_sync == nullptr) return SQLITE_OK;
  if (auto synced = at.files->sync_directory(*at.directory_to_sync); !synced.ok()) {
    return code_of(synced, SQLITE_IOERR_DIR_FSYNC);
  }
  delete std::exchange(at.directory_to_sync, nullptr);
  return SQLITE_OK;
}

int file_size(sqlite3_file* file, sqlite3_int64* out) {
  const Result<uint64_t> size = self(file).file->size();
  if (!size.ok()) return SQLITE_IOERR_FSTAT;
  *out = static_cast<sqlite3_int64>(*size);
  return SQLITE_OK;
}

int lock(sqlite3_file*, int) { return SQLITE_OK; }
int unlock(sqlite3_file*, int) { return SQLITE_OK; }
int check_reserved_lock(sqlite3_file*, int* out) {
  *out = 0;
  return SQLITE_OK;
}
int file_control(sqlite3_file*, int, void*) { return SQLITE_NOTFOUND; }
int sector_size(sqlite3_file*) { return kSectorBytes; }
int device_characteristics(sqlite3_file*) { return SQLITE_IOCAP_POWERSAFE_OVERWRITE; }

const sqlite3_io_methods kMethods = {1,
                                     close,
                                     read,
                                     write,
                                     truncate,
                                     sync,
                                     file_size,
                                     lock,
                                     unlock,
                                     check_reserved_lock,
                                     file_control,
                                     sector_size,
                                     device_characteristics,
                                     nullptr,
                                     nullptr,
                                     nullptr,
                                     nullptr,
                                     nullptr,
                                     nullptr};

FileSystem::OpenMode mode_of(int flags) {
  if ((flags & SQLITE_OPEN_READWRITE) == 0) return FileSystem::OpenMode::Read;
  if ((flags & SQLITE_OPEN_CREATE) == 0) return FileSystem::OpenMode::Write;
  const bool is_new = (flags & SQLITE_OPEN_EXCLUSIVE) != 0;
  return is_new ? FileSystem::OpenMode::CreateNew : FileSystem::OpenMode::Create;
}

int open(sqlite3_vfs* vfs, const char* name, sqlite3_file* out, int flags, int* out_flags) {
  VfsFile& at = *new (out) VfsFile{{nullptr}, nullptr, nullptr, nullptr};
  if (name == nullptr) return SQLITE_CANTOPEN;  // A temporary file.
  FileSystem& files = owner(vfs).files();
  Result<std::unique_ptr<File>> file = files.open(name, mode_of(flags));
  if (!file.ok()) return SQLITE_CANTOPEN;
  const int journals = SQLITE_OPEN_MAIN_JOURNAL | SQLITE_OPEN_SUPER_JOURNAL | SQLITE_OPEN_WAL;
  const bool may_be_new = (flags & journals) != 0 && (flags & SQLITE_OPEN_CREATE) != 0;
  at.base.pMethods = &kMethods;
  at.files = &files;
  at.file = file->release();
  at.directory_to_sync = may_be_new ? new std::string(directory_of(name)) : nullptr;
  if (out_flags != nullptr) *out_flags = flags;
  return SQLITE_OK;
}

int remove(sqlite3_vfs* vfs, const char* name, int sync_directory) {
  FileSystem& files = owner(vfs).files();
  const Result<bool> is_there = files.exists(name);
  if (is_there.ok() && !*is_there) return SQLITE_IOERR_DELETE_NOENT;
  if (auto done = files.remove(name); !done.ok()) return code_of(done, SQLITE_IOERR_DELETE);
  if (sync_directory == 0) return SQLITE_OK;
  return code_of(files.sync_directory(directory_of(name)), SQLITE_IOERR_DIR_FSYNC);
}

/// As the unix VFS, an empty file counts as missing.
int access(sqlite3_vfs* vfs, const char* name, int, int* out) {
  FileSystem& files = owner(vfs).files();
  *out = 0;
  const Result<bool> is_there = files.exists(name);
  if (!is_there.ok()) return SQLITE_IOERR_ACCESS;
  if (!*is_there) return SQLITE_OK;
  const Result<std::unique_ptr<File>> file = files.open(name, FileSystem::OpenMode::Read);
  if (!file.ok()) return SQLITE_IOERR_ACCESS;
  const Result<uint64_t> size = (*file)->size();
  if (!size.ok()) return SQLITE_IOERR_ACCESS;
  *out = *size > 0 ? 1 : 0;
  return SQLITE_OK;
}

int full_path_name(sqlite3_vfs*, const char* name, int bytes_max, char* out) {
  const size_t bytes = std::strlen(name) + 1;
  if (bytes > static_cast<size_t>(bytes_max)) return SQLITE_CANTOPEN;
  std::memcpy(out, name, bytes);
  return SQLITE_OK;
}

int randomness(sqlite3_vfs* vfs, int bytes, char* out) {
  for (int at = 0; at < bytes;) {
    uint64_t bits = owner(vfs).sources().random();
    for (int i = 0; i < 8 && at < bytes; ++i, bits >>= 8) out[at++] = static_cast<char>(bits);
  }
  return bytes;
}

int sleep(sqlite3_vfs*, int microseconds) { return microseconds; }

int current_time_ms(sqlite3_vfs* vfs, sqlite3_int64* out) {
  *out = kEpochMs + static_cast<sqlite3_int64>(owner(vfs).sources().wall_ms());
  return SQLITE_OK;
}

int current_time(sqlite3_vfs* vfs, double* out) {
  sqlite3_int64 ms = 0;
  (void)current_time_ms(vfs, &ms);
  *out = static_cast<double>(ms) / 86'400'000.0;
  return SQLITE_OK;
}

int last_error(sqlite3_vfs*, int, char*) { return 0; }

std::string next_name() {
  static std::atomic<uint64_t> count{0};
  return "topgun-" + std::to_string(++count);
}

}  // namespace

SqliteVfs::SqliteVfs(FileSystem& files, storage::StorageSources sources)
    : files_(files),
      sources_(std::move(sources)),
      name_(next_name()),
      vfs_(std::make_unique<sqlite3_vfs>()) {
  sqlite3_vfs& vfs = *vfs_;
  vfs.iVersion = 2;
  vfs.szOsFile = sizeof(VfsFile);
  vfs.mxPathname = kPathBytesMax;
  vfs.zName = name_.c_str();
  vfs.pAppData = this;
  vfs.xOpen = open;
  vfs.xDelete = remove;
  vfs.xAccess = access;
  vfs.xFullPathname = full_path_name;
  vfs.xRandomness = randomness;
  vfs.xSleep = sleep;
  vfs.xCurrentTime = current_time;
  vfs.xCurrentTimeInt64 = current_time_ms;
  vfs.xGetLastError = last_error;
  (void)sqlite3_vfs_register(vfs_.get(), 0);
  const auto seed =
      static_cast<int>(sources_.random() | 1);  // 0 would mean the system's randomness.
  (void)sqlite3_test_control(SQLITE_TESTCTRL_PRNG_SEED, seed, nullptr);
}

SqliteVfs::~SqliteVfs() { (void)sqlite3_vfs_unregister(vfs_.get()); }

}  // namespace topgun::host
