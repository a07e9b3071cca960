#pragma once

#include "core/query/attribute.hpp"
#include "core/query/shape_table.hpp"

namespace topgun::query {

/// An attribute that some query, index or column of a map uses. Small numbers in order of first
/// use; local to an `AttributeTable`.
using AttributeId = uint16_t;

/// A record as a query reads it. Borrows all bytes.
struct RowView {
  ByteView key;
  ByteView value;
  ShapeId shape = kNoShape;
  /// One offset a field of the shape: a byte each while the value has at most 256, else two bytes
  /// each, in the order of the machine.
  const uint8_t* offsets = nullptr;

  bool has_wide_offsets() const { return value.size() > 256; }
};

/// The attributes in use over one map, and the shapes of its values. What an attribute means in a
/// shape is looked up once; reading a field of a shaped row is then two loads instead of a walk
/// over the fields before it.
class AttributeTable {
 public:
  static constexpr size_t kAttributesMax = 4096;

  /// The id of an attribute, new or known. `LimitExceeded` once there are `kAttributesMax`.
  Result<AttributeId> intern(const Attribute& attribute);

  const Attribute& attribute(AttributeId id) const { return entries_[id].attribute; }
  size_t size() const { return entries_.size(); }

  /// The layout of a value about to be stored; learns its shape.
  ShapeTable::Layout observe(ByteView value);

  /// The value of an attribute that is not the record's key; nothing if it is missing. Borrows the
  /// row. What the view gives as `bytes()` may be followed by the rest of the row. O(1) for a field
  /// of a shaped row, else O(bytes in front of it).
  std::optional<ValueView> read(const RowView& row, AttributeId id) const;

  bool is_key(AttributeId id) const {
    return entries_[id].attribute.source == Attribute::Source::Key;
  }

 private:
  struct Entry {
    Attribute attribute;
    std::vector<std::string_view> steps;    ///< Into `attribute`.
    std::vector<ShapeTable::Field> fields;  ///< By shape: where the first step leads.
  };

  std::optional<ValueView> walk(ByteView value, const Entry& entry) const;

  std::vector<Entry> entries_;
  ShapeTable shapes_;
};

/// Reads attributes of rows, the key included: that has to be made a value first, for which this
/// keeps a buffer.
class AttributeReader {
 public:
  explicit AttributeReader(const AttributeTable& table) : table_(&table) {}

  /// As `AttributeTable::read`. Valid until the next call.
  std::optional<ValueView> read(const RowView& row, AttributeId id) {
    return table_->is_key(id) ? std::optional<ValueView>(key_of(row)) : table_->read(row, id);
  }

 private:
  ValueView key_of(const RowView& row);

  const AttributeTable* table_;
  Bytes key_;
};

}  // namespace topgun::query
