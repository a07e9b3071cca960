#include "core/query/attribute_table.hpp"

#include <cstring>
#include <span>

#include "core/value/utf8.hpp"
#include "core/value/value_writer.hpp"

namespace topgun::query {

Result<AttributeId> AttributeTable::intern(const Attribute& attribute) {
  for (size_t id = 0; id < entries_.size(); ++id) {
    if (entries_[id].attribute == attribute) return static_cast<AttributeId>(id);
  }
  if (entries_.size() == kAttributesMax) return Error::LimitExceeded;
  Entry& entry = entries_.emplace_back();
  entry.attribute = attribute;
  // The texts stay where they are when the entry moves: a vector takes its elements along.
  entry.steps.assign(entry.attribute.steps.begin(), entry.attribute.steps.end());
  for (size_t shape = 0; shape < shapes_.size(); ++shape) {
    entry.fields.push_back(entry.steps.empty()
                               ? ShapeTable::Field{}
                               : shapes_.find(static_cast<ShapeId>(shape), entry.steps[0]));
  }
  return static_cast<AttributeId>(entries_.size() - 1);
}

ShapeTable::Layout AttributeTable::observe(ByteView value) {
  const size_t known = shapes_.size();
  const ShapeTable::Layout layout = shapes_.observe(value);
  if (shapes_.size() == known) return layout;
  for (Entry& entry : entries_) {
    entry.fields.push_back(entry.steps.empty() ? ShapeTable::Field{}
                                               : shapes_.find(layout.shape, entry.steps[0]));
  }
  return layout;
}

std::optional<ValueView> AttributeTable::read(const RowView& row, AttributeId id) const {
  const Entry& entry = entries_[id];
  const ShapeTable::Field field = entry.fields[row.shape];
  if (field.access == ShapeTable::Access::Absent) return std::nullopt;
  if (field.access == ShapeTable::Access::Walk || row.offsets == nullptr) {
    return walk(row.value, entry);
  }
  size_t offset = 0;
  if (row.has_wide_offsets()) {
    uint16_t wide;
    std::memcpy(&wide, row.offsets + 2 * size_t{field.index}, sizeof wide);
    offset = wide;
  } else {
    offset = row.offsets[field.index];
  }
  const ValueView value(row.value.subspan(offset));
  if (entry.steps.size() == 1) return value;
  return value.at_path(std::span(entry.steps).subspan(1));
}

std::optional<ValueView> AttributeTable::walk(ByteView value, const Entry& entry) const {
  return ValueView(value).at_path(entry.steps);
}

ValueView AttributeReader::key_of(const RowView& row) {
  key_.clear();
  ValueWriter writer(key_);
  if (is_utf8(row.key)) {
    writer.text(as_text(row.key));
  } else {
    writer.binary(row.key);
  }
  return ValueView(key_);
}

}  // namespace topgun::query
