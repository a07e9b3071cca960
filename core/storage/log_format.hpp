#pragma once

#include "core/base/bytes.hpp"
#include "core/base/result.hpp"

/// The bytes of the node's operation log: one log for all shards, cut into segment files, each a
/// header page and then blocks. A block is what one sync made durable. docs/formats/log.md has the
/// grammar and the reasons.
namespace topgun::storage {

/// Blocks begin at multiples of this. It is at least the sector of any disk and the page of any
/// page cache, so a write never touches bytes that an earlier sync made durable.
inline constexpr uint64_t kLogPageBytes = 4096;
/// A block with its header, at most. The unit of a sync, and the most that a crash can tear.
inline constexpr uint64_t kBlockBytesMax = 4u << 20;
inline constexpr uint64_t kBlockHeaderBytes = 48;
/// Bounds of a segment file.
inline constexpr uint64_t kSegmentBytesMin = 64u << 10;
inline constexpr uint64_t kSegmentBytesMax = 1u << 30;
inline constexpr uint64_t kSegmentHeaderBytes = 32;
/// The head of an entry: u32 size of the payload, u8 kind.
inline constexpr uint64_t kEntryHeaderBytes = 5;
/// Longest head of a group: four varints.
inline constexpr uint64_t kGroupHeaderBytesMax = 3 + 10 + 5 + 5;
/// An entry with its head; a block holds at least one.
inline constexpr uint64_t kEntryBytesMax =
    kBlockBytesMax - kBlockHeaderBytes - kGroupHeaderBytesMax;

constexpr uint64_t align_to_page(uint64_t bytes) {
  return (bytes + kLogPageBytes - 1) / kLogPageBytes * kLogPageBytes;
}

struct SegmentHeader {
  /// Random, chosen when the log is created. Seeds every checksum, so that bytes of another log, or
  /// bytes that a client made up, are never taken for a block of this one.
  uint64_t log_id = 0;
  /// Ascending from 1; a recycled file gets a new one, which gives its old blocks away.
  uint64_t segment = 0;
  friend constexpr bool operator==(const SegmentHeader&, const SegmentHeader&) = default;
};

/// One page: the header and zeros.
Bytes encode_segment_header(const SegmentHeader& header);

/// `Truncated` if there is no whole header, `Malformed` on another magic number,
/// `UnsupportedVersion`, `ChecksumMismatch`.
Result<SegmentHeader> decode_segment_header(ByteView bytes);

/// Says where a block stands in the log.
struct BlockHeader {
  uint64_t block = 0;        ///< Ascending from 1 without gaps over all segments.
  uint64_t segment = 0;      ///< The segment it was written to.
  uint64_t previous = 0;     ///< Checksum of the block before; 0 for the first of all.
  uint64_t incarnation = 0;  ///< Of the node that appended the entries.
  friend constexpr bool operator==(const BlockHeader&, const BlockHeader&) = default;
};

/// A decoded block; borrows from the bytes it was decoded from.
struct Block {
  BlockHeader header;
  uint64_t checksum = 0;
  ByteView payload;

  /// Bytes it takes in the segment, padding included.
  uint64_t span() const { return align_to_page(kBlockHeaderBytes + payload.size()); }
};

/// Writes a block in place: `block` begins with `kBlockHeaderBytes` of room and the payload
/// follows. Fills in the header, pads with zeros to whole pages and returns the checksum. The
/// unpadded block must not exceed `kBlockBytesMax`.
uint64_t seal_block(Bytes& block, uint64_t log_id, const BlockHeader& header);

/// The block at the start of `bytes`. `Truncated`, `Malformed` (no block starts here), `TooLarge`
/// or `ChecksumMismatch`. O(payload).
Result<Block> decode_block(ByteView bytes, uint64_t log_id);

/// Whether the start of `bytes` claims to be a block of `segment`; looks at the header alone, whose
/// claim may be false. O(1).
bool looks_like_block_of(ByteView bytes, uint64_t segment);

/// The entries of one shard inside a block, with consecutive sequences.
struct EntryGroup {
  uint16_t shard = 0;
  uint64_t first_sequence = 0;
  uint32_t count = 0;
  ByteView entries;  ///< Back to back, as `node::Effects::LogAppend` holds them.

  uint64_t last_sequence() const { return first_sequence + count - 1; }
};

struct Entry {
  uint8_t kind = 0;
  ByteView payload;
};

/// Appends the head of a group; its entries follow as they are.
void encode_group_header(Bytes& out, const EntryGroup& group);

/// Reads the groups of a block's payload one after another.
class GroupReader {
 public:
  explicit GroupReader(ByteView payload) : rest_(payload) {}
  bool at_end() const { return rest_.empty(); }
  /// The next group, checked to hold exactly `count` whole entries. `Truncated`, `Malformed` or
  /// `TooLarge`; nothing more can be read after an error.
  Result<EntryGroup> next();

 private:
  ByteView rest_;
};

/// Reads entries that lie back to back.
class EntryReader {
 public:
  explicit EntryReader(ByteView entries) : rest_(entries) {}
  bool at_end() const { return rest_.empty(); }
  Result<Entry> next();

 private:
  ByteView rest_;
};

}  // namespace topgun::storage
