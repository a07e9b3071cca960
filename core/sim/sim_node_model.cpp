#include <algorithm>

#include "core/base/byte_io.hpp"
#include "core/base/partition.hpp"
#include "core/sim/invariant_checker.hpp"
#include "core/sim/sim_client.hpp"
#include "core/sim/sim_node.hpp"

// What the node's reference model learns, from outside: what goes into the log and comes out of it.

namespace topgun::sim {
namespace {

bool is_open_map(const MapRef& map) {
  return std::any_of(open_maps().begin(), open_maps().end(),
                     [&](const OpenMap& open) { return open.ref == map; });
}

}  // namespace

void SimNode::model_log(uint16_t shard, const node::Effects::LogAppend& log) {
  Effects effects;
  ByteReader in(log.entries);
  while (!in.at_end()) {
    const uint32_t size = in.u32();
    const auto kind = static_cast<node::LogEntryKind>(in.u8());
    const ByteView payload = in.raw(size);
    if (kind == node::LogEntryKind::Operations) {
      OperationBatch batch;
      const Result<void> decoded = decode_operations(payload, Values::Validate, batch);
      if (!decoded.ok()) checker_.fail(Invariant::CodecRoundTrip, "a broken batch was logged");
      const uint64_t drift_ms = node::ShardLimits().clock_drift_max_ms;
      const MapRef map{batch.header.kind, std::string(as_text(batch.header.map))};
      for (const Operation& operation : batch.operations) {
        checker_.accepted(operation, now().wall_ms, drift_ms);
        for (auto& effect : ReferenceModel::effects_of(batch.header.replica, operation)) {
          effects.emplace_back(map, std::move(effect));
        }
      }
    } else if (kind == node::LogEntryKind::Records) {
      RecordBatch batch;
      const Result<void> decoded = decode_records(payload, Values::Trust, batch);
      TG_ASSERT(decoded.ok());
      const MapRef map{batch.kind, std::string(as_text(batch.map))};
      for (const Record& record : batch.records) {
        effects.emplace_back(map, ReferenceModel::effect_of(batch.kind, record));
      }
    }
    model_entry(kind, payload);
    if (kind == node::LogEntryKind::Horizon) collect_model(shard);
  }
  note_positions(shard, effects);
}

void SimNode::note_positions(uint16_t index, const Effects& effects) {
  const node::Shard& shard = *shards_[index].shard;
  for (const auto& [map, effect] : effects) {
    if (!is_open_map(map)) continue;
    checker_.taken(map, effect);
    // Of what one turn brought, all counts as the last of it.
    const uint64_t version = shard.version(static_cast<uint8_t>(map.kind), map.name);
    checker_.positions().note(map, index, version, effect);
  }
}

void SimNode::note_recovered() {
  checker_.positions().restart(incarnation_);
  for (const OpenMap& map : open_maps()) {
    std::vector<uint64_t> versions;
    for (const Shard& shard : shards_) {
      versions.push_back(shard.shard->version(static_cast<uint8_t>(map.ref.kind), map.ref.name));
    }
    for (const auto& [key, record] : model_.records(map.ref)) {
      const uint64_t shard = partition_of(as_bytes(key.first)).value % scenario_.shards;
      checker_.positions().note(map.ref, static_cast<uint16_t>(shard),
                                versions[static_cast<size_t>(shard)], {key, record});
    }
  }
}

void SimNode::collect_model(uint16_t index) {
  // Recovery remembers the horizon and leaves it to the next step of it to collect; a running node
  // collects at once, but may keep what it cannot give up yet.
  const node::Shard& shard = *shards_[index].shard;
  const auto is_kept = [&](const MapRef& map, const ReferenceModel::Effect& effect) {
    const ByteView bytes = as_bytes(effect.key.first);
    const bool is_its = partition_of(bytes).value % scenario_.shards == index;
    const bool stays = !is_its || shard.holds(static_cast<uint8_t>(map.kind), map.name, bytes,
                                              as_bytes(effect.key.second));
    if (!stays) checker_.collected(map, effect);
    return stays;
  };
  for (const MapRef& map : model_.maps()) model_.collect(map, horizon_ms(), is_kept);
}

void SimNode::model_entry(node::LogEntryKind kind, ByteView payload) {
  switch (kind) {
    case node::LogEntryKind::Operations:
      model_.merge_operations(payload);
      return;
    case node::LogEntryKind::Records:
    case node::LogEntryKind::Checkpoint:
      model_.merge_records(payload);
      return;
    case node::LogEntryKind::Horizon: {
      ByteReader in(payload);
      horizon_ms_ = std::max(horizon_ms_, in.u64());
      checker_.positions().set_horizon(horizon_ms());
      return;
    }
  }
}

}  // namespace topgun::sim
