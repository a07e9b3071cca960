#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/sim/deterministic_simulator.hpp"
#include "wasm/simulator/recorder.hpp"

namespace topgun::sim {

/// What a hand does to a run, besides the steps of its scenario.
struct Deed {
  enum class Kind : uint8_t {
    Do = 0,       ///< Carries out `step`; nothing ends by itself.
    End = 1,      ///< Ends what a step of this kind did: heals, restarts, wakes.
    FlipBit = 2,  ///< A stored bit of the node's disk flips, somewhere in file `step.a`.
  };
  Kind kind = Kind::Do;
  Step step;
  /// When: after so many events, at this time. Both, so that it can be done again.
  uint64_t events = 0;
  uint64_t at_us = 0;
};

/// One run that somebody watches: goes on in pieces, takes interventions, and goes back by running
/// anew from the start, with the interventions up to there done again at the same instants. A run
/// without any has the trace that it has in one go.
class Session {
 public:
  explicit Session(storage::OpenStorage open_storage) : open_storage_(std::move(open_storage)) {}

  /// A new run from the start; forgets the one before and its deeds.
  void start(const Scenario& scenario);
  bool is_open() const { return simulator_ != nullptr; }
  DeterministicSimulator& simulator() { return *simulator_; }

  /// Runs to a time, or on by a number of events; false when the run is over.
  bool run_until(uint64_t until_us) { return simulator_->run_until(until_us); }
  bool run_events(uint64_t count) { return simulator_->run_events(simulator_->events() + count); }
  /// Back to an earlier time; what was done after it is forgotten. O(events until then).
  void rewind(uint64_t to_us);

  /// Does it now, and again whenever the run comes by here. False if it makes no sense now.
  bool act(Deed::Kind kind, const Step& step);
  const std::vector<Deed>& deeds() const { return deeds_; }

  /// What happened since the last call, as a JSON array.
  std::string take_happenings() { return recorder_.take(); }

 private:
  void restart();
  bool carry_out(const Deed& deed);
  bool end(const Step& step);
  bool flip_bit(const Step& step);

  const storage::OpenStorage open_storage_;
  Scenario scenario_;
  Recorder recorder_{Recorder::Frames::Lost, kHappeningsMax};
  std::unique_ptr<DeterministicSimulator> simulator_;
  std::vector<Deed> deeds_;

  static constexpr size_t kHappeningsMax = 400;
};

}  // namespace topgun::sim
