#pragma once

#include <map>

#include "core/dataflow/graph.hpp"
#include "core/query/aggregation.hpp"
#include "core/query/counted_tree.hpp"

namespace topgun::dataflow {

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
class GroupGraph final : public Graph {
 public:
  /// Without rows.
  static Result<std::unique_ptr<Graph>> make(const QueryTemplate& shape,
                                             query::AttributeTable& attributes);

  void add(query::RowId row, const query::RowView& view) override;
  void subscribe(SubscriptionId id, const SubscriptionPlace& place) override;
  void unsubscribe(SubscriptionId id, const SubscriptionPlace& place) override;
  size_t subscriptions() const override { return subscriptions_; }
  std::vector<query::RowId> rows(const SubscriptionPlace&) const override { return {}; }
  std::vector<GroupEdit> groups(const SubscriptionPlace& place) const override;
  /// Does it all: groups need no row numbers.
  void prepare(const std::optional<query::RowView>& before,
               const std::optional<query::RowView>& after) override;
  void change(query::RowId) override {}
  void finish(LiveChanges& changes) override;
  size_t memory_bytes() const override;

 private:
  struct Group {
    uint64_t rows = 0;
    std::vector<query::AggregateState> states;
    bool touched = false;
    Bytes told;  ///< Its array at the end of the last batch that changed it; empty: none did.
  };
  using Groups = std::map<std::string, Group, std::less<>>;
  struct Touched {
    Groups::iterator group;
    size_t argument_bytes = 0;
    std::optional<Bytes> before;  ///< The group's array; nothing if there was none.

    ByteView key() const { return as_bytes(group->first); }
    ByteView arguments() const { return key().first(argument_bytes); }
  };

  GroupGraph(query::Query query, query::Matcher matcher, ParameterReader parameters,
             query::GroupReader reader);

  void add_row(const query::RowView& row);
  void remove_row(const query::RowView& row);
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
  Groups groups_;                                              ///< By arguments and group.
  std::vector<std::unique_ptr<query::CountedTree>> extremes_;  ///< By aggregate; null for others.
  bool has_extremes_ = false;
  std::map<std::string, std::vector<SubscriptionId>, std::less<>> subscribers_;
  size_t subscriptions_ = 0;
  std::vector<Touched> touched_;  ///< In this batch, each once.
};

}  // namespace topgun::dataflow
