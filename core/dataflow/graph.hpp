#pragma once

#include <memory>

#include "core/dataflow/edit.hpp"
#include "core/dataflow/query_template.hpp"

namespace topgun::dataflow {

/// Tells a subscription from all others of its `LiveQueries` or `QueryEngine`.
using SubscriptionId = uint64_t;

/// What changed in an answer made of records, for all subscriptions that see the same.
struct RowsDelta {
  std::vector<SubscriptionId> subscriptions;
  std::vector<Edit> edits;
};

/// What changed in an answer made of groups, for all subscriptions that see the same.
struct GroupsDelta {
  std::vector<SubscriptionId> subscriptions;
  std::vector<GroupEdit> edits;  ///< By key, each group once.
};

/// All that a batch of writes changed in the answers of live queries. Who keeps a list of rows, and
/// of groups by key, and takes these steps, has what the query would give if it were asked anew.
struct LiveChanges {
  std::vector<RowsDelta> rows;
  std::vector<GroupsDelta> groups;

  bool empty() const { return rows.empty() && groups.empty(); }
};

/// A subscription as its graph knows it.
struct SubscriptionPlace {
  Bytes arguments;
  uint64_t offset = 0;
  std::optional<uint64_t> limit;
};

/// What is kept for one template, and shared by its subscriptions.
///
/// A batch: `prepare` for each row that is about to change or has changed, `change` once it has,
/// `finish` at the end.
class Graph {
 public:
  Graph() = default;
  Graph(const Graph&) = delete;
  Graph& operator=(const Graph&) = delete;
  virtual ~Graph() = default;

  /// A row that was there before the graph was. `finish` once all are told.
  virtual void add(query::RowId row, const query::RowView& view) = 0;

  virtual void subscribe(SubscriptionId id, const SubscriptionPlace& place) = 0;
  virtual void unsubscribe(SubscriptionId id, const SubscriptionPlace& place) = 0;
  virtual size_t subscriptions() const = 0;

  /// The answer, in order: rows, or groups as edits that let them enter. The other one is empty.
  virtual std::vector<query::RowId> rows(const SubscriptionPlace& place) const = 0;
  virtual std::vector<GroupEdit> groups(const SubscriptionPlace& place) const = 0;

  /// `before` and `after` are the row as it was and will be, if it is there.
  virtual void prepare(const std::optional<query::RowView>& before,
                       const std::optional<query::RowView>& after) = 0;
  /// The change has been made; `row` is the number that the row has or had.
  virtual void change(query::RowId row) = 0;
  /// Ends the batch: appends what the subscriptions see of it.
  virtual void finish(LiveChanges& changes) = 0;

  virtual size_t memory_bytes() const = 0;
};

}  // namespace topgun::dataflow
