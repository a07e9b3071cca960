#include "core/query/internal/key_reader.hpp"

#include <algorithm>

#include "core/query/internal/key_tags.hpp"
#include "core/value/value_writer.hpp"

namespace topgun::query::internal {
namespace {

/// Most texts are short.
constexpr size_t kUsualBytes = 32;

/// Sets the bits of the double `leading` in a magnitude that has room for them.
void put_leading_bits(Bytes& magnitude, double leading) {
  uint64_t bits;
  std::memcpy(&bits, &leading, sizeof bits);
  const size_t top = static_cast<size_t>((bits >> 52) & 0x7ff) - 1023;
  const uint64_t mantissa = (bits & ((uint64_t{1} << 52) - 1)) | (uint64_t{1} << 52);
  for (size_t i = 0; i < kMantissaBits; ++i) {
    if (((mantissa >> (kMantissaBits - 1 - i)) & 1) == 0) continue;
    if (i > top) return;  // A fraction; only made-up keys have one.
    const size_t bit = top - i;
    magnitude[magnitude.size() - 1 - bit / 8] |= static_cast<uint8_t>(1U << (bit % 8));
  }
}

}  // namespace

bool KeyReader::fail(Error error) {
  error_ = error;
  return false;
}

bool KeyReader::byte(uint8_t& out) {
  if (at_ == key_.size()) return fail(Error::Truncated);
  out = static_cast<uint8_t>(key_[at_++] ^ flip_);
  return true;
}

bool KeyReader::big_endian(size_t width, uint64_t& out) {
  out = 0;
  for (size_t i = 0; i < width; ++i) {
    uint8_t next = 0;
    if (!byte(next)) return false;
    out = (out << 8) | next;
  }
  return true;
}

bool KeyReader::terminated(Bytes& out) {
  if (out.capacity() == 0) out.reserve(std::min(key_.size() - at_, kUsualBytes));
  for (;;) {
    uint8_t next = 0;
    if (!byte(next)) return false;
    if (next == kEnd) return true;
    if (next == kEscape) {
      if (!byte(next)) return false;
      if (next != 1 && next != 2) return fail(Error::Malformed);
      --next;
    }
    out.push_back(next);
  }
}

bool KeyReader::number(Bytes& out) {
  uint64_t bits = 0;
  uint8_t tie = 0;
  if (!big_endian(8, bits) || !byte(tie)) return false;
  const double leading = from_ascending_bits(bits);
  if (ascending_bits(leading) != bits) return fail(Error::Malformed);  // Another NaN than ours.
  if (tie == kTieNumber) {
    ValueWriter(out).number(leading);
    return true;
  }
  return bigint(out, leading, tie);
}

bool KeyReader::bigint(Bytes& out, double leading, uint8_t tie) {
  const double absolute = leading < 0 ? -leading : leading;
  if (!(absolute <= kDoubleMax) || tie < kTieFarBelow || tie > kTieFarAbove) {
    return fail(Error::Malformed);
  }
  BigInt bigint;
  if (tie == kTieBigInt) {
    bigint.negative = leading < 0;
  } else {
    bigint.negative = tie < kTieNumber;
    const auto rest_flip = static_cast<uint8_t>(bigint.negative ? 0xff : 0x00);
    flip_ ^= rest_flip;
    uint64_t size = 0;
    if (!big_endian(2, size)) return false;
    if (size == 0 || size > kBigIntBytesMax) return fail(Error::Malformed);
    for (uint64_t i = 0; i < size; ++i) {
      uint8_t next = 0;
      if (!byte(next)) return false;
      bigint.magnitude.push_back(next);
    }
    flip_ ^= rest_flip;
    if (bigint.magnitude[0] == 0 || bigint.negative != (leading < 0)) return fail(Error::Malformed);
  }
  if (tie != kTieFarBelow && tie != kTieFarAbove && absolute >= 1) {
    uint64_t bits;
    std::memcpy(&bits, &absolute, sizeof bits);
    const size_t top = static_cast<size_t>(bits >> 52) - 1023;
    const size_t size = top / 8 + 1;
    // The rest lies below the leading bits.
    if (top >= kMantissaBits && bit_count(bigint.magnitude) > top + 1 - kMantissaBits) {
      return fail(Error::Malformed);
    }
    if (top < kMantissaBits && !bigint.magnitude.empty()) return fail(Error::Malformed);
    bigint.magnitude.insert(bigint.magnitude.begin(), size - bigint.magnitude.size(), 0);
    put_leading_bits(bigint.magnitude, absolute);
  }
  ValueWriter(out).bigint(bigint);
  return true;
}

bool KeyReader::text(Bytes& out) {
  Bytes text;
  if (!terminated(text)) return false;
  ValueWriter(out).text(as_text(text));
  return true;
}

bool KeyReader::date(Bytes& out) {
  uint64_t seconds = 0;
  uint64_t nanoseconds = 0;
  if (!big_endian(kDateSecondsBytes, seconds) || !big_endian(4, nanoseconds)) return false;
  const ValueDate date = {static_cast<int64_t>(seconds) - kDateSecondsMax,
                          static_cast<uint32_t>(nanoseconds)};
  if (date.nanoseconds >= 1'000'000'000 || date > ValueDate{kDateSecondsMax, 0}) {
    return fail(Error::Malformed);
  }
  ValueWriter(out).date(date);
  return true;
}

bool KeyReader::array(Bytes& out, uint32_t depth_left) {
  if (depth_left == 0) return fail(Error::TooDeep);
  Bytes elements;
  size_t count = 0;
  for (;; ++count) {
    if (at_ == key_.size()) return fail(Error::Truncated);
    if ((key_[at_] ^ flip_) == kEnd) break;
    if (!value(elements, depth_left - 1)) return false;
  }
  ++at_;
  ValueWriter(out).begin_array(count);
  out.insert(out.end(), elements.begin(), elements.end());
  return true;
}

bool KeyReader::map(Bytes& out, uint32_t depth_left) {
  if (depth_left == 0) return fail(Error::TooDeep);
  Bytes entries;
  Bytes previous;
  size_t count = 0;
  for (;; ++count) {
    uint8_t tag = 0;
    if (!byte(tag)) return false;
    if (tag == kEnd) break;
    if (tag != kTextTag) return fail(Error::Malformed);
    Bytes key;
    if (!terminated(key)) return false;
    if (count > 0 && compare_bytes(previous, key) >= 0) return fail(Error::Malformed);
    ValueWriter(entries).text(as_text(key));
    if (!value(entries, depth_left - 1)) return false;
    previous = std::move(key);
  }
  ValueWriter(out).begin_map(count);
  out.insert(out.end(), entries.begin(), entries.end());
  return true;
}

bool KeyReader::extension(Bytes& out) {
  uint8_t type = 0;
  Bytes payload;
  if (!byte(type) || !terminated(payload)) return false;
  const auto own = static_cast<int8_t>(type ^ 0x80);
  // These have tags of their own.
  if (own == kExtensionDate || own == kExtensionBigInt) return fail(Error::Malformed);
  ValueWriter(out).extension(own, payload);
  return true;
}

bool KeyReader::value(Bytes& out, uint32_t depth_left) {
  uint8_t tag = 0;
  if (!byte(tag)) return false;
  ValueWriter writer(out);
  switch (tag) {
    case kNilTag:
      writer.nil();
      return true;
    case kFalseTag:
    case kTrueTag:
      writer.boolean(tag == kTrueTag);
      return true;
    case kNumberTag:
      return number(out);
    case kTextTag:
      return text(out);
    case kBinaryTag: {
      Bytes bytes;
      if (!terminated(bytes)) return false;
      writer.binary(bytes);
      return true;
    }
    case kDateTag:
      return date(out);
    case kArrayTag:
      return array(out, depth_left);
    case kMapTag:
      return map(out, depth_left);
    case kExtensionTag:
      return extension(out);
    default:
      return fail(Error::Malformed);
  }
}

Result<OrderedPart> KeyReader::read() {
  OrderedPart part;
  if (!key_.empty() && (key_[0] ^ flip_) == kMissingTag) {
    part.missing = true;
    part.key_bytes = 1;
    ValueWriter(part.value).nil();
    return part;
  }
  if (!value(part.value, kValueDepthMax)) return error_;
  part.key_bytes = at_;
  // Text that is no UTF-8, keys twice, extensions against the rules of their type.
  ValueLimits limits = {kValueDepthMax, SIZE_MAX};
  if (const auto valid = validate_value(part.value, limits); !valid.ok()) return valid.error();
  return part;
}

}  // namespace topgun::query::internal
