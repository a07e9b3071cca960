#pragma once

#include "core/dataflow/group_graph.hpp"
#include "core/dataflow/sorted_graph.hpp"

namespace topgun::dataflow {

/// All that a batch of writes changed in the answers of live queries. Who keeps a list of rows, and
/// of groups by key, and takes these steps, has what the query would give if it were asked anew.
struct LiveChanges {
  std::vector<RowsDelta> rows;
  std::vector<GroupsDelta> groups;

  bool empty() const { return rows.empty() && groups.empty(); }
};

/// The live (standing) queries over one map. Every write goes through here, on to the collection,
/// and past one graph for each template that somebody is subscribed to; what changed comes out at
/// the end of the batch, as a whole. Results are a function of the records there are, not of the
/// order in which they came.
///
/// Cost of a write: templates, not subscriptions.
class LiveQueries {
 public:
  static constexpr size_t kTemplatesMax = 1024;
  static constexpr size_t kSubscriptionsMax = 1'000'000;

  /// Borrows the collection, which from now on is written through this alone.
  explicit LiveQueries(query::Collection& collection) : collection_(&collection) {}

  /// Begins to follow a query. The first subscription of a template looks at all rows once. Not
  /// within a batch. `InvalidArgument` for a cursor, and for groups with a limit or offset;
  /// `LimitExceeded`.
  Result<SubscriptionId> subscribe(const query::Query& query);
  /// False if there is no such subscription. The last one of a template takes its graph along.
  bool unsubscribe(SubscriptionId id);

  /// The answer as it is: where to begin taking steps from.
  std::vector<query::RowId> rows(SubscriptionId id) const;
  std::vector<Bytes> groups(SubscriptionId id) const;
  /// The groups with their keys, as edits that let them enter.
  std::vector<GroupEdit> groups_as_edits(SubscriptionId id) const;

  /// `Collection::apply`, seen by all live queries.
  query::RowId apply(const query::Write& write);

  /// Ends the batch: what it changed, for everybody at once.
  LiveChanges end_batch();

  /// Graphs there are, each shared by the subscriptions of its template.
  size_t graphs() const { return graphs_.size(); }
  /// Bytes of the graphs' state.
  size_t memory_bytes() const;

 private:
  struct Graph {
    std::unique_ptr<SortedGraph> sorted;  ///< One of the two.
    std::unique_ptr<GroupGraph> grouped;
  };
  struct Subscription {
    Bytes graph;
    Bytes arguments;
    uint64_t offset = 0;
    std::optional<uint64_t> limit;
  };

  Result<Graph*> graph_for(const QueryTemplate& shape);

  query::Collection* collection_;
  std::map<Bytes, Graph> graphs_;  ///< By template.
  std::map<SubscriptionId, Subscription> subscriptions_;
  SubscriptionId last_id_ = 0;
  bool in_batch_ = false;
};

}  // namespace topgun::dataflow
