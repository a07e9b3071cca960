#pragma once

#include <array>

#include "core/base/bytes.hpp"
#include "core/clock/hybrid_logical_clock.hpp"

namespace topgun {

/// The replicated data types. The numbers are stored and sent.
enum class MapKind : uint8_t {
  Lww = 1,  ///< Last-writer-wins map: one record a key.
  Or = 2,   ///< Observed-remove map (add wins): one record for each element ever added to a key.
  Counter = 3,  ///< PN counters: one record for each replica that ever counted on a key.
};

constexpr bool is_map_kind(uint8_t value) { return value >= 1 && value <= 3; }

inline constexpr size_t kKeyBytesMax = 1024;
inline constexpr size_t kMapNameBytesMax = 256;
inline constexpr size_t kValueBytesMax = 512 * 1024;
/// Longest tag: the identity of an operation.
inline constexpr size_t kTagBytesMax = 16;
/// A counter record's value: positive and negative total, little-endian.
inline constexpr size_t kCounterValueBytes = 16;
/// Longest time to live: a century. Longer ones are a mistake of units.
inline constexpr uint64_t kTtlMsMax = 100ull * 366 * 24 * 3600 * 1000;

/// The unit of replicated state, whatever the kind of map: what merges, is hashed into the Merkle
/// tree, stored and sent. Borrows all its bytes.
///
///   kind     tag                         value                     tombstone
///   LWW      empty                       MessagePack               the key was removed
///   OR       identity of the add (16 B)  MessagePack, as added     the element was removed
///   counter  replica that counts (8 B)   its two totals (16 B)     never
///
/// A tombstone has neither value nor time to live.
struct Record {
  ByteView key;
  ByteView tag;
  /// Of the write that made the record what it is; for a tombstone, of the removal.
  Stamp stamp;
  /// The record is visible until `stamp.ms() + ttl_ms`; 0 means for ever.
  uint64_t ttl_ms = 0;
  bool tombstone = false;
  ByteView value;

  /// Wall milliseconds at which the record stops being visible; 0 means never.
  uint64_t expires_at_ms() const { return ttl_ms == 0 ? 0 : stamp.ms() + ttl_ms; }

  /// Whether a reader sees the record at `wall_ms`. Expiry is a matter of reading: it changes no
  /// state and so needs no operation, and replicas agree on state whatever their clocks say.
  bool visible(uint64_t wall_ms) const {
    return !tombstone && (ttl_ms == 0 || wall_ms < stamp.ms() + ttl_ms);
  }

  /// Whether the record was deleted or expired before `horizon_ms`: then nobody needs it any more,
  /// and it is collected.
  bool retired_before(uint64_t horizon_ms) const {
    if (tombstone) return stamp.ms() < horizon_ms;
    return ttl_ms != 0 && expires_at_ms() < horizon_ms;
  }
};

using TagBytes = std::array<uint8_t, kTagBytesMax>;

/// The tag of an OR element: replica, then sequence, little-endian.
TagBytes element_tag(OperationId add);
/// The tag of a counter record uses the first eight bytes only.
std::array<uint8_t, 8> counter_tag(ReplicaId replica);

struct CounterTotals {
  uint64_t positive = 0;
  uint64_t negative = 0;
};
using CounterBytes = std::array<uint8_t, kCounterValueBytes>;
CounterBytes encode_counter(CounterTotals totals);
/// `value` must have `kCounterValueBytes` bytes.
CounterTotals decode_counter(ByteView value);

/// Whether the sizes and the shape of `record` are what its kind of map prescribes. Does not look
/// into MessagePack values. `Malformed` or `TooLarge` otherwise.
Result<void> check_record(MapKind kind, const Record& record);

}  // namespace topgun
