#include "core/sim/scenario_runner.hpp"

#include <algorithm>
#include <set>

#include "core/base/mix.hpp"
#include "core/sim/deterministic_simulator.hpp"

namespace topgun::sim {
namespace {

bool is_write(StepKind kind) { return !is_fault(kind); }

/// Where dropping something also moves what is left out of its unlucky order, other seeds may bring
/// an order as unlucky; so many are tried.
constexpr uint32_t kOtherSeeds = 6;
/// Runs of large scenarios count for many: about a minute in all.
constexpr uint64_t kEventsMax = 30'000'000;

/// One shrinking at work: the best scenario so far and the attempts to better it.
class Shrinker {
 public:
  Shrinker(const ScenarioRunner& runner, const Scenario& scenario, Invariant invariant,
           uint64_t runs_max)
      : runner_(runner), best_(scenario), invariant_(invariant), runs_max_(runs_max) {}

  Shrunk run() {
    cut_after_violation();
    drop_all();
    simplify_knobs();
    // What is left runs fast enough to be tried with other seeds as well.
    other_seeds_ = kOtherSeeds;
    for (size_t before = SIZE_MAX; size() < before && !is_spent();) {
      before = size();
      drop_all();
    }
    other_seeds_ = 0;
    simplify_knobs();
    simplify_steps();
    drop_all();
    return result();
  }

 private:
  bool is_spent() const { return runs_ >= runs_max_ || events_ >= kEventsMax; }

  size_t size() const {
    size_t rates = 0;
    for (const uint32_t rate : best_.rates) rates += rate == 0 ? 0 : 1;
    return best_.steps.size() + rates + best_.present_clients();
  }

  void drop_all() {
    drop_families();
    drop_clients();
    drop_steps();
  }

  /// Takes `candidate` over if it still fails in the same way.
  bool attempt(const Scenario& candidate) {
    if (fails(candidate)) return true;
    Scenario other = candidate;
    for (uint32_t i = 1; i <= other_seeds_; ++i) {
      other.seed = absorb64(candidate.seed, i);
      if (fails(other)) return true;
    }
    return false;
  }

  bool fails(const Scenario& candidate) {
    if (is_spent()) return false;
    ++runs_;
    const Outcome outcome = runner_.run(candidate);
    events_ += outcome.events;
    if (!outcome.violation.has_value() || outcome.violation->invariant != invariant_) return false;
    best_ = candidate;
    violation_ = *outcome.violation;
    return true;
  }

  void cut_after_violation() {
    attempt(best_);
    Scenario shorter = best_;
    shorter.duration_ms = std::min(best_.duration_ms, violation_.at_ms + 1);
    std::erase_if(shorter.steps,
                  [&](const Step& step) { return step.at_ms >= shorter.duration_ms; });
    attempt(shorter);
  }

  void drop_families() {
    for (size_t i = 0; i < kFaultCount; ++i) {
      const auto fault = static_cast<Fault>(i);
      const auto belongs = [&](const Step& step) {
        return is_fault(step.kind) && family_of(step) == fault;
      };
      const bool is_used = std::any_of(best_.steps.begin(), best_.steps.end(), belongs);
      if (best_.rates[i] == 0 && !is_used) continue;
      Scenario without = best_;
      without.rates[i] = 0;
      std::erase_if(without.steps, belongs);
      attempt(without);
    }
  }

  void drop_clients() {
    for (uint32_t client = best_.all_clients(); client-- > 0;) {
      if (best_.is_absent(client) || best_.present_clients() == 1) continue;
      Scenario without = best_;
      without.absent.push_back(client);
      std::erase_if(without.steps, [&](const Step& step) {
        return step.actor == client && step.kind < StepKind::NodeCrash;
      });
      attempt(without);
    }
  }

  void drop_steps() {
    size_t chunk = std::max<size_t>(best_.steps.size() / 2, 1);
    for (;;) {
      bool dropped = false;
      for (size_t end = best_.steps.size(); end > 0;) {
        const size_t begin = end > chunk ? end - chunk : 0;
        Scenario without = best_;
        without.steps.erase(without.steps.begin() + static_cast<std::ptrdiff_t>(begin),
                            without.steps.begin() + static_cast<std::ptrdiff_t>(end));
        dropped = attempt(without) || dropped;
        end = begin;
      }
      if (is_spent() || best_.steps.empty()) return;
      if (chunk == 1 && !dropped) return;
      if (chunk > 1) chunk /= 2;
    }
  }

  void simplify_knobs() {
    const Scenario usual;
    const auto lower = [&](auto member, auto value) {
      if (best_.*member == value) return;
      Scenario simpler = best_;
      simpler.*member = value;
      attempt(simpler);
    };
    lower(&Scenario::shards, 1u);
    lower(&Scenario::transports, Transports::Streams);
    lower(&Scenario::transports, Transports::Exchanges);
    lower(&Scenario::value_bytes, uint64_t{1});
    lower(&Scenario::keys, 1u);
    lower(&Scenario::keys, 2u);
    lower(&Scenario::in_flight_max, usual.in_flight_max);
    lower(&Scenario::credit_bytes, usual.credit_bytes);
    lower(&Scenario::retention_ms, usual.retention_ms);
    lower(&Scenario::checkpoint_interval_ms, usual.checkpoint_interval_ms);
    lower(&Scenario::segment_bytes, usual.segment_bytes);
    lower(&Scenario::changes_max, usual.changes_max);
    lower(&Scenario::exchange_timeout_ms, usual.exchange_timeout_ms);
  }

  void simplify_steps() {
    for (size_t i = 0; i < best_.steps.size(); ++i) {
      const auto lower = [&](uint64_t Step::*member, uint64_t value) {
        if (best_.steps[i].*member <= value) return;
        Scenario simpler = best_;
        simpler.steps[i].*member = value;
        attempt(simpler);
      };
      lower(&Step::a, 0);
      if (is_write(best_.steps[i].kind)) lower(&Step::b, 0);
      if (is_fault(best_.steps[i].kind)) lower(&Step::b, 1'000);
    }
  }

  Shrunk result() const {
    Shrunk shrunk;
    shrunk.scenario = best_;
    shrunk.violation = violation_;
    shrunk.runs = runs_;
    shrunk.clients = best_.present_clients();
    std::set<Fault> families;
    for (size_t i = 0; i < kFaultCount; ++i) {
      if (best_.rates[i] != 0 && !is_struck_by_steps(static_cast<Fault>(i))) {
        families.insert(static_cast<Fault>(i));
      }
    }
    for (const Step& step : best_.steps) {
      if (is_write(step.kind)) ++shrunk.operations;
      if (is_fault(step.kind)) families.insert(family_of(step));
    }
    shrunk.families = static_cast<uint32_t>(families.size());
    return shrunk;
  }

  const ScenarioRunner& runner_;
  Scenario best_;
  Violation violation_;
  const Invariant invariant_;
  const uint64_t runs_max_;
  uint64_t runs_ = 0;
  uint64_t events_ = 0;
  uint32_t other_seeds_ = 0;
};

}  // namespace

Outcome ScenarioRunner::run(const Scenario& scenario, Observer* observer) const {
  DeterministicSimulator simulator(scenario, open_storage_);
  simulator.observe(observer);
  simulator.run();
  Outcome outcome;
  outcome.seed = scenario.seed;
  outcome.violation = simulator.violation();
  outcome.trace = simulator.trace();
  outcome.events = simulator.events();
  outcome.simulated_ms = simulator.now_us() / 1000;
  outcome.checks = simulator.checker().checks();
  outcome.activations = simulator.activations();
  return outcome;
}

Shrunk ScenarioRunner::shrink(const Scenario& scenario, Invariant invariant,
                              uint64_t runs_max) const {
  return Shrinker(*this, scenario, invariant, runs_max).run();
}

}  // namespace topgun::sim
