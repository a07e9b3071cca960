#pragma once

#include "core/sim/deterministic_simulator.hpp"
#include "core/sim/scenario_runner.hpp"
#include "wasm/simulator/json.hpp"

// What the simulator has to say, as JSON. The shapes are those of examples/simulator/src/types.ts.
// Nothing here asks an engine anything, since an engine notes that it was asked: looking must not
// change a run.

namespace topgun::sim {

/// `"messages":[name...]` of a frame.
void describe_messages(Json& json, ByteView frame);

/// The fields of a step: `id`, `kind`, `actor`, `fault`, `of_node`, `a`, `b`.
void describe_step(Json& json, const Step& step);

/// `"violation":` its invariant, detail and time, or null.
void describe_violation(Json& json, const std::optional<Violation>& violation);

/// A scenario with its steps, and its bytes as `scenario`, in hexadecimal digits.
void describe_scenario(Json& json, const Scenario& scenario);

/// The world at this instant: machines, links, frames on their way, disk, clocks.
void describe_world(Json& json, DeterministicSimulator& simulator);

/// What the replica of a client, or for `kNode` the node, holds: at most `kRecordsShown` of each
/// map.
inline constexpr uint32_t kNode = 0xffff'ffff;
inline constexpr size_t kRecordsShown = 64;
void describe_contents(Json& json, DeterministicSimulator& simulator, uint32_t machine);

/// Planted bugs, fault families and marks by name.
void describe_catalog(Json& json);

/// What came of a whole run.
void describe_outcome(Json& json, const Outcome& outcome);

/// What the shrinker left.
void describe_shrunk(Json& json, const Shrunk& shrunk);

}  // namespace topgun::sim
