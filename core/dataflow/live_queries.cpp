#include "core/dataflow/live_queries.hpp"

#include "core/value/value_writer.hpp"

namespace topgun::dataflow {

using query::RowId;
using query::RowView;

Result<LiveQueries::Graph*> LiveQueries::graph_for(const QueryTemplate& shape) {
  const auto known = graphs_.find(shape.id);
  if (known != graphs_.end()) return &known->second;
  if (graphs_.size() == kTemplatesMax) return Error::LimitExceeded;
  Graph graph;
  if (shape.query.is_grouped()) {
    auto grouped = GroupGraph::make(shape, *collection_);
    if (!grouped.ok()) return grouped.error();
    graph.grouped = std::move(*grouped);
  } else {
    auto sorted = SortedGraph::make(shape, *collection_);
    if (!sorted.ok()) return sorted.error();
    graph.sorted = std::move(*sorted);
  }
  return &graphs_.emplace(shape.id, std::move(graph)).first->second;
}

Result<SubscriptionId> LiveQueries::subscribe(const query::Query& query) {
  TG_ASSERT(!in_batch_);
  const bool is_page = query.limit.has_value() || query.offset != 0;
  if (!query.after.empty() || (query.is_grouped() && is_page)) return Error::InvalidArgument;
  if (subscriptions_.size() == kSubscriptionsMax) return Error::LimitExceeded;
  ParametricQuery parametric = parametrize(query);
  const SubscriptionId id = last_id_ + 1;
  if (query.hints.no_share) ByteWriter(parametric.shape.id).u64(id);
  const auto graph = graph_for(parametric.shape);
  if (!graph.ok()) return graph.error();
  last_id_ = id;
  if ((*graph)->sorted) {
    (*graph)->sorted->subscribe(id, parametric.arguments, query.offset, query.limit);
  } else {
    (*graph)->grouped->subscribe(id, parametric.arguments);
  }
  subscriptions_[id] = {std::move(parametric.shape.id), std::move(parametric.arguments),
                        query.offset, query.limit};
  return id;
}

bool LiveQueries::unsubscribe(SubscriptionId id) {
  TG_ASSERT(!in_batch_);
  const auto found = subscriptions_.find(id);
  if (found == subscriptions_.end()) return false;
  const Subscription& subscription = found->second;
  const auto graph = graphs_.find(subscription.graph);
  TG_ASSERT(graph != graphs_.end());
  size_t left = 0;
  if (SortedGraph* const sorted = graph->second.sorted.get()) {
    sorted->unsubscribe(id, subscription.arguments);
    left = sorted->subscriptions();
  } else {
    graph->second.grouped->unsubscribe(id, subscription.arguments);
    left = graph->second.grouped->subscriptions();
  }
  if (left == 0) graphs_.erase(graph);
  subscriptions_.erase(found);
  return true;
}

std::vector<RowId> LiveQueries::rows(SubscriptionId id) const {
  const auto found = subscriptions_.find(id);
  if (found == subscriptions_.end()) return {};
  const Subscription& subscription = found->second;
  const Graph& graph = graphs_.find(subscription.graph)->second;
  if (!graph.sorted) return {};
  return graph.sorted->rows(subscription.arguments, subscription.offset, subscription.limit);
}

std::vector<GroupEdit> LiveQueries::groups_as_edits(SubscriptionId id) const {
  const auto found = subscriptions_.find(id);
  if (found == subscriptions_.end()) return {};
  const Graph& graph = graphs_.find(found->second.graph)->second;
  if (!graph.grouped) return {};
  return graph.grouped->groups(found->second.arguments);
}

std::vector<Bytes> LiveQueries::groups(SubscriptionId id) const {
  std::vector<Bytes> out;
  for (GroupEdit& edit : groups_as_edits(id)) out.push_back(std::move(edit.group));
  return out;
}

RowId LiveQueries::apply(const query::Write& write) {
  in_batch_ = true;
  std::optional<RowView> before;
  std::optional<RowView> after;
  if (write.before) before = RowView{write.key, *write.before};
  if (write.after) after = RowView{write.key, *write.after};
  for (auto& [id, graph] : graphs_) {
    if (graph.sorted) graph.sorted->prepare(before, after);
  }
  const RowId row = collection_->apply(write);
  for (auto& [id, graph] : graphs_) {
    if (graph.sorted) {
      graph.sorted->change(row);
    } else {
      graph.grouped->change(before, after);
    }
  }
  return row;
}

LiveChanges LiveQueries::end_batch() {
  LiveChanges changes;
  for (auto& [id, graph] : graphs_) {
    if (graph.sorted) {
      graph.sorted->finish(changes.rows);
    } else {
      graph.grouped->finish(changes.groups);
    }
  }
  collection_->end_batch();
  in_batch_ = false;
  return changes;
}

size_t LiveQueries::memory_bytes() const {
  size_t bytes = 0;
  for (const auto& [id, graph] : graphs_) {
    bytes += graph.sorted ? graph.sorted->memory_bytes() : graph.grouped->memory_bytes();
  }
  return bytes;
}

}  // namespace topgun::dataflow
