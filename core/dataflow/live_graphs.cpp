#include "core/dataflow/live_graphs.hpp"

#include "core/dataflow/group_graph.hpp"
#include "core/dataflow/sorted_graph.hpp"

namespace topgun::dataflow {

using query::RowId;
using query::RowView;

Result<LiveGraphs::Graphs::iterator> LiveGraphs::graph_for(const QueryTemplate& shape,
                                                           RowSource& source) {
  const auto known = graphs_.find(shape.id);
  if (known != graphs_.end()) return known;
  if (graphs_.size() == kTemplatesMax) return Error::LimitExceeded;
  auto graph = shape.query.is_grouped() ? GroupGraph::make(shape, source.attributes())
                                        : SortedGraph::make(shape, source.attributes());
  if (!graph.ok()) return graph.error();
  source.feed(**graph);
  // Nobody is told of the rows that were there before.
  LiveChanges none;
  (*graph)->finish(none);
  return graphs_.emplace(shape.id, std::move(*graph)).first;
}

Result<void> LiveGraphs::subscribe(SubscriptionId id, const query::Query& query,
                                   RowSource& source) {
  const bool is_page = query.limit.has_value() || query.offset != 0;
  if (!query.after.empty() || (query.is_grouped() && is_page)) return Error::InvalidArgument;
  if (subscriptions_.size() == kSubscriptionsMax) return Error::LimitExceeded;
  ParametricQuery parametric = parametrize(query);
  if (query.hints.no_share) ByteWriter(parametric.shape.id).u64(id);
  const auto graph = graph_for(parametric.shape, source);
  if (!graph.ok()) return graph.error();
  const SubscriptionPlace place = {std::move(parametric.arguments), query.offset, query.limit};
  (*graph)->second->subscribe(id, place);
  subscriptions_.emplace(id, Subscription{*graph, place});
  return {};
}

bool LiveGraphs::unsubscribe(SubscriptionId id) {
  const auto found = subscriptions_.find(id);
  if (found == subscriptions_.end()) return false;
  const auto graph = found->second.graph;
  graph->second->unsubscribe(id, found->second.place);
  if (graph->second->subscriptions() == 0) graphs_.erase(graph);
  subscriptions_.erase(found);
  return true;
}

std::vector<RowId> LiveGraphs::rows(SubscriptionId id) const {
  const auto found = subscriptions_.find(id);
  if (found == subscriptions_.end()) return {};
  return found->second.graph->second->rows(found->second.place);
}

std::vector<GroupEdit> LiveGraphs::groups_as_edits(SubscriptionId id) const {
  const auto found = subscriptions_.find(id);
  if (found == subscriptions_.end()) return {};
  return found->second.graph->second->groups(found->second.place);
}

std::vector<Bytes> LiveGraphs::groups(SubscriptionId id) const {
  std::vector<Bytes> out;
  for (GroupEdit& edit : groups_as_edits(id)) out.push_back(std::move(edit.group));
  return out;
}

void LiveGraphs::prepare(const std::optional<RowView>& before,
                         const std::optional<RowView>& after) {
  for (auto& [id, graph] : graphs_) graph->prepare(before, after);
}

void LiveGraphs::change(RowId row) {
  for (auto& [id, graph] : graphs_) graph->change(row);
}

void LiveGraphs::finish(LiveChanges& changes) {
  for (auto& [id, graph] : graphs_) graph->finish(changes);
}

void LiveGraphs::finish(SubscriptionId id, LiveChanges& changes) {
  subscriptions_.find(id)->second.graph->second->finish(changes);
}

size_t LiveGraphs::memory_bytes() const {
  size_t bytes = 0;
  for (const auto& [id, graph] : graphs_) bytes += graph->memory_bytes();
  return bytes;
}

}  // namespace topgun::dataflow
