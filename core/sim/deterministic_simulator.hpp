#pragma once

#include <memory>
#include <vector>

#include "core/base/trace_hash.hpp"
#include "core/sim/invariant_checker.hpp"
#include "core/sim/observer.hpp"
#include "core/sim/sim_client.hpp"
#include "core/sim/sim_node.hpp"

namespace topgun::sim {

/// Clients, network, node, disk and all that goes wrong, in one thread and in virtual time. The
/// code under test is the product's own; the simulator is one more host of it, which happens to
/// hold the clock, the dice, the wires and the disks. One scenario gives one run, in every build.
///
/// A run has two phases. In the first, applications write and things go wrong as the scenario says;
/// every promise of safety is watched. In the second, a part of the world that the promises of
/// liveness are about heals, while what is broken elsewhere stays broken: then that part must
/// converge, drain its outboxes and fall silent.
class DeterministicSimulator final : public Actor {
 public:
  /// Both are borrowed.
  DeterministicSimulator(const Scenario& scenario, const storage::OpenStorage& open_storage);
  ~DeterministicSimulator() override;

  /// From now on `observer`, which is borrowed, hears what happens; null ends it.
  void observe(Observer* observer);

  /// Runs to the end, or to the first violation.
  void run();

  /// Runs until `until_us` of virtual time or the end; false at the end. For hosts that show it.
  bool run_until(uint64_t until_us);

  /// Runs until `events` events have happened since the start, or to the end; false at the end.
  bool run_events(uint64_t events);

  /// When the run ends if nothing is found.
  uint64_t end_us() const;
  uint64_t now_us() const { return scheduler_.now_us(); }
  bool is_over() const { return is_over_; }

  const std::optional<Violation>& violation() const { return checker_.violation(); }
  /// Digest of all that happened, for comparison between builds.
  uint64_t trace() const { return trace_.value(); }
  uint64_t events() const { return scheduler_.events(); }

  // --- for pictures and for hands that meddle ---

  const Scenario& scenario() const { return scenario_; }
  SimNode& node() { return node_; }
  VirtualNetwork& network() { return network_; }
  InvariantChecker& checker() { return checker_; }
  const std::vector<std::unique_ptr<SimClient>>& clients() const { return clients_; }
  bool is_core(uint32_t client) const { return is_core_[client]; }
  bool is_in_second_phase() const { return phase_ != Phase::Safety; }
  /// Carries out a step that is not part of the scenario, now.
  void meddle(const Step& step) { carry_out(step); }
  /// How often each family struck.
  FaultRates activations() const;

  void on_event(uint32_t kind, uint64_t argument) override;

 private:
  enum class Phase : uint8_t { Safety, Healing, Silence, Done };
  enum EventKind : uint32_t { OnStep, OnEndOfStep, OnPhase, OnLook };

  /// The next event before `until_us`; false if there is none.
  bool step(uint64_t until_us);
  void carry_out(const Step& step);
  void carry_out_write(const Step& step, SimClient& client);
  void carry_out_client_fault(const Step& step, SimClient& client);
  void carry_out_node_fault(const Step& step);
  void end_step(const Step& step);
  void end_client_fault(const Step& step, SimClient& client);
  void count(Fault fault) { ++struck_[static_cast<size_t>(fault)]; }
  void look();
  void check_queries();
  void check_node_questions();
  void start_healing();
  bool core_agrees();
  bool is_starting_anew();
  void look_for_agreement();
  void start_silence();
  void finish();
  std::string key_of(const Step& step) const;
  std::string text_of(const Step& step) const;
  Bytes value_of(const Step& step) const;
  std::vector<SimClient*> core_clients() const;

  const Scenario scenario_;
  Scheduler scheduler_;
  InvariantChecker checker_;
  SimNode node_;
  VirtualNetwork network_;
  std::vector<std::unique_ptr<SimClient>> clients_;
  std::vector<bool> is_core_;
  Scheduler::ActorId actor_;
  TraceHash trace_;
  Phase phase_ = Phase::Safety;
  bool is_over_ = false;
  uint64_t healing_since_us_ = 0;
  uint64_t frames_before_silence_ = 0;
  bool had_backlog_ = false;
  std::map<std::string, Bytes> entries_before_silence_;  ///< Of the node's "notes".
  uint64_t events_at_once_ = 0;                          ///< Since time moved for the last time.
  FaultRates struck_ = {};
  Observer* observer_ = nullptr;
};

}  // namespace topgun::sim
