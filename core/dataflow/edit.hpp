#pragma once

#include <vector>

#include "core/query/row_table.hpp"

namespace topgun::dataflow {

/// One step from an old list of rows to a new one. Steps are meant to be taken in order: each index
/// counts in the list as the steps before left it. A row may come and go within the steps of one
/// batch; what counts is where they lead.
struct Edit {
  enum class Kind : uint8_t {
    Enter,   ///< `row` is inserted at `to`.
    Update,  ///< The row at `to` has another value.
    Move,    ///< The row at `from` is taken out, and inserted at `to`; its value may have changed.
    Leave,   ///< The row at `from` is taken out.
  };

  Kind kind = Kind::Enter;
  query::RowId row = 0;
  size_t from = 0;
  size_t to = 0;

  friend bool operator==(const Edit&, const Edit&) = default;
};

/// Takes the steps.
void apply_edits(std::vector<query::RowId>& list, const std::vector<Edit>& edits);

/// A group that came, changed or went, as the array of its values and aggregates.
struct GroupEdit {
  enum class Kind : uint8_t { Enter, Update, Leave };

  Kind kind = Kind::Enter;
  Bytes key;    ///< Ordered key of the group's values: tells the group, and where it stands.
  Bytes group;  ///< The array as it is now; for `Leave`, as it was.
};

}  // namespace topgun::dataflow
