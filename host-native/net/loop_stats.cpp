#include "host-native/net/loop_stats.hpp"

namespace topgun::host {

namespace {

constexpr StatField kHostFields[LoopStats::kHostCount] = {
    {"topgun_connections", "Open sockets.", false},
    {"topgun_connections_accepted_total", "Sockets accepted since the start.", true},
    {"topgun_received_bytes_total", "Bytes read from sockets.", true},
    {"topgun_sent_bytes_total", "Bytes written to sockets.", true},
    {"topgun_turns_total", "Turns of the event loop.", true},
    {"topgun_http_requests_total", "HTTP requests, upgrades included.", true},
};

struct ShardField {
  StatField field;
  uint64_t node::ShardStats::*value;
};

using node::ShardStats;
constexpr ShardField kShardFields[LoopStats::kShardCount] = {
    {{"topgun_frames_received_total", "Frames received from clients.", true},
     &ShardStats::frames_received},
    {{"topgun_operations_applied_total", "Operations that changed state.", true},
     &ShardStats::operations_applied},
    {{"topgun_operations_redundant_total", "Operations known already or overruled.", true},
     &ShardStats::operations_redundant},
    {{"topgun_operations_rejected_total", "Operations refused.", true},
     &ShardStats::operations_rejected},
    {{"topgun_changes_sent_total", "Changes pushed to subscribers.", true},
     &ShardStats::changes_sent},
    {{"topgun_records_sent_total", "Records sent in snapshots, deltas and repairs.", true},
     &ShardStats::records_sent},
    {{"topgun_repairs_started_total", "Merkle repairs begun.", true}, &ShardStats::repairs_started},
    {{"topgun_resyncs_forced_total", "Clients sent back to a full copy.", true},
     &ShardStats::resyncs_forced},
    {{"topgun_subscribers_lagging", "Subscribers that get the latest state instead of each change.",
      false},
     &ShardStats::subscribers_lagging},
    {{"topgun_exchanges_total", "Requests to /sync.", true}, &ShardStats::exchanges},
    {{"topgun_exchanges_open", "Requests to /sync under way.", false}, &ShardStats::exchanges_open},
    {{"topgun_sessions", "Clients that said Hello.", false}, &ShardStats::sessions},
    {{"topgun_shard_connections", "Connections known to the shard.", false},
     &ShardStats::connections},
    {{"topgun_subscriptions", "Open subscriptions.", false}, &ShardStats::subscriptions},
    {{"topgun_maps", "Maps held.", false}, &ShardStats::maps},
    {{"topgun_records", "Records held, tombstones included.", false}, &ShardStats::records},
    {{"topgun_record_bytes", "Bytes of records held.", false}, &ShardStats::record_bytes},
    {{"topgun_queries_asked_total", "Queries that clients asked the node.", true},
     &ShardStats::queries_asked},
    {{"topgun_queries_live", "Queries that clients follow.", false}, &ShardStats::queries_live},
    {{"topgun_query_bytes", "Bytes of rows, indexes and live answers.", false},
     &ShardStats::query_bytes},
};
static_assert(sizeof(ShardStats) == LoopStats::kShardCount * sizeof(uint64_t),
              "a figure of the shard is missing from the metrics");

}  // namespace

const StatField& LoopStats::host_field(size_t index) { return kHostFields[index]; }
const StatField& LoopStats::shard_field(size_t index) { return kShardFields[index].field; }

void LoopStats::publish(const uint64_t (&host)[kHostCount], const node::ShardStats& shard) {
  for (size_t i = 0; i < kHostCount; ++i) host_[i].store(host[i], std::memory_order_relaxed);
  for (size_t i = 0; i < kShardCount; ++i) {
    shard_[i].store(shard.*kShardFields[i].value, std::memory_order_relaxed);
  }
}

}  // namespace topgun::host
