#include "core/base/byte_io.hpp"

namespace topgun {

void ByteWriter::varint(uint64_t value) {
  while (value >= 0x80) {
    out_.push_back(static_cast<uint8_t>(value | 0x80));
    value >>= 7;
  }
  out_.push_back(static_cast<uint8_t>(value));
}

size_t ByteWriter::begin_u32_length() {
  const size_t offset = out_.size();
  u32(0);
  return offset;
}

void ByteWriter::end_u32_length(size_t offset) {
  TG_ASSERT(offset + 4 <= out_.size());
  const auto length = static_cast<uint32_t>(out_.size() - offset - 4);
  for (size_t i = 0; i < 4; ++i) out_[offset + i] = static_cast<uint8_t>(length >> (8 * i));
}

uint64_t ByteReader::long_varint() {
  uint64_t value = 0;
  for (size_t i = 0; i < kVarintBytesMax; ++i) {
    if (failed_ || at_ == in_.size()) {
      fail(Error::Truncated);
      return 0;
    }
    const uint8_t byte = in_[at_++];
    // The tenth byte holds only bit 63.
    if (i == kVarintBytesMax - 1 && byte > 1) break;
    value |= static_cast<uint64_t>(byte & 0x7f) << (7 * i);
    if ((byte & 0x80) == 0) {
      if (byte == 0 && i > 0) break;  // A longer form than needed.
      return value;
    }
  }
  fail(Error::Malformed);
  return 0;
}

}  // namespace topgun
