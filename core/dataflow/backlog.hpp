#pragma once

#include <map>

#include "core/dataflow/graph.hpp"
#include "core/query/row_set.hpp"

namespace topgun::dataflow {

/// What one subscriber has not taken yet. A slow one gets fewer steps, not a longer queue: rows
/// that were updated twice are told once, a group has one step whatever happened to it, and when
/// the steps would be more than the answer has rows, the whole answer is the shorter way.
///
/// So it holds at most as many steps as the answer has rows or groups (of rows, `kStepsMin` for
/// small answers). Steps name rows by number and mean them as they are when the steps are taken: a
/// row that came and went in between may by then be another's number, but no step that counts is
/// about it.
class Backlog {
 public:
  static constexpr size_t kStepsMin = 64;

  /// A batch changed the rows that the subscriber sees; `answer_rows` of them there are now.
  /// O(edits).
  void add(const std::vector<Edit>& edits, size_t answer_rows);
  /// The same of groups. O(edits * log groups).
  void add(const std::vector<GroupEdit>& edits);

  bool empty() const { return !needs_answer_ && edits_.empty() && groups_.empty(); }

  struct Steps {
    /// The steps were too many: forget what was there, and take the answer as it is.
    bool needs_answer = false;
    std::vector<Edit> edits;
    std::vector<GroupEdit> groups;  ///< By key, each group once.
  };
  /// All that happened since the last time, which the subscriber takes before the next batch.
  Steps take();

  /// Bytes on the heap, groups aside.
  size_t memory_bytes() const { return edits_.capacity() * sizeof(Edit) + updated_.memory_bytes(); }

 private:
  bool needs_answer_ = false;
  std::vector<Edit> edits_;
  query::RowSet updated_;  ///< Rows whose update is among the steps since one last moved.
  std::map<Bytes, GroupEdit> groups_;
};

}  // namespace topgun::dataflow
