#include "core/query/index.hpp"
#include "core/value/utf8.hpp"

namespace topgun::query {

void write_index_definition(ByteWriter& out, const IndexDefinition& definition) {
  out.blob(as_bytes(definition.name));
  out.u8(static_cast<uint8_t>(definition.kind));
  out.varint(definition.parts.size());
  for (const IndexPart& part : definition.parts) {
    write_attribute(out, part.attribute);
    out.u8(part.direction == Direction::Ascending ? 0 : 1);
  }
}

IndexDefinition read_index_definition(ByteReader& in) {
  IndexDefinition definition;
  const ByteView name = in.blob(kIndexNameBytesMax);
  if (in.ok() && !is_utf8(name)) in.fail(Error::InvalidUtf8);
  definition.name = as_text(name);
  const uint8_t kind = in.u8();
  if (kind < static_cast<uint8_t>(IndexKind::Hash) ||
      kind > static_cast<uint8_t>(IndexKind::Presence)) {
    in.fail(Error::Malformed);
  }
  definition.kind = static_cast<IndexKind>(kind);
  const uint64_t parts = in.varint_max(kIndexPartsMax);
  for (uint64_t i = 0; i < parts && in.ok(); ++i) {
    IndexPart part;
    part.attribute = read_attribute(in);
    const uint8_t direction = in.u8();
    if (direction > 1) in.fail(Error::Malformed);
    part.direction = direction == 0 ? Direction::Ascending : Direction::Descending;
    definition.parts.push_back(std::move(part));
  }
  return definition;
}

}  // namespace topgun::query
