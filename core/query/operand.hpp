#pragma once

#include "core/query/ordered_key.hpp"

namespace topgun::query {

/// A constant of a query, made ready to be compared with many values. Compares as queries do: by
/// the order of ordered keys with `KeyForm::Query`, so that 1 and 1n are equal. Owns its bytes.
class Operand {
 public:
  /// `value` must be valid.
  explicit Operand(ByteView value);

  ByteView value() const { return value_; }
  /// The ordered key, `KeyForm::Query`.
  ByteView key() const { return key_; }
  ValueType type() const { return type_; }
  /// A text's content; empty for everything else.
  std::string_view text() const;

  /// Missing is equal to nil. NaN is equal to itself.
  bool equals(const std::optional<ValueView>& value) const;

  /// The order of `value` against this: negative, zero or positive; nothing if a range does not
  /// compare the two. Missing compares as nil does.
  std::optional<int> compare(const std::optional<ValueView>& value) const;

 private:
  Bytes value_;
  Bytes key_;
  ValueType type_;
  bool has_number_ = false;
  double number_ = 0;
};

/// Whether values of the two types stand in ranges together: numbers and bigints do, otherwise only
/// equal types.
bool is_comparable(ValueType left, ValueType right);

}  // namespace topgun::query
