#include "core/sim/scheduler.hpp"

#include <algorithm>
#include <utility>

namespace topgun::sim {

Scheduler::ActorId Scheduler::add(Actor& actor, uint64_t key) {
  slots_.push_back({&actor, Prng(seed_, stream_id("schedule.tie"), key)});
  return {key, static_cast<uint32_t>(slots_.size() - 1)};
}

bool Scheduler::is_later(const Event& left, const Event& right) {
  if (left.at_us != right.at_us) return left.at_us > right.at_us;
  if (left.tie != right.tie) return left.tie > right.tie;
  return left.sequence > right.sequence;
}

void Scheduler::at(uint64_t at_us, ActorId actor, uint32_t kind, uint64_t argument) {
  const uint64_t tie = slots_[actor.slot].ties.next();
  heap_.push_back({std::max(at_us, now_us_), tie, ++sequence_, argument, actor.slot, kind});
  sift_up(heap_.size() - 1);
}

bool Scheduler::step(uint64_t end_us) {
  if (heap_.empty() || heap_.front().at_us >= end_us) {
    now_us_ = std::max(now_us_, end_us);
    return false;
  }
  const Event event = heap_.front();
  heap_.front() = heap_.back();
  heap_.pop_back();
  if (!heap_.empty()) sift_down(0);
  now_us_ = event.at_us;
  ++events_;
  slots_[event.slot].actor->on_event(event.kind, event.argument);
  return true;
}

void Scheduler::sift_up(size_t at) {
  while (at > 0) {
    const size_t parent = (at - 1) / 2;
    if (!is_later(heap_[parent], heap_[at])) return;
    std::swap(heap_[parent], heap_[at]);
    at = parent;
  }
}

void Scheduler::sift_down(size_t at) {
  for (;;) {
    size_t least = at;
    for (const size_t child : {2 * at + 1, 2 * at + 2}) {
      if (child < heap_.size() && is_later(heap_[least], heap_[child])) least = child;
    }
    if (least == at) return;
    std::swap(heap_[least], heap_[at]);
    at = least;
  }
}

}  // namespace topgun::sim
