#include "core/base/probe.hpp"

#ifdef TOPGUN_PROBES

namespace topgun::probe {

State& state() {
  // Probes are reached from everywhere, in the simulator alone.
  // allow(static): in no product
  static State the_state;
  return the_state;
}

}  // namespace topgun::probe

#endif
