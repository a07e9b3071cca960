#include "core/query/attribute.hpp"

#include "core/value/utf8.hpp"

namespace topgun::query {
namespace {

/// Added to the source of an attribute that is not of side 0.
constexpr uint8_t kOtherSide = 2;

}  // namespace

void write_attribute(ByteWriter& out, const Attribute& attribute) {
  const auto source = static_cast<uint8_t>(attribute.source);
  out.u8(attribute.side == 0 ? source : static_cast<uint8_t>(source + kOtherSide));
  if (attribute.side != 0) out.u8(attribute.side);
  if (attribute.source == Attribute::Source::Key) return;
  out.varint(attribute.steps.size());
  for (const std::string& step : attribute.steps) out.blob(as_bytes(step));
}

Attribute read_attribute(ByteReader& in) {
  Attribute attribute;
  const uint8_t source = in.u8();
  if (source >= 2 * kOtherSide) in.fail(Error::Malformed);
  if (in.ok() && source >= kOtherSide) {
    attribute.side = in.u8();
    if (attribute.side == 0 || attribute.side >= kSidesMax) in.fail(Error::Malformed);
  }
  if (!in.ok()) return attribute;
  attribute.source = static_cast<Attribute::Source>(source % kOtherSide);
  if (attribute.source == Attribute::Source::Key) return attribute;
  const uint64_t steps = in.varint_max(kAttributeStepsMax);
  for (uint64_t i = 0; i < steps && in.ok(); ++i) {
    const ByteView step = in.blob(kAttributeStepBytesMax);
    if (in.ok() && !is_utf8(step)) in.fail(Error::InvalidUtf8);
    attribute.steps.emplace_back(as_text(step));
  }
  return attribute;
}

std::string attribute_text(const Attribute& attribute) {
  std::string text;
  for (const std::string& step : attribute.steps) {
    if (!text.empty()) text += '.';
    text += step;
  }
  if (attribute.source == Attribute::Source::Key) text = "$key";
  if (text.empty()) text = "$value";
  return attribute.side == 0 ? text : std::to_string(attribute.side) + ":" + text;
}

}  // namespace topgun::query
