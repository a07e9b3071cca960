#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "core/base/bytes.hpp"
#include "core/base/result.hpp"

/// Values: what a map holds under a key. A value is MessagePack from the application to the disk;
/// it is validated once where it enters and then read in place. `docs/protocol-values.md` is the
/// full account of the format; in short:
///
///   nil, bool     as in MessagePack
///   number        what a JavaScript number can be. Integers within +-2^53 are stored as
///   MessagePack
///                 integers, everything else (fractions, -0, NaN, infinities, larger doubles) as
///                 float64
///   bigint        an exact integer of another type than number: extension 1. A MessagePack integer
///                 beyond +-2^53, which a number could not hold exactly, also reads as one
///   text, binary  str (valid UTF-8) and bin
///   date          the MessagePack timestamp, extension -1, within the range of a JavaScript Date
///   array, map    map keys are text and occur once
///   extension     any other extension type, carried as opaque bytes
///
/// One value may have several encodings (a longer integer form, keys in another order). Its
/// *canonical* encoding is unique: equal values have equal canonical bytes.

namespace topgun {

/// Containers around the innermost value, by default: `[[1]]` needs two.
inline constexpr uint32_t kValueDepthDefault = 32;
/// No limit may be set above this; bounds the stack of everything that walks a value.
inline constexpr uint32_t kValueDepthMax = 128;
/// Bytes of one encoded value, by default.
inline constexpr size_t kValueBytesDefault = size_t{1} << 20;
/// Bytes of a bigint's magnitude. Reading one into a JavaScript BigInt is more than linear.
inline constexpr size_t kBigIntBytesMax = 1024;
/// Integers from -2^53 to 2^53 are numbers; beyond, neighbouring integers share a double.
inline constexpr int64_t kNumberIntegerMax = int64_t{1} << 53;
/// Dates reach from -8.64e12 to 8.64e12 seconds around 1970, the range of a JavaScript Date.
inline constexpr int64_t kDateSecondsMax = 8'640'000'000'000;

/// Extension types with a meaning of their own. All others are opaque.
inline constexpr int8_t kExtensionDate = -1;
inline constexpr int8_t kExtensionBigInt = 1;

struct ValueLimits {
  uint32_t depth_max = kValueDepthDefault;  ///< Taken as `kValueDepthMax` if larger.
  size_t bytes_max = kValueBytesDefault;
};

/// Checks that `bytes` is exactly one well-formed value within `limits`: text is UTF-8, map keys
/// are text and unique, dates and bigints keep their rules, nothing follows. Trusts no length
/// before it was compared with what is there. O(size); O(size log size) for maps whose keys are
/// not in ascending order, and only those allocate.
/// `TooLarge`, `TooDeep`, `Truncated`, `InvalidUtf8` or `Malformed`.
Result<void> validate_value(ByteView bytes, const ValueLimits& limits = {});

/// The same value in canonical encoding: shortest forms, integral numbers as integers, keys in
/// ascending byte order. Validates first; `TooLarge` also if the result exceeds `limits` (a
/// float32 grows). O(size log size).
Result<Bytes> canonicalize_value(ByteView bytes, const ValueLimits& limits = {});

/// Whether `bytes` is a valid value in its canonical encoding. Costs as much as making that.
bool is_canonical_value(ByteView bytes, const ValueLimits& limits = {});

/// The kinds of values. The numbers are not stored anywhere.
enum class ValueType : uint8_t {
  Nil,
  Bool,
  Number,
  BigInt,
  Text,
  Binary,
  Date,
  Array,
  Map,
  Extension,
};

/// A point in time: `seconds` since 1970-01-01T00:00:00Z, then `nanoseconds` (< 10^9) after that.
struct ValueDate {
  int64_t seconds = 0;
  uint32_t nanoseconds = 0;

  /// Milliseconds since 1970, rounded towards the past; what a JavaScript Date shows.
  int64_t milliseconds() const { return seconds * 1000 + nanoseconds / 1'000'000; }
  static ValueDate from_milliseconds(int64_t milliseconds);

  friend constexpr auto operator<=>(const ValueDate&, const ValueDate&) = default;
};

/// Sign and magnitude of a bigint. The magnitude is big-endian without leading zeros; zero has an
/// empty one and is not negative.
struct BigInt {
  bool negative = false;
  Bytes magnitude;

  friend bool operator==(const BigInt&, const BigInt&) = default;
};

/// An extension that this build gives no meaning. Borrows from the view's bytes.
struct ExtensionView {
  int8_t type = 0;
  ByteView payload;
};

class ArrayReader;
class MapReader;

/// A value read in place from validated bytes; 16 bytes, passed by value. Borrows the bytes and is
/// valid as long as they are. Every question has an answer: asking a value for another type than
/// it has gives nothing. Over bytes that were never validated the answers mean nothing, but no byte
/// outside them is read.
class ValueView {
 public:
  /// Nil.
  ValueView();
  /// Over bytes that hold one value and passed `validate_value`, perhaps long ago.
  explicit ValueView(ByteView validated) : bytes_(validated) {}

  /// Validates, then views.
  static Result<ValueView> parse(ByteView bytes, const ValueLimits& limits = {});

  /// The encoded value.
  ByteView bytes() const { return bytes_; }

  ValueType type() const;
  bool is_nil() const { return type() == ValueType::Nil; }

  std::optional<bool> as_bool() const;
  /// A number or bigint that is exactly a 64-bit signed integer; -0 counts as 0.
  std::optional<int64_t> as_int() const;
  /// A number; integers within +-2^53 convert exactly. Not a bigint.
  std::optional<double> as_double() const;
  std::optional<std::string_view> as_text() const;
  std::optional<ByteView> as_binary() const;
  std::optional<ValueDate> as_date() const;
  /// A bigint of any size; copies at most `kBigIntBytesMax` bytes.
  std::optional<BigInt> as_bigint() const;
  std::optional<ExtensionView> as_extension() const;

  /// Elements of an array, entries of a map; 0 for everything else.
  size_t size() const;

  /// The elements of an array, or none.
  ArrayReader elements() const;
  /// The entries of a map in stored order, or none.
  MapReader entries() const;

  /// The element at `index`, counted from 0. O(bytes before it).
  std::optional<ValueView> at(size_t index) const;
  /// The value under `key` of a map. O(bytes before it).
  std::optional<ValueView> member(std::string_view key) const;
  /// Follows `steps` from here: the key of a map, or the decimal index of an array without leading
  /// zeros. `{"a", "0"}` reads `a[0]`; no steps give the value itself.
  std::optional<ValueView> at_path(std::span<const std::string_view> steps) const;

 private:
  ByteView bytes_;
};

/// Reads an array's elements one after the other: `while (auto element = reader.next())`. O(bytes
/// of the element) a call.
class ArrayReader {
 public:
  std::optional<ValueView> next();

 private:
  friend class ValueView;
  ArrayReader() = default;
  ArrayReader(ByteView rest, uint32_t left) : rest_(rest), left_(left) {}

  ByteView rest_;
  uint32_t left_ = 0;
};

struct MapEntry {
  std::string_view key;
  ValueView value;
};

/// Reads a map's entries one after the other, in stored order.
class MapReader {
 public:
  std::optional<MapEntry> next();

 private:
  friend class ValueView;
  MapReader() = default;
  MapReader(ByteView rest, uint32_t left) : rest_(rest), left_(left) {}

  ByteView rest_;
  uint32_t left_ = 0;
};

/// The total order over all values: negative, zero or positive. Zero exactly if the canonical
/// encodings are equal.
///
///   nil < false < true < numbers and bigints < text < binary < date < array < map < extension
///
///   numbers    by exact mathematical value, bigints among them; where that is equal -0 < 0 and a
///              number before the bigint. NaN is above all, infinities and bigints included, and
///              equal to itself
///   text       by UTF-8 bytes, which is the order of code points; binary by bytes
///   array      element by element, a prefix before its extensions
///   map        as the list of its entries sorted by key: first key, its value, second key, ...;
///              a prefix before its extensions
///   extension  by type, then by bytes
///
/// O(shorter size); sorts, and then allocates, only for maps whose keys are not in order.
int compare_values(ValueView left, ValueView right);

}  // namespace topgun
