#include "core/sim/scenario.hpp"

#include <algorithm>

#include "core/base/byte_io.hpp"
#include "core/base/prng.hpp"

namespace topgun::sim {
namespace {

constexpr uint8_t kScenarioFormat = 3;
/// The first format knew no requests, and these many families.
constexpr uint8_t kFormatOfStreams = 1;
constexpr size_t kFaultsOfStreams = 28;
/// The second one always had the usual ring of changes.
constexpr uint8_t kFormatOfOneRing = 2;
constexpr uint32_t kClientsMax = 256;
constexpr uint64_t kStepsMax = 1'000'000;

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
     20'000, false},
    {Fault::Offline, "offline", Per::Minute, 100'000, 2'000'000, StepKind::Offline, 100, 60'000,
     false},
    {Fault::TabKill, "tab-kill", Per::Minute, 50'000, 3'000'000, StepKind::TabKill, 1, 10'000,
     false},
    {Fault::TabSleep, "tab-sleep", Per::Minute, 50'000, 1'000'000, StepKind::TabSleep, 100, 60'000,
     false},
    {Fault::Quota, "quota", Per::Minute, 50'000, 1'000'000, StepKind::Quota, 100, 20'000, false},
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
    {Fault::DiskRot, "disk-rot", Per::Million, 100, 10'000, StepKind::Cut, 0, 0, true},
    {Fault::Starve, "starve", Per::Million, 1'000, 300'000, StepKind::Cut, 0, 0, true},
    {Fault::LostAnswer, "lost-answer", Per::Million, 1'000, 300'000, StepKind::Cut, 0, 0, false},
    {Fault::DoubledRequest, "doubled-request", Per::Million, 1'000, 300'000, StepKind::Cut, 0, 0,
     false},
};

const FaultTraits& traits(Fault fault) { return kTraits[static_cast<size_t>(fault)]; }

/// Log-uniform between the bounds, in integers: a random number of doublings, then a random part of
/// the next.
uint64_t log_between(Prng& prng, uint64_t low, uint64_t high) {
  if (low == 0) return 0;
  uint64_t doublings = 0;
  while ((low << (doublings + 1)) <= high) ++doublings;
  const uint64_t start = low << prng.between(0, doublings);
  return std::min(high, start + prng.below(start));
}

void draw_rates(Scenario& scenario) {
  Prng prng(scenario.seed, stream_id("scenario.faults"));
  const uint64_t mode = prng.below(100);
  const uint64_t favourite = prng.below(kFaultCount);
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
    for (const Fault fault :
         {Fault::DiskWrite, Fault::DiskSync, Fault::DiskFull, Fault::DiskRead, Fault::DiskRot}) {
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

StepKind draw_write(Prng& prng) {
  const uint64_t what = prng.below(100);
  if (what < 35) return StepKind::Set;
  if (what < 40) return StepKind::SetTtl;
  if (what < 52) return StepKind::Remove;
  if (what < 68) return StepKind::OrAdd;
  if (what < 78) return StepKind::OrRemove;
  if (what < 98) return StepKind::CounterAdd;
  return StepKind::Unfollow;
}

/// Writes come in bursts: most of a client's writes fall close to another one.
void add_writes(Scenario& scenario, uint32_t client, uint64_t count) {
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
    step.kind = draw_write(prng);
    step.a = prng.next();
    step.b = step.kind == StepKind::CounterAdd ? prng.below(19) : prng.next() >> 40;
    scenario.steps.push_back(step);
  }
}

void shape_fault(const Scenario& scenario, Fault fault, Prng& prng, Step& step) {
  const FaultTraits& family = traits(fault);
  step.kind = family.step;
  if (family.long_ms != 0) step.b = log_between(prng, family.short_ms, family.long_ms);
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
    for (uint32_t actor = 0; actor < actors; ++actor) {
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
  for (uint32_t client = 0; client < scenario.all_clients(); ++client) {
    add_writes(scenario, client, writes);
  }
  add_all_faults(scenario);
  // Simultaneous steps happen in the order of their ids, which are unique.
  std::sort(scenario.steps.begin(), scenario.steps.end(),  // allow(sort): ids are unique
            [](const Step& left, const Step& right) {
              return left.at_ms != right.at_ms ? left.at_ms < right.at_ms : left.id < right.id;
            });
  return scenario;
}

Bytes encode_scenario(const Scenario& scenario) {
  Bytes bytes;
  ByteWriter out(bytes);
  out.u8(kScenarioFormat);
  out.u64(scenario.seed);
  out.u8(static_cast<uint8_t>(scenario.profile));
  for (const uint64_t number :
       {uint64_t{scenario.shards}, uint64_t{scenario.clients}, uint64_t{scenario.edge_clients},
        uint64_t{scenario.keys}, scenario.duration_ms, scenario.retention_ms, scenario.credit_bytes,
        scenario.checkpoint_interval_ms, scenario.segment_bytes, scenario.in_flight_max,
        scenario.value_bytes, scenario.changes_max}) {
    out.varint(number);
  }
  out.u8(static_cast<uint8_t>(scenario.transports));
  for (const uint32_t rate : scenario.rates) out.varint(rate);
  out.varint(scenario.steps.size());
  for (const Step& step : scenario.steps) {
    out.u64(step.id);
    out.varint(step.at_ms);
    out.u8(static_cast<uint8_t>(step.kind));
    out.varint(step.actor);
    out.varint(step.a);
    out.varint(step.b);
  }
  out.varint(scenario.absent.size());
  for (const uint32_t client : scenario.absent) out.varint(client);
  return bytes;
}

namespace {

Result<void> check(const Scenario& scenario) {
  const bool has_actors = scenario.shards >= 1 && scenario.all_clients() >= 1;
  const bool has_sizes = scenario.keys >= 1 && scenario.duration_ms >= 1 &&
                         scenario.retention_ms >= 1 && scenario.in_flight_max >= 1 &&
                         scenario.segment_bytes >= 65'536 && scenario.segment_bytes % 4'096 == 0 &&
                         scenario.checkpoint_interval_ms >= 1 && scenario.credit_bytes >= 1 &&
                         scenario.value_bytes >= 1 && scenario.changes_max >= 1 &&
                         scenario.transports <= Transports::AtRandom;
  if (!has_actors || !has_sizes) return Error::Malformed;
  for (const Step& step : scenario.steps) {
    if (step.actor >= scenario.all_clients()) return Error::Malformed;
  }
  return {};
}

}  // namespace

Result<Scenario> decode_scenario(ByteView bytes) {
  ByteReader in(bytes);
  Scenario scenario;
  const uint8_t format = in.u8();
  const bool is_of_streams = format == kFormatOfStreams;
  if (format < kFormatOfStreams || format > kScenarioFormat) return Error::UnsupportedVersion;
  scenario.seed = in.u64();
  scenario.profile = static_cast<Profile>(in.u8());
  scenario.shards = static_cast<uint32_t>(in.varint_max(64));
  scenario.clients = static_cast<uint32_t>(in.varint_max(kClientsMax));
  scenario.edge_clients = static_cast<uint32_t>(in.varint_max(kClientsMax));
  scenario.keys = static_cast<uint32_t>(in.varint_max(1'000'000));
  scenario.duration_ms = in.varint_max(1ull << 40);
  scenario.retention_ms = in.varint_max(1ull << 40);
  scenario.credit_bytes = in.varint_max(1ull << 30);
  scenario.checkpoint_interval_ms = in.varint_max(1ull << 30);
  scenario.segment_bytes = in.varint_max(1ull << 30);
  scenario.in_flight_max = in.varint_max(1ull << 30);
  scenario.value_bytes = in.varint_max(1ull << 16);
  if (format > kFormatOfOneRing) scenario.changes_max = in.varint_max(1ull << 20);
  if (!is_of_streams) scenario.transports = static_cast<Transports>(in.u8());
  const size_t families = is_of_streams ? kFaultsOfStreams : kFaultCount;
  for (size_t i = 0; i < families; ++i) {
    scenario.rates[i] = static_cast<uint32_t>(in.varint_max(100'000'000));
  }
  const uint64_t count = in.varint_max(kStepsMax);
  for (uint64_t i = 0; i < count && in.ok(); ++i) {
    Step step;
    step.id = in.u64();
    step.at_ms = in.varint_max(1ull << 40);
    step.kind = static_cast<StepKind>(in.u8());
    step.actor = static_cast<uint32_t>(in.varint_max(2 * kClientsMax));
    step.a = in.varint();
    step.b = in.varint();
    scenario.steps.push_back(step);
  }
  const uint64_t absent = in.varint_max(2 * kClientsMax);
  for (uint64_t i = 0; i < absent && in.ok(); ++i) {
    scenario.absent.push_back(static_cast<uint32_t>(in.varint_max(2 * kClientsMax)));
  }
  if (!in.ok()) return in.error();
  const Result<void> checked = check(scenario);
  if (!checked.ok()) return checked.error();
  return scenario;
}

}  // namespace topgun::sim
