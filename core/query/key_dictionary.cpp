#include "core/query/key_dictionary.hpp"

#include <cstring>

#include "core/base/hash.hpp"

namespace topgun::query {

size_t KeyDictionary::slot_of(ByteView key, uint64_t hash) const {
  const size_t mask = slots_.size() - 1;
  size_t at = static_cast<size_t>(hash) & mask;
  for (; slots_[at] != kFree; at = (at + 1) & mask) {
    const Entry& entry = entries_[slots_[at]];
    if (entry.hash == hash && equal_bytes({entry.key, entry.key_bytes}, key)) break;
  }
  return at;
}

KeyDictionary::Code KeyDictionary::acquire(ByteView key) {
  if ((size_ + 1) * 4 > slots_.size() * 3) grow();
  const uint64_t hash = hash64(key);
  const size_t slot = slot_of(key, hash);
  if (slots_[slot] != kFree) {
    ++entries_[slots_[slot]].users;
    return slots_[slot];
  }
  Code code = code_end();
  if (free_.empty()) {
    entries_.emplace_back();
  } else {
    code = free_.back();
    free_.pop_back();
  }
  uint8_t* const copy = slab_.allocate(key.size());
  if (!key.empty()) std::memcpy(copy, key.data(), key.size());
  entries_[code] = {copy, static_cast<uint32_t>(key.size()), 1, hash};
  slots_[slot] = code;
  ++size_;
  return code;
}

bool KeyDictionary::release(Code code) {
  Entry& entry = entries_[code];
  TG_ASSERT(entry.users > 0);
  if (--entry.users > 0) return false;
  vacate(slot_of({entry.key, entry.key_bytes}, entry.hash));
  slab_.release(entry.key, entry.key_bytes);
  entry = Entry{};
  free_.push_back(code);
  --size_;
  return true;
}

void KeyDictionary::vacate(size_t slot) {
  const size_t mask = slots_.size() - 1;
  // Codes behind the hole move up unless that would put them before their own slot.
  for (size_t at = (slot + 1) & mask; slots_[at] != kFree; at = (at + 1) & mask) {
    const size_t home = static_cast<size_t>(entries_[slots_[at]].hash) & mask;
    if (((at - home) & mask) < ((at - slot) & mask)) continue;
    slots_[slot] = slots_[at];
    slot = at;
  }
  slots_[slot] = kFree;
}

std::optional<KeyDictionary::Code> KeyDictionary::find(ByteView key) const {
  if (slots_.empty()) return std::nullopt;
  const Code code = slots_[slot_of(key, hash64(key))];
  if (code == kFree) return std::nullopt;
  return code;
}

void KeyDictionary::grow() {
  slots_.assign(slots_.empty() ? 16 : slots_.size() * 2, kFree);
  const size_t mask = slots_.size() - 1;
  for (Code code = 0; code < code_end(); ++code) {
    if (entries_[code].users == 0) continue;
    size_t at = static_cast<size_t>(entries_[code].hash) & mask;
    while (slots_[at] != kFree) at = (at + 1) & mask;
    slots_[at] = code;
  }
}

void KeyDictionary::clear() {
  for (const Entry& entry : entries_) {
    if (entry.users > 0) slab_.release(entry.key, entry.key_bytes);
  }
  entries_.clear();
  free_.clear();
  slots_.clear();
  size_ = 0;
}

size_t KeyDictionary::memory_bytes() const {
  return entries_.capacity() * sizeof(Entry) + free_.capacity() * sizeof(Code) +
         slots_.capacity() * sizeof(Code) + slab_.bytes_reserved();
}

}  // namespace topgun::query
