#include "core/query/attribute_table.hpp"

#include <cstring>
#include <span>

#include "core/value/utf8.hpp"
#include "core/value/value_writer.hpp"

namespace topgun::query {

void write_key(Bytes& out, ByteView key) {
  ValueWriter writer(out);
  if (is_utf8(key)) {
    writer.text(as_text(key));
  } else {
    writer.binary(key);
  }
}

Result<AttributeId> AttributeTable::intern(const Attribute& attribute) {
  for (size_t id = 0; id < entries_.size(); ++id) {
    if (entries_[id].attribute == attribute) return static_cast<AttributeId>(id);
  }
  if (entries_.size() == kAttributesMax) return Error::LimitExceeded;
  AttributeId in_side = 0;
  if (!sides_.empty()) {
    if (attribute.side >= sides_.size() || sides_[attribute.side] == nullptr) {
      return Error::InvalidArgument;
    }
    const auto id = sides_[attribute.side]->intern(on_side(0, attribute));
    if (!id.ok()) return id.error();
    in_side = *id;
  } else if (attribute.side != 0) {
    return Error::InvalidArgument;
  }
  Entry& entry = entries_.emplace_back();
  entry.attribute = attribute;
  entry.in_side = in_side;
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
  if (row.sides != nullptr) return read_side(row, entry);
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

std::optional<ValueView> AttributeTable::read_side(const RowView& row, const Entry& entry) const {
  const RowView& record = row.sides[entry.attribute.side];
  if (record.is_absent()) return std::nullopt;
  return sides_[entry.attribute.side]->read(record, entry.in_side);
}

std::optional<ValueView> AttributeTable::walk(ByteView value, const Entry& entry) const {
  return ValueView(value).at_path(entry.steps);
}

std::optional<ValueView> AttributeReader::key_of(const RowView& row, AttributeId id) {
  const RowView* record = &row;
  if (row.sides != nullptr) {
    record = &row.sides[table_->attribute(id).side];
    if (record->is_absent()) return std::nullopt;
  }
  key_.clear();
  write_key(key_, record->key);
  return ValueView(key_);
}

}  // namespace topgun::query
