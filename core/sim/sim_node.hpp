#pragma once

#include <algorithm>
#include <deque>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "core/node/access_policy.hpp"
#include "core/sim/reference_model.hpp"
#include "core/sim/virtual_clock.hpp"
#include "core/sim/virtual_disk.hpp"
#include "core/sim/virtual_network.hpp"
#include "core/storage/node_storage.hpp"

namespace topgun::sim {

class InvariantChecker;

/// The node in the simulation: the shards of the product, each with its queue of events as a shard
/// thread has it, and the product's storage on a virtual disk. The scheduler decides which shard
/// takes its next turn, how much of its queue the turn takes, and when storage does its next piece
/// of work.
class SimNode final : public Actor, public NodeEndpoint {
 public:
  /// Everything is borrowed.
  SimNode(const Scenario& scenario, const storage::OpenStorage& open_storage, Scheduler& scheduler,
          InvariantChecker& checker);
  ~SimNode() override;

  void set_network(VirtualNetwork& network) { network_ = &network; }
  /// From now on `observer`, which is borrowed, hears what is durable; null ends it.
  void observe(Observer* observer) { observer_ = observer; }

  /// Recovers from the disk and serves. A disk that cannot be recovered from is replaced by an
  /// empty one, as an operator would, and reported.
  void start();

  // --- what happens to it ---

  /// The process dies; what it had written to files stays.
  void crash();
  /// The machine loses power; what was not synced may stay, vanish or be torn.
  void lose_power();
  void pause(bool paused);
  void set_disk_full(bool full) { disk_.set_full(full); }
  /// A disk that hangs ends nothing that it is given; what was ended stays so.
  void set_disk_hung(bool hung);
  VirtualClock& clocks() { return clock_; }
  VirtualDisk& disk() { return disk_; }
  /// Every fault of the node and its disk ends.
  void heal();

  // --- what can be seen ---

  bool is_running() const { return !shards_.empty(); }
  Now now() const { return clock_.read(scheduler_.now_us()); }
  MerkleRoot root(const MapRef& map) const;
  /// The fold of what the log was given, or, after a restart, of what recovery found.
  const ReferenceModel& model() const { return model_; }
  /// Tombstones from before it are collected.
  uint64_t horizon_ms() const {
    return horizon_ms_ - std::min(horizon_ms_, scenario_.retention_ms);
  }
  node::ShardStats stats() const;
  uint64_t connections() const { return connections_.size(); }
  uint64_t restarts() const { return incarnation_; }
  bool is_paused() const { return is_paused_; }
  uint64_t recovered_bytes() const { return recovered_bytes_; }
  /// How often the families of the node and its disk struck.
  FaultRates activations() const;
  uint64_t disks_replaced() const { return disks_replaced_; }
  /// What may be on its way to one client: its credit, and one frame and the messages that flow
  /// control does not count on top.
  uint64_t queue_bytes_max() const { return scenario_.credit_bytes + (1u << 20); }
  /// Whether every shard has heard of all that happened.
  bool is_idle() const;
  bool log_has_failed() const { return log_failed_; }
  /// Whether something waits to be written into the checkpoint.
  bool has_checkpoint_backlog() const {
    return storage_ != nullptr && storage_->checkpoint_backlog_bytes() > 0;
  }
  bool is_disk_hung() const { return is_disk_hung_; }

  // NodeEndpoint
  bool accepts() const override { return is_running(); }
  void on_accepted(uint64_t connection, ConnectionUse use) override;
  void on_client_frame(uint64_t connection, const Bytes& frame) override;
  void on_client_closed(uint64_t connection) override;

  void on_event(uint32_t kind, uint64_t argument) override;

 private:
  enum EventKind : uint32_t { OnTurn, OnTick, OnStorage, OnRestart };
  struct Accepted {
    uint64_t connection;
  };
  struct Frame {
    uint64_t connection;
    Bytes bytes;
  };
  struct Request {
    uint64_t connection;
    Bytes bytes;
  };
  struct Closed {
    uint64_t connection;
  };
  struct Durable {
    uint16_t shard;
    uint64_t sequence;
  };
  struct LogFailed {
    Error error;
  };
  struct LogRecovered {};
  struct CheckpointWanted {};
  using Input = std::variant<Accepted, Frame, Request, Closed, node::ShardMessage, Durable,
                             LogFailed, LogRecovered, CheckpointWanted>;
  struct Shard {
    std::unique_ptr<node::Shard> shard;
    std::deque<Input> inbox;
    bool turn_planned = false;
    bool checkpointing = false;
    uint64_t turns = 0;
  };

  bool open_storage();
  void give_up_start(Error error);
  Result<void> recover(node::LogEntryKind kind, ByteView payload);
  void enqueue(uint16_t shard, Input input);
  void enqueue_all(const Input& input);
  void plan_turn(uint16_t shard);
  void turn(uint16_t shard);
  void take_input(Shard& shard, Input& input);
  void carry_out(uint16_t shard);
  void model_log(uint16_t shard, const node::Effects::LogAppend& log);
  void collect_model(uint16_t shard);
  void model_entry(node::LogEntryKind kind, ByteView payload);
  using Effects = std::vector<std::pair<MapRef, ReferenceModel::Effect>>;
  /// What a shard has just logged, and all that recovery found, as versions of its maps.
  void note_positions(uint16_t shard, const Effects& effects);
  void note_recovered();
  void plan_storage();
  void step_storage(uint64_t argument);
  void stop();
  uint16_t shard_of(uint64_t connection) const {
    return static_cast<uint16_t>(connection % scenario_.shards);
  }
  /// An event's argument carries the incarnation, so that events of a former life are passed over.
  uint64_t tagged(uint64_t value) const { return incarnation_ << 16 | value; }

  const Scenario& scenario_;
  const storage::OpenStorage& open_storage_;
  Scheduler& scheduler_;
  InvariantChecker& checker_;
  VirtualNetwork* network_ = nullptr;
  Observer* observer_ = nullptr;
  Scheduler::ActorId actor_;
  VirtualClock clock_;
  VirtualDisk disk_;
  bool is_paused_ = false;
  bool is_calm_ = false;
  bool is_disk_hung_ = false;

  uint64_t incarnation_ = 0;
  bool answers_questions_ = false;
  std::vector<Shard> shards_;
  std::map<uint64_t, ConnectionUse> connections_;
  std::unique_ptr<storage::SteppedStorage> storage_;
  uint64_t storage_planned_[2] = {};  ///< By task: the time that its next event was planned for.
  uint64_t storage_steps_ = 0;
  bool log_failed_ = false;
  uint32_t failed_starts_ = 0;
  uint64_t recovered_bytes_ = 0;
  uint64_t disks_replaced_ = 0;

  FaultRates struck_ = {};

  ReferenceModel model_;
  uint64_t horizon_ms_ = 0;
};

}  // namespace topgun::sim
