#pragma once

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "core/base/byte_io.hpp"

namespace topgun::client {

/// A tab of a browser that has another tab write for it; drawn at random by its host.
using TabId = std::array<uint8_t, 16>;

/// The next 16 bytes; zeroes, and `in` failed, if there are fewer.
inline TabId take_tab(ByteReader& in) {
  TabId tab{};
  const ByteView bytes = in.raw(tab.size());
  std::copy(bytes.begin(), bytes.end(), tab.begin());
  return tab;
}

/// How far the commands of each tab have been executed. A tab numbers its commands from 1; the
/// cursor is stored in the transaction that stores the command's effect, so that whoever takes over
/// the store knows which of the commands a tab sends again are in it: each takes effect once.
///
/// Bounded: beyond `kTabsMax` the tab that was quiet for longest is forgotten. A forgotten tab is
/// served like a new one; only a command that it had sent before and sends again could then be
/// executed twice. Every operation is O(kTabsMax).
class TabCursors {
 public:
  static constexpr size_t kTabsMax = 64;

  struct Cursor {
    TabId tab;
    uint64_t number;  ///< Of the last command executed; 0 = the tab is forgotten.
  };

  /// The number of the last command executed for `tab`; 0 if it is not known.
  uint64_t of(const TabId& tab) const {
    const auto found = std::find_if(cursors_.begin(), cursors_.end(),
                                    [&](const Cursor& each) { return each.tab == tab; });
    return found == cursors_.end() ? 0 : found->number;
  }

  /// Moves the cursor of `tab` to `number`, and forgets the tab if that is 0.
  void set(const TabId& tab, uint64_t number) {
    erase(cursors_, tab);
    if (number != 0) cursors_.push_back({tab, number});
    if (cursors_.size() > kTabsMax) cursors_.erase(cursors_.begin());
  }

  /// As `set`, and remembers the change for `take_changes`.
  void change(const TabId& tab, uint64_t number) {
    set(tab, number);
    erase(changes_, tab);
    changes_.push_back({tab, number});
  }

  bool changed() const { return !changes_.empty(); }

  /// The changes since the last call, in order; at most one a tab.
  std::vector<Cursor> take_changes() { return std::exchange(changes_, {}); }

  /// Every cursor, the one quiet for longest first: setting them in this order gives the same
  /// state.
  const std::vector<Cursor>& all() const { return cursors_; }

 private:
  static void erase(std::vector<Cursor>& cursors, const TabId& tab) {
    std::erase_if(cursors, [&](const Cursor& each) { return each.tab == tab; });
  }

  std::vector<Cursor> cursors_;
  std::vector<Cursor> changes_;
};

}  // namespace topgun::client
