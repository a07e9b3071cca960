#include "tests/server/crash/crash_test.hpp"

#include <time.h>

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>

namespace topgun::test {
namespace {

using Clock = std::chrono::steady_clock;

// One life in so many meets a disk that stops for a while: these take a second each.
constexpr uint64_t kStallEvery = 10;
constexpr uint64_t kOutboxMax = 64;
constexpr std::chrono::seconds kPatience{10};

uint64_t wall_ms() {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1000 + static_cast<uint64_t>(now.tv_nsec) / 1000000;
}

/// Kills from aside, so that it may fall into any moment of the traffic.
class Killer {
 public:
  Killer(ServerProcess& server, Clock::time_point death)
      : thread_([this, &server, death] {
          std::unique_lock lock(mutex_);
          wake_.wait_until(lock, death, [this] { return is_dead_; });
          server.kill();
        }) {}
  ~Killer() {
    {
      const std::lock_guard lock(mutex_);
      is_dead_ = true;
    }
    wake_.notify_one();
    thread_.join();
  }

 private:
  std::mutex mutex_;
  std::condition_variable wake_;
  bool is_dead_ = false;
  std::thread thread_;  // Last: it starts when all else is there.
};

}  // namespace

CrashTest::CrashTest(const Options& options, std::string directory)
    : options_(options),
      directory_(std::move(directory)),
      random_(options.seed, stream_id("crash")) {
  for (uint64_t replica = 1; replica <= 4; ++replica) writers_.emplace_back(replica);
  if (options_.power_loss != PowerLoss::None) {
    supply_ = std::make_unique<powerloss::PowerSupply>(directory_, options_.shim);
  }
}

uint64_t CrashTest::acknowledged() const {
  uint64_t sum = 0;
  for (const Writer& writer : writers_) sum += writer.acknowledged();
  return sum;
}

std::string CrashTest::run() {
  for (uint64_t kill = 1; kill <= options_.kills; ++kill) {
    const uint64_t life = options_.only_life != 0 ? options_.only_life : kill;
    if (std::string problem = lead_a_life(life); !problem.empty()) {
      return "life " + std::to_string(life) + ": " + problem;
    }
    kills_ = kill;
  }
  return end_in_peace();
}

std::string CrashTest::lead_a_life(uint64_t life) {
  LifePlan plan;
  if (!supply_) {
    // Most lives are short; a checkpoint comes every 100 ms.
    const bool sees_checkpoints = random_.chance(1, 4);
    plan.life_us = random_.below(sees_checkpoints ? 300'000 : 40'000);
    return live_and_die(plan);
  }
  plan = draw_plan(options_.power_loss, options_.seed, life);
  const bool stalls = life % kStallEvery == 0;
  const auto stall = static_cast<Stall>(life / kStallEvery % 4);
  if (stalls) {
    plan.aim.reset();
    plan.sync_error.reset();
    plan.read_error.reset();
  }
  powerloss::Control& control = supply_->prepare();
  plan.set(control);
  std::string problem = stalls ? live_and_stall(plan, stall) : live_and_die(plan);
  if (problem.empty()) problem = check_shim();
  if (!problem.empty()) {
    return problem + "\n  " + plan.describe() +
           (stalls ? std::string(", ") + stall_name(stall) : std::string());
  }
  if (plan.aim) {
    Aimed& aimed = aimed_[plan.aim->target()];
    aimed.tried += 1;
    aimed.hit += control.killed ? 1 : 0;
  }
  supply_->cut();
  return {};
}

std::string CrashTest::live_and_die(const LifePlan& plan) {
  ServerProcess server(server_options());
  std::string problem = check(server);
  if (problem.empty()) problem = write_until_death(server, plan);
  server.kill();
  // A disk that fails may keep the server from starting; that is all it may do.
  const bool has_sick_disk = server.port() == 0 && (plan.read_error || plan.sync_error);
  if (has_sick_disk) found_damage_ = false;
  // An end that was asked for may come while the server starts or is looked at.
  if (!problem.empty() && !was_killed_as_aimed() && !has_sick_disk) return problem;
  return drain();
}

std::string CrashTest::write_until_death(ServerProcess& server, const LifePlan& plan) {
  if (!connect_writers(server.port())) return "a client cannot connect";
  const Clock::time_point death = Clock::now() + std::chrono::microseconds(plan.life_us);
  const Killer killer(server, death);
  bool alive = true;
  while (alive) {
    for (Writer& writer : writers_) {
      if (writer.issued() - writer.acknowledged() < kOutboxMax) {
        writer.write(1 + random_.below(8), wall_ms());
      }
      alive = writer.read(0) && alive;
    }
    alive = alive && Clock::now() < death;
  }
  return {};
}

/// A disk that takes no writes stops the acks and makes the server say so, and nothing else: it is
/// read as before.
std::string CrashTest::live_and_stall(const LifePlan& plan, Stall stall) {
  ServerProcess server(server_options());
  if (std::string problem = check(server); !problem.empty()) return problem;
  if (!connect_writers(server.port())) return "a client cannot connect";
  while (acknowledged() == 0) write_a_little();
  std::string problem = stop_taking_writes(server, stall);
  if (!problem.empty()) return problem;
  const bool recovers = stall == Stall::FullThenFree || stall == Stall::SyncErrorsThenGood;
  if (recovers) problem = take_writes_again(server);
  if (problem.empty() && recovers) problem = write_until_death(server, plan);
  server.kill();
  return problem.empty() ? drain() : problem;
}

std::string CrashTest::stop_taking_writes(ServerProcess& server, Stall stall) {
  powerloss::Control& control = supply_->control();
  if (stall == Stall::FullThenFree || stall == Stall::FullThenKill) {
    control.space = powerloss::Space::None;
  } else {
    control.fail_sync.count = UINT64_MAX;
  }
  const Clock::time_point deadline = Clock::now() + kPatience;
  for (size_t refused = 0; refused < writers_.size();) {
    if (Clock::now() > deadline) return "the server does not turn read-only";
    refused = 0;
    for (Writer& writer : writers_) {
      // However many wait for their ack: only a new one is told.
      if (!writer.is_put_off()) writer.write(1, wall_ms());
      (void)writer.read(10);
      refused += writer.is_put_off() ? 1 : 0;
    }
  }
  if (http_get(server.port(), "/readyz").find(" 503 ") == std::string::npos) {
    return "a read-only server says that it is ready";
  }
  const uint64_t before = acknowledged();
  for (Writer& writer : writers_) {
    writer.offer_again();
    if (!writer.read(1000) || !writer.is_put_off()) return "a read-only server takes a write";
  }
  if (acknowledged() != before) return "a write was acknowledged while the disk takes none";
  return check(server);
}

std::string CrashTest::take_writes_again(ServerProcess& server) {
  supply_->control().space = powerloss::Space::Enough;
  supply_->control().fail_sync.count = 0;
  const Clock::time_point deadline = Clock::now() + kPatience;
  for (Writer& writer : writers_) {
    while (!writer.is_settled()) {
      if (Clock::now() > deadline) return "the disk is well again, but the acks do not come";
      if (writer.is_put_off()) writer.offer_again();
      if (!writer.read(100) && server.has_ended()) return "the server has ended";
    }
  }
  if (http_get(server.port(), "/readyz").find(" 200 ") == std::string::npos) {
    return "a server that works again is not ready";
  }
  return {};
}

/// Acks that the server sent before it died count, however late they are read.
std::string CrashTest::drain() {
  for (Writer& writer : writers_) {
    while (writer.read(100)) {
    }
    writer.disconnect();
    if (!writer.protocol_problem().empty()) return writer.protocol_problem();
  }
  return {};
}

std::string CrashTest::check(const ServerProcess& server) {
  if (server.port() == 0) {
    found_damage_ = supply_ && !was_killed_as_aimed();
    return "the server does not start";
  }
  const std::optional<Snapshot> snapshot = read_snapshot(server.port());
  if (!snapshot) return "the server does not answer";
  for (const Writer& writer : writers_) {
    std::string loss = find_loss(writer, *snapshot);
    if (loss.empty()) continue;
    found_damage_ = true;
    return loss;
  }
  return {};
}

/// All that was ever offered gets through in the end, and survives a clean restart.
std::string CrashTest::end_in_peace() {
  if (supply_) {
    powerloss::Control& control = supply_->prepare();
    control.verify = true;
    if (options_.power_loss == PowerLoss::Keep) control.mode = powerloss::Mode::Keep;
  }
  {
    ServerProcess server(server_options());
    if (std::string problem = check(server); !problem.empty()) return problem;
    if (!connect_writers(server.port())) return "a client cannot connect";
    for (Writer& writer : writers_) {
      while (!writer.is_settled()) {
        if (!writer.read(5000)) return "an ack is missing";
      }
      writer.disconnect();
    }
    if (!server.stop()) return "the server did not end in order";
  }
  if (supply_) {
    // Even then: what was promised does not wait for an orderly end of the machine.
    supply_->cut();
    supply_->prepare();
  }
  ServerProcess server(server_options());
  return check(server);
}

ServerProcess::Options CrashTest::server_options() const {
  ServerProcess::Options options;
  options.program = options_.server;
  options.data_directory = directory_;
  if (!supply_) return options;
  options.environment = supply_->environment();
  return options;
}

bool CrashTest::connect_writers(uint16_t port) {
  for (Writer& writer : writers_) {
    if (!writer.connect(port)) return false;
  }
  return true;
}

void CrashTest::write_a_little() {
  for (Writer& writer : writers_) {
    if (writer.issued() - writer.acknowledged() < kOutboxMax) {
      writer.write(1 + random_.below(8), wall_ms());
    }
    (void)writer.read(10);
  }
}

bool CrashTest::was_killed_as_aimed() const { return supply_ && supply_->control().killed; }

std::string CrashTest::check_shim() const {
  if (supply_->control().gave_up) return "the power-loss shim gave up";
  if (!supply_->was_active()) return "the power-loss shim was not active: this proves nothing";
  return {};
}

}  // namespace topgun::test
