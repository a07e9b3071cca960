#include "core/dataflow/node_explanation.hpp"

#include <algorithm>

#include "core/value/value.hpp"
#include "core/value/value_writer.hpp"

namespace topgun::dataflow {
namespace {

/// A number in a plan; nothing if there is none at this place.
std::optional<double> number_at(ByteView plan, std::initializer_list<std::string_view> steps) {
  const auto value = ValueView(plan).at_path({steps.begin(), steps.size()});
  if (!value) return std::nullopt;
  if (const auto whole = value->as_int()) return static_cast<double>(*whole);
  return value->as_double();
}

/// Rows that a shard says it answers with: as they were if it did, else as estimated.
double rows_of(ByteView plan) {
  const double rows = number_at(plan, {"rows"}).value_or(0);
  const auto groups = number_at(plan, {"actual", "groups"});
  const double actual = number_at(plan, {"actual", "rows"}).value_or(rows);
  return std::max(actual, groups.value_or(0));
}

void write_partitions(ValueWriter& writer, const std::optional<query::PartitionSet>& partitions) {
  if (!partitions) return writer.nil();
  writer.begin_array(partitions->count());
  for (size_t i = 0; i < partitions->size(); ++i) {
    if (partitions->test(i)) writer.unsigned_integer(i);
  }
}

uint64_t whole(double value) { return static_cast<uint64_t>(value + 0.5); }

}  // namespace

void NodeExplanation::add_side(std::string map, const std::vector<uint16_t>& shards,
                               const std::optional<query::PartitionSet>& partitions,
                               const query::Query& query) {
  Side& side = sides_.emplace_back();
  side.map = std::move(map);
  if (partitions && !partitions->all()) side.partitions = partitions;
  side.rows_max = query.limit.value_or(UINT64_MAX);
  for (const uint16_t shard : shards) side.plans[shard];
  plans_missing_ += shards.size();
}

void NodeExplanation::take_plan(size_t side, uint16_t shard, ByteView plan) {
  TG_ASSERT(plans_missing_ > 0);
  sides_[side].plans[shard] = to_bytes(plan);
  --plans_missing_;
  bytes_ += plan.size();
}

Bytes NodeExplanation::encode(const LinkCosts& costs) const {
  double slowest = 0;
  double found = 0;
  double sent = 0;
  size_t messages = 0;
  std::map<uint16_t, double> shards;
  for (const Side& side : sides_) {
    for (const auto& [shard, plan] : side.plans) {
      found += number_at(plan, {"rows"}).value_or(0);
      shards[shard] += number_at(plan, {"cost"}).value_or(0);
      slowest = std::max(slowest, shards[shard]);
      messages += 2;
      sent += std::min(rows_of(plan), static_cast<double>(side.rows_max));
    }
  }
  const double way = static_cast<double>(messages) * costs.message_ns + sent * costs.row_ns;
  const double join = join_ ? number_at(*join_, {"cost"}).value_or(0) : 0;

  Bytes out;
  ValueWriter writer(out);
  writer.begin_map(size_t{5} + (join_ ? 1 : 0));
  writer.key("access");
  writer.text("node");
  writer.key("cost");
  writer.unsigned_integer(whole(slowest + way + join));
  if (join_) {
    writer.key("join");
    writer.encoded(ValueView(*join_));
  }
  writer.key("network");
  writer.begin_map(3);
  writer.key("cost");
  writer.unsigned_integer(whole(way));
  writer.key("messages");
  writer.unsigned_integer(messages);
  writer.key("rows");
  writer.unsigned_integer(whole(sent));
  writer.key("rows");
  writer.unsigned_integer(whole(found));
  writer.key("sides");
  writer.begin_array(sides_.size());
  for (const Side& side : sides_) {
    double rows = 0;
    for (const auto& [shard, plan] : side.plans) rows += number_at(plan, {"rows"}).value_or(0);
    writer.begin_map(4);
    writer.key("map");
    writer.text(side.map);
    writer.key("partitions");
    write_partitions(writer, side.partitions);
    writer.key("rows");
    writer.unsigned_integer(whole(rows));
    writer.key("shards");
    writer.begin_array(side.plans.size());
    for (const auto& [shard, plan] : side.plans) {
      writer.begin_map(2);
      writer.key("plan");
      writer.encoded(ValueView(plan));
      writer.key("shard");
      writer.unsigned_integer(shard);
    }
  }
  return out;
}

}  // namespace topgun::dataflow
