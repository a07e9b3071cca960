#pragma once

#include <functional>
#include <optional>

#include "core/sim/invariant_checker.hpp"
#include "core/sim/observer.hpp"
#include "core/sim/scenario.hpp"
#include "core/storage/node_storage.hpp"

namespace topgun::sim {

/// What came of one run.
struct Outcome {
  uint64_t seed = 0;
  std::optional<Violation> violation;
  uint64_t trace = 0;
  uint64_t events = 0;
  uint64_t simulated_ms = 0;
  uint64_t checks = 0;
  FaultRates activations = {};
};

/// A failing scenario, made smaller, and what is left of it.
struct Shrunk {
  Scenario scenario;
  Violation violation;
  uint64_t runs = 0;
  uint32_t operations = 0;  ///< Writes that are left.
  uint32_t clients = 0;     ///< Clients that are left.
  uint32_t families = 0;    ///< Fault families that are still needed.
};

/// Runs scenarios, and makes failing ones smaller while they fail in the same way.
class ScenarioRunner {
 public:
  explicit ScenarioRunner(storage::OpenStorage open_storage)
      : open_storage_(std::move(open_storage)) {}

  /// `observer` is borrowed and may be null.
  Outcome run(const Scenario& scenario, Observer* observer = nullptr) const;

  /// Drops and lowers parts of a scenario that violates `invariant`, as long as it goes on doing so
  /// (delta debugging: Zeller and Hildebrandt, "Simplifying and Isolating Failure-Inducing Input",
  /// TSE 2002): whole fault families first, then clients, then steps, then durations, keys and
  /// knobs. Because draws are keyed, what is left happens as before; where its order was lost all
  /// the same, other seeds are tried. At most `runs_max` runs, and about a minute.
  Shrunk shrink(const Scenario& scenario, Invariant invariant, uint64_t runs_max) const;

 private:
  storage::OpenStorage open_storage_;
};

}  // namespace topgun::sim
