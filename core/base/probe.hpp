#pragma once

#include <cstdint>

#include "core/base/marks.hpp"

/// Probes of the simulator in the code of the product. In a product they are nothing at all: no
/// code, no data, no branch (a check reads the archives). In the simulator's probed build
/// (`TOPGUN_PROBES`) they are:
///
/// - `TG_SOMETIMES(condition, Name)`: notes that the condition held. A campaign in which a mark was
///   never reached did not look where it claims to, and fails. The names are in marks.hpp.
/// - `TG_MUTANT(n)`: true if planted bug number `n` is switched on; `core/sim/mutants.hpp` says
/// what
///   each breaks. Finding them is how the simulator proves itself.
#ifdef TOPGUN_PROBES

namespace topgun::probe {

/// State of the probes of this process: the simulator runs on one thread.
struct State {
  uint32_t mutant = 0;
  uint64_t marks[kMarkCount] = {};
};
State& state();

inline bool is_mutant(uint32_t number) { return __builtin_expect(state().mutant == number, 0); }
inline void mark(bool condition, Mark mark) {
  if (condition) ++state().marks[static_cast<uint32_t>(mark)];
}

}  // namespace topgun::probe

#define TG_SOMETIMES(condition, name) \
  ::topgun::probe::mark((condition), ::topgun::probe::Mark::name)
#define TG_MUTANT(number) ::topgun::probe::is_mutant(number)

#else

#define TG_SOMETIMES(condition, name) ((void)sizeof(!(condition)))
#define TG_MUTANT(number) false

#endif
