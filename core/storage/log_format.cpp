#include "core/storage/log_format.hpp"

#include "core/base/byte_io.hpp"
#include "core/base/hash.hpp"
#include "core/base/probe.hpp"

namespace topgun::storage {
namespace {

constexpr uint32_t kSegmentMagic = 0x4c534754;  // "TGSL"
constexpr uint32_t kBlockMagic = 0x42534754;    // "TGSB"
constexpr uint32_t kVersion = 1;
// magic, version, log id, segment; the checksum follows.
constexpr size_t kSegmentHeaderChecked = 24;
// The checksum is the last field of the block header, so that one pass covers header and payload
// when it is taken as zero: the hash runs over the first 40 bytes, its result seeds the payload's.
constexpr size_t kBlockHeaderChecked = 40;
constexpr uint64_t kPayloadBytesMax = kBlockBytesMax - kBlockHeaderBytes;

uint64_t block_checksum(ByteView header, ByteView payload, uint64_t log_id) {
  return hash64(payload, hash64(header.first(kBlockHeaderChecked), log_id));
}

void put_u64(uint8_t* at, uint64_t value) {
  for (int i = 0; i < 8; ++i) at[i] = static_cast<uint8_t>(value >> (8 * i));
}
void put_u32(uint8_t* at, uint32_t value) {
  for (int i = 0; i < 4; ++i) at[i] = static_cast<uint8_t>(value >> (8 * i));
}

}  // namespace

Bytes encode_segment_header(const SegmentHeader& header) {
  Bytes out;
  out.reserve(kLogPageBytes);
  ByteWriter writer(out);
  writer.u32(kSegmentMagic);
  writer.u32(kVersion);
  writer.u64(header.log_id);
  writer.u64(header.segment);
  writer.u64(hash64(out));
  TG_ASSERT(out.size() == kSegmentHeaderBytes);
  out.resize(kLogPageBytes, 0);
  return out;
}

Result<SegmentHeader> decode_segment_header(ByteView bytes) {
  ByteReader reader(bytes);
  const uint32_t magic = reader.u32();
  const uint32_t version = reader.u32();
  SegmentHeader header;
  header.log_id = reader.u64();
  header.segment = reader.u64();
  const uint64_t checksum = reader.u64();
  if (!reader.ok()) return reader.error();
  if (magic != kSegmentMagic) return Error::Malformed;
  // The checksum comes before the version: a flipped bit is damage, not a newer format.
  if (checksum != hash64(bytes.first(kSegmentHeaderChecked))) return Error::ChecksumMismatch;
  if (version != kVersion) return Error::UnsupportedVersion;
  return header;
}

uint64_t seal_block(Bytes& block, uint64_t log_id, const BlockHeader& header) {
  TG_ASSERT(block.size() >= kBlockHeaderBytes);
  TG_ASSERT(block.size() <= kBlockBytesMax);
  const size_t payload_bytes = block.size() - kBlockHeaderBytes;
  uint8_t* const at = block.data();
  put_u32(at, kBlockMagic);
  put_u32(at + 4, static_cast<uint32_t>(payload_bytes));
  put_u64(at + 8, header.block);
  put_u64(at + 16, header.segment);
  put_u64(at + 24, header.previous);
  put_u64(at + 32, header.incarnation);
  const uint64_t checksum =
      block_checksum(block, ByteView(block).subspan(kBlockHeaderBytes), log_id);
  put_u64(at + 40, checksum);
  block.resize(align_to_page(block.size()), 0);
  return checksum;
}

Result<Block> decode_block(ByteView bytes, uint64_t log_id) {
  ByteReader reader(bytes);
  const uint32_t magic = reader.u32();
  const uint32_t payload_bytes = reader.u32();
  Block block;
  block.header.block = reader.u64();
  block.header.segment = reader.u64();
  block.header.previous = reader.u64();
  block.header.incarnation = reader.u64();
  block.checksum = reader.u64();
  if (!reader.ok()) return reader.error();
  if (magic != kBlockMagic) return Error::Malformed;
  if (payload_bytes > kPayloadBytesMax) return Error::TooLarge;
  block.payload = reader.raw(payload_bytes);
  if (!reader.ok()) return reader.error();
  if (block.checksum != block_checksum(bytes, block.payload, log_id) && !TG_MUTANT(32)) {
    return Error::ChecksumMismatch;
  }
  return block;
}

bool looks_like_block_of(ByteView bytes, uint64_t segment) {
  ByteReader reader(bytes);
  const uint32_t magic = reader.u32();
  reader.u32();
  reader.u64();
  const uint64_t claimed = reader.u64();
  return reader.ok() && magic == kBlockMagic && claimed == segment;
}

void encode_group_header(Bytes& out, const EntryGroup& group) {
  ByteWriter writer(out);
  writer.varint(group.shard);
  writer.varint(group.first_sequence);
  writer.varint(group.count);
  writer.varint(group.entries.size());
}

Result<EntryGroup> GroupReader::next() {
  ByteReader reader(rest_);
  rest_ = {};
  EntryGroup group;
  group.shard = static_cast<uint16_t>(reader.varint_max(UINT16_MAX));
  group.first_sequence = reader.varint();
  group.count = static_cast<uint32_t>(reader.varint_max(kPayloadBytesMax));
  group.entries = reader.blob(kPayloadBytesMax);
  if (!reader.ok()) return reader.error();
  if (group.count == 0 || group.first_sequence == 0) return Error::Malformed;
  if (group.first_sequence > UINT64_MAX - group.count) return Error::Malformed;

  uint64_t entries = 0;
  for (EntryReader each(group.entries); !each.at_end(); ++entries) {
    const Result<Entry> entry = each.next();
    if (!entry.ok()) return entry.error();
  }
  if (entries != group.count) return Error::Malformed;
  rest_ = reader.rest();
  return group;
}

Result<Entry> EntryReader::next() {
  ByteReader reader(rest_);
  rest_ = {};
  const uint32_t size = reader.u32();
  Entry entry;
  entry.kind = reader.u8();
  entry.payload = reader.raw(size);
  if (!reader.ok()) return reader.error();
  rest_ = reader.rest();
  return entry;
}

}  // namespace topgun::storage
