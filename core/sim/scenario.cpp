#include "core/sim/scenario.hpp"

#include <algorithm>

#include "core/base/byte_io.hpp"
#include "core/base/prng.hpp"
#include "core/sim/sim_node_questions.hpp"
#include "core/sim/swarm.hpp"

namespace topgun::sim {
namespace {

/// What a family counts its rate in.
enum class Per : uint8_t { Million, Minute };

struct FaultTraits {
  Fault fault;
  std::string_view name;
  Per per;
  /// Bounds of the rate when the family is on, drawn log-uniformly between them; in parts of a
  /// million. Per minute means: of each client, or of the node.
  uint32_t low, high;
  /// The step that strikes; for families per minute.
  StepKind step;
  /// Bounds of its duration in ms; 0 = a moment.
  uint64_t short_ms, long_ms;
  bool of_node;
};

constexpr FaultTraits kTraits[kFaultCount] = {
    {Fault::Jitter, "jitter", Per::Million, 1'000, 300'000, StepKind::Cut, 0, 0, false},
    {Fault::Loss, "loss", Per::Million, 1'000, 300'000, StepKind::Cut, 0, 0, false},
    {Fault::Reset, "reset", Per::Minute, 100'000, 4'000'000, StepKind::Cut, 0, 0, false},
    {Fault::HalfOpen, "half-open", Per::Minute, 50'000, 1'000'000, StepKind::HalfOpen, 0, 0, false},
    {Fault::Partition, "partition", Per::Minute, 50'000, 1'000'000, StepKind::Partition, 100,
     60'000, false},
    {Fault::OneWay, "one-way", Per::Minute, 50'000, 1'000'000, StepKind::Partition, 100, 60'000,
     false},
    {Fault::SlowReader, "slow-reader", Per::Minute, 50'000, 1'000'000, StepKind::SlowReader, 100,
     40'000, false},
    {Fault::Offline, "offline", Per::Minute, 100'000, 2'000'000, StepKind::Offline, 100, 60'000,
     false},
    {Fault::TabKill, "tab-kill", Per::Minute, 50'000, 3'000'000, StepKind::TabKill, 1, 10'000,
     false},
    {Fault::TabSleep, "tab-sleep", Per::Minute, 50'000, 1'000'000, StepKind::TabSleep, 100, 60'000,
     false},
    {Fault::Quota, "quota", Per::Minute, 50'000, 1'000'000, StepKind::Quota, 100, 40'000, false},
    {Fault::Wipe, "wipe", Per::Minute, 20'000, 500'000, StepKind::Wipe, 1, 1'000, false},
    {Fault::Clone, "clone", Per::Minute, 20'000, 500'000, StepKind::Clone, 1, 1'000, false},
    {Fault::RowDamage, "row-damage", Per::Minute, 20'000, 500'000, StepKind::RowDamage, 1, 1'000,
     false},
    {Fault::Skew, "skew", Per::Million, 100'000, 1'000'000, StepKind::Cut, 0, 0, false},
    {Fault::Drift, "drift", Per::Million, 100'000, 1'000'000, StepKind::Cut, 0, 0, false},
    {Fault::ClockStep, "clock-step", Per::Minute, 50'000, 1'000'000, StepKind::ClockStep, 0, 0,
     false},
    {Fault::NodeCrash, "node-crash", Per::Minute, 200'000, 6'000'000, StepKind::NodeCrash, 10,
     5'000, true},
    {Fault::NodePower, "node-power", Per::Minute, 200'000, 6'000'000, StepKind::NodePower, 100,
     20'000, true},
    {Fault::NodePause, "node-pause", Per::Minute, 100'000, 2'000'000, StepKind::NodePause, 100,
     40'000, true},
    {Fault::NodeClock, "node-clock", Per::Minute, 50'000, 1'000'000, StepKind::NodeClockStep, 0, 0,
     true},
    {Fault::DiskSlow, "disk-slow", Per::Million, 1'000, 100'000, StepKind::Cut, 0, 0, true},
    {Fault::DiskWrite, "disk-write", Per::Million, 100, 30'000, StepKind::Cut, 0, 0, true},
    {Fault::DiskSync, "disk-sync", Per::Million, 1'000, 100'000, StepKind::Cut, 0, 0, true},
    {Fault::DiskFull, "disk-full", Per::Minute, 100'000, 2'000'000, StepKind::DiskFull, 100, 20'000,
     true},
    {Fault::DiskRead, "disk-read", Per::Million, 100, 10'000, StepKind::Cut, 0, 0, true},
    {Fault::DiskRot, "disk-rot", Per::Million, 100, 100'000, StepKind::Cut, 0, 0, true},
    {Fault::Starve, "starve", Per::Million, 10'000, 300'000, StepKind::Cut, 0, 0, true},
    {Fault::LostAnswer, "lost-answer", Per::Million, 1'000, 300'000, StepKind::Cut, 0, 0, false},
    {Fault::DoubledRequest, "doubled-request", Per::Million, 1'000, 300'000, StepKind::Cut, 0, 0,
     false},
    {Fault::DiskHang, "disk-hang", Per::Minute, 100'000, 3'000'000, StepKind::DiskHang, 100, 20'000,
     true},
    {Fault::NewerPeer, "newer-peer", Per::Million, 100'000, 1'000'000, StepKind::Cut, 0, 0, false},
    {Fault::Freeze, "freeze", Per::Minute, 200'000, 4'000'000, StepKind::Freeze, 100, 60'000,
     false},
    {Fault::InstanceEnd, "instance-end", Per::Minute, 200'000, 4'000'000, StepKind::InstanceEnd, 1,
     20'000, false},
};

/// Families that strike where a single one does; the later ones befall few clients.
constexpr size_t kFavourites = 32;

/// What only instances at the edge suffer.
bool is_of_edge(Fault fault) { return fault == Fault::Freeze || fault == Fault::InstanceEnd; }

const FaultTraits& traits(Fault fault) { return kTraits[static_cast<size_t>(fault)]; }

void draw_rates(Scenario& scenario) {
  Prng prng(scenario.seed, stream_id("scenario.faults"));
  const uint64_t mode = prng.below(100);
  const uint64_t favourite = prng.below(kFavourites);
  for (size_t i = 0; i < kFaultCount; ++i) {
    Prng family(scenario.seed, stream_id("scenario.fault"), i);
    const bool on = family.below(2) == 1;
    const auto rate = static_cast<uint32_t>(log_between(family, kTraits[i].low, kTraits[i].high));
    if (mode < 5) continue;
    if (mode < 10) {
      if (i == favourite) scenario.rates[i] = kTraits[i].high;
      continue;
    }
    if (on) scenario.rates[i] = rate;
  }
}

/// What the product does not promise yet (docs/invariants.md, gaps) is not asked of it.
void leave_out_gaps(Scenario& scenario) {
  const auto rate = [&](Fault fault) -> uint32_t& {
    return scenario.rates[static_cast<size_t>(fault)];
  };
  // A node whose clock was far ahead and that then lost its disk refuses the records of that time,
  // which only clients hold now, until its clock gets there.
  if (rate(Fault::NodeClock) != 0) {
    Prng prng(scenario.seed, stream_id("scenario.node.clock"));
    const bool keeps_disk = prng.below(2) == 1;
    if (!keeps_disk) rate(Fault::NodeClock) = 0;
    for (const Fault fault : {Fault::DiskWrite, Fault::DiskSync, Fault::DiskFull, Fault::DiskRead,
                              Fault::DiskRot, Fault::DiskHang}) {
      if (keeps_disk) rate(fault) = 0;
    }
  }
  // A client may hold a write of its own as a record alone: a copy those of the other copy, and a
  // client whose outbox was damaged what stood in it. If it comes from the future, the node refuses
  // it without a word. And with a damaged row goes the memory of the latest stamp.
  if (rate(Fault::Clone) == 0 && rate(Fault::RowDamage) == 0) return;
  rate(Fault::Skew) = 0;
  rate(Fault::ClockStep) = 0;
  rate(Fault::NodeClock) = 0;
}

void draw_knobs(Scenario& scenario) {
  Prng prng(scenario.seed, stream_id("scenario.knobs"));
  const auto knob = [&](uint64_t low, uint64_t high, uint64_t usual) {
    const bool turned = prng.below(2) == 1;
    const uint64_t value = log_between(prng, low, high);
    return turned ? value : usual;
  };
  scenario.keys = static_cast<uint32_t>(knob(1, 200, 8));
  // Short against the run, so that tombstones are collected in it; but not shorter than it takes to
  // find that roots differ and to mend that, for which 30 seconds may pass.
  scenario.retention_ms = std::max<uint64_t>(knob(4'000, 120'000, scenario.retention_ms), 16'000);
  // Clients grant credit in steps of 16 KiB, so less than two steps would stall.
  scenario.credit_bytes = knob(32'768, 1u << 20, scenario.credit_bytes);
  scenario.checkpoint_interval_ms = knob(200, 20'000, scenario.checkpoint_interval_ms);
  scenario.segment_bytes = 4'096 * knob(16, 256, 16);
  scenario.in_flight_max = knob(1, 65'536, scenario.in_flight_max);
  // Large enough to use up credit; with twenty clients they would only cost time.
  const uint64_t value_bytes_max = scenario.profile == Profile::Lite ? 16'000 : 2'000;
  scenario.value_bytes = knob(1, value_bytes_max, scenario.value_bytes);
  scenario.changes_max = knob(8, 65'536, scenario.changes_max);
  if (scenario.profile == Profile::Lite) scenario.shards = 1 + static_cast<uint32_t>(prng.below(3));
  scenario.transports = static_cast<Transports>(prng.below(4));
}

StepKind draw_query(Prng& prng) {
  const uint64_t what = prng.below(100);
  if (what < 40) return StepKind::SubscribeQuery;
  if (what < 60) return StepKind::Query;
  if (what < 65) return StepKind::UnsubscribeQuery;
  if (what < 80) return StepKind::ToggleIndex;
  return StepKind::ToggleView;
}

/// Writes come in bursts: most of a client's writes fall close to another one.
void add_writes(Scenario& scenario, const WriteMix& mix, uint32_t client, uint64_t count) {
  Prng prng(scenario.seed, stream_id("scenario.writes"), client);
  uint64_t at_ms = prng.below(scenario.duration_ms);
  for (uint64_t i = 0; i < count; ++i) {
    const bool jumps = prng.below(4) == 0;
    const uint64_t place = prng.below(scenario.duration_ms);
    const uint64_t pause = prng.below(40);
    at_ms = jumps ? place : std::min(scenario.duration_ms - 1, at_ms + pause);
    Step step;
    step.id = (uint64_t{client} + 1) << 32 | i;
    step.at_ms = at_ms;
    step.actor = client;
    step.kind = mix.draw_kind(prng);
    step.a = prng.next();
    step.b = step.kind == StepKind::CounterAdd ? prng.below(19) : prng.next() >> 40;
    scenario.steps.push_back(step);
  }
}

/// In half of the seeds some applications ask questions, and entries are records with fields.
void add_queries(Scenario& scenario) {
  Prng prng(scenario.seed, stream_id("scenario.queries"));
  if (prng.below(2) == 0) return;
  for (Step& step : scenario.steps) {
    if (step.kind != StepKind::Set && step.kind != StepKind::SetTtl) continue;
    const Prng shape(scenario.seed, stream_id("scenario.records"), step.id);
    // One more, because 0 is plain text.
    step.b |= ((shape.at(0) >> 44) + 1) << kWriteBits;
  }
  const bool is_lite = scenario.profile == Profile::Lite;
  const uint64_t others = scenario.steps.size();
  for (uint32_t client = 0; client < scenario.all_clients(); ++client) {
    Prng draws(scenario.seed, stream_id("scenario.client.queries"), client);
    const bool asks = draws.below(is_lite ? 3 : 4) < (is_lite ? 2 : 1);
    const uint64_t count = 1 + draws.below(16);
    for (uint64_t i = 0; asks && i < count; ++i) {
      Step step;
      step.id = uint64_t{1} << 62 | (uint64_t{client} + 1) << 32 | i;
      step.at_ms = draws.below(scenario.duration_ms);
      // Half of them close to something else.
      const uint64_t which = draws.below(2 * others);
      const uint64_t after_ms = draws.below(100);
      if (which < others) {
        const uint64_t near_ms = scenario.steps[static_cast<size_t>(which)].at_ms + after_ms;
        step.at_ms = std::min(near_ms, scenario.duration_ms - 1);
      }
      step.actor = client;
      step.kind = draw_query(draws);
      step.a = draws.next();
      step.b = draws.next() >> 24;
      scenario.steps.push_back(step);
    }
  }
}

void shape_fault(const Scenario& scenario, Fault fault, Prng& prng, Step& step) {
  const FaultTraits& family = traits(fault);
  step.kind = family.step;
  const uint64_t minutes = scenario.profile == Profile::Lite ? scenario.duration_ms / 60'000 : 1;
  const uint64_t long_ms = family.long_ms * std::max<uint64_t>(minutes, 1);
  if (family.long_ms != 0) step.b = log_between(prng, family.short_ms, long_ms);
  switch (fault) {
    case Fault::HalfOpen:
      step.a = prng.below(2);
      break;
    case Fault::OneWay:
      step.a = 1 + prng.below(2);
      break;
    case Fault::Clone:
      step.a = prng.below(std::max(scenario.clients, 1u));
      break;
    case Fault::ClockStep:
    case Fault::NodeClock: {
      // A node whose clock is off by more than tombstones are kept for collects what it must not.
      const bool is_node = fault == Fault::NodeClock;
      const uint64_t most_ms =
          is_node ? std::max<uint64_t>(scenario.retention_ms / 4, 20) : UINT64_MAX;
      const uint64_t by_ms = std::min(most_ms, log_between(prng, 10, 24ull * 3600 * 1000));
      const bool backwards = prng.below(2) == 1;
      step.a = zigzag(backwards ? -static_cast<int64_t>(by_ms) : static_cast<int64_t>(by_ms));
      break;
    }
    case Fault::NodePause:
      // Nor may it sleep for long in terms of that time: it believes that it answers at once.
      step.b = std::min(step.b, scenario.retention_ms / 4);
      break;
    case Fault::RowDamage:
    case Fault::Freeze:
    case Fault::InstanceEnd:
      step.a = prng.next();
      break;
    default:
      break;
  }
}

/// Times of writes, by client; those of the node are everybody's.
using WriteTimes = std::vector<std::vector<uint64_t>>;

WriteTimes write_times(const Scenario& scenario) {
  WriteTimes times(scenario.all_clients() + 1);
  for (const Step& step : scenario.steps) {
    times[step.actor].push_back(step.at_ms);
    times.back().push_back(step.at_ms);
  }
  return times;
}

/// Half of the strikes fall on what a write has set in motion, where most can go wrong.
uint64_t draw_strike(Prng& prng, const std::vector<uint64_t>& writes, uint64_t duration_ms) {
  constexpr uint64_t kAfterWriteMs = 60;
  const bool is_near_write = prng.below(2) == 1;
  const uint64_t place = prng.below(duration_ms);
  const uint64_t which = prng.below(std::max<size_t>(writes.size(), 1));
  const uint64_t after_ms = prng.below(kAfterWriteMs);
  if (!is_near_write || writes.empty()) return place;
  return std::min(writes[static_cast<size_t>(which)] + after_ms, duration_ms - 1);
}

void add_faults(Scenario& scenario, Fault fault, uint32_t actor,
                const std::vector<uint64_t>& writes) {
  const uint64_t rate = scenario.rates[static_cast<size_t>(fault)];
  if (rate == 0) return;
  const uint64_t entity = static_cast<uint64_t>(fault) << 32 | actor;
  Prng prng(scenario.seed, stream_id("scenario.strikes"), entity);
  // The expected number, and one more with the probability of the rest.
  const uint64_t expected = rate * scenario.duration_ms / 60'000;
  const uint64_t draw = prng.below(1'000'000);
  const uint64_t count = expected / 1'000'000 + (draw < expected % 1'000'000 ? 1 : 0);
  for (uint64_t i = 0; i < count; ++i) {
    Step step;
    step.id = (uint64_t{1} << 63) | entity << 16 | i;
    step.actor = actor;
    step.at_ms = draw_strike(prng, writes, scenario.duration_ms);
    shape_fault(scenario, fault, prng, step);
    scenario.steps.push_back(step);
  }
}

void add_all_faults(Scenario& scenario) {
  const WriteTimes writes = write_times(scenario);
  for (const FaultTraits& family : kTraits) {
    if (family.per != Per::Minute) continue;
    const uint32_t actors = family.of_node ? 1 : scenario.all_clients();
    for (uint32_t actor = is_of_edge(family.fault) ? scenario.clients : 0; actor < actors;
         ++actor) {
      add_faults(scenario, family.fault, actor, family.of_node ? writes.back() : writes[actor]);
    }
  }
}

}  // namespace

std::string_view fault_name(Fault fault) { return traits(fault).name; }

bool Scenario::is_absent(uint32_t client) const {
  return std::find(absent.begin(), absent.end(), client) != absent.end();
}

bool is_struck_by_steps(Fault fault) { return traits(fault).per == Per::Minute; }

bool Scenario::asks(uint32_t client) const {
  return std::any_of(steps.begin(), steps.end(), [&](const Step& step) {
    return step.actor == client && is_about_queries(step.kind);
  });
}

bool Scenario::has_node_views() const {
  return std::any_of(steps.begin(), steps.end(), [](const Step& step) {
    return step.kind == StepKind::AskNode && (step.b & kAsksViews) != 0;
  });
}

bool Scenario::asks_node() const {
  return std::any_of(steps.begin(), steps.end(), [](const Step& step) {
    return step.kind == StepKind::AskNode || step.kind == StepKind::EndAskNode;
  });
}

bool is_about_queries(StepKind kind) {
  return kind >= StepKind::Query && kind <= StepKind::ToggleView;
}

bool is_fault(StepKind kind) { return static_cast<uint8_t>(kind) >= 20; }

Fault family_of(const Step& step) {
  if (step.kind == StepKind::Partition && step.a != 0) return Fault::OneWay;
  for (const FaultTraits& family : kTraits) {
    if (family.per == Per::Minute && family.step == step.kind) return family.fault;
  }
  return Fault::Jitter;
}

std::string_view step_name(StepKind kind) {
  switch (kind) {
    case StepKind::Set:
      return "set";
    case StepKind::SetTtl:
      return "set with ttl";
    case StepKind::Remove:
      return "remove";
    case StepKind::OrAdd:
      return "or add";
    case StepKind::OrRemove:
      return "or remove";
    case StepKind::CounterAdd:
      return "counter add";
    case StepKind::Unfollow:
      return "unfollow";
    case StepKind::Query:
      return "query";
    case StepKind::SubscribeQuery:
      return "subscribe query";
    case StepKind::UnsubscribeQuery:
      return "unsubscribe query";
    case StepKind::ToggleIndex:
      return "toggle index";
    case StepKind::ToggleView:
      return "toggle view";
    case StepKind::AskNode:
      return "ask node";
    case StepKind::EndAskNode:
      return "end ask";
    default:
      return fault_name(family_of({.kind = kind}));
  }
}

Scenario make_scenario(uint64_t seed, Profile profile) {
  Scenario scenario;
  scenario.seed = seed;
  scenario.profile = profile;
  uint64_t writes = 40;
  if (profile != Profile::Lite) {
    scenario.shards = 3;
    scenario.clients = 20;
    scenario.edge_clients = 2;
    scenario.duration_ms = profile == Profile::Standard ? 600'000 : 1'800'000;
    writes = profile == Profile::Standard ? 60 : 200;
  }
  draw_rates(scenario);
  leave_out_gaps(scenario);
  draw_knobs(scenario);
  draw_shape(scenario);
  const WriteMix mix = WriteMix::draw(seed);
  for (uint32_t client = 0; client < scenario.all_clients(); ++client) {
    add_writes(scenario, mix, client, writes);
  }
  add_all_faults(scenario);
  let_faults_meet(scenario);
  add_queries(scenario);
  add_node_questions(scenario);
  // Simultaneous steps happen in the order of their ids, which are unique.
  std::sort(scenario.steps.begin(), scenario.steps.end(),  // allow(sort): ids are unique
            [](const Step& left, const Step& right) {
              return left.at_ms != right.at_ms ? left.at_ms < right.at_ms : left.id < right.id;
            });
  return scenario;
}

}  // namespace topgun::sim
