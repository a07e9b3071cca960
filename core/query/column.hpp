#pragma once

#include "core/query/key_dictionary.hpp"
#include "core/query/matcher.hpp"

namespace topgun::query {

/// One attribute of all rows, taken out of the records and put side by side, so that a scan reads a
/// few bytes a row instead of finding its way through each record. Made of what is scanned often.
///
/// Two forms, chosen when it is made. *Numbers*: 9 bytes a row. *Codes*: the values' ordered keys
/// in a dictionary, 4 bytes a row; whatever a predicate asks of the attribute is then asked once a
/// distinct value.
class Column {
 public:
  enum class Form : uint8_t { Numbers, Codes };

  /// What a row has in a column of numbers.
  enum class Cell : uint8_t {
    NoRow = 0,
    Missing = 1,
    Nil = 2,
    Number = 3,
    Other = 4,  ///< Only the record knows.
  };

  /// A column of codes with more distinct values than this, and than half its rows, is not worth
  /// it.
  static constexpr size_t kDistinctMin = 1024;
  static constexpr KeyDictionary::Code kNoRow = UINT32_MAX;

  Column(AttributeId attribute, Form form, const AttributeTable& table)
      : attribute_(attribute), form_(form), reader_(table) {}

  AttributeId attribute() const { return attribute_; }
  Form form() const { return form_; }

  /// The row has this value now.
  void set(RowId row, const RowView& view);
  /// The row is gone.
  void clear(RowId row);

  /// Whether it has stopped being worth it: nearly every row with a value of its own, or few
  /// numbers in a column of numbers.
  bool is_misfit(size_t rows) const;

  // All are filled up to a multiple of `kBlockRows`, so that loops over blocks have no ends.
  static constexpr size_t kBlockRows = 1024;

  // For `Numbers`, by row; the number is NaN where there is none:
  const std::vector<Cell>& cells() const { return cells_; }
  const std::vector<double>& numbers() const { return numbers_; }
  // For `Codes`, by row; `kNoRow` where there is none:
  const std::vector<KeyDictionary::Code>& codes() const { return codes_; }
  const KeyDictionary& dictionary() const { return dictionary_; }

  /// For `Numbers`: whether there is any `Cell::Other`.
  bool has_others() const { return others_ > 0; }

  size_t memory_bytes() const;

 private:
  void grow(RowId row);

  AttributeId attribute_;
  Form form_;
  AttributeReader reader_;
  std::vector<Cell> cells_;
  std::vector<double> numbers_;
  std::vector<KeyDictionary::Code> codes_;
  KeyDictionary dictionary_;
  size_t others_ = 0;
};

/// The columns of a map. Counts what scans read, and makes a column once it would have paid for
/// itself.
class ColumnSet {
 public:
  /// Scans over an attribute before it becomes a column.
  static constexpr uint32_t kScansToPromote = 2;
  /// Fewer rows are scanned fast enough as they are.
  static constexpr size_t kRowsMin = 256;
  static constexpr size_t kColumnsMax = 32;

  /// The column of an attribute; null if there is none.
  const Column* find(AttributeId attribute) const;

  /// Notes that a scan over all rows is about to read `attribute`; the column to read instead, made
  /// now if it is time, or null. O(rows) when it makes one.
  const Column* use(AttributeId attribute, const RowTable& rows);

  /// Rows that changed or went. O(columns).
  void set(RowId row, const RowView& view);
  void clear(RowId row);

  size_t size() const { return columns_.size(); }
  size_t memory_bytes() const;

 private:
  struct Use {
    AttributeId attribute = 0;
    uint32_t scans = 0;
    bool unsuited = false;
  };

  std::unique_ptr<Column> make(AttributeId attribute, const RowTable& rows) const;

  std::vector<std::unique_ptr<Column>> columns_;
  std::vector<Use> uses_;
};

}  // namespace topgun::query
