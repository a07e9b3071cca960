#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/base/bytes.hpp"
#include "core/query/partition_set.hpp"
#include "core/query/query.hpp"

namespace topgun::dataflow {

/// What it costs to bring rows to the shard that has the connection, in nanoseconds. Fixed, like
/// `query::CostTable`, so that plans can be compared.
struct LinkCosts {
  double message_ns = 2'000;
  double row_ns = 150;  ///< Encoding it there, and taking it in here.
};

/// How a node answers a query, put together from what its shards tell of their plans: a map value,
/// the same for the same records, indexes and shards.
///
///     access   "node"
///     cost     of the slowest shard, the way and the join, as estimated, in whole nanoseconds
///     join     how gathered records were joined (`query::explain_join`); if it was answered
///     network  {cost, messages, rows} between the shards and the one that has the connection, as
///     if
///              that were none of them: requests come to any
///     rows     that the shards find, before their residuals are asked
///     sides    one for each map that is read for itself, {map, partitions, rows, shards}; its
///              partitions are the numbers of those that can have records of the answer, nil if all
///              can or if it is a view that lies on one shard; its shards are those that these are
///              on, {plan, shard}, each with its plan as `query::explain_plan` gives it, or
///              `explain_join` if all that is joined is on one shard
class NodeExplanation {
 public:
  /// To be told for each map before the plans.
  void add_side(std::string map, const std::vector<uint16_t>& shards,
                const std::optional<query::PartitionSet>& partitions, const query::Query& query);
  void take_plan(size_t side, uint16_t shard, ByteView plan);
  void take_join(Bytes plan) { join_ = std::move(plan); }

  size_t sides() const { return sides_.size(); }
  /// Whether all shards have told.
  bool is_complete() const { return plans_missing_ == 0; }
  Bytes encode(const LinkCosts& costs = {}) const;
  size_t bytes() const { return bytes_; }

 private:
  struct Side {
    std::string map;
    uint64_t rows_max = 0;  ///< That a shard sends.
    std::optional<query::PartitionSet> partitions;
    std::map<uint16_t, Bytes> plans;
  };

  std::vector<Side> sides_;
  std::optional<Bytes> join_;
  size_t plans_missing_ = 0;
  size_t bytes_ = 0;
};

}  // namespace topgun::dataflow
