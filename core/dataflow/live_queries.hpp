#pragma once

#include "core/dataflow/live_graphs.hpp"
#include "core/query/collection.hpp"

namespace topgun::dataflow {

/// The live (standing) queries over one map. Every write goes through here, on to the collection,
/// and past one graph for each template that somebody is subscribed to; what changed comes out at
/// the end of the batch, as a whole. Results are a function of the records there are, not of the
/// order in which they came.
///
/// Cost of a write: templates, not subscriptions. `QueryEngine` has several maps, with joins and
/// views over them.
class LiveQueries final : public RowSource {
 public:
  static constexpr size_t kTemplatesMax = LiveGraphs::kTemplatesMax;
  static constexpr size_t kSubscriptionsMax = LiveGraphs::kSubscriptionsMax;

  /// Borrows the collection, which from now on is written through this alone.
  explicit LiveQueries(query::Collection& collection) : collection_(&collection) {}

  /// Begins to follow a query. The first subscription of a template looks at all rows once. Not
  /// within a batch. `InvalidArgument` for a cursor, for joins, and for groups with a limit or
  /// offset; `LimitExceeded`.
  Result<SubscriptionId> subscribe(const query::Query& query);
  /// The same under a number of the caller's, which is not in use here.
  Result<void> subscribe_as(SubscriptionId id, const query::Query& query);
  /// False if there is no such subscription. The last one of a template takes its graph along.
  bool unsubscribe(SubscriptionId id);

  /// The answer as it is: where to begin taking steps from.
  std::vector<query::RowId> rows(SubscriptionId id) const { return graphs_.rows(id); }
  std::vector<Bytes> groups(SubscriptionId id) const { return graphs_.groups(id); }
  /// The groups with their keys, as edits that let them enter.
  std::vector<GroupEdit> groups_as_edits(SubscriptionId id) const {
    return graphs_.groups_as_edits(id);
  }

  /// `Collection::apply`, seen by all live queries.
  query::RowId apply(const query::Write& write);

  /// Ends the batch: what it changed, for everybody at once.
  LiveChanges end_batch();
  /// The two halves of that: first what changed, here or for one subscription that shares nothing,
  /// then the end.
  void finish(LiveChanges& changes) { graphs_.finish(changes); }
  void finish(SubscriptionId id, LiveChanges& changes) { graphs_.finish(id, changes); }
  void release();

  query::Collection& collection() const { return *collection_; }
  /// Graphs there are, each shared by the subscriptions of its template.
  size_t graphs() const { return graphs_.graphs(); }
  size_t subscriptions() const { return graphs_.subscriptions(); }
  /// Bytes of the graphs' state.
  size_t memory_bytes() const { return graphs_.memory_bytes(); }

  query::AttributeTable& attributes() override { return collection_->attributes(); }
  void feed(Graph& graph) override;

 private:
  query::Collection* collection_;
  LiveGraphs graphs_;
  SubscriptionId last_id_ = 0;
  bool in_batch_ = false;
};

}  // namespace topgun::dataflow
