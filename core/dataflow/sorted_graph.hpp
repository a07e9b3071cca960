#pragma once

#include <map>

#include "core/dataflow/graph.hpp"
#include "core/query/planner.hpp"
#include "core/query/top_rows.hpp"

namespace topgun::dataflow {

/// The live answers of all subscriptions of one template that ask for records: filter, sort, offset
/// and limit.
///
/// Its state is one ordered set of the rows that the template's condition lets through, by
/// arguments and then by the order asked for (the arrangement of differential dataflow). Each
/// subscription is a window on it: the keys that begin with its arguments, from one rank to
/// another. So a window is never short of a row, nothing is ever run again, and a subscription more
/// costs its list entry.
///
/// Cost of a write: one look at the condition and O(log rows) before and after. Of a batch: the
/// rows of the windows it touched; windows without a limit cost O(log rows) a changed row instead.
class SortedGraph final : public Graph {
 public:
  /// Without rows.
  static Result<std::unique_ptr<Graph>> make(const QueryTemplate& shape,
                                             query::AttributeTable& attributes);

  void add(query::RowId row, const query::RowView& view) override;
  void subscribe(SubscriptionId id, const SubscriptionPlace& place) override;
  void unsubscribe(SubscriptionId id, const SubscriptionPlace& place) override;
  size_t subscriptions() const override { return subscriptions_; }
  std::vector<query::RowId> rows(const SubscriptionPlace& place) const override;
  std::vector<GroupEdit> groups(const SubscriptionPlace&) const override { return {}; }
  void prepare(const std::optional<query::RowView>& before,
               const std::optional<query::RowView>& after) override;
  void change(query::RowId row) override;
  void finish(LiveChanges& changes) override;
  size_t memory_bytes() const override { return tree_.memory_bytes(); }

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
    Bytes key;  ///< Of the tree; the arguments are its front. Keeps its memory from write to write.
    size_t argument_bytes = 0;
    Group* group = nullptr;

    ByteView arguments() const { return ByteView(key).first(argument_bytes); }
  };
  SortedGraph(query::Matcher matcher, ParameterReader parameters, query::SortKeys keys)
      : matcher_(std::move(matcher)), parameters_(std::move(parameters)), keys_(std::move(keys)) {}

  /// Reads the row's place; false if the condition does not let it through.
  bool read_key(Side& side, const query::RowView& row);
  void read_side(Side& side, const std::optional<query::RowView>& row);
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
  Side old_;  ///< Between `prepare` and `change`.
  Side new_;
};

}  // namespace topgun::dataflow
