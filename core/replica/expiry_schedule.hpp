#pragma once

#include <cstdint>
#include <optional>
#include <set>

#include "core/base/ids.hpp"

namespace topgun {

/// When which records stop being visible, ordered by time: what the host's timer is set to, and
/// what is reported when it fires. It names records by map and placement and holds no bytes of
/// them, so whoever takes an entry has to look at the record: it may be gone or live on by now.
/// Several records may share an entry's place and time; then there are several equal entries.
///
/// `add`, `remove`, `contains` and `take_due` are O(log n).
class ExpirySchedule {
 public:
  /// `map` is any number that its owner knows the map by.
  struct Entry {
    uint64_t expires_at_ms = 0;
    uint64_t map = 0;
    uint64_t placement = 0;
    friend constexpr auto operator<=>(const Entry&, const Entry&) = default;
  };

  void add(const Entry& entry) { entries_.insert(entry); }

  /// Takes one entry back; nothing happens if there is none.
  void remove(const Entry& entry) {
    const auto found = entries_.find(entry);
    if (found != entries_.end()) entries_.erase(found);
  }

  bool contains(const Entry& entry) const { return entries_.find(entry) != entries_.end(); }

  /// Takes back all entries of a map. O(n).
  void remove_map(uint64_t map) {
    std::erase_if(entries_, [&](const Entry& entry) { return entry.map == map; });
  }

  /// When the next entry is due; nothing if there is none.
  std::optional<uint64_t> next_ms() const {
    if (entries_.empty()) return std::nullopt;
    return entries_.begin()->expires_at_ms;
  }

  /// Takes out the first entry if it is due at `now_ms`.
  std::optional<Entry> take_due(uint64_t now_ms) {
    if (entries_.empty() || entries_.begin()->expires_at_ms > now_ms) return std::nullopt;
    const Entry entry = *entries_.begin();
    entries_.erase(entries_.begin());
    return entry;
  }

  size_t size() const { return entries_.size(); }

 private:
  std::multiset<Entry> entries_;
};

}  // namespace topgun
