#pragma once

#include <deque>
#include <string>

#include "core/sim/observer.hpp"

namespace topgun::sim {

/// Writes down what happens in a run, for pictures: one JSON object an event, in the words of
/// `topgun-sim --trace`. Keeps the latest so many, and counts what it gave up.
class Recorder final : public Observer {
 public:
  enum class Frames : uint8_t {
    All,   ///< For diagrams.
    Lost,  ///< For a live view, which sees the others on their way.
  };
  Recorder(Frames frames, size_t events_max) : frames_(frames), events_max_(events_max) {}

  /// A JSON array of what was written down since the last call.
  std::string take();

  void on_frame(const ObservedFrame& frame) override;
  void on_step(const Step& step, uint64_t at_us) override;
  void on_step_end(const Step& step, uint64_t at_us) override;
  void on_healing(uint64_t at_us) override;
  void on_durable(uint16_t shard, uint64_t sequence, uint64_t at_us) override;

 private:
  void keep(std::string event);

  const Frames frames_;
  const size_t events_max_;
  std::deque<std::string> events_;
};

}  // namespace topgun::sim
