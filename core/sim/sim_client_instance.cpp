#include <algorithm>

#include "core/base/byte_io.hpp"
#include "core/base/probe.hpp"
#include "core/node/shard.hpp"
#include "core/sim/invariant_checker.hpp"
#include "core/sim/sim_client.hpp"

// What platforms do to an instance at the edge, which keeps its state in memory and speaks in
// requests: they stop it where it stands, in the middle of a request if it comes to that, wake it
// much later or never, let its clock stand still while its code runs, and begin another one with
// whatever was kept of an earlier one.

namespace topgun::sim {
namespace {

// Of `how`, in bits.
constexpr uint64_t kWaitsForRequest = 1;  ///< Falls into the next request, if none is under way.
constexpr uint64_t kRunsOn = 2;  ///< Code runs, but clocks move only when something arrives.
constexpr uint64_t kLosesAnswers = 4;
constexpr uint64_t kStartsOver = 8;  ///< Gives up what was under way; the answers come late.
constexpr int kWhichShift = 8;       ///< Which of the kept states comes next; the first is none.

constexpr uint64_t kIntoRequestUs = 30'000;
constexpr uint64_t kLateUs = 20'000;
constexpr uint64_t kKeepEveryUs = 1'000'000;
constexpr size_t kKeptMax = 8;

}  // namespace

bool SimClient::has_request_under_way() const {
  return std::any_of(exchanges_.begin(), exchanges_.end(), [](const auto& exchange) {
    return exchange.second.is_heard && !exchange.second.is_given_up;
  });
}

bool SimClient::waits_for_request(StepKind kind, uint64_t how) {
  if ((how & kWaitsForRequest) == 0 || !over_exchanges_ || has_request_under_way()) return false;
  strike_ = Strike{kind, how, ++strikes_};
  return true;
}

void SimClient::plan_strike() {
  if (!strike_.has_value()) return;
  const Prng draws(options_.seed, stream_id("client.strike"), options_.number);
  const uint64_t wait_us = Prng::multiply_high(draws.at(strike_->number), kIntoRequestUs);
  scheduler_.after(wait_us, actor_, OnStruck, strike_->number);
}

void SimClient::strike(const Strike& strike) {
  if (strike.kind == StepKind::InstanceEnd) return end_instance(strike.how & ~kWaitsForRequest);
  if (engine_ != nullptr && !clock_.is_frozen()) stand_still(strike.how);
}

// --- standing still ---

void SimClient::freeze(uint64_t how) {
  if (engine_ == nullptr || clock_.is_frozen()) return;
  if (!waits_for_request(StepKind::Freeze, how)) stand_still(how);
}

void SimClient::stand_still(uint64_t how) {
  is_frozen_ = true;
  frozen_us_ = scheduler_.now_us();
  if ((how & kRunsOn) == 0) return sleep(true);
  clock_stands_ = true;
  clock_.freeze(frozen_us_);
}

/// Where clocks stand still while code runs, they show when something arrived last.
void SimClient::move_clock() {
  TG_SOMETIMES(clock_stands_, ClockStandsMidRequest);
  if (!clock_stands_) return;
  clock_.thaw(scheduler_.now_us());
  clock_.freeze(scheduler_.now_us());
}

void SimClient::thaw(uint64_t how) {
  strike_.reset();
  if (!std::exchange(is_frozen_, false)) return;
  const bool is_asking = has_request_under_way();
  const uint64_t stood_us = scheduler_.now_us() - frozen_us_;
  TG_SOMETIMES(is_asking && asleep_, ThawsMidRequest);
  TG_SOMETIMES(stood_us > options_.retention_ms * 1000, ThawsBeyondRetention);
  const bool starts_over = is_asking && (how & kStartsOver) != 0;
  for (auto& [connection, exchange] : exchanges_) {
    if (starts_over && exchange.is_heard) exchange.is_given_up = true;
    if ((how & kLosesAnswers) != 0) exchange.is_lost = true;
  }
  if (std::exchange(clock_stands_, false)) {
    clock_.thaw(scheduler_.now_us());
    if (engine_ != nullptr) command(client::Command::Tick, {});
  }
  sleep(false);
  if (starts_over && engine_ != nullptr) start_over();
}

/// As a replica does whose request died while it waited for the node: the next one asks at once.
void SimClient::start_over() {
  const bool wants_online = wants_online_;
  close_exchanges();
  command(client::Command::TransportClosed, {});
  go_online(false);
  go_online(wants_online);
}

// --- answers that come late ---

void SimClient::plan_late_answers() {
  const bool is_there = std::any_of(exchanges_.begin(), exchanges_.end(), [](const auto& exchange) {
    return exchange.second.is_given_up && exchange.second.is_closed;
  });
  if (!is_there || !has_request_under_way()) return;
  const Prng draws(options_.seed, stream_id("client.late"), options_.number);
  scheduler_.after(Prng::multiply_high(draws.at(exchanges_started_), kLateUs), actor_, OnLate);
}

void SimClient::take_late_answers() {
  if (engine_ == nullptr || asleep_ || !has_request_under_way()) return;
  std::vector<Exchange> late;
  std::erase_if(exchanges_, [&](auto& exchange) {
    if (!exchange.second.is_given_up || !exchange.second.is_closed) return false;
    late.push_back(std::move(exchange.second));
    return true;
  });
  for (const Exchange& exchange : late) {
    const bool arrives = exchange.is_whole && !exchange.is_lost;
    if (arrives && engine_ != nullptr) take_late_answer(exchange);
  }
}

/// Whoever asked for it is gone: it changes nothing.
void SimClient::take_late_answer(const Exchange& exchange) {
  TG_SOMETIMES(true, AnswerComesLate);
  move_clock();
  std::vector<MerkleRoot> before;
  for (const OpenMap& map : open_maps()) before.push_back(root(map.handle));
  Bytes payload;
  ByteWriter out(payload);
  out.varint(exchange.id);
  const Bytes done = payload;
  out.raw(exchange.answer);
  late_events_ = 0;
  reads_late_ = true;
  command(client::Command::ExchangePart, payload);
  command(client::Command::ExchangeDone, done);
  reads_late_ = false;
  std::vector<MerkleRoot> after;
  for (const OpenMap& map : open_maps()) after.push_back(root(map.handle));
  checker_.count_check(Invariant::AnswersAreFresh);
  if (late_events_ == 0 && before == after) return;
  checker_.fail(Invariant::AnswersAreFresh,
                "client " + std::to_string(number()) +
                    " takes the answer to a request that it gave up for one that it waits for");
}

// --- ending, and what is kept ---

void SimClient::end_instance(uint64_t how) {
  if (engine_ == nullptr || waits_for_request(StepKind::InstanceEnd, how)) return;
  TG_SOMETIMES(has_request_under_way(), InstanceEndsMidRequest);
  kill();
}

void SimClient::begin_instance(uint64_t how) {
  strike_.reset();
  if (engine_ != nullptr) return;
  if (has_storage()) return start();
  const auto which = static_cast<size_t>((how >> kWhichShift) % (kept_.size() + 1));
  inherited_.clear();
  if (which > 0) {
    const Kept& kept = kept_[which - 1];
    inherited_ = kept.rows;
    const uint64_t age_us = scheduler_.now_us() - kept.at_us;
    TG_SOMETIMES(age_us > options_.retention_ms * 1000, InstanceBeginsStale);
  }
  start();
}

/// There is none while writes wait for the node.
void SimClient::keep_state() {
  const uint64_t now_us = scheduler_.now_us();
  const bool is_due = kept_us_ == 0 || now_us >= kept_us_ + kKeepEveryUs;
  if (!options_.is_kept || has_storage() || engine_ == nullptr || !is_due) return;
  const Answer state = command(client::Command::ExportState, {});
  if (state.error != 0) return;
  kept_us_ = now_us;
  Kept kept{{}, now_us};
  ByteReader in(state.payload);
  while (!in.at_end() && in.ok()) {
    std::string key(as_text(in.blob(1024)));
    kept.rows[std::move(key)] = to_bytes(in.blob(state.payload.size()));
  }
  TG_ASSERT(in.ok());
  // The first one stays: whoever begins with it has missed the most.
  if (kept_.size() == kKeptMax) kept_.erase(kept_.begin() + 1);
  kept_.push_back(std::move(kept));
}

// --- what it holds ---

bool SimClient::waits_for_time(const ReferenceModel::Record& record, uint64_t node_ms) const {
  const uint64_t drift_ms = node::ShardLimits().clock_drift_max_ms;
  return record.ms() > node_ms + drift_ms && !checker_.is_own({record.replica}, number());
}

const ReferenceModel::Records& SimClient::agreed_records(const MapRef& map,
                                                         const ReferenceModel::Records& of_node,
                                                         const MerkleRoot& node_root) {
  if (has_storage()) return model_.records(map);
  const MerkleRoot own_root = root(handle_of(map));
  if (own_root == node_root) agreed_[map] = {own_root, of_node};
  const auto agreed = agreed_.find(map);
  const bool is_known = agreed != agreed_.end() && agreed->second.root == own_root;
  return is_known ? agreed->second.records : model_.records(map);
}

}  // namespace topgun::sim
