#include "core/base/partition.hpp"

namespace topgun {
namespace {

constexpr uint32_t kFnvOffset = 0x811c9dc5;
constexpr uint32_t kFnvPrime = 0x01000193;

constexpr uint32_t step(uint32_t hash, uint32_t unit) { return (hash ^ unit) * kFnvPrime; }

struct CodePoint {
  uint32_t value;
  size_t size;
};

bool is_continuation(uint8_t byte) { return (byte & 0xc0) == 0x80; }

CodePoint decode(ByteView text, size_t at) {
  constexpr CodePoint kInvalid = {0xfffd, 1};
  const uint8_t lead = text[at];
  if (lead < 0x80) return {lead, 1};
  const size_t size = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || text.size() - at < size) return kInvalid;
  uint32_t value = lead & (0x7fU >> size);
  for (size_t i = 1; i < size; ++i) {
    if (!is_continuation(text[at + i])) return kInvalid;
    value = (value << 6) | (text[at + i] & 0x3fU);
  }
  return {value, size};
}

}  // namespace

uint32_t fnv1a_utf16(ByteView key) {
  uint32_t hash = kFnvOffset;
  for (size_t at = 0; at < key.size();) {
    if (key[at] < 0x80) {  // Nearly every key is ASCII.
      hash = step(hash, key[at++]);
      continue;
    }
    const CodePoint point = decode(key, at);
    at += point.size;
    if (point.value < 0x10000) {
      hash = step(hash, point.value);
      continue;
    }
    const uint32_t offset = point.value - 0x10000;
    hash = step(hash, 0xd800 + (offset >> 10));
    hash = step(hash, 0xdc00 + (offset & 0x3ff));
  }
  return hash;
}

PartitionId partition_of(ByteView key) {
  return {static_cast<uint16_t>(fnv1a_utf16(key) % kPartitionCount)};
}

}  // namespace topgun
