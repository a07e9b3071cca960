#pragma once

#include <cstdint>

#include "core/base/bytes.hpp"
#include "core/sim/scenario.hpp"

namespace topgun::sim {

/// One frame, when it arrives or is lost. Borrowed for the call.
struct ObservedFrame {
  uint32_t client;
  bool to_node;
  bool lost;          ///< A connection broke while it was on its way, or nobody is there.
  uint64_t sent_us;   ///< Virtual time, like all times here.
  uint64_t ended_us;  ///< When it arrived, or was lost.
  ByteView bytes;
};

/// Who watches a run, to draw or tell it. It changes nothing; a run without one pays a comparison a
/// frame. All calls are made from within the run, in the order of virtual time.
class Observer {
 public:
  virtual ~Observer() = default;
  virtual void on_frame(const ObservedFrame& frame) = 0;
  /// A step of the scenario is about to be carried out.
  virtual void on_step(const Step& step, uint64_t at_us) = 0;
  /// What a step with a duration did is undone: a link heals, a client starts again.
  virtual void on_step_end(const Step& step, uint64_t at_us) = 0;
  /// The first phase is over: a part of the world heals, see DeterministicSimulator.
  virtual void on_healing(uint64_t at_us) = 0;
  /// The node's log holds everything of this shard up to `sequence` for good.
  virtual void on_durable(uint16_t shard, uint64_t sequence, uint64_t at_us) = 0;
};

}  // namespace topgun::sim
