#pragma once

#include "core/base/slab.hpp"
#include "core/dataflow/live_queries.hpp"
#include "core/query/joiner.hpp"

namespace topgun::dataflow {

/// The records of a view: what a query gives, kept as a collection of its own. They own their
/// bytes.
///
/// The key of a record is that of the row it comes from. Of a combination or a group it is made of
/// the ordered key that tells it from the others (`query::JoinedRows`, `GroupEdit::key`), each byte
/// as a character; beyond what maps allow it ends in a hash of the whole. The value is what the
/// query selects, or the group's array; or a map of these values, if they have names.
class View {
 public:
  /// `fields`: what the values that the query selects, or those of its groups, are called; without
  /// them they stay an array.
  explicit View(query::Query query, std::vector<std::string> fields = {});
  View(const View&) = delete;
  View& operator=(const View&) = delete;
  ~View();

  const query::Query& query() const { return query_; }
  LiveQueries& live() { return live_; }
  query::Collection& rows() { return collection_; }

  /// What to write so that the row `source` stands in the view as `view`, or, without one, does
  /// not. Nothing if that is so already. To be applied before the next call, and then `settle`.
  std::optional<query::Write> set_row(query::RowId source,
                                      const std::optional<query::RowView>& view);
  bool has_row(query::RowId source) const {
    return source < own_rows_.size() && own_rows_[source] != query::kNoRow;
  }
  /// Likewise for the group with this key; an empty array for none.
  std::optional<query::Write> set_group(ByteView key, ByteView group);
  /// `row` is what the write was applied to.
  void settle(query::RowId row);

  /// Bytes of records, collection and live queries.
  size_t memory_bytes() const;

 private:
  std::optional<query::Write> set(ByteView key, Bytes value);
  Bytes with_names(Bytes values) const;
  std::optional<query::Write> erase(query::RowId row);
  static void release(Slab& slab, const query::RowView& record);

  /// A name, and which of the values it is of; in the order of map keys.
  using NamedValue = std::pair<std::string, size_t>;

  query::Query query_;
  std::vector<NamedValue> fields_;
  Slab slab_;
  query::Collection collection_;
  LiveQueries live_;
  std::vector<query::RowId> own_rows_;  ///< By number of the source's row.
  /// The write under way: the source's row, if it is one, and the bytes that it replaces.
  query::RowId source_ = 0;
  bool has_source_ = false;
  std::optional<query::RowView> replaced_;
  bool is_erased_ = false;
};

}  // namespace topgun::dataflow
