#include "core/crdt/record.hpp"

namespace topgun {
namespace {

void put_u64(uint8_t* out, uint64_t value) {
  for (size_t i = 0; i < 8; ++i) out[i] = static_cast<uint8_t>(value >> (8 * i));
}

uint64_t get_u64(const uint8_t* in) {
  uint64_t value = 0;
  for (size_t i = 0; i < 8; ++i) value |= static_cast<uint64_t>(in[i]) << (8 * i);
  return value;
}

bool has_shape(MapKind kind, const Record& record) {
  switch (kind) {
    case MapKind::Lww:
      return record.tag.empty() && record.tombstone == record.value.empty();
    case MapKind::Or:
      return record.tag.size() == kTagBytesMax && record.tombstone == record.value.empty();
    case MapKind::Counter:
      return record.tag.size() == 8 && !record.tombstone && record.ttl_ms == 0 &&
             record.value.size() == kCounterValueBytes;
  }
  return false;
}

}  // namespace

TagBytes element_tag(OperationId add) {
  TagBytes tag;
  put_u64(tag.data(), add.replica.value);
  put_u64(tag.data() + 8, add.sequence);
  return tag;
}

std::array<uint8_t, 8> counter_tag(ReplicaId replica) {
  std::array<uint8_t, 8> tag;
  put_u64(tag.data(), replica.value);
  return tag;
}

CounterBytes encode_counter(CounterTotals totals) {
  CounterBytes bytes;
  put_u64(bytes.data(), totals.positive);
  put_u64(bytes.data() + 8, totals.negative);
  return bytes;
}

CounterTotals decode_counter(ByteView value) {
  TG_ASSERT(value.size() == kCounterValueBytes);
  return {get_u64(value.data()), get_u64(value.data() + 8)};
}

Result<void> check_record(MapKind kind, const Record& record) {
  if (record.key.empty()) return Error::Malformed;
  if (record.key.size() > kKeyBytesMax || record.value.size() > kValueBytesMax) {
    return Error::TooLarge;
  }
  if (record.ttl_ms > kTtlMsMax) return Error::TooLarge;
  if (record.tombstone && record.ttl_ms != 0) return Error::Malformed;
  if (!has_shape(kind, record)) return Error::Malformed;
  return {};
}

}  // namespace topgun
