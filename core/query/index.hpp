#pragma once

#include "core/query/counted_tree.hpp"
#include "core/query/key_dictionary.hpp"
#include "core/query/ordered_key.hpp"
#include "core/query/row_set.hpp"

namespace topgun::query {

enum class IndexKind : uint8_t {
  Hash = 1,    ///< From equal values to rows. As everywhere here, missing is nil.
  Unique = 2,  ///< Likewise, where each value is expected once.
  Ordered =
      3,  ///< Rows by the order of one or more attributes: equality, ranges, prefixes, sorting.
  Elements = 4,  ///< From the elements of arrays to rows.
  Presence = 5,  ///< Rows without the attribute, and rows where it is nil.
};

struct IndexPart {
  Attribute attribute;
  Direction direction = Direction::Ascending;

  friend bool operator==(const IndexPart&, const IndexPart&) = default;
};

inline constexpr size_t kIndexPartsMax = 8;
inline constexpr size_t kIndexNameBytesMax = 64;

/// What an index is over. `Elements` and `Presence` have one part; directions matter to `Ordered`.
struct IndexDefinition {
  std::string name;  ///< Unique within its map; what hints and explain call it.
  IndexKind kind = IndexKind::Ordered;
  std::vector<IndexPart> parts;
};

/// A definition as it travels:
///
///   definition = name blob, kind u8, count varint, (attribute, direction u8)...
void write_index_definition(ByteWriter& out, const IndexDefinition& definition);

/// Reads what `write_index_definition` wrote. On bad input the reader fails with `TooLarge`,
/// `Malformed`, `InvalidUtf8` or `Truncated`; whether the parts fit the kind is for `make_index`.
IndexDefinition read_index_definition(ByteReader& in);

class HashIndex;
class OrderedIndex;
class PresenceIndex;

/// An index over the rows of one map. It is told of every row that comes, changes or goes, with the
/// bytes before and after, and touches nothing if the attributes are the same in both.
class Index {
 public:
  Index(IndexDefinition definition, std::vector<AttributeId> attributes,
        const AttributeTable& table)
      : definition_(std::move(definition)), attributes_(std::move(attributes)), reader_(table) {}
  virtual ~Index() = default;
  Index(const Index&) = delete;
  Index& operator=(const Index&) = delete;

  virtual void add(RowId row, const RowView& view) = 0;
  virtual void remove(RowId row, const RowView& view) = 0;
  virtual void update(RowId row, const RowView& before, const RowView& after) = 0;
  virtual size_t memory_bytes() const = 0;

  const IndexDefinition& definition() const { return definition_; }
  const std::string& name() const { return definition_.name; }
  IndexKind kind() const { return definition_.kind; }
  /// The attributes of the parts.
  const std::vector<AttributeId>& attributes() const { return attributes_; }

  /// The index as what it is; null if it is of another kind.
  const HashIndex* as_hash() const;  ///< `Hash`, `Unique` and `Elements`.
  const OrderedIndex* as_ordered() const;
  const PresenceIndex* as_presence() const;

 protected:
  std::optional<ValueView> read(const RowView& view, size_t part) {
    return reader_.read(view, attributes_[part]);
  }

 private:
  IndexDefinition definition_;
  std::vector<AttributeId> attributes_;
  AttributeReader reader_;
};

/// From ordered keys to row sets. O(key size) an update.
class HashIndex final : public Index {
 public:
  using Index::Index;

  void add(RowId row, const RowView& view) override;
  void remove(RowId row, const RowView& view) override;
  void update(RowId row, const RowView& before, const RowView& after) override;
  size_t memory_bytes() const override;

  /// The rows with this key: all parts behind each other, or an element. Borrowed until the next
  /// write.
  const RowSet& rows(ByteView key) const;
  /// How many keys there are.
  size_t distinct() const { return keys_.size(); }
  /// For `Unique`: rows beyond the first of their value. Merging may bring two replicas' rows with
  /// one value together; the index answers with both.
  size_t surplus() const { return surplus_; }
  /// For `Elements`: rows in which the attribute is text, whose pieces it does not know.
  const RowSet& texts() const { return texts_; }

  /// Calls `visit(ByteView key, const RowSet&)` for all keys, in no stated order.
  template <typename Visit>
  void for_each_key(Visit&& visit) const {
    for (KeyDictionary::Code code = 0; code < keys_.code_end(); ++code) {
      if (keys_.contains(code)) visit(keys_.key(code), rows_[code]);
    }
  }

 private:
  /// The keys of a row, each once.
  std::vector<Bytes> keys_of(const RowView& view);
  void add_key(RowId row, ByteView key);
  void remove_key(RowId row, ByteView key);
  bool is_text(const RowView& view);

  KeyDictionary keys_;
  std::vector<RowSet> rows_;  ///< By code.
  RowSet texts_;
  RowSet none_;
  size_t surplus_ = 0;
};

/// The rows in the order of the parts and then of their record's key, which is the tree's key:
/// ordered keys of the parts in their directions, then the record's key as it is.
class OrderedIndex final : public Index {
 public:
  using Index::Index;

  void add(RowId row, const RowView& view) override;
  void remove(RowId row, const RowView& view) override;
  void update(RowId row, const RowView& before, const RowView& after) override;
  size_t memory_bytes() const override { return tree_.memory_bytes(); }

  const CountedTree& tree() const { return tree_; }

 private:
  Bytes key_of(const RowView& view);

  CountedTree tree_;
};

class PresenceIndex final : public Index {
 public:
  using Index::Index;

  void add(RowId row, const RowView& view) override;
  void remove(RowId row, const RowView& view) override;
  void update(RowId row, const RowView& before, const RowView& after) override;
  size_t memory_bytes() const override { return missing_.memory_bytes() + nil_.memory_bytes(); }

  const RowSet& missing() const { return missing_; }
  const RowSet& nil() const { return nil_; }

 private:
  RowSet missing_;
  RowSet nil_;
};

/// An index of the definition's kind, without rows. `InvalidArgument` if the definition has a name
/// or a number of parts that its kind does not take; `LimitExceeded` if the map has too many
/// attributes in use.
Result<std::unique_ptr<Index>> make_index(const IndexDefinition& definition, AttributeTable& table);

}  // namespace topgun::query
