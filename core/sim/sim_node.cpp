#include "core/sim/sim_node.hpp"

#include <algorithm>

#include "core/dataflow/node_queries.hpp"
#include "core/sim/invariant_checker.hpp"
#include "core/sim/sim_query.hpp"

namespace topgun::sim {
namespace {

constexpr uint64_t kActorKey = 0x6e6f'6465;
constexpr uint64_t kTurnUs = 40;
constexpr uint64_t kStarvedUs = 2'000'000;
constexpr uint64_t kDiskUs = 400;
constexpr uint64_t kSlowDiskUs = 1'500'000;
constexpr size_t kCheckpointChunkBytes = 64 * 1024;
/// Of a million writes, those after which some of what is unsynced goes to the disk unasked.
constexpr uint32_t kEarlyWriteback = 50'000;
/// So few that views are asked and written to while they are made.
constexpr uint32_t kTakenPerTick = 1;
constexpr uint64_t kStartAgainUs = 1'000'000;
constexpr uint32_t kStartsMax = 5;
constexpr const char* kDirectory = "data";

VirtualDisk::Options disk_options(const Scenario& scenario) {
  VirtualDisk::Options options;
  options.seed = scenario.seed;
  return options;
}

}  // namespace

SimNode::SimNode(const Scenario& scenario, const storage::OpenStorage& open_storage,
                 Scheduler& scheduler, InvariantChecker& checker)
    : scenario_(scenario),
      open_storage_(open_storage),
      scheduler_(scheduler),
      checker_(checker),
      disk_(disk_options(scenario)) {
  actor_ = scheduler_.add(*this, kActorKey);
  DiskFaults faults;
  const auto rate = [&](Fault fault) { return scenario.rates[static_cast<size_t>(fault)]; };
  faults.write_error = rate(Fault::DiskWrite);
  faults.short_write = rate(Fault::DiskWrite);
  faults.name_error = rate(Fault::DiskWrite);
  faults.early_writeback = kEarlyWriteback;
  faults.sync_error = rate(Fault::DiskSync);
  faults.read_error = rate(Fault::DiskRead);
  faults.bit_flip = rate(Fault::DiskRot);
  disk_.set_faults(faults);
}

SimNode::~SimNode() { stop(); }

// --- life ---

void SimNode::start() {
  TG_ASSERT(!is_running());
  ++incarnation_;
  is_paused_ = false;
  log_failed_ = false;
  // Nodes without queries are a smaller build of the same version.
  const Prng build(scenario_.seed, stream_id("node.build"), incarnation_);
  answers_questions_ = scenario_.asks_node() && (is_calm_ || build.at(0) % 8 != 0);
  shards_.resize(scenario_.shards);
  for (uint16_t i = 0; i < shards_.size(); ++i) {
    node::ShardOptions options;
    options.shard = i;
    options.shard_count = static_cast<uint16_t>(scenario_.shards);
    options.node_id = 77;
    options.incarnation = incarnation_;
    options.limits.tombstone_retention_ms = scenario_.retention_ms;
    options.limits.credit_bytes = static_cast<uint32_t>(scenario_.credit_bytes);
    options.limits.operations_in_flight_max = static_cast<uint32_t>(scenario_.in_flight_max);
    options.limits.changes_max = static_cast<uint32_t>(scenario_.changes_max);
    options.limits.exchange_timeout_ms = scenario_.exchange_timeout_ms;
    if (answers_questions_) options.make_queries = &dataflow::NodeQueries::make;
    if (answers_questions_ && scenario_.has_node_views()) {
      options.views = node_views();
      options.limits.taken_per_tick = kTakenPerTick;
    }
    shards_[i].shard = std::make_unique<node::Shard>(options);
  }
  model_.reset();
  recovered_bytes_ = 0;
  storage_planned_[0] = storage_planned_[1] = storage::SteppedStorage::kNever;
  if (!open_storage()) return;
  note_recovered();
  for (uint16_t i = 0; i < shards_.size(); ++i) {
    shards_[i].shard->tick(now());
    carry_out(i);
  }
  scheduler_.after(1'000, actor_, OnTick, tagged(0));
  plan_storage();
  checker_.recovered(*this);
}

Result<void> SimNode::recover(node::LogEntryKind kind, ByteView payload) {
  recovered_bytes_ += payload.size();
  for (Shard& shard : shards_) {
    const Result<void> done = shard.shard->recover(kind, payload);
    if (!done.ok()) return done;
  }
  checker_.recovered_entry(kind, payload);
  model_entry(kind, payload);
  return {};
}

bool SimNode::open_storage() {
  storage::StorageSources sources;
  auto draws = std::make_shared<Prng>(scenario_.seed, stream_id("node.random"), incarnation_);
  sources.random = [draws] { return draws->next(); };
  sources.wall_ms = [this] { return now().wall_ms; };
  storage::StorageOptions options;
  options.directory = kDirectory;
  options.segment_bytes = scenario_.segment_bytes;
  options.checkpoint_interval_ms = scenario_.checkpoint_interval_ms;
  const auto recover_all = [this](node::LogEntryKind kind, ByteView payload) {
    return recover(kind, payload);
  };
  auto opened = open_storage_(disk_, sources, options, incarnation_, recover_all);
  if (!opened.ok()) {
    give_up_start(opened.error());
    return false;
  }
  storage_ = std::move(*opened);
  storage::StorageCallbacks callbacks;
  callbacks.durable = [this](uint16_t shard, uint64_t sequence) {
    if (observer_ != nullptr) observer_->on_durable(shard, sequence, scheduler_.now_us());
    enqueue_all(Durable{shard, sequence});
  };
  callbacks.failed = [this](Error error) {
    log_failed_ = true;
    enqueue_all(LogFailed{error});
  };
  callbacks.recovered = [this] {
    log_failed_ = false;
    enqueue_all(LogRecovered{});
  };
  callbacks.checkpoint_wanted = [this] { enqueue_all(CheckpointWanted{}); };
  storage_->start(std::move(callbacks), static_cast<uint16_t>(scenario_.shards), now().mono_ms);
  failed_starts_ = 0;
  return true;
}

void SimNode::give_up_start(Error error) {
  stop();
  disk_.restart_after_crash();
  ++failed_starts_;
  // What a disk refuses now it may do later. A node that finds damage, or a disk that never
  // recovers, gets a new one from whoever runs it; clients bring back what they hold.
  const bool is_damaged = error == Error::StorageCorrupt;
  if (is_damaged) checker_.found_damage(disk_.has_lied());
  if (is_damaged || failed_starts_ >= kStartsMax) {
    ++disks_replaced_;
    failed_starts_ = 0;
    disk_.wipe();
    checker_.node_lost_everything(scheduler_.now_us());
  }
  scheduler_.after(kStartAgainUs, actor_, OnRestart, tagged(0));
}

void SimNode::stop() {
  disk_.stop();
  storage_.reset();
  shards_.clear();
  connections_.clear();
}

void SimNode::crash() {
  if (!is_running()) return;
  stop();
  disk_.restart_after_crash();
  network_->node_died(true);
}

void SimNode::lose_power() {
  if (!is_running()) return;
  stop();
  disk_.restart_after_power_loss({});
  network_->node_died(false);
}

void SimNode::pause(bool paused) {
  if (paused == is_paused_ || !is_running()) return;
  is_paused_ = paused;
  if (paused) return;
  for (uint16_t i = 0; i < shards_.size(); ++i) plan_turn(i);
  plan_storage();
}

void SimNode::set_disk_hung(bool hung) {
  is_disk_hung_ = hung;
  if (!hung) plan_storage();
}

void SimNode::heal() {
  is_calm_ = true;
  set_disk_hung(false);
  disk_.set_faults({});
  disk_.set_full(false);
  clock_.set_right(scheduler_.now_us());
  if (!is_running()) start();
  pause(false);
}

// --- events ---

void SimNode::on_accepted(uint64_t connection, ConnectionUse use) {
  connections_[connection] = use;
  if (use == ConnectionUse::Stream) enqueue(shard_of(connection), Accepted{connection});
}

void SimNode::on_client_frame(uint64_t connection, const Bytes& frame) {
  const auto found = connections_.find(connection);
  if (found != connections_.end() && found->second == ConnectionUse::Exchange) {
    return enqueue(shard_of(connection), Request{connection, frame});
  }
  enqueue(shard_of(connection), Frame{connection, frame});
}

void SimNode::on_client_closed(uint64_t connection) {
  if (connections_.erase(connection) == 0) return;
  enqueue(shard_of(connection), Closed{connection});
}

void SimNode::enqueue(uint16_t shard, Input input) {
  if (!is_running()) return;
  shards_[shard].inbox.push_back(std::move(input));
  plan_turn(shard);
}

void SimNode::enqueue_all(const Input& input) {
  for (uint16_t i = 0; i < shards_.size(); ++i) enqueue(i, input);
}

void SimNode::plan_turn(uint16_t index) {
  Shard& shard = shards_[index];
  if (shard.turn_planned || is_paused_) return;
  shard.turn_planned = true;
  const Prng draws(scenario_.seed, stream_id("node.turn"), index);
  const uint64_t number = incarnation_ << 32 | shard.turns;
  uint64_t wait_us = Prng::multiply_high(draws.at(number * 2), 2 * kTurnUs);
  const uint64_t starve = scenario_.rates[static_cast<size_t>(Fault::Starve)];
  const uint64_t fate = draws.at(number * 2 + 1);
  if (!is_calm_ && Prng::multiply_high(fate, 1'000'000) < starve) {
    wait_us += mix64(fate) % kStarvedUs;
    ++struck_[static_cast<size_t>(Fault::Starve)];
  }
  scheduler_.after(wait_us, actor_, OnTurn, tagged(index));
}

void SimNode::on_event(uint32_t kind, uint64_t argument) {
  if (argument >> 16 != incarnation_) return;
  if (kind == OnRestart && !is_running()) return start();
  if (!is_running()) return;
  const auto value = static_cast<uint16_t>(argument);
  switch (kind) {
    case OnTurn:
      shards_[value].turn_planned = false;
      if (!is_paused_) turn(value);
      return;
    case OnTick: {
      uint64_t next_ms = UINT64_MAX;
      for (uint16_t i = 0; i < shards_.size() && !is_paused_; ++i) {
        shards_[i].shard->tick(now());
        carry_out(i);
      }
      for (const Shard& shard : shards_) next_ms = std::min(next_ms, shard.shard->next_tick_ms());
      const uint64_t at_us = clock_.true_time_of(next_ms, scheduler_.now_us());
      scheduler_.at(std::max(at_us, scheduler_.now_us() + 10'000), actor_, OnTick, tagged(0));
      return;
    }
    case OnStorage:
      return step_storage(value);
    default:
      return;
  }
}

void SimNode::turn(uint16_t index) {
  Shard& shard = shards_[index];
  // A turn takes what is there, or a part of it.
  const Prng draws(scenario_.seed, stream_id("node.take"), index);
  const uint64_t all = shard.inbox.size();
  const uint64_t number = incarnation_ << 32 | shard.turns++;
  const uint64_t part = Prng::multiply_high(draws.at(number), all + 1);
  const uint64_t count = draws.at(number) % 4 == 0 ? std::max<uint64_t>(part, 1) : all;
  for (uint64_t i = 0; i < count && !shard.inbox.empty(); ++i) {
    Input input = std::move(shard.inbox.front());
    shard.inbox.pop_front();
    take_input(shard, input);
  }
  if (shard.checkpointing && storage_ != nullptr) {
    node::CheckpointChunk chunk = shard.shard->next_checkpoint_chunk(kCheckpointChunkBytes);
    shard.checkpointing = !chunk.last;
    storage_->checkpoint(index, std::move(chunk));
  }
  carry_out(index);
  if (!shard.inbox.empty() || shard.checkpointing) plan_turn(index);
  plan_storage();
  checker_.check_node(*this);
}

void SimNode::take_input(Shard& shard, Input& input) {
  node::Shard& target = *shard.shard;
  if (const auto* accepted = std::get_if<Accepted>(&input)) {
    target.connected({accepted->connection}, now());
  } else if (const auto* frame = std::get_if<Frame>(&input)) {
    if (connections_.count(frame->connection) != 0) {
      target.frame({frame->connection}, frame->bytes, now());
    }
  } else if (const auto* request = std::get_if<Request>(&input)) {
    if (connections_.count(request->connection) != 0) {
      target.exchange({request->connection}, request->bytes, {}, now());
    }
  } else if (const auto* closed = std::get_if<Closed>(&input)) {
    target.closed({closed->connection}, now());
  } else if (auto* message = std::get_if<node::ShardMessage>(&input)) {
    target.message(*message, now());
  } else if (const auto* durable = std::get_if<Durable>(&input)) {
    target.durable(durable->shard, durable->sequence, now());
  } else if (const auto* failed = std::get_if<LogFailed>(&input)) {
    target.log_failed(failed->error, now());
  } else if (std::get_if<LogRecovered>(&input) != nullptr) {
    target.log_recovered(now());
  } else {
    shard.checkpointing = true;
  }
}

void SimNode::carry_out(uint16_t index) {
  node::Shard& shard = *shards_[index].shard;
  shard.end_turn(now());
  node::Effects effects = shard.take_effects();
  if (!effects.log.entries.empty()) {
    model_log(index, effects.log);
    if (storage_ != nullptr) storage_->append(index, std::move(effects.log));
  }
  // Between two shards messages keep their order: each queue is filled in the order of posting.
  for (node::Effects::Post& post : effects.posts) enqueue(post.shard, std::move(post.message));
  for (node::Effects::Send& send : effects.sends) {
    network_->send_to_client(send.connection.value, std::move(send.frame));
  }
  for (const node::Effects::Close& close : effects.closes) {
    if (connections_.erase(close.connection.value) == 0) continue;
    network_->close_by_node(close.connection.value);
  }
  for (const node::Effects::Answer& answer : effects.answers) {
    if (connections_.erase(answer.exchange.value) == 0) continue;
    network_->send_to_client(answer.exchange.value, std::make_shared<const Bytes>());
    network_->close_by_node(answer.exchange.value);
  }
}

// --- storage ---

void SimNode::plan_storage() {
  if (storage_ == nullptr || is_paused_ || is_disk_hung_) return;
  using Task = storage::SteppedStorage::Task;
  for (const Task task : {Task::Log, Task::Checkpoint}) {
    const uint64_t due_ms = storage_->due_ms(task);
    if (due_ms == storage::SteppedStorage::kNever) continue;
    uint64_t at_us = clock_.true_time_of(due_ms, scheduler_.now_us());
    uint64_t& planned_ms = storage_planned_[static_cast<size_t>(task)];
    if (planned_ms <= due_ms) continue;
    planned_ms = due_ms;
    const Prng draws(scenario_.seed, stream_id("node.disk"), static_cast<uint64_t>(task));
    const uint64_t number = storage_steps_++;
    at_us += 1 + Prng::multiply_high(draws.at(number * 2), 2 * kDiskUs);
    const uint64_t fate = draws.at(number * 2 + 1);
    const uint64_t slow = scenario_.rates[static_cast<size_t>(Fault::DiskSlow)];
    if (!is_calm_ && Prng::multiply_high(fate, 1'000'000) < slow) {
      at_us += mix64(fate) % kSlowDiskUs;
      ++struck_[static_cast<size_t>(Fault::DiskSlow)];
    }
    scheduler_.at(at_us, actor_, OnStorage, tagged(static_cast<uint64_t>(task)));
  }
}

void SimNode::step_storage(uint64_t value) {
  storage_planned_[value] = storage::SteppedStorage::kNever;
  if (storage_ == nullptr || is_paused_ || is_disk_hung_) return;
  storage_->step(static_cast<storage::SteppedStorage::Task>(value), now().mono_ms);
  plan_storage();
}

// --- what can be seen ---

MerkleRoot SimNode::root(const MapRef& map) const {
  MerkleRoot root;
  for (const Shard& shard : shards_) {
    const node::Shard::Root part = shard.shard->root(static_cast<uint8_t>(map.kind), map.name);
    root.add({part.hash.low, part.hash.high});
  }
  return root;
}

bool SimNode::is_idle() const {
  return std::all_of(shards_.begin(), shards_.end(),
                     [](const Shard& shard) { return shard.inbox.empty(); });
}

FaultRates SimNode::activations() const {
  FaultRates all = struck_;
  const DiskFaultCounts& disk = disk_.counts();
  const auto count = [&](Fault fault, uint64_t times) {
    all[static_cast<size_t>(fault)] += static_cast<uint32_t>(times);
  };
  count(Fault::DiskWrite, disk.write_errors + disk.short_writes + disk.name_errors);
  count(Fault::DiskSync, disk.sync_errors);
  count(Fault::DiskRead, disk.read_errors);
  count(Fault::DiskRot, disk.bit_flips);
  return all;
}

node::ShardStats SimNode::stats() const {
  node::ShardStats total;
  for (const Shard& shard : shards_) {
    const node::ShardStats& part = shard.shard->stats();
    total.operations_applied += part.operations_applied;
    total.operations_redundant += part.operations_redundant;
    total.operations_rejected += part.operations_rejected;
    total.changes_sent += part.changes_sent;
    total.records_sent += part.records_sent;
    total.repairs_started += part.repairs_started;
    total.resyncs_forced += part.resyncs_forced;
    total.subscribers_lagging += part.subscribers_lagging;
    total.connections += part.connections;
    total.sessions += part.sessions;
    total.exchanges_open += part.exchanges_open;
    total.subscriptions += part.subscriptions;
    total.records += part.records;
  }
  return total;
}

}  // namespace topgun::sim
