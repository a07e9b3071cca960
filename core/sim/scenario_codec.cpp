#include "core/base/byte_io.hpp"
#include "core/sim/scenario.hpp"

// Scenarios as bytes. Repros are kept in the repository, so every format ever written is read.

namespace topgun::sim {
namespace {

constexpr uint8_t kScenarioFormat = 4;
/// The first format knew no requests, and these many families.
constexpr uint8_t kFormatOfStreams = 1;
constexpr size_t kFaultsOfStreams = 28;
/// The second one always had the usual ring of changes.
constexpr uint8_t kFormatOfOneRing = 2;
/// The third one did not say how many families it knew, and its node answered requests in the usual
/// time.
constexpr uint8_t kFormatOfPatience = 3;
constexpr size_t kFaultsOfPatience = 30;
constexpr size_t kFaultsMax = 256;
constexpr uint32_t kClientsMax = 256;
constexpr uint64_t kStepsMax = 1'000'000;

}  // namespace

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
        scenario.value_bytes, scenario.changes_max, scenario.exchange_timeout_ms}) {
    out.varint(number);
  }
  out.u8(static_cast<uint8_t>(scenario.transports));
  out.varint(kFaultCount);
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
  const bool has_sizes =
      scenario.keys >= 1 && scenario.duration_ms >= 1 && scenario.retention_ms >= 1 &&
      scenario.in_flight_max >= 1 && scenario.segment_bytes >= 65'536 &&
      scenario.segment_bytes % 4'096 == 0 && scenario.checkpoint_interval_ms >= 1 &&
      scenario.credit_bytes >= 1 && scenario.value_bytes >= 1 && scenario.changes_max >= 1 &&
      scenario.exchange_timeout_ms >= 1 && scenario.transports <= Transports::AtRandom;
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
  if (format > kFormatOfPatience) scenario.exchange_timeout_ms = in.varint_max(1ull << 30);
  if (!is_of_streams) scenario.transports = static_cast<Transports>(in.u8());
  size_t families = is_of_streams ? kFaultsOfStreams : kFaultsOfPatience;
  if (format > kFormatOfPatience) families = static_cast<size_t>(in.varint_max(kFaultsMax));
  for (size_t i = 0; i < families && in.ok(); ++i) {
    const auto rate = static_cast<uint32_t>(in.varint_max(100'000'000));
    // A family that this build does not know cannot strike.
    if (i < kFaultCount) scenario.rates[i] = rate;
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
