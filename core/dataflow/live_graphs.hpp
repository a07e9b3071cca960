#pragma once

#include <map>

#include "core/dataflow/graph.hpp"

namespace topgun::dataflow {

/// Rows that graphs are made over: those of a map, or combinations of several.
class RowSource {
 public:
  virtual query::AttributeTable& attributes() = 0;
  /// Adds all rows there are to a new graph.
  virtual void feed(Graph& graph) = 0;

 protected:
  ~RowSource() = default;
};

/// The graphs over one source of rows, by template, and who is subscribed to which.
class LiveGraphs {
 public:
  static constexpr size_t kTemplatesMax = 1024;
  static constexpr size_t kSubscriptionsMax = 1'000'000;

  /// `InvalidArgument` for a cursor, and for groups with a limit or offset; `LimitExceeded`.
  /// The joins of the query are the source's affair.
  Result<void> subscribe(SubscriptionId id, const query::Query& query, RowSource& source);
  /// False if there is no such subscription. The last one of a template takes its graph along.
  bool unsubscribe(SubscriptionId id);

  std::vector<query::RowId> rows(SubscriptionId id) const;
  /// The groups with their keys, as edits that let them enter.
  std::vector<GroupEdit> groups_as_edits(SubscriptionId id) const;
  std::vector<Bytes> groups(SubscriptionId id) const;

  /// As of `Graph`, for all of them.
  void prepare(const std::optional<query::RowView>& before,
               const std::optional<query::RowView>& after);
  void change(query::RowId row);
  void finish(LiveChanges& changes);
  /// For the graph of one subscription alone, which shares it with nobody.
  void finish(SubscriptionId id, LiveChanges& changes);

  size_t graphs() const { return graphs_.size(); }
  size_t subscriptions() const { return subscriptions_.size(); }
  size_t memory_bytes() const;

 private:
  using Graphs = std::map<Bytes, std::unique_ptr<Graph>>;

  struct Subscription {
    Graphs::iterator graph;
    SubscriptionPlace place;
  };

  Result<Graphs::iterator> graph_for(const QueryTemplate& shape, RowSource& source);

  Graphs graphs_;  ///< By template.
  std::map<SubscriptionId, Subscription> subscriptions_;
};

}  // namespace topgun::dataflow
