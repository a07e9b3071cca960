#pragma once

#include <optional>
#include <span>
#include <vector>

#include "core/base/slab.hpp"
#include "core/crdt/merge.hpp"
#include "core/merkle/merkle_tree.hpp"

namespace topgun {

/// The state of one map on one replica: a hash table of records together with their Merkle tree.
///
/// Slots are ordered by the top bits of the key hash (open addressing, linear probing), so the
/// records of any `HashPrefix` lie side by side: the table is its own index for Merkle leaves,
/// chunked snapshots and the elements of one key. Every write keeps table and tree in step.
/// Iteration order depends on nothing but the hashes and, among records of one probe run, the order
/// of insertion; where order leaves the process, the caller sorts.
///
/// Records live in the slab given at construction, which must outlive the table. A `Record`
/// returned borrows from it until the next write to the table.
///
/// Cost of a write: one probe, two hashes of the record, one addition a tree level; growth doubles
/// the table. Memory: 16 bytes a slot at 2/5 to 4/5 load, 32 bytes of header a record, about 2.3
/// bytes a slot of tree.
class RecordTable {
 public:
  RecordTable(MapKind kind, Slab& slab) : kind_(kind), slab_(&slab) {}
  ~RecordTable();
  RecordTable(const RecordTable&) = delete;
  RecordTable& operator=(const RecordTable&) = delete;

  MapKind kind() const { return kind_; }
  size_t size() const { return size_; }
  const MerkleRoot& root() const { return tree_.root(); }

  /// Where a record lies in the hash space. For OR elements and counters the top 40 bits depend on
  /// the key alone, so that the elements of a key form one region; the rest comes from the tag.
  static uint64_t placement(MapKind kind, ByteView key, ByteView tag) {
    return placement(kind, key_hash(key), tag);
  }
  /// The same, for a key whose `key_hash` is at hand.
  static uint64_t placement(MapKind kind, uint64_t key_hash, ByteView tag);
  static uint64_t key_hash(ByteView key);
  /// The region of all records of `key`: for LWW maps the hash itself names at most one.
  static HashPrefix key_region(ByteView key);

  std::optional<Record> find(ByteView key, ByteView tag) const;

  /// Merges one record by the rule of the map's kind. `incoming` must have passed `check_record`.
  /// Calls `before(const Record&)` with the record about to be overwritten, if there is one. True
  /// if the state changed.
  template <typename Before>
  bool merge(const Record& incoming, Before&& before) {
    return merge_at(placement(kind_, incoming.key, incoming.tag), incoming, before);
  }
  bool merge(const Record& incoming) {
    return merge(incoming, [](const Record&) {});
  }

  /// `merge` of a record whose `placement` is at hand.
  template <typename Before>
  bool merge_at(uint64_t hash, const Record& incoming, Before&& before) {
    TG_VERIFY(hash == placement(kind_, incoming.key, incoming.tag));
    const size_t at = locate(hash, incoming);
    if (slots_.empty() || slots_[at].blob == nullptr) {
      insert(hash, at, incoming);
      return true;
    }
    const Record current = read(slots_[at]);
    const MergeWinner winner = merge_records(kind_, current, incoming);
    if (winner == MergeWinner::Current) return false;
    before(current);
    if (winner == MergeWinner::Incoming) {
      replace(slots_[at], incoming);
    } else {
      replace_combined(slots_[at], current, incoming);
    }
    return true;
  }

  /// Calls `body(i, key_hash)` for each `i` below `count`, in order, where `key_at(i)` is the key
  /// that it is about to look up or to merge: each key is hashed once, and the memory that it will
  /// need is asked for while earlier ones are at work. `body` may write to the table.
  template <typename KeyAt, typename Body>
  void for_each_prefetched(size_t count, KeyAt&& key_at, Body&& body) const {
    uint64_t hashes[kSlotsAhead];
    for (size_t step = 0; step < count + kSlotsAhead; ++step) {
      if (step >= kSlotsAhead) body(step - kSlotsAhead, hashes[step % kSlotsAhead]);
      if (step < count) {
        const uint64_t hash = key_hash(key_at(step));
        hashes[step % kSlotsAhead] = hash;
        prefetch_slot(hash);
      }
      const size_t near = step - kRecordsAhead;  // Wraps for the first few steps.
      if (near < count) prefetch_record(hashes[near % kSlotsAhead]);
    }
  }

  /// Removes the record itself, as if it had never been seen; not a delete in the sense of the map
  /// (that is a tombstone). For horizon collection and for writes that were refused. True if it was
  /// there.
  bool forget(ByteView key, ByteView tag);

  /// Forgets every tombstone and expired record that retired before `horizon_ms`, but for those at
  /// the placements `kept`, which ascend. Returns how many it forgot. O(slots).
  size_t collect(uint64_t horizon_ms, std::span<const uint64_t> kept = {});

  void clear();

  /// Calls `visit(uint64_t placement, uint64_t record_hash, const Record&)` for the records below
  /// `prefix`. The table must not be written meanwhile. O(records there + one probe run).
  template <typename Visit>
  void visit(HashPrefix prefix, Visit&& visit) const {
    visit_slots(prefix, [&](const Slot& slot) {
      visit(slot.hash, record_hash(slot), read(slot));
      return true;
    });
  }

  /// Whether more than `count` records lie below `prefix`. Looks at slots alone, not at the
  /// records. O(count + one probe run).
  bool holds_more_than(HashPrefix prefix, size_t count) const {
    size_t seen = 0;
    visit_slots(prefix, [&](const Slot&) { return ++seen <= count; });
    return seen > count;
  }

  /// Calls `visit(const Record&)` for the record at exactly this placement: one, or none, or very
  /// rarely two that collide. The table must not be written meanwhile. O(probe run).
  template <typename Visit>
  void visit_placement(uint64_t placement, Visit&& visit) const {
    if (slots_.empty()) return;
    const size_t mask = slots_.size() - 1;
    for (size_t at = slot_index(placement); slots_[at].blob != nullptr; at = (at + 1) & mask) {
      if (slots_[at].hash == placement) visit(read(slots_[at]));
    }
  }

  /// Every record, in table order. The table must not be written meanwhile.
  template <typename Visit>
  void visit_all(Visit&& visit) const {
    for (const Slot& slot : slots_) {
      if (slot.blob != nullptr) visit(slot.hash, record_hash(slot), read(slot));
    }
  }

  /// Merkle sum below `prefix`: O(1) down to the deepest kept level, else O(records there), which
  /// are few.
  uint64_t node(HashPrefix prefix) const;

  /// `node` of each of the 2^`bits` children of `prefix`, in order, in one pass over its records
  /// where `node` would make one for each. `bits` is at least 1.
  std::vector<uint64_t> children(HashPrefix prefix, uint8_t bits) const;

  /// Bytes of keys, values and their headers, as allocated.
  size_t record_bytes() const { return record_bytes_; }

 private:
  struct Slot {
    uint64_t hash = 0;
    uint8_t* blob = nullptr;
  };

  /// How far `for_each_prefetched` looks ahead: first for slots, then, when those have come, for
  /// the records they point at.
  static constexpr size_t kSlotsAhead = 16;
  static constexpr size_t kRecordsAhead = 8;
  static constexpr size_t kProbesAhead = 16;

  /// Bits of the placement that depend on the key alone, for maps with several records a key.
  static constexpr uint8_t kKeyRegionBits = 40;

  // Both are inlined by force: g++ takes a function that does nothing but prefetch for one without
  // effect, and drops its calls.

  /// The slots in which the search for `hash` starts. All records of a key start at one slot.
  [[gnu::always_inline]] void prefetch_slot(uint64_t hash) const {
    if (!slots_.empty()) __builtin_prefetch(&slots_[slot_index(hash)]);
  }

  /// The first record of the key whose placement shares the bits that depend on the key alone. The
  /// slots are at hand by now, and to walk them is far cheaper than to wait for a record.
  [[gnu::always_inline]] void prefetch_record(uint64_t hash) const {
    if (slots_.empty()) return;
    const size_t mask = slots_.size() - 1;
    size_t at = slot_index(hash);
    for (size_t step = 0; step < kProbesAhead && slots_[at].blob != nullptr; ++step) {
      if ((slots_[at].hash ^ hash) >> (64 - kKeyRegionBits) == 0) {
        __builtin_prefetch(slots_[at].blob);
        __builtin_prefetch(slots_[at].blob + 64);
        return;
      }
      at = (at + 1) & mask;
    }
  }

  /// Calls `visit(const Slot&)` for the filled slots below `prefix` until it returns false.
  template <typename Visit>
  void visit_slots(HashPrefix prefix, Visit&& visit) const {
    if (slots_.empty()) return;
    const size_t mask = slots_.size() - 1;
    const size_t begin = slot_index(prefix.first());
    const size_t span = prefix.depth <= bits_ ? slots_.size() >> prefix.depth : 1;
    for (size_t step = 0; step < slots_.size(); ++step) {
      const Slot& slot = slots_[(begin + step) & mask];
      // Records are displaced only to the right, without gaps.
      if (slot.blob == nullptr) {
        if (step >= span) return;
        continue;
      }
      if (prefix.contains(slot.hash) && !visit(slot)) return;
    }
  }

  size_t slot_index(uint64_t hash) const {
    return bits_ == 0 ? 0 : static_cast<size_t>(hash >> (64 - bits_));
  }
  size_t locate(uint64_t hash, const Record& record) const;
  void insert(uint64_t hash, size_t at, const Record& record);
  void replace(Slot& slot, const Record& record);
  void replace_combined(Slot& slot, const Record& current, const Record& incoming);
  void erase_at(size_t at);
  void grow();

  static Record read(const Slot& slot);
  static uint64_t record_hash(const Slot& slot);

  MapKind kind_;
  Slab* slab_;
  uint8_t bits_ = 0;  // log2 of the number of slots
  size_t size_ = 0;
  size_t record_bytes_ = 0;
  std::vector<Slot> slots_;
  MerkleTree tree_;
};

}  // namespace topgun
