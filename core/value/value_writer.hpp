#pragma once

#include "core/value/value.hpp"

namespace topgun {

/// Appends values to a byte vector in canonical encoding. Containers announce their size first and
/// are followed by that many values, or keys and values; what is written is canonical if the caller
/// writes each map's keys in ascending byte order, and else can be made so by
/// `canonicalize_value`. Borrows the vector; never fails. The caller's promises (sizes below 2^32,
/// valid UTF-8, dates and bigints in range) are those that `validate_value` checks on the way in.
class ValueWriter {
 public:
  explicit ValueWriter(Bytes& out) : out_(out) {}

  void nil() { out_.push_back(0xc0); }
  void boolean(bool value) { out_.push_back(value ? 0xc3 : 0xc2); }
  /// A number where a number is exact (within +-2^53), a bigint beyond.
  void integer(int64_t value);
  void unsigned_integer(uint64_t value);
  /// Integral numbers within +-2^53 become integers, except -0. Every NaN becomes the one with bits
  /// 0x7ff8000000000000.
  void number(double value);
  void text(std::string_view value);
  void binary(ByteView value);
  void date(ValueDate value);
  /// Stays a bigint however small it is.
  void bigint(const BigInt& value);
  void extension(int8_t type, ByteView payload);

  /// `count` values follow.
  void begin_array(size_t count);
  /// `count` times a key and a value follow.
  void begin_map(size_t count);
  void key(std::string_view value) { text(value); }

  /// A value that is already encoded, copied as it is.
  void encoded(ValueView value) { append(value.bytes()); }

 private:
  void append(ByteView bytes) { out_.insert(out_.end(), bytes.begin(), bytes.end()); }
  void lead_and_field(uint8_t lead, uint64_t field, size_t width);
  void sized_head(uint8_t lead, size_t size);
  void container_head(uint8_t short_lead, uint8_t lead, size_t count);
  void integer_head(int64_t value);
  void bigint_parts(bool negative, ByteView magnitude);
  void extension_head(int8_t type, size_t size);

  Bytes& out_;
};

}  // namespace topgun
