#pragma once

#include "core/query/attribute.hpp"
#include "core/query/shape_table.hpp"

namespace topgun::query {

/// An attribute that some query, index or column of a map uses. Small numbers in order of first
/// use; local to an `AttributeTable`.
using AttributeId = uint16_t;

/// A record as a query reads it; or, in a query with joins, a combination of records. Borrows all
/// bytes.
struct RowView {
  ByteView key;
  ByteView value;
  ShapeId shape = kNoShape;
  /// One offset a field of the shape: a byte each while the value has at most 256, else two bytes
  /// each, in the order of the machine.
  const uint8_t* offsets = nullptr;
  /// For a combination: the records by side; one that is absent has no key (`is_absent`). `key` is
  /// then the combination's own.
  const RowView* sides = nullptr;

  bool is_absent() const { return key.data() == nullptr; }

  bool has_wide_offsets() const { return value.size() > 256; }
};

/// Appends a record's key as the value that `$key` is.
void write_key(Bytes& out, ByteView key);

/// The attributes in use over one map, and the shapes of its values. What an attribute means in a
/// shape is looked up once; reading a field of a shaped row is then two loads instead of a walk
/// over the fields before it.
class AttributeTable {
 public:
  static constexpr size_t kAttributesMax = 4096;

  AttributeTable() = default;
  /// The attributes of combinations of records: those of side `i` are of the table `sides[i]`,
  /// null for a side that has none to be asked for. Borrows the tables.
  explicit AttributeTable(std::vector<AttributeTable*> sides) : sides_(std::move(sides)) {}

  /// The id of an attribute, new or known. `LimitExceeded` once there are `kAttributesMax`,
  /// `InvalidArgument` for a side that there is not.
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
    AttributeId in_side = 0;                ///< Of combinations: the id in the side's table.
  };

  std::optional<ValueView> read_side(const RowView& row, const Entry& entry) const;

  std::optional<ValueView> walk(ByteView value, const Entry& entry) const;

  std::vector<Entry> entries_;
  ShapeTable shapes_;
  std::vector<AttributeTable*> sides_;
};

/// Reads attributes of rows, the key included: that has to be made a value first, for which this
/// keeps a buffer.
class AttributeReader {
 public:
  explicit AttributeReader(const AttributeTable& table) : table_(&table) {}

  /// As `AttributeTable::read`. Valid until the next call.
  std::optional<ValueView> read(const RowView& row, AttributeId id) {
    return table_->is_key(id) ? key_of(row, id) : table_->read(row, id);
  }

 private:
  std::optional<ValueView> key_of(const RowView& row, AttributeId id);

  const AttributeTable* table_;
  Bytes key_;
};

}  // namespace topgun::query
