#pragma once

#include <cstdint>
#include <vector>

#include "core/base/prng.hpp"

namespace topgun::sim {

/// Something that events happen to: a client, a shard of the node, the network.
class Actor {
 public:
  virtual ~Actor() = default;
  /// `kind` and `argument` are what the actor itself gave when it asked for the event.
  virtual void on_event(uint32_t kind, uint64_t argument) = 0;
};

/// The event queue of a simulation: virtual time in microseconds that jumps from event to event.
///
/// Events of one instant happen in an order drawn from the seed, keyed by actor and by how many
/// events that actor had before: leaving one actor out leaves the races between the others as they
/// were. O(log events) each.
class Scheduler {
 public:
  explicit Scheduler(uint64_t seed) : seed_(seed) {}

  uint64_t now_us() const { return now_us_; }

  /// Names an actor; its number keys the order of simultaneous events, so give each a fixed one.
  /// Borrows it for the scheduler's life.
  struct ActorId {
    uint64_t key = 0;
    uint32_t slot = 0;
  };
  ActorId add(Actor& actor, uint64_t key);

  /// Calls `on_event(kind, argument)` at `at_us`, or now if that is past.
  void at(uint64_t at_us, ActorId actor, uint32_t kind, uint64_t argument = 0);
  void after(uint64_t delay_us, ActorId actor, uint32_t kind, uint64_t argument = 0) {
    at(now_us_ + delay_us, actor, kind, argument);
  }

  /// Runs the next event if it lies before `end_us`; false, with the time moved to `end_us`, if
  /// there is none.
  bool step(uint64_t end_us);

  uint64_t events() const { return events_; }

 private:
  struct Event {
    uint64_t at_us;
    uint64_t tie;
    uint64_t sequence;
    uint64_t argument;
    uint32_t slot;
    uint32_t kind;
  };
  struct Slot {
    Actor* actor;
    Prng ties;
  };
  static bool is_later(const Event& left, const Event& right);
  void sift_up(size_t at);
  void sift_down(size_t at);

  uint64_t seed_;
  uint64_t now_us_ = 0;
  uint64_t sequence_ = 0;
  uint64_t events_ = 0;
  std::vector<Event> heap_;
  std::vector<Slot> slots_;
};

}  // namespace topgun::sim
