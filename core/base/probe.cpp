#include "core/base/probe.hpp"

#ifdef TOPGUN_PROBES

namespace topgun::probe {

State& state() {
  // allow(static): the one piece of state in core/, in no product: probes are reached from
  // everywhere
  static State the_state;
  return the_state;
}

}  // namespace topgun::probe

#endif
