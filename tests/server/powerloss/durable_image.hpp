#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/base/prng.hpp"
#include "tests/server/powerloss/byte_ranges.hpp"
#include "tests/server/powerloss/control.hpp"

namespace topgun::powerloss {

/// A file or a directory below the directory that is watched.
struct Node {
  bool is_directory = false;
  int working = -1;     ///< Our own descriptor. Keeps its inode number from being given to another.
  int image = -1;       ///< What of it is durable.
  uint64_t number = 0;  ///< Nodes are counted as they are met; the name in `objects/`.
  std::string name;     ///< Last component of its latest name, for triggers.
  uint64_t open_count = 0;
  ByteRanges dirty;            ///< Written or resized, and not durable.
  bool has_lost_data = false;  ///< A sync failed: what is read is not what was kept, for ever.
  Prng draws{0, {}};
};
using NodePtr = std::shared_ptr<Node>;

/// What a directory would hold if the power went now.
///
/// The program works on its real directory, through the real calls; reads, maps and sizes need no
/// help. Beside it stands an image that takes over data when it is synced and names when their
/// directory is synced:
///
///     <image>/tree/...       the names that are durable, hard links to
///     <image>/objects/<n>    the durable content of each file ever seen; directories without a
///                            durable name
///
/// All of it is in the file system at any time, so SIGKILL is the power loss and needs no helper:
/// the image's tree is what the next boot finds. Not thread-safe; the shim holds a lock.
///
/// Stricter than most file systems: syncing a file does not make its name durable. Milder in one
/// thing: changes of names within one directory survive in their order (no rename is lost that a
/// later one outlives), as with every journal.
class DurableImage {
 public:
  /// What is in `directory` now is durable. `image` must not exist; both absolute, without links.
  DurableImage(const std::string& directory, const std::string& image, Mode mode, uint64_t seed);

  /// Null for what does not lie below the directory. Nodes are known by their inode.
  NodePtr find(const struct stat& status) const;
  /// Takes a new file or directory, of which nothing is durable, into account. `working` is ours
  /// from now on.
  NodePtr adopt(int working, std::string name);

  /// Bytes [begin, end) were written.
  void wrote(Node& node, uint64_t begin, uint64_t end);
  void resized(Node& node, uint64_t old_size, uint64_t new_size);
  /// What the file holds is durable.
  void sync(Node& node);
  /// The power went in the middle of a sync: a part of it is durable.
  void sync_part(Node& node);
  /// A sync failed: what was dirty passes for clean (Rebello et al., "Can Applications Recover from
  /// fsync Failures?", USENIX ATC 2020).
  void lose_dirty(Node& node);
  /// Whether file and image hold the same bytes, as they do after a sync.
  bool is_in_step(const Node& node) const;

  void created(const NodePtr& directory, const std::string& name, const NodePtr& node);
  void linked(const NodePtr& directory, const std::string& name, const NodePtr& node);
  void unlinked(const NodePtr& directory, const std::string& name);
  void renamed(const NodePtr& from, const std::string& name, const NodePtr& to,
               const std::string& new_name);
  /// The names in the directory are durable; a new directory's own name is its parent's affair.
  void sync_directory(const Node& directory);
  void sync_everything();

 private:
  struct NameChange {
    enum class Kind { Link, MakeDirectory, Unlink, Rename };
    Kind kind = Kind::Link;
    NodePtr directory;
    std::string name;
    NodePtr node;  // The new name's; for Rename the directory it goes to.
    std::string new_name;

    bool touches(const Node& place) const {
      return directory.get() == &place || (kind == Kind::Rename && node.get() == &place);
    }
  };

  void take_over(const std::string& path, const NodePtr& directory);
  NodePtr new_node(int working, std::string name, bool is_directory);
  void change(NameChange change);
  void apply(const NameChange& change) const;
  void copy(const Node& node, uint64_t begin, uint64_t end) const;
  void copy_some_sectors(Node& node, uint64_t begin, uint64_t end, uint64_t of_eight);
  void reclaim();

  const Mode mode_;
  const uint64_t seed_;
  uint64_t torn_of_eight_ = 4;  // How many sectors of eight survive a tear; a seed's own.
  int objects_ = -1;
  uint64_t node_count_ = 0;
  std::map<std::pair<dev_t, ino_t>, NodePtr> nodes_;
  std::vector<NameChange> pending_;  // In the order they were made.
};

/// Says on stderr why the shim cannot go on and aborts: a run that went on would prove nothing.
[[noreturn]] void give_up(const std::string& why);

}  // namespace topgun::powerloss
