// What a failure leaves behind: a file to run it again, and a test to keep it from coming back.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { git, root } from '../repository.mjs';
import { diagram } from './diagram.mjs';
import { simulate } from './process.mjs';
import { UsageError } from './options.mjs';

export const kReproVersion = 1;
const kHexBytesALine = 44;

/** The repro of a failure, from what the simulator said about it. */
export function makeRepro(failure, shrunk, commit) {
  const { mutant } = failure;
  return {
    version: kReproVersion,
    page: `simulator/${pageLink({ scenario: shrunk.scenario, mutant })}`,
    commit,
    profile: failure.profile,
    seed: failure.seed,
    mutant,
    invariant: shrunk.invariant,
    detail: shrunk.detail,
    runs: shrunk.runs,
    operations: shrunk.operations,
    clients: shrunk.clients,
    families: shrunk.families,
    rates: shrunk.rates,
    steps: shrunk.steps.map(([at_ms, kind, actor, a, b]) => ({ at_ms, kind, actor, a, b })),
    scenario: shrunk.scenario,
  };
}

/** The part of a link that opens the repro on the simulator's page (examples/simulator). */
export function pageLink({ scenario, mutant }) {
  return `#scenario=${scenario}${mutant > 0 ? `&mutant=${mutant}` : ''}`;
}

/** Reads a repro.json; throws UsageError for anything else. */
export function readRepro(path) {
  let repro;
  try {
    repro = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new UsageError(`${path}: ${error.message}`);
  }
  if (repro?.version !== kReproVersion) throw new UsageError(`${path}: not a repro of version ${kReproVersion}`);
  if (!/^([0-9a-f]{2})+$/.test(repro.scenario ?? '') || typeof repro.invariant !== 'string') {
    throw new UsageError(`${path}: the repro is damaged`);
  }
  return repro;
}

const line = ({ at_ms, kind, actor, a, b }) => `//   ${String(at_ms).padStart(6)} ms  ${kind} actor=${actor} a=${a} b=${b}`;

/** A test case of doctest that passes once the bug is gone. */
export function reproTest(repro) {
  const pieces = repro.scenario.match(new RegExp(`.{1,${kHexBytesALine * 2}}`, 'g'));
  const literal = pieces.map((piece) => `    "${piece}"`).join('\n');
  return `// What happens in it:
${repro.steps.map(line).join('\n')}

#include <doctest/doctest.h>

#include <string>
#include <string_view>

#include "core/sim/scenario_runner.hpp"
#include "host-native/storage/stepped_engine.hpp"

namespace topgun::sim {
namespace {

constexpr std::string_view kScenario =
${literal};

Bytes from_hex(std::string_view text) {
  const auto digit = [](char c) { return static_cast<uint8_t>(c <= '9' ? c - '0' : c - 'a' + 10); };
  Bytes bytes;
  for (size_t i = 0; i + 1 < text.size(); i += 2) {
    bytes.push_back(static_cast<uint8_t>(digit(text[i]) << 4 | digit(text[i + 1])));
  }
  return bytes;
}

TEST_CASE("simulator: seed ${repro.seed} keeps ${repro.invariant}") {
  const Result<Scenario> scenario = decode_scenario(from_hex(kScenario));
  REQUIRE(scenario.ok());
  const Outcome outcome = ScenarioRunner(host::open_stepped_engine).run(*scenario);
  const std::string detail = outcome.violation.has_value() ? outcome.violation->detail : "";
  INFO(detail);
  CHECK_FALSE(outcome.violation.has_value());
}

}  // namespace
}  // namespace topgun::sim
`;
}

const mutantWords = (mutant) => (mutant > 0 ? ['--mutant', mutant] : []);

/** The failure made smaller by at most `runs` runs (1: as it is), as the simulator tells it. */
export async function shrink(program, failure, runs) {
  let shrunk = null;
  const words = ['--seeds', failure.seed, '--profile', failure.profile, '--shrink', runs, ...mutantWords(failure.mutant)];
  const summary = await simulate(program, words, (event) => {
    if (event.event === 'shrunk') shrunk = event;
  });
  return shrunk && { ...shrunk, cpu_s: summary.cpu_s };
}

/** Writes what a failure leaves to build/sim/<seed>; resolves to the folder and the repro. */
export async function keepFailure(program, failure, runs) {
  const shrunk = await shrink(program, failure, runs);
  if (!shrunk) return null; // It does not fail alone: whoever compares two runs has found that.
  const repro = makeRepro(failure, shrunk, git('rev-parse', 'HEAD')[0]);
  const folder = join('build', 'sim', String(failure.seed));
  mkdirSync(join(root, folder), { recursive: true });
  writeFileSync(join(root, folder, 'repro.json'), `${JSON.stringify(repro, null, 2)}\n`);
  writeFileSync(join(root, folder, 'repro_test.cpp'), reproTest(repro));
  const { events } = await replay(program, repro, join(root, folder, 'scenario.hex'));
  writeFileSync(join(root, folder, 'diagram.html'), diagram(repro, events));
  return { folder, repro };
}

/**
 * Runs a repro again, from a file that is written to `scenarioPath`. Resolves to the failure (null
 * if all is well), the trace and all that happened.
 */
export async function replay(program, repro, scenarioPath) {
  writeFileSync(scenarioPath, repro.scenario);
  const events = [];
  const words = ['--replay', scenarioPath, '--trace', ...mutantWords(repro.mutant ?? 0)];
  const summary = await simulate(program, words, (event) => events.push(event));
  const failure = events.find(({ event }) => event === 'failure') ?? null;
  return { failure, trace: summary.trace, events };
}
