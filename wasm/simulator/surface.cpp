/// The simulator's raw exports, in the manner of wasm/surface.cpp: texts leave as JSON at
/// `sim_result_pointer` for `sim_result_size` bytes, until the next call.
///
/// A scenario is drafted (`sim_draft...`), then run whole (`sim_run`), told (`sim_tell`), made
/// smaller (`sim_shrink`), or started as a session that goes on in pieces (`sim_start`). One of
/// each a module: who needs two of them makes two instances. Times are microseconds of virtual
/// time.
#include <cstdint>
#include <string>

#include "core/base/probe.hpp"
#include "host-native/storage/stepped_engine.hpp"
#include "wasm/simulator/describe.hpp"
#include "wasm/simulator/session.hpp"

#define TG_EXPORT(name) extern "C" __attribute__((export_name(#name), used))

using namespace topgun;
using namespace topgun::sim;

namespace {

constexpr uint32_t kRequestBytesMax = 16u << 20;
constexpr size_t kToldMax = 20'000;
constexpr uint32_t kQuietClientsMax = 8;
constexpr uint64_t kQuietMs = 3'600'000;

Bytes request;
std::string result;
Scenario draft;
Session session(host::open_stepped_engine);

ScenarioRunner runner() { return ScenarioRunner(host::open_stepped_engine); }

template <typename Describe>
void answer(Describe describe) {
  Json json;
  describe(json);
  result = json.text();
}

}  // namespace

/// SQLite is built without an operating system: its only files are the simulator's.
extern "C" int sqlite3_os_init() { return 0; }
extern "C" int sqlite3_os_end() { return 0; }

/// Where the next `size` bytes for the module go; 0 if they are too many.
TG_EXPORT(sim_request) uint8_t* sim_request(uint32_t size) {
  if (size > kRequestBytesMax) return nullptr;
  request.resize(size);
  return request.data();
}

TG_EXPORT(sim_result_pointer) const char* sim_result_pointer() { return result.data(); }
TG_EXPORT(sim_result_size) uint32_t sim_result_size() {
  return static_cast<uint32_t>(result.size());
}

/// The names of what there is: planted bugs, fault families, marks.
TG_EXPORT(sim_catalog) void sim_catalog() { answer(describe_catalog); }

// --- drafts ---

/// What a seed expands to. False if there is no such profile.
TG_EXPORT(sim_draft_seed) uint32_t sim_draft_seed(uint64_t seed, uint32_t profile) {
  if (profile < static_cast<uint32_t>(Profile::Lite)) return 0;
  if (profile > static_cast<uint32_t>(Profile::Full)) return 0;
  draft = make_scenario(seed, static_cast<Profile>(profile));
  return 1;
}

/// A small world in which nothing happens by itself for an hour.
TG_EXPORT(sim_draft_quiet) uint32_t sim_draft_quiet(uint64_t seed, uint32_t clients) {
  if (clients == 0 || clients > kQuietClientsMax) return 0;
  draft = Scenario{};
  draft.seed = seed;
  draft.clients = clients;
  draft.duration_ms = kQuietMs;
  return 1;
}

/// The scenario whose bytes lie in the request. 0, or the code of what is wrong with them.
TG_EXPORT(sim_draft_bytes) uint32_t sim_draft_bytes() {
  Result<Scenario> decoded = decode_scenario(request);
  if (!decoded.ok()) return static_cast<uint32_t>(decoded.error());
  draft = std::move(*decoded);
  return 0;
}

/// How often a family of faults strikes, see `FaultRates`. False if there is no such family.
TG_EXPORT(sim_draft_rate) uint32_t sim_draft_rate(uint32_t fault, uint32_t rate) {
  if (fault >= kFaultCount) return 0;
  draft.rates[fault] = rate;
  return 1;
}

/// The first phase ends, and healing begins, after so long.
TG_EXPORT(sim_draft_duration) void sim_draft_duration(uint32_t duration_ms) {
  draft.duration_ms = std::max(duration_ms, 1u);
}

TG_EXPORT(sim_scenario) void sim_scenario() {
  answer([](Json& json) { describe_scenario(json, draft); });
}

/// Switches a planted bug on, for everything from now on; 0 for none.
TG_EXPORT(sim_plant) void sim_plant(uint32_t mutant) { probe::state().mutant = mutant; }

// --- whole runs ---

TG_EXPORT(sim_run) void sim_run() {
  const Outcome outcome = runner().run(draft);
  answer([&](Json& json) { describe_outcome(json, outcome); });
}

/// Runs the draft whole and says all that happened, as `topgun-sim --trace` does.
TG_EXPORT(sim_tell) void sim_tell() {
  Recorder recorder(Recorder::Frames::All, kToldMax);
  const Outcome outcome = runner().run(draft, &recorder);
  Json json;
  describe_outcome(json, outcome);
  result = "{\"outcome\":" + json.text() + ",\"events\":" + recorder.take() + "}";
}

/// Makes the draft smaller as long as it breaks the same promise, by at most so many runs; the
/// draft becomes what is left. Answers null if it breaks none.
TG_EXPORT(sim_shrink) void sim_shrink(uint32_t runs_max) {
  const Outcome outcome = runner().run(draft);
  if (!outcome.violation.has_value()) {
    result = "null";
    return;
  }
  const Shrunk shrunk = runner().shrink(draft, outcome.violation->invariant, runs_max);
  draft = shrunk.scenario;
  answer([&](Json& json) { describe_shrunk(json, shrunk); });
}

// --- a run in pieces ---

/// Starts the draft as the session.
TG_EXPORT(sim_start) void sim_start() { session.start(draft); }

/// Runs to this time. False when the run is over, as it is when a promise is broken.
TG_EXPORT(sim_run_until) uint32_t sim_run_until(double until_us) {
  return session.is_open() && session.run_until(static_cast<uint64_t>(until_us)) ? 1 : 0;
}
/// Runs so many events.
TG_EXPORT(sim_run_events) uint32_t sim_run_events(uint32_t count) {
  return session.is_open() && session.run_events(count) ? 1 : 0;
}
/// Back to an earlier time; later interventions are forgotten.
TG_EXPORT(sim_rewind) void sim_rewind(double to_us) {
  if (session.is_open()) session.rewind(static_cast<uint64_t>(to_us));
}

/// An intervention: `kind` is a `Deed::Kind`, `step` a `StepKind`. False if it makes no sense now.
TG_EXPORT(sim_act)
uint32_t sim_act(uint32_t kind, uint32_t step_kind, uint32_t actor, uint64_t a, uint64_t b) {
  if (!session.is_open() || kind > static_cast<uint32_t>(Deed::Kind::FlipBit)) return 0;
  if (actor >= session.simulator().clients().size()) return 0;
  Step step;
  step.kind = static_cast<StepKind>(step_kind);
  step.actor = actor;
  step.a = a;
  step.b = b;
  return session.act(static_cast<Deed::Kind>(kind), step) ? 1 : 0;
}

/// The world of the session now, and what happened in it since the last call.
TG_EXPORT(sim_world) void sim_world() {
  result = "null";
  if (!session.is_open()) return;
  Json json;
  describe_world(json, session.simulator());
  result = "{\"world\":" + json.text() + ",\"happened\":" + session.take_happenings() +
           ",\"deeds\":" + std::to_string(session.deeds().size()) + "}";
}

/// What a client holds, or the node for `kNode`.
TG_EXPORT(sim_contents) void sim_contents(uint32_t machine) {
  result = "null";
  if (!session.is_open()) return;
  if (machine != kNode && machine >= session.simulator().clients().size()) return;
  answer([&](Json& json) { describe_contents(json, session.simulator(), machine); });
}
