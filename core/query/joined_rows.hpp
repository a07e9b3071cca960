#pragma once

#include "core/query/joiner.hpp"

namespace topgun::query {

/// Combinations as rows that predicates, orders and groups can be asked of.
///
/// A combination's key is made of the ordered keys of its records' keys, side after side, nil for
/// one that is absent. It tells the combination from all others of the query, and decides where
/// they tie: by the own map's key, then by that of the first join.
class JoinedRows {
 public:
  /// Borrows the collections. `joins` tells which sides results have.
  JoinedRows(const std::vector<Join>& joins, const std::vector<Collection*>& sides);
  JoinedRows(const JoinedRows&) = delete;
  JoinedRows& operator=(const JoinedRows&) = delete;

  AttributeTable& attributes() { return attributes_; }

  /// Valid until the next call but one, or until a record is written. `same` is a view of the same
  /// combination, if there is one: its key need not be made again. It may be empty if nobody
  /// wants the key.
  RowView view(const Combination& rows, const PastRow* past = nullptr,
               const RowView* same = nullptr);

 private:
  struct Buffer {
    std::array<RowView, kSidesMax> sides;
    Bytes key;
  };

  void read_key(Buffer& buffer);

  std::vector<Collection*> sides_;  ///< Null for those that results do not have.
  AttributeTable attributes_;
  Buffer buffers_[2];  ///< So that a combination can be seen before and after a change.
  size_t next_ = 0;
};

}  // namespace topgun::query
