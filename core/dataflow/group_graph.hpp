#pragma once

#include <map>
#include <memory>

#include "core/dataflow/edit.hpp"
#include "core/dataflow/query_template.hpp"
#include "core/dataflow/sorted_graph.hpp"
#include "core/query/aggregation.hpp"

namespace topgun::dataflow {

/// What changed in an answer made of groups, for all subscriptions that see the same.
struct GroupsDelta {
  std::vector<SubscriptionId> subscriptions;
  std::vector<GroupEdit> edits;  ///< By key, each group once.
};

/// The live answers of all subscriptions of one template that ask for groups: filter, group by,
/// count, sum, average, least, greatest, distinct.
///
/// Keeps each group's aggregates; a row that changes is taken out of them as it was and put in as
/// it is. Sums are exact (`ExactSum`), so nothing drifts, and least and greatest come from an
/// ordered set of the values. Arguments are the first attributes to group by, so that subscriptions
/// with other constants are other groups of the same graph.
///
/// Cost of a write: O(aggregates), and O(log rows) for those that are extremes. Of a batch: the
/// groups it touched.
class GroupGraph {
 public:
  /// Takes in all rows there are.
  static Result<std::unique_ptr<GroupGraph>> make(const QueryTemplate& shape,
                                                  query::Collection& collection);

  void subscribe(SubscriptionId id, ByteView arguments);
  void unsubscribe(SubscriptionId id, ByteView arguments);
  size_t subscriptions() const { return subscriptions_; }

  /// The groups with these arguments in the order of their values, as edits that let them enter.
  std::vector<GroupEdit> groups(ByteView arguments) const;

  /// A row has changed: `before` and `after` as it was and is, if it is there.
  void change(const std::optional<query::RowView>& before,
              const std::optional<query::RowView>& after);
  void finish(std::vector<GroupsDelta>& deltas);

  size_t memory_bytes() const;

 private:
  struct Group {
    uint64_t rows = 0;
    std::vector<query::AggregateState> states;
    bool touched = false;
  };
  struct Touched {
    Bytes arguments;
    std::optional<Bytes> before;  ///< The group's array; nothing if there was none.
  };

  GroupGraph(query::Query query, query::Matcher matcher, ParameterReader parameters,
             query::GroupReader reader);

  void add(const query::RowView& row);
  void remove(const query::RowView& row);
  /// The keys of a row's arguments and, behind them, of its group; nothing if the condition does
  /// not let it through.
  struct Place {
    Bytes key;
    size_t argument_bytes = 0;
  };
  std::optional<Place> place_of(const query::RowView& row);
  Group& touch(const Place& place);
  Bytes extreme_key(ByteView group, ByteView record, const ValueView& value) const;
  bool is_extreme(size_t aggregate) const;
  void read_extremes(ByteView key, Group& group) const;
  Bytes encode(ByteView key, size_t argument_bytes, const Group& group) const;
  Bytes encode_empty() const;

  query::Query query_;
  query::Matcher matcher_;
  ParameterReader parameters_;
  query::GroupReader reader_;
  std::map<std::string, Group, std::less<>> groups_;           ///< By arguments and group.
  std::vector<std::unique_ptr<query::CountedTree>> extremes_;  ///< By aggregate; null for others.
  std::map<std::string, std::vector<SubscriptionId>, std::less<>> subscribers_;
  size_t subscriptions_ = 0;
  std::map<std::string, Touched, std::less<>> touched_;
};

}  // namespace topgun::dataflow
