#pragma once

#include <array>

#include "core/base/prng.hpp"
#include "core/sim/scenario.hpp"

namespace topgun::sim {

// What seeds differ in besides the rates of their fault families. Each part takes draws of its own,
// so that a new one leaves the others of a seed as they were.

/// Log-uniform between the bounds, in integers: a random number of doublings, then a random part of
/// the next. 0 if `low` is 0. Two draws.
uint64_t log_between(Prng& prng, uint64_t low, uint64_t high);

/// How often an application does which of the things that it does unasked.
class WriteMix {
 public:
  /// In half of the seeds the usual mix; in the others each kind has a weight of its own, and some
  /// do not happen at all.
  static WriteMix draw(uint64_t seed);

  /// One draw.
  StepKind draw_kind(Prng& prng) const;

 private:
  static constexpr size_t kKinds = 7;
  std::array<uint64_t, kKinds> weights_ = {};
};

/// Sizes of the world that are rare alone and rarer together: long runs, short retentions, late
/// checkpoints, large values on small credit, impatient requests, a client without storage.
void draw_shape(Scenario& scenario);

/// In half of the seeds a quarter of what strikes at a moment is moved to where something else
/// lasts: faults that meet break more than faults that follow one another.
void let_faults_meet(Scenario& scenario);

}  // namespace topgun::sim
