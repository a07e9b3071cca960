#include "core/sim/deterministic_simulator.hpp"

#include "core/base/byte_io.hpp"

namespace topgun::sim {
namespace {

constexpr uint64_t kActorKey = 1;
constexpr uint64_t kLookUs = 1'000'000;
/// Long enough for every backoff, timeout and recheck of the product, one after another.
constexpr uint64_t kHealingUs = 400'000'000;
constexpr uint64_t kFramesPerQuestion = 64;
constexpr uint64_t kSilenceUs = 100'000'000;
/// Far beyond what happens at one moment when everybody behaves.
constexpr uint64_t kEventsAtOnceMax = 100'000;

VirtualClock draw_clock(const Scenario& scenario, uint32_t client, FaultRates& struck) {
  Prng prng(scenario.seed, stream_id("client.clock"), client);
  const auto is_on = [&](Fault fault) {
    const uint64_t draw = prng.below(1'000'000);
    const bool strikes = draw < scenario.rates[static_cast<size_t>(fault)];
    struck[static_cast<size_t>(fault)] += strikes ? 1 : 0;
    return strikes;
  };
  const bool skewed = is_on(Fault::Skew);
  const uint64_t scale = prng.below(4);
  constexpr uint64_t kScalesMs[] = {50, 10'000, 120'000, 3'600'000};
  const auto offset = static_cast<int64_t>(prng.below(2 * kScalesMs[scale]));
  const bool drifts = is_on(Fault::Drift);
  const auto drift_ppm = static_cast<int64_t>(prng.below(1'000)) - 500;
  return VirtualClock(skewed ? offset - static_cast<int64_t>(kScalesMs[scale]) : 0,
                      drifts ? drift_ppm : 0);
}

}  // namespace

DeterministicSimulator::DeterministicSimulator(const Scenario& scenario,
                                               const storage::OpenStorage& open_storage)
    : scenario_(scenario),
      scheduler_(scenario.seed),
      checker_([this] { return scheduler_.now_us() / 1000; }),
      node_(scenario_, open_storage, scheduler_, checker_),
      network_(scheduler_, scenario_, node_) {
  actor_ = scheduler_.add(*this, kActorKey);
  node_.set_network(network_);
  node_.start();
  is_core_.assign(scenario_.all_clients(), true);
  for (uint32_t i = 0; i < scenario_.all_clients(); ++i) {
    SimClient::Options options;
    options.number = i;
    options.has_storage = i < scenario_.clients;
    options.seed = scenario_.seed;
    options.clock = draw_clock(scenario_, i, struck_);
    options.transports = scenario_.transports;
    options.asks = scenario_.asks(i);
    options.retention_ms = scenario_.retention_ms;
    options.is_kept = scenario_.rates[static_cast<size_t>(Fault::InstanceEnd)] > 0;
    clients_.push_back(std::make_unique<SimClient>(options, scheduler_, network_, checker_));
    network_.add_client(*clients_.back());
  }
  for (const auto& client : clients_) {
    if (!scenario_.is_absent(client->number())) client->start();
  }
  if (!scenario_.steps.empty()) scheduler_.at(scenario_.steps[0].at_ms * 1000, actor_, OnStep, 0);
  scheduler_.at(scenario_.duration_ms * 1000, actor_, OnPhase);
  scheduler_.at(kLookUs, actor_, OnLook);
}

DeterministicSimulator::~DeterministicSimulator() = default;

uint64_t DeterministicSimulator::end_us() const {
  return scenario_.duration_ms * 1000 + kHealingUs + kSilenceUs + kLookUs;
}

void DeterministicSimulator::observe(Observer* observer) {
  observer_ = observer;
  network_.observe(observer);
  node_.observe(observer);
}

void DeterministicSimulator::run() { run_until(UINT64_MAX); }

bool DeterministicSimulator::run_until(uint64_t until_us) {
  while (!is_over_ && !violation().has_value()) {
    if (!step(std::min(until_us, end_us()))) return now_us() < end_us();
  }
  return false;
}

bool DeterministicSimulator::step(uint64_t until_us) {
  const uint64_t before_us = now_us();
  if (!scheduler_.step(until_us)) return false;
  trace_.add(now_us());
  events_at_once_ = now_us() == before_us ? events_at_once_ + 1 : 0;
  if (events_at_once_ > kEventsAtOnceMax) {
    checker_.fail(Invariant::Bounded, "time stands still: somebody is woken again and again");
  }
  return true;
}

bool DeterministicSimulator::run_events(uint64_t events) {
  while (!is_over_ && !violation().has_value()) {
    if (scheduler_.events() >= events) return true;
    if (!step(end_us())) return false;
  }
  return false;
}

void DeterministicSimulator::on_event(uint32_t kind, uint64_t argument) {
  switch (kind) {
    case OnStep: {
      const Step& step = scenario_.steps[static_cast<size_t>(argument)];
      if (phase_ == Phase::Safety) carry_out(step);
      if (argument + 1 < scenario_.steps.size()) {
        const uint64_t at_us = scenario_.steps[static_cast<size_t>(argument) + 1].at_ms * 1000;
        scheduler_.at(at_us, actor_, OnStep, argument + 1);
      }
      return;
    }
    case OnEndOfStep:
      if (phase_ == Phase::Safety) end_step(scenario_.steps[static_cast<size_t>(argument)]);
      return;
    case OnPhase:
      if (phase_ == Phase::Safety) return start_healing();
      if (is_starting_anew()) return scheduler_.after(kLookUs / 4, actor_, OnPhase);
      return finish();
    case OnLook:
      return look();
    default:
      return;
  }
}

// --- steps ---

std::string DeterministicSimulator::key_of(const Step& step) const {
  return "k" + std::to_string(step.a % scenario_.keys);
}

std::string DeterministicSimulator::text_of(const Step& step) const {
  std::string text = "c" + std::to_string(step.actor) + "." + std::to_string(step.id & 0xffffffff);
  // What goes with a question is another write than the one of the same number.
  if (is_about_queries(step.kind)) text += "q";
  text.append(static_cast<size_t>((step.b & kWriteMask) % scenario_.value_bytes), 'x');
  return text;
}

Bytes DeterministicSimulator::value_of(const Step& step) const {
  const uint64_t shape = step.b >> kWriteBits;
  if (shape == 0) return SimClient::encode_text(text_of(step));
  return make_record(shape - 1, text_of(step), scenario_.keys);
}

void DeterministicSimulator::carry_out(const Step& step) {
  if (scenario_.is_absent(step.actor) && step.kind < StepKind::NodeCrash) return;
  trace_.add(step.id);
  if (observer_ != nullptr) observer_->on_step(step, now_us());
  if (step.kind >= StepKind::NodeCrash) {
    carry_out_node_fault(step);
  } else if (is_fault(step.kind)) {
    carry_out_client_fault(step, *clients_[step.actor]);
  } else {
    carry_out_write(step, *clients_[step.actor]);
  }
  if (is_fault(step.kind)) count(family_of(step));
  if (step.b == 0 || !is_fault(step.kind)) return;
  const auto index = static_cast<uint64_t>(&step - scenario_.steps.data());
  if (index < scenario_.steps.size()) {
    scheduler_.after(step.b * 1000, actor_, OnEndOfStep, index);
  }
}

void DeterministicSimulator::carry_out_write(const Step& step, SimClient& client) {
  switch (step.kind) {
    case StepKind::Set:
      return client.set(key_of(step), value_of(step), 0);
    case StepKind::SetTtl:
      return client.set(key_of(step), value_of(step), 1 + (step.b & kWriteMask) % 60'000);
    case StepKind::Remove:
      return client.remove(key_of(step));
    // Few different elements, so that adds and removes of one value meet.
    case StepKind::OrAdd:
      return client.or_add(key_of(step), "t" + std::to_string(step.b % 3));
    case StepKind::OrRemove:
      return client.or_remove(key_of(step), "t" + std::to_string(step.b % 3));
    case StepKind::CounterAdd:
      return client.counter_add(key_of(step), static_cast<int64_t>(step.b) - 9);
    case StepKind::Unfollow: {
      const uint64_t handle = 1 + step.a % open_maps().size();
      if (step.b % 2 == 0) return client.unfollow(handle);
      if (client.is_running() && !client.is_asleep()) client.follow_all();
      return;
    }
    case StepKind::AskNode:
    case StepKind::EndAskNode:
      return client.carry_out_node_question(step);
    case StepKind::Query:
    case StepKind::SubscribeQuery:
    case StepKind::UnsubscribeQuery:
    case StepKind::ToggleIndex:
    case StepKind::ToggleView:
      if (step.b % 2 == 0) return client.carry_out_query(step, std::nullopt);
      return client.carry_out_query(step, SimClient::EntryWrite{key_of(step), value_of(step)});
    default:
      return;
  }
}

void DeterministicSimulator::carry_out_client_fault(const Step& step, SimClient& client) {
  const uint32_t number = step.actor;
  switch (step.kind) {
    case StepKind::Cut:
      return network_.cut(number, true, true);
    case StepKind::HalfOpen:
      return network_.cut(number, step.a == 0, step.a == 1);
    case StepKind::Partition:
      return network_.block(number, step.a != 2, step.a != 1);
    case StepKind::SlowReader:
      return network_.hold_reading(number, true);
    case StepKind::Offline:
      return client.go_online(false);
    case StepKind::TabKill:
      return client.kill();
    case StepKind::TabSleep:
      return client.sleep(true);
    case StepKind::Quota:
      return client.set_quota_exceeded(true);
    case StepKind::Wipe:
      return client.wipe();
    case StepKind::Clone: {
      const auto other = static_cast<uint32_t>(step.a % clients_.size());
      if (other != number && client.has_storage()) client.take_rows(*clients_[other]);
      return;
    }
    case StepKind::RowDamage:
      client.kill();
      return client.damage_row(step.a);
    case StepKind::ClockStep:
      client.clocks().step(unzigzag(step.a));
      return client.replan();
    case StepKind::Freeze:
      return client.freeze(step.a);
    case StepKind::InstanceEnd:
      return client.end_instance(step.a);
    default:
      return;
  }
}

void DeterministicSimulator::carry_out_node_fault(const Step& step) {
  switch (step.kind) {
    case StepKind::NodeCrash:
      return node_.crash();
    case StepKind::NodePower:
      return node_.lose_power();
    case StepKind::NodePause:
      return node_.pause(true);
    case StepKind::NodeClockStep:
      checker_.node_clock_is_set(node_.now().wall_ms);
      return node_.clocks().step(unzigzag(step.a));
    case StepKind::DiskFull:
      return node_.set_disk_full(true);
    case StepKind::DiskHang:
      return node_.set_disk_hung(true);
    default:
      return;
  }
}

void DeterministicSimulator::end_step(const Step& step) {
  if (observer_ != nullptr) observer_->on_step_end(step, now_us());
  switch (step.kind) {
    case StepKind::NodeCrash:
    case StepKind::NodePower:
      if (!node_.is_running()) node_.start();
      return;
    case StepKind::NodePause:
      return node_.pause(false);
    case StepKind::DiskFull:
      return node_.set_disk_full(false);
    case StepKind::DiskHang:
      return node_.set_disk_hung(false);
    default:
      return end_client_fault(step, *clients_[step.actor]);
  }
}

void DeterministicSimulator::end_client_fault(const Step& step, SimClient& client) {
  switch (step.kind) {
    case StepKind::Partition:
      return network_.unblock(step.actor, step.a != 2, step.a != 1);
    case StepKind::SlowReader:
      return network_.hold_reading(step.actor, false);
    case StepKind::Offline:
      return client.go_online(true);
    case StepKind::TabKill:
    case StepKind::Wipe:
    case StepKind::Clone:
    case StepKind::RowDamage:
      if (!client.is_running()) client.start();
      return;
    case StepKind::TabSleep:
      return client.sleep(false);
    case StepKind::Freeze:
      return client.thaw(step.a);
    case StepKind::InstanceEnd:
      return client.begin_instance(step.a);
    case StepKind::Quota:
      return client.set_quota_exceeded(false);
    default:
      return;
  }
}

// --- watching ---

std::vector<SimClient*> DeterministicSimulator::core_clients() const {
  std::vector<SimClient*> core;
  for (const auto& client : clients_) {
    if (is_core_[client->number()]) core.push_back(client.get());
  }
  return core;
}

void DeterministicSimulator::look() {
  for (const auto& client : clients_) {
    const bool is_awake = client->is_running() && !client->is_asleep();
    if (!is_awake || !client->take_news()) continue;
    checker_.check_client(*client, true);
    client->check_queries(false);
  }
  std::vector<SimClient*> all;
  for (const auto& client : clients_) all.push_back(client.get());
  if (node_.is_running()) checker_.check_bounds(node_, all);
  if (phase_ == Phase::Healing) look_for_agreement();
  if (phase_ != Phase::Done) scheduler_.after(kLookUs, actor_, OnLook);
}

void DeterministicSimulator::check_queries() {
  for (const auto& client : clients_) {
    if (client->is_running() && !client->is_asleep()) client->check_queries(true);
  }
}

/// What the node answered is what it holds, now that nobody has written for long. What expires just
/// now may be seen or not; who asks in requests learns of it with the next one, and who asked once,
/// before the silence, not at all.
void DeterministicSimulator::check_node_questions() {
  constexpr uint64_t kSlackMs = 60'000;
  const uint64_t now_ms = node_.now().wall_ms;
  for (const auto& [key, record] : node_.model().records(open_maps()[0].ref)) {
    const bool is_doubtful = record.ttl_ms != 0 && !record.tombstone &&
                             record.retired_ms() + kSlackMs > now_ms &&
                             record.retired_ms() < now_ms + kSlackMs;
    if (is_doubtful) return;
  }
  const auto entries = node_.model().visible(open_maps()[0].ref, now_ms);
  Shown shown;
  for (const auto& [key, value] : entries) shown[key] = read_record(value);
  for (SimClient* client : core_clients()) {
    client->node_questions().check_quiet(shown, entries == entries_before_silence_);
  }
}

void DeterministicSimulator::start_healing() {
  check_queries();
  phase_ = Phase::Healing;
  healing_since_us_ = now_us();
  if (observer_ != nullptr) observer_->on_healing(now_us());
  Prng prng(scenario_.seed, stream_id("liveness.core"));
  for (uint32_t i = 0; i < clients_.size(); ++i) {
    // At least one client is in the core; the others keep whatever has befallen them.
    const bool stays_out = prng.below(4) == 0;
    is_core_[i] = !scenario_.is_absent(i) && (i == 0 || !stays_out);
    if (!is_core_[i]) network_.block(i, true, true);
  }
  network_.set_calm();
  node_.heal();
  for (uint32_t i = 0; i < clients_.size(); ++i) {
    if (!is_core_[i]) continue;
    network_.heal(i);
    clients_[i]->heal();
  }
}

bool DeterministicSimulator::core_agrees() {
  if (!node_.is_running()) return false;
  for (SimClient* client : core_clients()) {
    if (client->status() != client::Status::Online || client->pending() != 0) return false;
    for (const OpenMap& map : open_maps()) {
      if (!client->is_synced(map.handle)) return false;
      if (!InvariantChecker::agree(node_, *client, map.ref)) return false;
    }
  }
  return true;
}

/// One whose questions wait for longer than tombstones are kept starts anew with each, which takes
/// several requests if there is much to tell: perhaps just when the silence is over.
bool DeterministicSimulator::is_starting_anew() {
  const bool is_late = now_us() + kLookUs > end_us();
  return scenario_.retention_ms < SimClient::kPollWaitMsMax && !is_late && !core_agrees();
}

void DeterministicSimulator::look_for_agreement() {
  if (core_agrees()) return start_silence();
  if (now_us() - healing_since_us_ < kHealingUs) return;
  std::string detail = "no agreement";
  for (SimClient* client : core_clients()) {
    detail += "; client " + std::to_string(client->number());
    detail += client->status() == client::Status::Online ? " online" : " not online";
    detail += ", " + std::to_string(client->pending()) + " pending";
    for (const OpenMap& map : open_maps()) {
      if (!client->is_synced(map.handle)) detail += ", " + map.ref.name + " not synced";
      if (!InvariantChecker::agree(node_, *client, map.ref))
        detail += ", " + map.ref.name + " differs";
    }
  }
  checker_.fail(Invariant::Converges, std::move(detail));
}

void DeterministicSimulator::start_silence() {
  checker_.check_agreement(node_, core_clients(),
                           core_clients().size() == scenario_.present_clients());
  check_queries();
  // An entry that has just expired is taken out with the node's next tick.
  constexpr uint64_t kTickMs = 5'000;
  const uint64_t now_ms = node_.now().wall_ms;
  entries_before_silence_ = node_.model().visible(open_maps()[0].ref, now_ms - kTickMs);
  for (SimClient* client : core_clients()) client->node_questions().ask_all_once();
  phase_ = Phase::Silence;
  frames_before_silence_ = network_.frames();
  had_backlog_ = node_.has_checkpoint_backlog();
  scheduler_.after(kSilenceUs, actor_, OnPhase);
}

void DeterministicSimulator::finish() {
  phase_ = Phase::Done;
  is_over_ = true;
  const uint64_t frames = network_.frames() - frames_before_silence_;
  uint64_t frames_max = 0;
  for (const auto& client : clients_) {
    frames_max += client->silent_frames_max(kSilenceUs / 1000);
    // Entries that expire change answers.
    frames_max += client->node_questions().size() * kFramesPerQuestion;
  }
  // Where tombstones are collected meanwhile, not everybody does so at once, and roots that differ
  // for a moment are compared.
  if (scenario_.retention_ms < kSilenceUs / 1000) frames_max *= 2;
  // A node that cannot write its checkpoint keeps tombstones that clients have given up, and
  // roots that differ are compared now and then.
  // So does one that writes it so seldom, counted anew from each of its starts, that tombstones
  // wait for it long after clients gave them up. And one that lets its questions wait for longer
  // than tombstones are kept starts anew with each.
  constexpr uint64_t kCheckpointSoonMs = 20'000;
  constexpr uint64_t kRetentionInRunMs = 3'600'000;
  // Damage in the checkpoint's own pages, which SQLite refuses to write to, does not heal.
  const bool is_stuck = had_backlog_ && node_.has_checkpoint_backlog();
  const bool is_asked = !node_.disk().has_unreadable() && !is_stuck &&
                        scenario_.retention_ms >= SimClient::kPollWaitMsMax &&
                        (scenario_.checkpoint_interval_ms <= kCheckpointSoonMs ||
                         scenario_.retention_ms > kRetentionInRunMs);
  if (is_asked) checker_.count_check(Invariant::FallsSilent);
  if (frames > frames_max && is_asked) {
    checker_.fail(Invariant::FallsSilent,
                  std::to_string(frames) + " frames although nothing happens");
  }
  checker_.check_agreement(node_, core_clients(),
                           core_clients().size() == scenario_.present_clients());
  check_queries();
  check_node_questions();
  for (const OpenMap& map : open_maps()) {
    trace_.add(node_.root(map.ref).sum);
    for (const auto& client : clients_) {
      if (client->is_running()) trace_.add(client->root(map.handle).sum);
    }
  }
  for (const auto& client : clients_) {
    trace_.add(client->told_digest());
    trace_.add(client->node_questions().digest());
  }
  trace_.add(network_.frames());
  trace_.add(network_.bytes());
  // What storage promises, it must still hold after the worst.
  node_.lose_power();
  node_.start();
}

FaultRates DeterministicSimulator::activations() const {
  FaultRates all = struck_;
  for (size_t i = 0; i < kFaultCount; ++i) {
    all[i] += network_.activations()[i] + node_.activations()[i];
  }
  return all;
}

}  // namespace topgun::sim
