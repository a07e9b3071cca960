#pragma once

#include <string>

#include "core/sim/observer.hpp"
#include "core/sim/scenario_runner.hpp"

// What the program says: one JSON object a line, on standard output.

namespace topgun::sim {

/// `text` as a JSON string, with its quotes.
std::string json_text(const std::string& text);

void print_violation(const char* event, uint64_t seed, const Violation& violation);
/// A scenario made smaller, with its steps for people and its bytes for the program. 64-bit numbers
/// of steps are strings: readers in JavaScript would round them.
void print_shrunk(const Shrunk& shrunk);

/// Says what happens in a run, for diagrams: an object an event, with its time in µs as `t`.
class TraceLines final : public Observer {
 public:
  void on_frame(const ObservedFrame& frame) override;
  void on_step(const Step& step, uint64_t at_us) override;
  void on_step_end(const Step& step, uint64_t at_us) override;
  void on_healing(uint64_t at_us) override;
  void on_durable(uint16_t shard, uint64_t sequence, uint64_t at_us) override;
};

}  // namespace topgun::sim
