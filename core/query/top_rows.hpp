#pragma once

#include "core/query/query.hpp"
#include "core/query/row_table.hpp"

namespace topgun::query {

/// The sort key of a row under an order: ordered keys of the parts in their directions, then the
/// record's key. What a cursor is made of.
class SortKeys {
 public:
  static Result<SortKeys> make(const std::vector<OrderPart>& order, AttributeTable& attributes);

  void append(Bytes& out, const RowView& row);

 private:
  struct Part {
    AttributeId attribute;
    Direction direction;
  };

  explicit SortKeys(const AttributeTable& attributes) : reader_(attributes) {}

  AttributeReader reader_;
  std::vector<Part> parts_;
};

/// Gathers rows and gives those that sort first, in order. With a limit it keeps no more than that,
/// and turns most rows away after one comparison.
class TopRows {
 public:
  /// Up to this many the kept rows stay sorted; above, all are gathered and sorted at the end.
  static constexpr uint64_t kSortedMax = 1024;

  /// Keeps the first `limit` rows behind the sort key `after`, which may be empty.
  TopRows(SortKeys keys, uint64_t limit, ByteView after)
      : keys_(std::move(keys)), limit_(limit), after_(to_bytes(after)) {}

  /// Whether the row is kept for now.
  bool add(RowId row, const RowView& view);

  /// The rows, in order. To be called once.
  std::vector<RowId> take();

 private:
  struct Item {
    Bytes key;
    RowId row;
  };

  SortKeys keys_;
  uint64_t limit_;
  Bytes after_;
  Bytes key_;
  std::vector<Item> items_;
};

}  // namespace topgun::query
