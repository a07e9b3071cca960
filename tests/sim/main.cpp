// The simulator as a program: runs seeds, replays scenarios, makes failures smaller. One process,
// one thread; scripts/sim.mjs starts several and shows what they say. Output: one JSON object a
// line.

#include <sys/resource.h>

#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "core/base/mix.hpp"
#include "core/base/probe.hpp"
#include "core/sim/mutants.hpp"
#include "core/sim/scenario_runner.hpp"
#include "host-native/storage/stepped_engine.hpp"
#include "tests/sim/json_lines.hpp"

namespace topgun::sim {
namespace {

struct Arguments {
  uint64_t first = 1;
  uint64_t last = 100;
  Profile profile = Profile::Lite;
  uint32_t mutant = 0;
  bool list_mutants = false;
  uint64_t shrink_runs = 0;
  uint64_t failures_max = 1;
  uint64_t twice_every = 0;
  std::string replay;
  bool each = false;
  bool trace = false;
};

[[noreturn]] void usage(const char* problem) {
  std::fprintf(
      stderr,
      "%s\nusage: topgun-sim [--seeds A..B] [--profile lite|standard|full] [--mutant N]\n"
      "  [--shrink RUNS] [--failures N] [--twice-every N] [--replay FILE] [--each] [--trace]\n",
      problem);
  std::exit(2);
}

uint64_t number(const char* text) {
  char* end = nullptr;
  const uint64_t value = std::strtoull(text, &end, 10);
  if (end == text || *end != '\0') usage("a number is expected");
  return value;
}

Arguments parse(int count, char** values) {
  Arguments arguments;
  for (int i = 1; i < count; ++i) {
    const std::string name = values[i];
    if (name == "--list-mutants") {
      arguments.list_mutants = true;
      continue;
    }
    if (name == "--each" || name == "--trace") {
      (name == "--each" ? arguments.each : arguments.trace) = true;
      continue;
    }
    if (i + 1 == count) usage("an option lacks its value");
    const std::string value = values[++i];
    if (name == "--seeds") {
      const size_t dots = value.find("..");
      arguments.first = number(value.substr(0, dots).c_str());
      arguments.last =
          dots == std::string::npos ? arguments.first : number(value.substr(dots + 2).c_str());
    } else if (name == "--profile") {
      if (value != "lite" && value != "standard" && value != "full") usage("an unknown profile");
      arguments.profile = value == "lite"       ? Profile::Lite
                          : value == "standard" ? Profile::Standard
                                                : Profile::Full;
    } else if (name == "--mutant") {
      arguments.mutant = static_cast<uint32_t>(number(value.c_str()));
    } else if (name == "--shrink") {
      arguments.shrink_runs = number(value.c_str());
    } else if (name == "--failures") {
      arguments.failures_max = number(value.c_str());
    } else if (name == "--twice-every") {
      arguments.twice_every = number(value.c_str());
    } else if (name == "--replay") {
      arguments.replay = value;
    } else {
      usage("an unknown option");
    }
  }
  return arguments;
}

double cpu_seconds() {
  rusage usage = {};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_utime.tv_sec) +
         1e-6 * static_cast<double>(usage.ru_utime.tv_usec);
}

Bytes read_hex(const std::string& path) {
  std::FILE* file = std::fopen(path.c_str(), "r");
  if (file == nullptr) usage("the replay file cannot be read");
  Bytes bytes;
  unsigned byte = 0;
  while (std::fscanf(file, "%2x", &byte) == 1) bytes.push_back(static_cast<uint8_t>(byte));
  std::fclose(file);
  return bytes;
}

/// The kinds of steps that applications make; their numbers begin at 1.
constexpr size_t kOperationCount = static_cast<size_t>(StepKind::EndAskNode);

/// What a process has to say at its end; the script adds up those of all processes.
struct Summary {
  uint64_t seeds = 0;
  uint64_t failures = 0;
  uint64_t simulated_ms = 0;
  uint64_t events = 0;
  uint64_t checks = 0;
  uint64_t twice = 0;
  uint64_t trace = 0;
  uint64_t activations[kFaultCount] = {};
  uint64_t activated_seeds[kFaultCount] = {};
  /// Seeds in which two families struck, and in which an operation met a family.
  uint64_t fault_pairs[kFaultCount][kFaultCount] = {};
  uint64_t operation_pairs[kOperationCount][kFaultCount] = {};

  void add(const Scenario& scenario, const Outcome& outcome) {
    ++seeds;
    simulated_ms += outcome.simulated_ms;
    events += outcome.events;
    checks += outcome.checks;
    // A sum, so that it does not matter which process ran which seed.
    trace += absorb64(mix64(outcome.seed), outcome.trace);
    for (size_t i = 0; i < kFaultCount; ++i) {
      activations[i] += outcome.activations[i];
      activated_seeds[i] += outcome.activations[i] > 0 ? 1 : 0;
    }
    add_pairs(scenario, outcome);
  }

  void add_pairs(const Scenario& scenario, const Outcome& outcome) {
    bool is_issued[kOperationCount] = {};
    for (const Step& step : scenario.steps) {
      const size_t operation = static_cast<size_t>(step.kind) - 1;
      if (operation < kOperationCount) is_issued[operation] = true;
    }
    for (size_t i = 0; i < kFaultCount; ++i) {
      if (outcome.activations[i] == 0) continue;
      for (size_t j = 0; j < i; ++j) fault_pairs[i][j] += outcome.activations[j] > 0 ? 1 : 0;
      for (size_t j = 0; j < kOperationCount; ++j) operation_pairs[j][i] += is_issued[j] ? 1 : 0;
    }
  }

  static void print_counts(const char* separator, std::string_view name, const uint64_t* counts,
                           size_t size) {
    std::printf("%s\"%s\":[", separator, std::string(name).c_str());
    for (size_t i = 0; i < size; ++i) std::printf("%s%" PRIu64, i == 0 ? "" : ",", counts[i]);
    std::printf("]");
  }

  void print_pairs() const {
    std::printf("},\"fault_pairs\":{");
    for (size_t i = 1; i < kFaultCount; ++i) {
      print_counts(i == 1 ? "" : ",", fault_name(static_cast<Fault>(i)), fault_pairs[i], i);
    }
    std::printf("},\"operation_pairs\":{");
    for (size_t i = 0; i < kOperationCount; ++i) {
      const auto kind = static_cast<StepKind>(i + 1);
      print_counts(i == 0 ? "" : ",", step_name(kind), operation_pairs[i], kFaultCount);
    }
  }

  void print() const {
    std::printf("{\"event\":\"summary\",\"seeds\":%" PRIu64 ",\"failures\":%" PRIu64
                ",\"simulated_s\":%.3f,\"cpu_s\":%.3f,\"events\":%" PRIu64 ",\"checks\":%" PRIu64
                ",\"run_twice\":%" PRIu64 ",\"trace\":\"%016" PRIx64 "\",\"faults\":{",
                seeds, failures, static_cast<double>(simulated_ms) / 1000, cpu_seconds(), events,
                checks, twice, trace);
    for (size_t i = 0; i < kFaultCount; ++i) {
      std::printf("%s\"%s\":[%" PRIu64 ",%" PRIu64 "]", i == 0 ? "" : ",",
                  std::string(fault_name(static_cast<Fault>(i))).c_str(), activations[i],
                  activated_seeds[i]);
    }
    print_pairs();
    std::printf("},\"marks\":{");
#ifdef TOPGUN_PROBES
    for (uint32_t i = 0; i < probe::kMarkCount; ++i) {
      std::printf("%s\"%s\":%" PRIu64, i == 0 ? "" : ",",
                  std::string(probe::kMarks[i].name).c_str(), probe::state().marks[i]);
    }
#endif
    std::printf("}}\n");
  }
};

class Program {
 public:
  explicit Program(const Arguments& arguments)
      : arguments_(arguments), runner_(host::open_stepped_engine) {}

  int run() {
    if (!arguments_.replay.empty()) {
      const Result<Scenario> scenario = decode_scenario(read_hex(arguments_.replay));
      if (!scenario.ok()) usage("the replay file is damaged");
      one(*scenario);
    } else {
      for (uint64_t seed = arguments_.first; seed <= arguments_.last; ++seed) {
        one(make_scenario(seed, arguments_.profile));
        if (summary_.failures >= arguments_.failures_max) break;
      }
    }
    summary_.print();
    return summary_.failures == 0 ? 0 : 1;
  }

 private:
  void one(const Scenario& scenario) {
    TraceLines lines;
    const Outcome outcome = runner_.run(scenario, arguments_.trace ? &lines : nullptr);
    summary_.add(scenario, outcome);
    if (arguments_.each) {
      std::printf("{\"event\":\"run\",\"seed\":%" PRIu64 ",\"trace\":\"%016" PRIx64
                  "\",\"simulated_s\":%.3f,\"events\":%" PRIu64 "}\n",
                  scenario.seed, outcome.trace, static_cast<double>(outcome.simulated_ms) / 1000,
                  outcome.events);
    }
    if (arguments_.twice_every != 0 && scenario.seed % arguments_.twice_every == 0) {
      ++summary_.twice;
      if (runner_.run(scenario).trace != outcome.trace) {
        ++summary_.failures;
        std::printf("{\"event\":\"nondeterministic\",\"seed\":%" PRIu64 "}\n", scenario.seed);
      }
    }
    if (outcome.violation.has_value()) fail(scenario, *outcome.violation);
    if (summary_.seeds % 64 == 0) {
      std::printf("{\"event\":\"progress\",\"seeds\":%" PRIu64 "}\n", summary_.seeds);
      std::fflush(stdout);
    }
  }

  void fail(const Scenario& scenario, const Violation& violation) {
    ++summary_.failures;
    print_violation("failure", scenario.seed, violation);
    std::fflush(stdout);
    if (arguments_.shrink_runs == 0) return;
    print_shrunk(runner_.shrink(scenario, violation.invariant, arguments_.shrink_runs));
    std::fflush(stdout);
  }

  const Arguments arguments_;
  const ScenarioRunner runner_;
  Summary summary_;
};

/// Products and the plain build have none.
int list_mutants() {
#ifdef TOPGUN_PROBES
  for (const Mutant& mutant : kMutants) {
    std::printf("{\"number\":%u,\"name\":%s,\"text\":%s}\n", mutant.number,
                json_text(std::string(mutant.name)).c_str(),
                json_text(std::string(mutant.text)).c_str());
  }
#endif
  return 0;
}

}  // namespace
}  // namespace topgun::sim

int main(int count, char** values) {
  const topgun::sim::Arguments arguments = topgun::sim::parse(count, values);
#ifdef TOPGUN_PROBES
  topgun::probe::state().mutant = arguments.mutant;
#else
  if (arguments.mutant != 0) topgun::sim::usage("this build has no planted bugs");
#endif
  if (arguments.list_mutants) return topgun::sim::list_mutants();
  return topgun::sim::Program(arguments).run();
}
