#include "tests/server/powerloss/durable_image.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "tests/server/powerloss/system_calls.hpp"

namespace topgun::powerloss {
namespace {

constexpr uint64_t kSectorBytes = 512;
constexpr size_t kCopyBytes = 1 << 16;

void must(bool done, const char* what) {
  if (!done) give_up(std::string("the image cannot be kept: ") + what + ": " + strerror(errno));
}

uint64_t size_of(int fd) {
  struct stat status {};
  must(::fstat(fd, &status) == 0, "fstat");
  return static_cast<uint64_t>(status.st_size);
}

/// Descriptors of ours lie above the program's, whose numbers stay as they would be without us.
int own(int fd) {
  must(fd >= 0, "open");
  rlimit limit{};
  must(::getrlimit(RLIMIT_NOFILE, &limit) == 0, "getrlimit");
  const long lowest = static_cast<long>(std::min<rlim_t>(limit.rlim_cur / 2, 4096));
  const int high = static_cast<int>(::syscall(SYS_fcntl, fd, F_DUPFD_CLOEXEC, lowest));
  must(high >= 0, "dup");
  sys::close(fd);
  return high;
}

}  // namespace

DurableImage::DurableImage(const std::string& directory, const std::string& image, Mode mode,
                           uint64_t seed)
    : mode_(mode), seed_(seed) {
  Prng random(seed, stream_id("tear"));
  constexpr uint64_t kChoices[] = {1, 4, 7};
  torn_of_eight_ = kChoices[random.below(3)];
  const std::string objects = image + "/objects";
  must(sys::mkdirat(AT_FDCWD, image.c_str(), 0755) == 0, "mkdir");
  must(sys::mkdirat(AT_FDCWD, objects.c_str(), 0755) == 0, "mkdir");
  objects_ = own(sys::openat(AT_FDCWD, objects.c_str(), O_RDONLY | O_DIRECTORY));
  const int working =
      own(sys::openat(AT_FDCWD, directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  const std::string name = std::filesystem::path(directory).filename().string();
  const NodePtr root = new_node(working, name, true);
  const std::string tree = image + "/tree";
  must(::renameat(objects_, "0", AT_FDCWD, tree.c_str()) == 0, "rename");
  take_over(directory, root);
}

void DurableImage::take_over(const std::string& path, const NodePtr& directory) {
  std::error_code failure;
  for (const auto& entry : std::filesystem::directory_iterator(path, failure)) {
    const std::string name = entry.path().filename().string();
    const bool is_directory = entry.is_directory();
    must(is_directory || entry.is_regular_file(), "neither file nor directory");
    const int flags = is_directory ? O_RDONLY | O_DIRECTORY : O_RDONLY;
    const int fd = own(sys::openat(AT_FDCWD, entry.path().c_str(), flags | O_CLOEXEC));
    struct stat status {};
    must(::fstat(fd, &status) == 0, "fstat");
    NodePtr node = find(status);
    if (node) {  // A second name of a file.
      sys::close(fd);
    } else {
      node = new_node(fd, name, is_directory);
      if (!is_directory) copy(*node, 0, size_of(fd));
    }
    const auto kind = is_directory ? NameChange::Kind::MakeDirectory : NameChange::Kind::Link;
    apply({kind, directory, name, node, {}});
    if (is_directory) take_over(entry.path().string(), node);
  }
  must(!failure, "directory_iterator");
}

NodePtr DurableImage::new_node(int working, std::string name, bool is_directory) {
  const auto node = std::make_shared<Node>();
  node->is_directory = is_directory;
  node->working = working;
  node->number = node_count_++;
  node->name = std::move(name);
  node->draws = Prng(seed_, stream_id("sectors"), node->number);
  const std::string object = std::to_string(node->number);
  if (is_directory) must(sys::mkdirat(objects_, object.c_str(), 0755) == 0, "mkdir");
  const int flags = is_directory ? O_RDONLY | O_DIRECTORY : O_RDWR | O_CREAT | O_EXCL;
  node->image = own(sys::openat(objects_, object.c_str(), flags | O_CLOEXEC, 0644));
  struct stat status {};
  must(::fstat(working, &status) == 0, "fstat");
  nodes_[{status.st_dev, status.st_ino}] = node;
  return node;
}

NodePtr DurableImage::find(const struct stat& status) const {
  const auto found = nodes_.find({status.st_dev, status.st_ino});
  return found == nodes_.end() ? nullptr : found->second;
}

NodePtr DurableImage::adopt(int working, std::string name) {
  struct stat status {};
  must(::fstat(working, &status) == 0, "fstat");
  return new_node(own(working), std::move(name), S_ISDIR(status.st_mode));
}

// Data.

void DurableImage::wrote(Node& node, uint64_t begin, uint64_t end) {
  if (mode_ == Mode::Keep) return copy(node, begin, end);
  node.dirty.add(begin, end);
  if (mode_ == Mode::Tear) copy_some_sectors(node, begin, end, torn_of_eight_);
}

void DurableImage::resized(Node& node, uint64_t old_size, uint64_t new_size) {
  // What a cut takes away may come back as zeros when the file grows again before the next sync,
  // and the image still holds the bytes of before.
  node.dirty.add(std::min(old_size, new_size), std::max(old_size, new_size));
  const bool survives =
      mode_ == Mode::Keep || (mode_ == Mode::Tear && node.draws.chance(torn_of_eight_, 8));
  if (survives) must(sys::ftruncate(node.image, new_size) == 0, "ftruncate");
}

void DurableImage::sync(Node& node) {
  const uint64_t size = size_of(node.working);
  if (size_of(node.image) != size) must(sys::ftruncate(node.image, size) == 0, "ftruncate");
  for (const auto& [begin, end] : node.dirty) copy(node, begin, std::min(end, size));
  node.dirty.clear();
}

void DurableImage::sync_part(Node& node) {
  const uint64_t size = size_of(node.working);
  const bool has_size = node.draws.chance(1, 2);
  if (has_size) must(sys::ftruncate(node.image, size) == 0, "ftruncate");
  for (const auto& [begin, end] : node.dirty) copy_some_sectors(node, begin, end, 4);
}

void DurableImage::lose_dirty(Node& node) {
  node.dirty.clear();
  node.has_lost_data = true;
}

bool DurableImage::is_in_step(const Node& node) const {
  const uint64_t size = size_of(node.working);
  if (size_of(node.image) != size) return false;
  std::vector<uint8_t> left(kCopyBytes);
  std::vector<uint8_t> right(kCopyBytes);
  for (uint64_t at = 0; at < size; at += kCopyBytes) {
    const ssize_t got = sys::pread(node.working, left.data(), kCopyBytes, at);
    must(got >= 0, "pread");
    if (sys::pread(node.image, right.data(), kCopyBytes, at) != got) return false;
    if (std::memcmp(left.data(), right.data(), static_cast<size_t>(got)) != 0) return false;
  }
  return true;
}

void DurableImage::copy(const Node& node, uint64_t begin, uint64_t end) const {
  std::vector<uint8_t> buffer(
      static_cast<size_t>(std::min<uint64_t>(kCopyBytes, begin < end ? end - begin : 0)));
  while (begin < end) {
    const size_t want = static_cast<size_t>(std::min<uint64_t>(buffer.size(), end - begin));
    const ssize_t got = sys::pread(node.working, buffer.data(), want, begin);
    must(got >= 0, "pread");
    if (got == 0) return;  // The file is shorter by now.
    must(sys::pwrite(node.image, buffer.data(), static_cast<size_t>(got), begin) == got, "pwrite");
    begin += static_cast<uint64_t>(got);
  }
}

void DurableImage::copy_some_sectors(Node& node, uint64_t begin, uint64_t end, uint64_t of_eight) {
  begin -= begin % kSectorBytes;
  for (; begin < end; begin += kSectorBytes) {
    const bool survives = node.draws.chance(of_eight, 8);
    if (survives) copy(node, begin, begin + kSectorBytes);
  }
}

// Names.

void DurableImage::created(const NodePtr& directory, const std::string& name, const NodePtr& node) {
  const auto kind = node->is_directory ? NameChange::Kind::MakeDirectory : NameChange::Kind::Link;
  change({kind, directory, name, node, {}});
}

void DurableImage::linked(const NodePtr& directory, const std::string& name, const NodePtr& node) {
  change({NameChange::Kind::Link, directory, name, node, {}});
}

void DurableImage::unlinked(const NodePtr& directory, const std::string& name) {
  change({NameChange::Kind::Unlink, directory, name, nullptr, {}});
}

void DurableImage::renamed(const NodePtr& from, const std::string& name, const NodePtr& to,
                           const std::string& new_name) {
  change({NameChange::Kind::Rename, from, name, to, new_name});
}

void DurableImage::change(NameChange change) {
  const NodePtr directory = change.directory;
  pending_.push_back(std::move(change));
  const bool survives =
      mode_ == Mode::Keep || (mode_ == Mode::Tear && directory->draws.chance(torn_of_eight_, 8));
  if (survives) sync_directory(*directory);
}

void DurableImage::sync_directory(const Node& directory) {
  // A name that moves between two directories ties their changes together.
  std::vector<const Node*> places{&directory};
  for (size_t i = 0; i < places.size(); ++i) {
    for (const NameChange& each : pending_) {
      if (each.kind != NameChange::Kind::Rename || !each.touches(*places[i])) continue;
      for (const Node* place : {each.directory.get(), each.node.get()}) {
        if (std::find(places.begin(), places.end(), place) == places.end()) places.push_back(place);
      }
    }
  }
  std::vector<NameChange> kept;
  for (NameChange& each : pending_) {
    const bool is_synced = std::any_of(places.begin(), places.end(),
                                       [&](const Node* place) { return each.touches(*place); });
    if (is_synced) {
      apply(each);
    } else {
      kept.push_back(std::move(each));
    }
  }
  pending_ = std::move(kept);
  reclaim();
}

void DurableImage::apply(const NameChange& change) const {
  const int image = change.directory->image;
  const char* const name = change.name.c_str();
  switch (change.kind) {
    case NameChange::Kind::Link: {
      const std::string object = std::to_string(change.node->number);
      return must(sys::linkat(objects_, object.c_str(), image, name, 0) == 0, "link");
    }
    case NameChange::Kind::MakeDirectory: {
      const std::string object = std::to_string(change.node->number);
      return must(sys::renameat2(objects_, object.c_str(), image, name, 0) == 0, "rename");
    }
    case NameChange::Kind::Unlink:
      return must(sys::unlinkat(image, name, 0) == 0, "unlink");
    case NameChange::Kind::Rename:
      return must(sys::renameat2(image, name, change.node->image, change.new_name.c_str(), 0) == 0,
                  "rename");
  }
}

void DurableImage::sync_everything() {
  for (const auto& [key, node] : nodes_) {
    if (!node->is_directory) sync(*node);
  }
  for (const NameChange& each : pending_) apply(each);
  pending_.clear();
  reclaim();
}

/// Lets go of files that have no name and no descriptor any more, here and in the image.
void DurableImage::reclaim() {
  for (auto at = nodes_.begin(); at != nodes_.end();) {
    Node& node = *at->second;
    struct stat status {};
    must(::fstat(node.working, &status) == 0, "fstat");
    const bool is_gone =
        status.st_nlink == 0 && node.open_count == 0 && at->second.use_count() == 1;
    if (!is_gone) {
      ++at;
      continue;
    }
    sys::close(node.working);
    sys::close(node.image);
    sys::unlinkat(objects_, std::to_string(node.number).c_str(), 0);
    at = nodes_.erase(at);
  }
}

}  // namespace topgun::powerloss
