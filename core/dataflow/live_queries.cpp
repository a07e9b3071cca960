#include "core/dataflow/live_queries.hpp"

namespace topgun::dataflow {

using query::RowId;
using query::RowView;

Result<void> LiveQueries::subscribe_as(SubscriptionId id, const query::Query& query) {
  TG_ASSERT(!in_batch_);
  if (!query.joins.empty()) return Error::InvalidArgument;
  return graphs_.subscribe(id, query, *this);
}

Result<SubscriptionId> LiveQueries::subscribe(const query::Query& query) {
  const auto subscribed = subscribe_as(last_id_ + 1, query);
  if (!subscribed.ok()) return subscribed.error();
  return ++last_id_;
}

bool LiveQueries::unsubscribe(SubscriptionId id) {
  TG_ASSERT(!in_batch_);
  return graphs_.unsubscribe(id);
}

void LiveQueries::feed(Graph& graph) {
  collection_->all().for_each([&](RowId row) { graph.add(row, collection_->rows().view(row)); });
}

RowId LiveQueries::apply(const query::Write& write) {
  in_batch_ = true;
  std::optional<RowView> before;
  std::optional<RowView> after;
  if (write.before) before = RowView{write.key, *write.before};
  if (write.after) after = RowView{write.key, *write.after};
  graphs_.prepare(before, after);
  const RowId row = collection_->apply(write);
  graphs_.change(row);
  return row;
}

LiveChanges LiveQueries::end_batch() {
  LiveChanges changes;
  finish(changes);
  release();
  return changes;
}

void LiveQueries::release() {
  collection_->end_batch();
  in_batch_ = false;
}

}  // namespace topgun::dataflow
