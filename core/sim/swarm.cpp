#include "core/sim/swarm.hpp"

#include <algorithm>

namespace topgun::sim {
namespace {

constexpr StepKind kWriteKinds[] = {StepKind::Set,     StepKind::SetTtl,   StepKind::Remove,
                                    StepKind::OrAdd,   StepKind::OrRemove, StepKind::CounterAdd,
                                    StepKind::Unfollow};
constexpr uint64_t kUsualWeights[] = {35, 5, 12, 16, 10, 20, 2};
constexpr uint64_t kWeightMax = 32;

constexpr uint64_t kLongRunMs = 180'000;
/// Not shorter than it takes to find that roots differ and to mend that.
constexpr uint64_t kRetentionMsMin = 16'000;
/// Where a strike that meets another one falls: while that lasts, or up to this much later, when
/// whoever comes back is brought up to date.
constexpr uint64_t kAfterwardsMs = 1'000;

bool is_of_node(const Step& step) { return step.kind >= StepKind::NodeCrash; }

}  // namespace

uint64_t log_between(Prng& prng, uint64_t low, uint64_t high) {
  if (low == 0) return 0;
  uint64_t doublings = 0;
  while ((low << (doublings + 1)) <= high) ++doublings;
  const uint64_t start = low << prng.between(0, doublings);
  return std::min(high, start + prng.below(start));
}

WriteMix WriteMix::draw(uint64_t seed) {
  Prng prng(seed, stream_id("scenario.mix"));
  WriteMix mix;
  const bool is_usual = prng.below(2) == 0;
  for (size_t i = 0; i < kKinds; ++i) {
    const bool is_left_out = prng.below(4) == 0;
    const uint64_t weight = log_between(prng, 1, kWeightMax);
    mix.weights_[i] = is_left_out ? 0 : weight;
    if (is_usual) mix.weights_[i] = kUsualWeights[i];
  }
  // Somebody has to write.
  if (!is_usual) mix.weights_[prng.below(2) == 0 ? 0 : 3] += 4;
  return mix;
}

StepKind WriteMix::draw_kind(Prng& prng) const {
  uint64_t total = 0;
  for (const uint64_t weight : weights_) total += weight;
  uint64_t what = prng.below(total);
  for (size_t i = 0; i < kKinds; ++i) {
    if (what < weights_[i]) return kWriteKinds[i];
    what -= weights_[i];
  }
  return StepKind::Set;
}

void draw_shape(Scenario& scenario) {
  const bool is_lite = scenario.profile == Profile::Lite;
  Prng prng(scenario.seed, stream_id("scenario.shape"));
  const bool keeps_short = prng.below(4) == 0;
  const uint64_t more_ms = prng.below(8'000);
  if (keeps_short) scenario.retention_ms = kRetentionMsMin + more_ms;
  const bool checkpoints_late = prng.below(8) == 0;
  const uint64_t interval_ms = log_between(prng, 20'000, 160'000);
  if (checkpoints_late) scenario.checkpoint_interval_ms = interval_ms;
  const bool is_impatient = prng.below(3) == 0;
  const uint64_t timeout_ms = log_between(prng, 100, 15'000);
  if (is_impatient) scenario.exchange_timeout_ms = timeout_ms;
  // With twenty clients what follows would only cost time.
  const bool is_long = prng.below(8) == 0;
  if (is_long && is_lite) scenario.duration_ms = kLongRunMs;
  const bool is_heavy = prng.below(10) == 0;
  const uint64_t value_bytes = log_between(prng, 4'000, 16'000);
  if (is_heavy && is_lite) {
    scenario.value_bytes = value_bytes;
    scenario.credit_bytes = 32'768;
  }
  const bool has_edge = prng.below(4) == 0;
  if (has_edge && is_lite) {
    scenario.clients -= 1;
    scenario.edge_clients += 1;
  }
}

void let_faults_meet(Scenario& scenario) {
  Prng prng(scenario.seed, stream_id("scenario.meetings"));
  if (prng.below(2) == 0) return;
  std::vector<Step> spans;
  for (const Step& step : scenario.steps) {
    if (is_fault(step.kind) && step.b != 0) spans.push_back(step);
  }
  for (Step& step : scenario.steps) {
    if (!is_fault(step.kind)) continue;
    Prng draws(scenario.seed, stream_id("scenario.meeting"), step.id);
    const bool meets = draws.below(4) == 0;
    const auto is_near = [&](const Step& span) {
      return span.id != step.id &&
             (is_of_node(step) || is_of_node(span) || span.actor == step.actor);
    };
    const auto count = std::count_if(spans.begin(), spans.end(), is_near);
    if (!meets || count == 0) continue;
    uint64_t which = draws.below(static_cast<uint64_t>(count));
    const auto span = std::find_if(spans.begin(), spans.end(),
                                   [&](const Step& each) { return is_near(each) && which-- == 0; });
    const bool comes_afterwards = draws.below(2) == 0;
    const uint64_t into_ms = draws.below(comes_afterwards ? kAfterwardsMs : span->b);
    const uint64_t from_ms = span->at_ms + (comes_afterwards ? span->b : 0);
    step.at_ms = std::min(from_ms + into_ms, scenario.duration_ms - 1);
  }
}

}  // namespace topgun::sim
