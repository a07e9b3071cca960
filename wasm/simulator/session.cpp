#include "wasm/simulator/session.hpp"

namespace topgun::sim {
namespace {

/// Sectors that are not synced cannot be flipped; so many places are tried.
constexpr uint64_t kFlipAttempts = 256;

}  // namespace

void Session::start(const Scenario& scenario) {
  scenario_ = scenario;
  deeds_.clear();
  restart();
}

void Session::restart() {
  simulator_.reset();
  simulator_ = std::make_unique<DeterministicSimulator>(scenario_, open_storage_);
  simulator_->observe(&recorder_);
  recorder_.take();
}

void Session::rewind(uint64_t to_us) {
  std::erase_if(deeds_, [&](const Deed& deed) { return deed.at_us > to_us; });
  restart();
  for (const Deed& deed : deeds_) {
    simulator_->run_events(deed.events);
    simulator_->run_until(deed.at_us);
    carry_out(deed);
  }
  simulator_->run_until(to_us);
}

bool Session::act(Deed::Kind kind, const Step& step) {
  if (simulator_->is_over() || simulator_->violation().has_value()) return false;
  Deed deed{kind, step, simulator_->events(), simulator_->now_us()};
  deed.step.at_ms = deed.at_us / 1000;
  // Writes are told apart by their ids; those of the scenario are counted from 0.
  deed.step.id = (uint64_t{step.actor} + 1) << 32 | (1'000'000 + deeds_.size());
  if (!carry_out(deed)) return false;
  deeds_.push_back(deed);
  return true;
}

bool Session::carry_out(const Deed& deed) {
  switch (deed.kind) {
    case Deed::Kind::Do:
      simulator_->meddle(deed.step);
      return true;
    case Deed::Kind::End:
      return end(deed.step);
    case Deed::Kind::FlipBit:
      return flip_bit(deed.step);
  }
  return false;
}

bool Session::end(const Step& step) {
  SimNode& node = simulator_->node();
  VirtualNetwork& network = simulator_->network();
  SimClient& client = *simulator_->clients()[step.actor];
  switch (step.kind) {
    case StepKind::Partition:
      network.heal(step.actor);
      return true;
    case StepKind::SlowReader:
      network.hold_reading(step.actor, false);
      return true;
    case StepKind::Offline:
      client.go_online(true);
      return true;
    case StepKind::TabKill:
      if (client.is_running()) return false;
      client.start();
      return true;
    case StepKind::TabSleep:
      client.sleep(false);
      return true;
    case StepKind::Quota:
      client.set_quota_exceeded(false);
      return true;
    case StepKind::NodeCrash:
      if (node.is_running()) return false;
      node.start();
      return true;
    case StepKind::NodePause:
      node.pause(false);
      return true;
    case StepKind::DiskFull:
      node.set_disk_full(false);
      return true;
    case StepKind::DiskHang:
      node.set_disk_hung(false);
      return true;
    default:
      return false;
  }
}

bool Session::flip_bit(const Step& step) {
  VirtualDisk& disk = simulator_->node().disk();
  const std::vector<VirtualDisk::FileView> files = disk.files();
  if (step.a >= files.size()) return false;
  const VirtualDisk::FileView& file = files[static_cast<size_t>(step.a)];
  const Prng draws(scenario_.seed, stream_id("hand.flip"), step.id);
  for (uint64_t i = 0; i < kFlipAttempts && file.bytes > 0; ++i) {
    const uint64_t bits = draws.at(i);
    const uint64_t offset = Prng::multiply_high(bits, file.bytes);
    if (disk.flip_bit(file.path, offset, static_cast<uint32_t>(bits & 7))) return true;
  }
  return false;
}

}  // namespace topgun::sim
