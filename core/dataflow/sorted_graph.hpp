#pragma once

#include <map>
#include <memory>

#include "core/dataflow/edit.hpp"
#include "core/dataflow/query_template.hpp"
#include "core/query/planner.hpp"
#include "core/query/top_rows.hpp"

namespace topgun::dataflow {

/// Tells a subscription from all others of its `LiveQueries`.
using SubscriptionId = uint64_t;

/// What changed in an answer made of records, for all subscriptions that see the same.
struct RowsDelta {
  std::vector<SubscriptionId> subscriptions;
  std::vector<Edit> edits;
};

/// The live answers of all subscriptions of one template that ask for records: filter, sort, offset
/// and limit.
///
/// Its state is one ordered set of the rows that the template's condition lets through, by
/// arguments and then by the order asked for (the arrangement of differential dataflow). Each
/// subscription is a window on it: the keys that begin with its arguments, from one rank to
/// another. So a window is never short of a row, nothing is ever run again, and a subscription more
/// costs its list entry.
///
/// A batch: `prepare` for each write before it is applied, `change` after it, `finish` at the end.
/// Cost of a write: one look at the condition and O(log rows) before and after. Of a batch: the
/// rows of the windows it touched; windows without a limit cost O(log rows) a changed row instead.
class SortedGraph {
 public:
  /// Takes in all rows there are. O(rows log rows).
  static Result<std::unique_ptr<SortedGraph>> make(const QueryTemplate& shape,
                                                   query::Collection& collection);

  void subscribe(SubscriptionId id, ByteView arguments, uint64_t offset,
                 std::optional<uint64_t> limit);
  void unsubscribe(SubscriptionId id, ByteView arguments);
  size_t subscriptions() const { return subscriptions_; }

  /// The rows of a window, in order.
  std::vector<query::RowId> rows(ByteView arguments, uint64_t offset,
                                 std::optional<uint64_t> limit) const;

  /// A row is about to change: `before` and `after` as it was and will be, if it is there.
  void prepare(const std::optional<query::RowView>& before,
               const std::optional<query::RowView>& after);
  /// It has changed.
  void change(query::RowId row);
  /// Ends the batch: appends what the subscriptions see of it.
  void finish(std::vector<RowsDelta>& deltas);

  size_t memory_bytes() const { return tree_.memory_bytes(); }

 private:
  struct Window {
    uint64_t offset = 0;
    std::optional<uint64_t> limit;
    std::vector<SubscriptionId> subscriptions;
    std::vector<Edit> edits;  ///< What the batch has changed so far.
    size_t mark = 0;          ///< Of them, those before the present write.

    /// The rank behind the last one.
    uint64_t end() const {
      return limit && *limit < UINT64_MAX - offset ? offset + *limit : UINT64_MAX;
    }
  };
  /// All windows with the same arguments.
  struct Group {
    std::vector<Window> windows;
    bool touched = false;
  };
  /// A row before or after a write: its place if the condition lets it through, and the windows it
  /// may show in if there are any.
  struct Side {
    bool present = false;
    Bytes key;
    Bytes arguments;
    Group* group = nullptr;
  };
  SortedGraph(query::Matcher matcher, ParameterReader parameters, query::SortKeys keys)
      : matcher_(std::move(matcher)), parameters_(std::move(parameters)), keys_(std::move(keys)) {}

  /// The row's place, or nothing if the condition does not let it through. Leaves the front of it
  /// in `arguments_`.
  std::optional<Bytes> key_of(const query::RowView& row);
  Side side_of(const std::optional<query::RowView>& row);
  /// The ranks between which the keys with these arguments are.
  std::pair<size_t, size_t> ranks(ByteView arguments) const;
  query::RowId row_at(size_t rank) const { return tree_.at_rank(rank).row(); }
  void update_in(const Side& side, query::RowId row);
  void remove_from(const Side& side, query::RowId row);
  void insert_into(const Side& side, query::RowId row);
  void touch(Group& group);

  query::Matcher matcher_;
  ParameterReader parameters_;
  query::SortKeys keys_;
  query::CountedTree tree_;
  std::map<std::string, Group, std::less<>> groups_;  ///< By arguments.
  size_t subscriptions_ = 0;
  std::vector<Group*> touched_;
  Bytes arguments_;
  Side old_;  ///< Between `prepare` and `change`.
  Side new_;
};

}  // namespace topgun::dataflow
