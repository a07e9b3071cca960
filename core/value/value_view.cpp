#include "core/base/assert.hpp"
#include "core/value/internal/head.hpp"
#include "core/value/value.hpp"

namespace topgun {
namespace {

using value_internal::Head;
using value_internal::HeadKind;
using value_internal::read_head;

constexpr uint8_t kNilByte = 0xc0;

/// The payload of a text, binary or extension; nothing if the bytes are short.
std::optional<ByteView> payload_of(const Head& head, ByteView bytes) {
  if (bytes.size() - head.size < head.number) return std::nullopt;
  return bytes.subspan(head.size, static_cast<size_t>(head.number));
}

std::optional<ByteView> payload_if(ByteView bytes, HeadKind kind) {
  const Head head = read_head(bytes);
  if (head.kind != kind) return std::nullopt;
  return payload_of(head, bytes);
}

std::optional<ByteView> extension_payload(ByteView bytes, int8_t type) {
  const Head head = read_head(bytes);
  if (head.kind != HeadKind::Extension || head.extension_type != type) return std::nullopt;
  return payload_of(head, bytes);
}

ValueType extension_type(int8_t type) {
  if (type == kExtensionDate) return ValueType::Date;
  if (type == kExtensionBigInt) return ValueType::BigInt;
  return ValueType::Extension;
}

std::optional<int64_t> integer_from_double(double number) {
  // 2^63 is a double, the largest int64_t is not: the upper end is exclusive. NaN fails both.
  if (!(number >= -0x1p63 && number < 0x1p63)) return std::nullopt;
  const auto integer = static_cast<int64_t>(number);
  if (static_cast<double>(integer) != number) return std::nullopt;
  return integer;
}

std::optional<int64_t> integer_from_magnitude(bool negative, ByteView magnitude) {
  if (magnitude.size() > 8) return std::nullopt;
  const uint64_t absolute = value_internal::load_big_endian(magnitude.data(), magnitude.size());
  const uint64_t limit = (uint64_t{1} << 63) - (negative ? 0 : 1);
  if (absolute > limit) return std::nullopt;
  return static_cast<int64_t>(negative ? ~absolute + 1 : absolute);
}

std::optional<uint32_t> parse_index(std::string_view step) {
  if (step.empty() || step.size() > 9 || (step.size() > 1 && step[0] == '0')) return std::nullopt;
  uint32_t index = 0;
  for (const char digit : step) {
    if (digit < '0' || digit > '9') return std::nullopt;
    index = index * 10 + static_cast<uint32_t>(digit - '0');
  }
  return index;
}

}  // namespace

ValueDate ValueDate::from_milliseconds(int64_t milliseconds) {
  int64_t seconds = milliseconds / 1000;
  int64_t rest = milliseconds % 1000;
  if (rest < 0) {
    rest += 1000;
    --seconds;
  }
  return {seconds, static_cast<uint32_t>(rest * 1'000'000)};
}

ValueView::ValueView() : bytes_(&kNilByte, 1) {}

ValueType ValueView::type() const {
  const Head head = read_head(bytes_);
  switch (head.kind) {
    case HeadKind::Truncated:  // Never in validated bytes.
    case HeadKind::Reserved:
    case HeadKind::Nil:
      return ValueType::Nil;
    case HeadKind::False:
    case HeadKind::True:
      return ValueType::Bool;
    case HeadKind::Int:
    case HeadKind::Uint:
      return value_internal::is_number_range(head) ? ValueType::Number : ValueType::BigInt;
    case HeadKind::Float:
      return ValueType::Number;
    case HeadKind::Text:
      return ValueType::Text;
    case HeadKind::Binary:
      return ValueType::Binary;
    case HeadKind::Extension:
      return extension_type(head.extension_type);
    case HeadKind::Array:
      return ValueType::Array;
    case HeadKind::Map:
      return ValueType::Map;
  }
  return ValueType::Nil;
}

std::optional<bool> ValueView::as_bool() const {
  const Head head = read_head(bytes_);
  if (head.kind == HeadKind::True) return true;
  if (head.kind == HeadKind::False) return false;
  return std::nullopt;
}

std::optional<int64_t> ValueView::as_int() const {
  const Head head = read_head(bytes_);
  if (head.kind == HeadKind::Int) return static_cast<int64_t>(head.number);
  if (head.kind == HeadKind::Float) {
    return integer_from_double(value_internal::double_from_bits(head.number));
  }
  const auto payload = extension_payload(bytes_, kExtensionBigInt);
  if (!payload || payload->empty()) return std::nullopt;
  return integer_from_magnitude((*payload)[0] != 0, payload->subspan(1));
}

std::optional<double> ValueView::as_double() const {
  const Head head = read_head(bytes_);
  if (head.kind == HeadKind::Float) return value_internal::double_from_bits(head.number);
  if (!value_internal::is_number_range(head)) return std::nullopt;
  return static_cast<double>(static_cast<int64_t>(head.number));
}

std::optional<std::string_view> ValueView::as_text() const {
  const auto payload = payload_if(bytes_, HeadKind::Text);
  if (!payload) return std::nullopt;
  return topgun::as_text(*payload);
}

std::optional<ByteView> ValueView::as_binary() const {
  return payload_if(bytes_, HeadKind::Binary);
}

std::optional<ValueDate> ValueView::as_date() const {
  const auto payload = extension_payload(bytes_, kExtensionDate);
  if (!payload) return std::nullopt;
  return value_internal::read_date(*payload);
}

std::optional<BigInt> ValueView::as_bigint() const {
  const Head head = read_head(bytes_);
  value_internal::BigIntOperand operand;
  if (!operand.read(head, bytes_)) return std::nullopt;
  return BigInt{operand.negative(), to_bytes(operand.magnitude())};
}

std::optional<ExtensionView> ValueView::as_extension() const {
  if (type() != ValueType::Extension) return std::nullopt;
  const Head head = read_head(bytes_);
  const auto payload = payload_of(head, bytes_);
  if (!payload) return std::nullopt;
  return ExtensionView{head.extension_type, *payload};
}

size_t ValueView::size() const {
  const Head head = read_head(bytes_);
  if (head.kind != HeadKind::Array && head.kind != HeadKind::Map) return 0;
  return static_cast<size_t>(head.number);
}

ArrayReader ValueView::elements() const {
  const Head head = read_head(bytes_);
  if (head.kind != HeadKind::Array) return {};
  return {bytes_.subspan(head.size), static_cast<uint32_t>(head.number)};
}

MapReader ValueView::entries() const {
  const Head head = read_head(bytes_);
  if (head.kind != HeadKind::Map) return {};
  return {bytes_.subspan(head.size), static_cast<uint32_t>(head.number)};
}

std::optional<ValueView> ArrayReader::next() {
  if (left_ == 0) return std::nullopt;
  --left_;
  const size_t size = value_internal::value_size(rest_);
  if (size == 0) {
    left_ = 0;
    return std::nullopt;
  }
  const ValueView element(rest_.first(size));
  rest_ = rest_.subspan(size);
  return element;
}

std::optional<MapEntry> MapReader::next() {
  if (left_ == 0) return std::nullopt;
  --left_;
  const auto key = payload_if(rest_, HeadKind::Text);
  if (key) {
    rest_ = rest_.subspan(static_cast<size_t>(key->data() - rest_.data()) + key->size());
    const size_t size = value_internal::value_size(rest_);
    if (size > 0) {
      const MapEntry entry = {as_text(*key), ValueView(rest_.first(size))};
      rest_ = rest_.subspan(size);
      return entry;
    }
  }
  left_ = 0;
  return std::nullopt;
}

std::optional<ValueView> ValueView::at(size_t index) const {
  if (index >= size()) return std::nullopt;
  ArrayReader reader = elements();
  for (size_t i = 0; i < index; ++i) {
    if (!reader.next()) return std::nullopt;
  }
  return reader.next();
}

std::optional<ValueView> ValueView::member(std::string_view key) const {
  MapReader reader = entries();
  while (const auto entry = reader.next()) {
    if (entry->key == key) return entry->value;
  }
  return std::nullopt;
}

std::optional<ValueView> ValueView::at_path(std::span<const std::string_view> steps) const {
  std::optional<ValueView> here = *this;
  for (const std::string_view step : steps) {
    if (here->type() == ValueType::Map) {
      here = here->member(step);
    } else {
      const auto index = parse_index(step);
      here = index ? here->at(*index) : std::nullopt;
    }
    if (!here) return std::nullopt;
  }
  return here;
}

}  // namespace topgun
