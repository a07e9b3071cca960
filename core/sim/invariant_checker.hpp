#pragma once

#include <array>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/node/effects.hpp"
#include "core/sim/position_log.hpp"
#include "core/sim/reference_model.hpp"
#include "core/sim/virtual_clock.hpp"

namespace topgun::sim {

class SimClient;
class SimNode;

/// The invariants that the simulator enforces; docs/invariants.md says what each means. The numbers
/// are stable.
enum class Invariant : uint8_t {
  StateIsFold = 1,          ///< I01
  EqualInputsEqualState,    ///< I02
  MergeLaws,                ///< I03: by the exhaustive testers; in runs by I01
  NoThinAir,                ///< I04
  AckedIsDurable,           ///< I05
  AtMostOnce,               ///< I06
  StampsGrow,               ///< I07
  RootsTellStates,          ///< I08
  SyncIsCheap,              ///< I09
  SessionOrder,             ///< I10
  LiveIsTrue,               ///< I11
  ViewIsTrue,               ///< I12
  CheckpointIsPrefix = 20,  ///< I20
  NoResurrection = 21,      ///< I21
  Bounded = 22,             ///< I22
  StatusIsTrue = 23,        ///< I23
  CodecRoundTrip = 24,      ///< I24
  CorruptionIsSeen = 25,    ///< I25
  AnswersAreFresh = 26,     ///< I26
  Converges = 40,           ///< L1, L3
  FallsSilent = 41,         ///< L5
};
inline constexpr size_t kInvariantNumbers = 42;
std::string invariant_name(Invariant invariant);

/// The first thing that was found to be wrong.
struct Violation {
  Invariant invariant = Invariant::StateIsFold;
  std::string detail;
  uint64_t at_ms = 0;
};

/// Watches a simulation from outside. It knows every operation that any client ever issued, who was
/// told what about it, and which failures allow which losses; nodes and clients report to it, and
/// it compares them with their reference models.
class InvariantChecker {
 public:
  explicit InvariantChecker(std::function<uint64_t()> now_ms) : now_ms_(std::move(now_ms)) {}

  const std::optional<Violation>& violation() const { return violation_; }
  void fail(Invariant invariant, std::string detail);

  // --- reports from clients ---

  struct Issue {
    ReplicaId author;
    MapRef map;
    uint32_t client = 0;
    uint64_t start = 0;  ///< Which start of the client's process issued it.
    bool stored = false;
  };
  /// An operation as it was stored or sent: the same identity never stands for two contents, and
  /// stamps of one replica grow with the sequences. (One that was sent while storage failed and
  /// then forgotten with the process is compared with those of the same start only; those of copies
  /// of a replica not with each other, until one of them has an id of its own.)
  void issued(const Issue& issue, const Operation& operation);
  /// Whether a row with this operation was ever stored.
  bool is_stored(OperationId id) const;
  /// A value that an application is about to write, and one that an application sees.
  void written(const MapRef& map, const std::string& key, ByteView value);
  void seen(const MapRef& map, const std::string& key, ByteView value);
  void counted(const std::string& key, int64_t amount) { counted_[key] += amount; }
  /// The client was told that this operation has reached `local`.
  void acked_local(OperationId id, const MapRef& map,
                   const std::vector<ReferenceModel::Effect>& effects);
  /// A step of a counter tells what its replica counted so far, so no less than what was acked.
  void stepped(const MapRef& map, const ReferenceModel::Effect& effect);
  /// The client was told that the node refuses these operations.
  void refused(ReplicaId author, uint64_t first, uint64_t count);
  /// A client came back with less than it had: its counts may be lower than what was counted.
  void client_lost_writes() { counts_are_exact_ = false; }
  /// A client without storage starts: nobody before it had this id.
  void instance_begins(uint64_t replica);
  void count_check(Invariant invariant) { ++checks_[static_cast<size_t>(invariant)]; }
  /// Two clients are one replica, and the node sends neither what the other wrote.
  void replica_was_copied() { replicas_are_one_each_ = false; }
  /// No other client ever issued an operation in the name of the replica.
  bool is_own(ReplicaId replica, uint32_t client) const;
  bool replicas_are_one_each() const { return replicas_are_one_each_; }
  /// A frame, as it was sent: it decodes, and encodes to the same bytes.
  void frame(ByteView frame, bool from_node);

  // --- reports from the node ---

  /// The node lost its storage for a reason that no promise covers.
  void node_lost_everything(uint64_t now_us);
  uint64_t node_lost_us() const { return node_lost_us_; }
  /// A tombstone or expired record that the node gave up behind the horizon.
  void collected(const MapRef& map, const ReferenceModel::Effect& effect) {
    collected_.merge(map, effect);
    given_up_.merge(map, effect);
  }
  /// Someone is about to set the node's clock, which shows `wall_ms`.
  void node_clock_is_set(uint64_t wall_ms) { node_wall_ms_ = std::max(node_wall_ms_, wall_ms); }
  /// An operation that the node took, when its clock showed `wall_ms`.
  void accepted(const Operation& operation, uint64_t wall_ms, uint64_t drift_max_ms);
  /// After a recovery: everything acked at `local` is there.
  void recovered(const SimNode& node);

  /// What a node found in its storage: each value was given to it once.
  void recovered_entry(node::LogEntryKind kind, ByteView payload);
  /// The node's storage says that it is damaged. `is_disk_to_blame`: the disk lost or changed what
  /// it had promised to keep.
  void found_damage(bool is_disk_to_blame);
  /// What a node takes that it did not hold before.
  void taken(const MapRef& map, const ReferenceModel::Effect& effect);
  PositionLog& positions() { return positions_; }

  // --- comparisons ---

  /// After an event of `client`: its state is the fold of what it was given.
  void check_client(SimClient& client, bool whole);
  void check_node(SimNode& node);
  void check_bounds(SimNode& node, const std::vector<SimClient*>& clients);
  /// When all is quiet and connected: everybody agrees, about roots, states and mirrors.
  /// Counters are compared with what was counted if `everybody_is_here`.
  void check_agreement(SimNode& node, const std::vector<SimClient*>& clients,
                       bool everybody_is_here);

  /// Whether client and node hold the same, but for what the node has collected behind the horizon
  /// and a client that stays connected collects when it connects again, and what waits for its time
  /// to come.
  static bool agree(SimNode& node, SimClient& client, const MapRef& map);

  /// Comparisons so far: all of them, and those of one invariant.
  uint64_t checks() const;
  uint64_t checks(Invariant invariant) const { return checks_[static_cast<size_t>(invariant)]; }

 private:
  void check_mirror(SimClient& client);
  /// A client that reports nothing pending has nothing that could be lost.
  void check_status(SimClient& client);
  void check_acked(const ReferenceModel& node_model);

  std::function<uint64_t()> now_ms_;
  std::optional<Violation> violation_;
  std::array<uint64_t, kInvariantNumbers> checks_ = {};

  struct Issued {
    uint64_t time;
    uint64_t digest;
    uint32_t client;
    uint64_t start;
    bool stored;
  };
  std::map<uint64_t, std::map<uint64_t, Issued>> issued_;  ///< By replica and sequence.
  std::set<uint64_t> written_;                             ///< Digests of map, key and value.
  ReferenceModel acked_;      ///< The fold of what was acked at `local`.
  ReferenceModel collected_;  ///< And of what the node collected.
  ReferenceModel given_up_;   ///< The same, since it last lost everything.
  PositionLog positions_;
  std::map<std::string, int64_t> counted_;
  bool counts_are_exact_ = true;
  bool replicas_are_one_each_ = true;
  std::map<uint64_t, std::map<uint64_t, uint64_t>> refused_;  ///< By replica: first to count.
  std::set<uint64_t> instances_;                              ///< Ids of clients without storage.
  uint64_t node_lost_us_ = 0;
  uint64_t node_wall_ms_ = 0;  ///< The latest that the node's clock ever showed.
};

}  // namespace topgun::sim
