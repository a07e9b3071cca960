#include "tests/support/random_value.hpp"

#include <cstring>
#include <string>
#include <vector>

#include "core/value/value_writer.hpp"

namespace topgun {
namespace {

/// Appends the encoding of one value after the other.
class RandomValue {
 public:
  RandomValue(Gen& gen, Bytes& out) : gen_(gen), out_(out) {}

  void value(uint32_t depth_left);

 private:
  void integer();
  void floating();
  void bigint();
  void date();
  void text();
  void array(uint32_t depth_left);
  void map(uint32_t depth_left);

  /// A head with the size in 1, 2 or 4 bytes, often more than needed.
  void sized_head(uint8_t lead, size_t size, uint64_t step_min = 0);
  void field(uint64_t value, size_t width);
  /// An integer whose neighbours are likely to come up as well.
  uint64_t bits_near_a_power();

  Gen& gen_;
  Bytes& out_;
};

void RandomValue::value(uint32_t depth_left) {
  ValueWriter writer(out_);
  switch (gen_.below(depth_left > 0 ? 12 : 10)) {
    case 0:
      return writer.nil();
    case 1:
      return writer.boolean(gen_.coin());
    case 2:
    case 3:
      return integer();
    case 4:
    case 5:
      return floating();
    case 6:
      return bigint();
    case 7:
      return text();
    case 8:
      return date();
    case 9: {
      const size_t size = gen_.below(4);
      const bool is_binary = gen_.coin();
      sized_head(is_binary ? 0xc4 : 0xc7, size);
      if (!is_binary) out_.push_back(gen_.coin() ? 0x02 : 0xf0);
      for (size_t i = 0; i < size; ++i) out_.push_back(static_cast<uint8_t>(gen_.below(3)));
      return;
    }
    case 10:
      return array(depth_left - 1);
    default:
      return map(depth_left - 1);
  }
}

uint64_t RandomValue::bits_near_a_power() {
  const uint64_t power = uint64_t{1} << gen_.below(64);
  const uint64_t offset = gen_.below(5);
  return power + offset - 2;
}

void RandomValue::integer() {
  const uint64_t bits = bits_near_a_power();
  if (gen_.coin()) {
    ValueWriter writer(out_);
    return writer.integer(static_cast<int64_t>(bits));
  }
  const uint8_t leads[] = {0xcc, 0xcd, 0xce, 0xcf, 0xd0, 0xd1, 0xd2, 0xd3};
  const uint64_t choice = gen_.below(8);
  out_.push_back(leads[choice]);
  field(bits, size_t{1} << (choice % 4));
}

void RandomValue::floating() {
  uint64_t bits = bits_near_a_power();
  switch (gen_.below(4)) {
    case 0: {  // Integral, or nearly.
      const auto number = static_cast<double>(static_cast<int64_t>(bits));
      std::memcpy(&bits, &number, sizeof bits);
      break;
    }
    case 1: {  // As large as long bigints.
      const uint64_t exponent = 1023 + 50 + gen_.below(40);
      const uint64_t mantissa = gen_.below(4) << 50;
      const uint64_t sign = gen_.below(2) << 63;
      bits = sign | (exponent << 52) | mantissa;
      break;
    }
    case 2:
      out_.push_back(0xca);
      return field(gen_.bits(), 4);
    default:
      break;
  }
  out_.push_back(0xcb);
  field(bits, 8);
}

void RandomValue::bigint() {
  Bytes magnitude(gen_.below(13));
  for (uint8_t& byte : magnitude) byte = gen_.below(3) == 0 ? 0xff : 0;
  if (!magnitude.empty()) magnitude[0] = static_cast<uint8_t>(1U << gen_.below(8));
  const bool negative = !magnitude.empty() && gen_.coin();
  sized_head(0xc7, 1 + magnitude.size());
  out_.push_back(static_cast<uint8_t>(kExtensionBigInt));
  out_.push_back(negative ? 1 : 0);
  out_.insert(out_.end(), magnitude.begin(), magnitude.end());
}

void RandomValue::date() {
  const uint64_t seconds = bits_near_a_power();
  const uint64_t nanoseconds = gen_.below(3) == 0 ? 0 : gen_.below(1'000'000'000);
  switch (gen_.below(3)) {
    case 0:
      sized_head(0xc7, 4);
      out_.push_back(0xff);
      return field(seconds, 4);
    case 1:
      sized_head(0xc7, 8);
      out_.push_back(0xff);
      return field((nanoseconds << 34) | (seconds & ((uint64_t{1} << 34) - 1)), 8);
    default:
      sized_head(0xc7, 12);
      out_.push_back(0xff);
      field(nanoseconds, 4);
      const auto range = static_cast<uint64_t>(kDateSecondsMax);
      return field(gen_.below(2 * range) - range, 8);
  }
}

void RandomValue::text() {
  static const char* const kPieces[] = {"a", "b", "\u00e9", "\u20ac", "\U0001f600"};
  std::string text;
  const size_t size = gen_.below(3) == 0 ? gen_.below(40) : gen_.below(3);
  while (text.size() < size) text += kPieces[gen_.below(5)];
  if (text.size() < 32 && gen_.coin()) {
    out_.push_back(static_cast<uint8_t>(0xa0 | text.size()));
  } else {
    sized_head(0xd9, text.size());
  }
  out_.insert(out_.end(), text.begin(), text.end());
}

void RandomValue::array(uint32_t depth_left) {
  const size_t count = gen_.below(4);
  if (gen_.coin()) {
    out_.push_back(static_cast<uint8_t>(0x90 | count));
  } else {
    sized_head(0xdb, count, 1);  // One below 0xdc, which has a width of two bytes.
  }
  for (size_t i = 0; i < count; ++i) value(depth_left);
}

void RandomValue::map(uint32_t depth_left) {
  std::vector<std::string> keys;
  for (const char* key : {"", "a", "aa", "b", "\u00e9", "\U0001f600"}) {
    if (gen_.below(3) == 0) keys.emplace_back(key);
  }
  gen_.shuffle(std::span<std::string>(keys));
  if (gen_.coin()) {
    out_.push_back(static_cast<uint8_t>(0x80 | keys.size()));
  } else {
    sized_head(0xdd, keys.size(), 1);
  }
  for (const std::string& key : keys) {
    ValueWriter(out_).key(key);
    value(depth_left);
  }
}

void RandomValue::sized_head(uint8_t lead, size_t size, uint64_t step_min) {
  const uint64_t step = step_min + gen_.below(3 - step_min);
  out_.push_back(static_cast<uint8_t>(lead + step));
  field(size, size_t{1} << step);
}

void RandomValue::field(uint64_t value, size_t width) {
  for (size_t i = 0; i < width; ++i) {
    out_.push_back(static_cast<uint8_t>(value >> (8 * (width - 1 - i))));
  }
}

}  // namespace

Bytes random_value(Gen& gen) {
  Bytes out;
  RandomValue(gen, out).value(4);
  return out;
}

}  // namespace topgun
