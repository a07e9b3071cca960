#include "core/replica/record_table.hpp"

#include <algorithm>
#include <cstring>

#include "core/base/hash.hpp"
#include "core/base/probe.hpp"

namespace topgun {
namespace {

constexpr uint8_t kBitsMin = 3;

// A record in memory. The hash covers everything behind it, so the layout is the canonical form:
//
//   0       8      16        24           28         30        31     32
//   | hash | time | replica | value size | key size | tag size | flags | [ttl] key tag value
constexpr size_t kHashAt = 0;
constexpr size_t kTimeAt = 8;
constexpr size_t kReplicaAt = 16;
constexpr size_t kValueSizeAt = 24;
constexpr size_t kKeySizeAt = 28;
constexpr size_t kTagSizeAt = 30;
constexpr size_t kFlagsAt = 31;
constexpr size_t kHeaderBytes = 32;

constexpr uint8_t kTombstoneFlag = 1;
constexpr uint8_t kTtlFlag = 2;

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the canonical form is little-endian");

template <typename T>
T load(const uint8_t* blob, size_t at) {
  T value;
  std::memcpy(&value, blob + at, sizeof value);
  return value;
}

template <typename T>
void store(uint8_t* blob, size_t at, T value) {
  std::memcpy(blob + at, &value, sizeof value);
}

size_t blob_bytes(const Record& record) {
  return kHeaderBytes + (record.ttl_ms != 0 ? 8 : 0) + record.key.size() + record.tag.size() +
         record.value.size();
}

size_t blob_bytes(const uint8_t* blob) {
  return kHeaderBytes + ((blob[kFlagsAt] & kTtlFlag) != 0 ? 8 : 0) +
         load<uint16_t>(blob, kKeySizeAt) + blob[kTagSizeAt] + load<uint32_t>(blob, kValueSizeAt);
}

uint8_t* append(uint8_t* out, ByteView bytes) {
  // memmove, because a record may be rewritten from parts of itself.
  if (!bytes.empty()) std::memmove(out, bytes.data(), bytes.size());
  return out + bytes.size();
}

void write_blob(uint8_t* blob, const Record& record, size_t size) {
  store(blob, kTimeAt, record.stamp.time);
  store(blob, kReplicaAt, record.stamp.replica.value);
  store(blob, kValueSizeAt, static_cast<uint32_t>(record.value.size()));
  store(blob, kKeySizeAt, static_cast<uint16_t>(record.key.size()));
  blob[kTagSizeAt] = static_cast<uint8_t>(record.tag.size());
  blob[kFlagsAt] = static_cast<uint8_t>((record.tombstone ? kTombstoneFlag : 0) |
                                        (record.ttl_ms != 0 ? kTtlFlag : 0));
  uint8_t* out = blob + kHeaderBytes;
  if (record.ttl_ms != 0) {
    store(out, 0, record.ttl_ms);
    out += 8;
  }
  out = append(out, record.key);
  out = append(out, record.tag);
  append(out, record.value);
  const uint64_t hash = hash64({blob + kTimeAt, size - kTimeAt});
  store(blob, kHashAt, TG_MUTANT(15) && record.tombstone ? uint64_t{0} : hash);
}

ByteView blob_key(const uint8_t* blob) {
  const size_t ttl_bytes = (blob[kFlagsAt] & kTtlFlag) != 0 ? 8 : 0;
  return {blob + kHeaderBytes + ttl_bytes, load<uint16_t>(blob, kKeySizeAt)};
}

bool has_identity(const uint8_t* blob, const Record& record) {
  const ByteView key = blob_key(blob);
  if (key.size() != record.key.size() || blob[kTagSizeAt] != record.tag.size()) return false;
  if (std::memcmp(key.data(), record.key.data(), key.size()) != 0) return false;
  return record.tag.empty() ||
         std::memcmp(key.data() + key.size(), record.tag.data(), record.tag.size()) == 0;
}

/// Levels below `depth` until one that the tree keeps; between two kept ones, nodes of the lower
/// add up.
uint8_t steps_to_kept(uint8_t depth) {
  constexpr uint8_t kLevel = MerkleTree::kBitsPerLevel;
  return static_cast<uint8_t>((kLevel - depth % kLevel) % kLevel);
}

}  // namespace

uint64_t RecordTable::key_hash(ByteView key) { return hash64(key); }

uint64_t RecordTable::placement(MapKind kind, uint64_t key_hash, ByteView tag) {
  if (kind == MapKind::Lww) return key_hash;
  constexpr uint64_t kTagMask = (uint64_t{1} << (64 - kKeyRegionBits)) - 1;
  return (key_hash & ~kTagMask) | (hash64(tag) & kTagMask);
}

HashPrefix RecordTable::key_region(ByteView key) {
  return {kKeyRegionBits, key_hash(key) >> (64 - kKeyRegionBits)};
}

RecordTable::~RecordTable() { clear(); }

void RecordTable::clear() {
  for (Slot& slot : slots_) {
    if (slot.blob != nullptr) slab_->release(slot.blob, blob_bytes(slot.blob));
  }
  slots_.clear();
  slots_.shrink_to_fit();
  bits_ = 0;
  size_ = 0;
  record_bytes_ = 0;
  tree_.reset(0);
}

Record RecordTable::read(const Slot& slot) {
  const uint8_t* blob = slot.blob;
  const uint8_t flags = blob[kFlagsAt];
  Record record;
  record.stamp = {load<uint64_t>(blob, kTimeAt), {load<uint64_t>(blob, kReplicaAt)}};
  record.tombstone = (flags & kTombstoneFlag) != 0;
  if ((flags & kTtlFlag) != 0) record.ttl_ms = load<uint64_t>(blob, kHeaderBytes);
  record.key = blob_key(blob);
  const uint8_t* tag = record.key.data() + record.key.size();
  record.tag = {tag, blob[kTagSizeAt]};
  record.value = {tag + record.tag.size(), load<uint32_t>(blob, kValueSizeAt)};
  return record;
}

uint64_t RecordTable::record_hash(const Slot& slot) { return load<uint64_t>(slot.blob, kHashAt); }

std::optional<Record> RecordTable::find(ByteView key, ByteView tag) const {
  if (slots_.empty()) return std::nullopt;
  Record wanted;
  wanted.key = key;
  wanted.tag = tag;
  const size_t at = locate(placement(kind_, key, tag), wanted);
  if (slots_[at].blob == nullptr) return std::nullopt;
  return read(slots_[at]);
}

size_t RecordTable::locate(uint64_t hash, const Record& record) const {
  if (slots_.empty()) return 0;
  const size_t mask = slots_.size() - 1;
  size_t at = slot_index(hash);
  while (slots_[at].blob != nullptr) {
    if (slots_[at].hash == hash && has_identity(slots_[at].blob, record)) return at;
    at = (at + 1) & mask;
  }
  return at;
}

void RecordTable::insert(uint64_t hash, size_t at, const Record& record) {
  if (slots_.empty() || (size_ + 1) * 5 > slots_.size() * 4) {
    grow();
    at = locate(hash, record);
  }
  const size_t size = blob_bytes(record);
  uint8_t* blob = slab_->allocate(size);
  write_blob(blob, record, size);
  slots_[at] = {hash, blob};
  ++size_;
  record_bytes_ += Slab::capacity(size);
  tree_.add(hash, load<uint64_t>(blob, kHashAt));
}

void RecordTable::replace(Slot& slot, const Record& record) {
  const size_t old_size = blob_bytes(slot.blob);
  const size_t new_size = blob_bytes(record);
  const uint64_t old_hash = record_hash(slot);
  if (Slab::capacity(old_size) == Slab::capacity(new_size)) {
    write_blob(slot.blob, record, new_size);
  } else {
    uint8_t* blob = slab_->allocate(new_size);
    write_blob(blob, record, new_size);
    slab_->release(slot.blob, old_size);
    slot.blob = blob;
    record_bytes_ += Slab::capacity(new_size) - Slab::capacity(old_size);
  }
  tree_.replace(slot.hash, old_hash, record_hash(slot));
}

void RecordTable::replace_combined(Slot& slot, const Record& current, const Record& incoming) {
  const CounterBytes totals = combine_counters(current, incoming);
  Record combined = incoming;
  combined.stamp = std::max(current.stamp, incoming.stamp);
  combined.value = totals;
  replace(slot, combined);
}

bool RecordTable::forget(ByteView key, ByteView tag) {
  if (slots_.empty()) return false;
  Record wanted;
  wanted.key = key;
  wanted.tag = tag;
  const size_t at = locate(placement(kind_, key, tag), wanted);
  if (slots_[at].blob == nullptr) return false;
  erase_at(at);
  return true;
}

void RecordTable::erase_at(size_t at) {
  const size_t size = blob_bytes(slots_[at].blob);
  tree_.remove(slots_[at].hash, record_hash(slots_[at]));
  slab_->release(slots_[at].blob, size);
  record_bytes_ -= Slab::capacity(size);
  --size_;
  // Close the gap: whoever could have stood here moves back (Knuth, TAOCP 3, algorithm 6.4 R).
  const size_t mask = slots_.size() - 1;
  size_t gap = at;
  for (size_t next = (gap + 1) & mask; slots_[next].blob != nullptr; next = (next + 1) & mask) {
    const size_t home = slot_index(slots_[next].hash);
    if (((next - home) & mask) < ((next - gap) & mask)) continue;
    slots_[gap] = slots_[next];
    gap = next;
  }
  slots_[gap] = {};
}

size_t RecordTable::collect(uint64_t horizon_ms, std::span<const uint64_t> kept) {
  std::vector<std::pair<Bytes, Bytes>> retired;
  visit_all([&](uint64_t placement, uint64_t, const Record& record) {
    if (!record.retired_before(horizon_ms)) return;
    if (std::binary_search(kept.begin(), kept.end(), placement)) return;
    retired.emplace_back(to_bytes(record.key), to_bytes(record.tag));
  });
  for (const auto& [key, tag] : retired) forget(key, tag);
  return retired.size();
}

void RecordTable::grow() {
  std::vector<Slot> old = std::move(slots_);
  bits_ = old.empty() ? kBitsMin : static_cast<uint8_t>(bits_ + 1);
  slots_.assign(size_t{1} << bits_, Slot{});
  // About three records below a deepest node: less would cost memory, more would cost bytes in a
  // diff.
  tree_.reset(static_cast<uint8_t>(bits_ < 2 ? 0 : bits_ - 2));
  const size_t mask = slots_.size() - 1;
  // All elements of a key have one home, and most stand in a row: the search for a place goes on
  // where the one before ended, or a key with many would take the square of their number.
  size_t home = slots_.size();
  size_t at = 0;
  for (const Slot& slot : old) {
    if (slot.blob == nullptr) continue;
    if (slot_index(slot.hash) != home) at = home = slot_index(slot.hash);
    while (slots_[at].blob != nullptr) at = (at + 1) & mask;
    slots_[at] = slot;
    tree_.add(slot.hash, record_hash(slot));
  }
}

uint64_t RecordTable::node(HashPrefix prefix) const {
  uint64_t sum = 0;
  const uint8_t steps = steps_to_kept(prefix.depth);
  if (prefix.depth + steps <= tree_.depth()) {
    for (uint64_t i = 0; i < uint64_t{1} << steps; ++i) sum += tree_.node(prefix.child(steps, i));
    return sum;
  }
  visit(prefix, [&](uint64_t, uint64_t hash, const Record&) { sum += hash; });
  return sum;
}

std::vector<uint64_t> RecordTable::children(HashPrefix prefix, uint8_t bits) const {
  std::vector<uint64_t> sums(size_t{1} << bits, 0);
  const auto depth = static_cast<uint8_t>(prefix.depth + bits);
  TG_ASSERT(bits > 0 && depth <= 64);
  if (depth + steps_to_kept(depth) <= tree_.depth()) {
    for (size_t i = 0; i < sums.size(); ++i) sums[i] = node(prefix.child(bits, i));
    return sums;
  }
  visit(prefix, [&](uint64_t placement, uint64_t hash, const Record&) {
    sums[static_cast<size_t>(placement >> (64 - depth)) % sums.size()] += hash;
  });
  return sums;
}

}  // namespace topgun
