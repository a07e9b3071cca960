#include "core/storage/file_system.hpp"

namespace topgun::storage {

Result<Bytes> read_file(FileSystem& files, const std::string& path) {
  const Result<std::unique_ptr<File>> file = files.open(path, FileSystem::OpenMode::Read);
  if (!file.ok()) return file.error();
  const Result<uint64_t> size = (*file)->size();
  if (!size.ok()) return size.error();
  Bytes content(static_cast<size_t>(*size));
  const Result<uint64_t> got = (*file)->read(0, content);
  if (!got.ok()) return got.error();
  content.resize(static_cast<size_t>(*got));
  return content;
}

Result<void> write_new_file(FileSystem& files, const std::string& path, ByteView content) {
  const Result<std::unique_ptr<File>> file = files.open(path, FileSystem::OpenMode::CreateNew);
  if (!file.ok()) return file.error();
  if (auto written = (*file)->write(0, content); !written.ok()) return written;
  return (*file)->sync();
}

}  // namespace topgun::storage
