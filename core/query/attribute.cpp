#include "core/query/attribute.hpp"

#include "core/value/utf8.hpp"

namespace topgun::query {

void write_attribute(ByteWriter& out, const Attribute& attribute) {
  out.u8(static_cast<uint8_t>(attribute.source));
  if (attribute.source == Attribute::Source::Key) return;
  out.varint(attribute.steps.size());
  for (const std::string& step : attribute.steps) out.blob(as_bytes(step));
}

Attribute read_attribute(ByteReader& in) {
  Attribute attribute;
  const uint8_t source = in.u8();
  if (source > static_cast<uint8_t>(Attribute::Source::Key)) in.fail(Error::Malformed);
  if (!in.ok()) return attribute;
  attribute.source = static_cast<Attribute::Source>(source);
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
  if (attribute.source == Attribute::Source::Key) return "$key";
  if (attribute.steps.empty()) return "$value";
  std::string text;
  for (const std::string& step : attribute.steps) {
    if (!text.empty()) text += '.';
    text += step;
  }
  return text;
}

}  // namespace topgun::query
