#include "host-native/storage/checkpoint_row.hpp"

#include "core/base/byte_io.hpp"
#include "core/base/hash.hpp"

namespace topgun::host {
namespace {

constexpr uint8_t kTombstoneFlag = 1;
constexpr uint8_t kTtlFlag = 2;

}  // namespace

uint64_t row_checksum(uint64_t log_id, MapKind kind, ByteView map, ByteView key, ByteView tag,
                      ByteView body, Bytes& scratch) {
  scratch.clear();
  ByteWriter writer(scratch);
  writer.u8(static_cast<uint8_t>(kind));
  writer.blob(map);
  writer.blob(key);
  writer.blob(tag);
  return hash64(body, hash64(scratch, log_id));
}

void encode_body(const Record& record, Bytes& out) {
  ByteWriter writer(out);
  writer.u8(static_cast<uint8_t>((record.tombstone ? kTombstoneFlag : 0) |
                                 (record.ttl_ms != 0 ? kTtlFlag : 0)));
  writer.u64(record.stamp.time);
  writer.u64(record.stamp.replica.value);
  if (record.ttl_ms != 0) writer.varint(record.ttl_ms);
  writer.raw(record.value);
}

Result<void> decode_body(ByteView body, Record& record) {
  ByteReader reader(body);
  const uint8_t flags = reader.u8();
  record.tombstone = (flags & kTombstoneFlag) != 0;
  record.stamp.time = reader.u64();
  record.stamp.replica.value = reader.u64();
  if ((flags & kTtlFlag) != 0) record.ttl_ms = reader.varint_max(kTtlMsMax);
  if (!reader.ok()) return reader.error();
  record.value = reader.rest();
  return {};
}

std::optional<uint64_t> retired_ms(const Record& record) {
  if (record.tombstone) return record.stamp.ms();
  if (record.ttl_ms != 0) return record.expires_at_ms();
  return std::nullopt;
}

}  // namespace topgun::host
