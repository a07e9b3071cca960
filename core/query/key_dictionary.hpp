#pragma once

#include "core/base/slab.hpp"
#include "core/query/row_table.hpp"

namespace topgun::query {

/// Numbers for ordered keys: equal keys have one code, and a code stands for one key. Codes are
/// small, so that they index arrays, and are used again when their last user is gone. They depend
/// on what came when, so their order means nothing.
///
/// Memory: 24 bytes and the key (to a multiple of 16) a code, 6 for finding it. O(key size).
class KeyDictionary {
 public:
  using Code = uint32_t;

  KeyDictionary() = default;
  KeyDictionary(const KeyDictionary&) = delete;
  KeyDictionary& operator=(const KeyDictionary&) = delete;
  ~KeyDictionary() { clear(); }

  /// The code of `key`, with one user more.
  Code acquire(ByteView key);
  /// One user less; the last one takes the key along. True if it was the last.
  bool release(Code code);

  std::optional<Code> find(ByteView key) const;
  bool contains(Code code) const { return entries_[code].users > 0; }
  /// The key of a code in use. Borrowed until the code's last release.
  ByteView key(Code code) const { return {entries_[code].key, entries_[code].key_bytes}; }

  /// Keys there are.
  size_t size() const { return size_; }
  /// All codes are below this.
  Code code_end() const { return static_cast<Code>(entries_.size()); }

  void clear();
  size_t memory_bytes() const;

 private:
  struct Entry {
    uint8_t* key = nullptr;
    uint32_t key_bytes = 0;
    uint32_t users = 0;
    uint64_t hash = 0;
  };

  static constexpr Code kFree = UINT32_MAX;

  size_t slot_of(ByteView key, uint64_t hash) const;
  void vacate(size_t slot);
  void grow();

  std::vector<Entry> entries_;
  std::vector<Code> free_;
  std::vector<Code> slots_;
  size_t size_ = 0;
  Slab slab_;
};

}  // namespace topgun::query
