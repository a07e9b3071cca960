#pragma once

#include <map>
#include <optional>
#include <vector>

#include "core/node/owner.hpp"
#include "core/sync/run_history.hpp"

namespace topgun::node {

/// Sees to it that a replica id has one holder. A client's storage may be copied, with its replica
/// id inside, or come back from a backup; two processes would then write under one id, and counters
/// and tags would mix up what are two writers. So each Hello shows its history of runs
/// (`core/sync/run_history.hpp`), and who lacks the latest run or the latest operation that the
/// node knows of this replica is a copy that somebody else has overtaken: it is told to take a new
/// id.
///
/// What is known of a replica is a record of a reserved map, in the partition of the replica's id.
/// So the log, checkpoints, recovery and backups hold it like any other record, and it expires when
/// the replica has not been seen for the time that tombstones are kept. Nothing waits for the log:
/// a node that forgets its latest entries in a crash knows of an earlier operation, and every
/// history that includes the later one includes that, too. It may miss a copy then, but never
/// refuses the rightful holder.
///
/// One connection of a replica is served at a time, beside the exchanges of the same process; a
/// newer one takes the older one's place, after the older one's shard has said how far it came.
class ReplicaRegistry {
 public:
  ReplicaRegistry(ShardContext& context, Owner& owner) : context_(context), owner_(owner) {}

  /// Greet, TakenOver and Progress.
  void handle(const ShardMessage& message);

  /// Writes down what recovery found in the log. Once, after it.
  void settle_recovery();

  /// The shard whose registry knows `replica`.
  static uint16_t shard_of(ReplicaId replica, uint16_t shard_count);
  /// The key of `replica` in the reserved map: 16 hexadecimal digits.
  static std::string key_of(ReplicaId replica);

 private:
  struct Holder {
    uint16_t shard = 0;
    uint64_t connection = 0;
    uint64_t instance = 0;
  };
  struct Greeting {
    Holder from;
    /// An exchange holds nothing: it is over before it could stand in the way.
    bool is_exchange = false;
    RunHistory history;
  };
  struct Known {
    /// The highest sequence of this replica that a session took.
    uint64_t last_taken = 0;
    /// Of the holder, as it last said Hello; its present run is still going on.
    RunHistory history;
    uint64_t written_ms = 0;
  };

  void on_greet(const ShardMessage& message);
  void on_taken_over(const ShardMessage& message);
  void on_progress(const ShardMessage& message);
  /// Judges those who wait, one after another, until one has to wait for its predecessor.
  void judge_waiting(ReplicaId replica);
  static bool is_in_the_way(const Holder& holder, const Greeting& greeting);
  static bool is_overtaken(const Greeting& greeting, const Known& known);
  void welcome(ReplicaId replica, const Greeting& greeting, const std::optional<Known>& known);
  void note_taken(ReplicaId replica, uint64_t sequence);
  void release(ReplicaId replica, uint16_t shard, uint64_t connection);
  std::optional<Known> find(ReplicaId replica);
  void remember(ReplicaId replica, const Known& known);

  ShardContext& context_;
  Owner& owner_;
  std::map<ReplicaId, Holder> holders_;
  std::map<ReplicaId, std::vector<Greeting>> waiting_;
};

}  // namespace topgun::node
