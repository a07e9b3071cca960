#include "tests/server/crash/life_plan.hpp"

#include <iterator>

#include "core/base/prng.hpp"

namespace topgun::test {
namespace {

using powerloss::Call;
using powerloss::Mode;
using powerloss::When;

/// Each step of rotation, recycling and checkpointing, by the calls it is made of.
constexpr struct {
  Call call;
  const char* files;
} kTargets[] = {
    {Call::Write, "*.log"},
    {Call::Write, "checkpoint.db"},
    {Call::Write, "checkpoint.db-wal"},
    {Call::Resize, "*.log"},
    {Call::Resize, "spare-*"},
    {Call::Resize, "checkpoint.db-wal"},
    {Call::Sync, "*.log"},
    {Call::Sync, "spare-*"},
    {Call::Sync, "checkpoint.db"},
    {Call::Sync, "checkpoint.db-wal"},
    {Call::SyncDirectory, "log"},
    {Call::SyncDirectory, "data"},
    {Call::Create, "*"},
    {Call::Rename, "spare-*"},  // A segment begins.
    {Call::Rename, "*.log"},    // A segment is retired.
    {Call::Unlink, "*"},
};
constexpr const char* kCallNames[] = {"write",  "resize", "sync",  "directory sync",
                                      "create", "rename", "unlink"};
constexpr const char* kWhenNames[] = {"before", "in", "after"};
constexpr const char* kModeNames[] = {"drop", "keep", "tear"};

constexpr const char* kSyncErrorFiles[] = {"*.log", "spare-*", "checkpoint.db", "checkpoint.db-wal",
                                           "log"};
constexpr const char* kReadErrorFiles[] = {"*.log", "checkpoint.db", "checkpoint.db-wal"};

// A checkpoint comes every 100 ms.
constexpr uint64_t kRandomLifeUsMax = 300'000;
constexpr uint64_t kAimedLifeUsMax = 400'000;

/// Small numbers and large ones alike.
uint64_t draw_skip(Prng& random) {
  const uint64_t bits = random.below(5);
  return random.below(uint64_t{1} << bits);
}

Mode draw_mode(PowerLoss choice, Prng& random) {
  constexpr Mode kMixed[] = {Mode::Drop, Mode::Drop, Mode::Tear, Mode::Tear, Mode::Keep};
  const Mode mixed = kMixed[random.below(std::size(kMixed))];
  if (choice == PowerLoss::Drop) return Mode::Drop;
  if (choice == PowerLoss::Keep) return Mode::Keep;
  return choice == PowerLoss::Tear ? Mode::Tear : mixed;
}

template <size_t kCount>
LifePlan::Fault draw_fault(const char* const (&files)[kCount], uint64_t count, Prng& random) {
  const uint64_t which = random.below(kCount);
  const uint64_t skip = draw_skip(random);
  return {files[which], skip, count};
}

std::string describe_fault(const char* what, const std::optional<LifePlan::Fault>& fault) {
  if (!fault) return {};
  return std::string(", ") + what + " on " + fault->files + " after " + std::to_string(fault->skip);
}

}  // namespace

LifePlan draw_plan(PowerLoss choice, uint64_t seed, uint64_t life) {
  Prng random(seed, stream_id("life"), life);
  LifePlan plan;
  plan.seed = random.next();
  plan.mode = draw_mode(choice, random);
  plan.verify = random.chance(1, 4);
  if (random.chance(1, 2)) plan.sync_delay_us = static_cast<uint32_t>(random.below(3000));
  const bool is_aimed = random.chance(2, 3);
  plan.life_us = random.below(kRandomLifeUsMax);
  if (is_aimed) {
    plan.life_us = kAimedLifeUsMax;
    const uint64_t target = random.below(std::size(kTargets));
    const auto when = static_cast<When>(random.below(3));
    const uint64_t skip = draw_skip(random);
    plan.aim = LifePlan::Aim{kTargets[target].call, when, kTargets[target].files, skip};
  }
  const uint64_t trouble = random.below(12);
  if (trouble < 3) plan.sync_error = draw_fault(kSyncErrorFiles, 1, random);
  if (trouble == 3) plan.read_error = draw_fault(kReadErrorFiles, 1, random);
  if (trouble == 4) plan.short_write = LifePlan::Fault{"*", 0, 1'000'000};
  return plan;
}

std::string LifePlan::Aim::target() const {
  return std::string(kCallNames[static_cast<size_t>(call)]) + " " + files;
}

void LifePlan::set(powerloss::Control& control) const {
  control.mode = mode;
  control.seed = seed;
  control.verify = verify;
  control.sync_delay_us = sync_delay_us;
  if (aim) {
    control.aim_call = aim->call;
    control.aim_when = aim->when;
    control.aim.arm(aim->files, aim->skip);
  }
  if (sync_error) control.fail_sync.arm(sync_error->files, sync_error->skip, sync_error->count);
  if (read_error) control.fail_read.arm(read_error->files, read_error->skip, read_error->count);
  if (short_write) {
    control.short_write.arm(short_write->files, short_write->skip, short_write->count);
  }
}

std::string LifePlan::describe() const {
  std::string text = kModeNames[static_cast<size_t>(mode)];
  text += ", syncs take " + std::to_string(sync_delay_us) + " us, power goes ";
  if (aim) {
    text += std::string(kWhenNames[static_cast<size_t>(aim->when)]) + " number " +
            std::to_string(aim->skip + 1) + " of " + aim->target();
  } else {
    text += "after " + std::to_string(life_us) + " us";
  }
  return text + describe_fault("failed sync", sync_error) +
         describe_fault("failed read", read_error) + describe_fault("short writes", short_write);
}

const char* stall_name(Stall stall) {
  switch (stall) {
    case Stall::FullThenFree:
      return "the disk is full for a while";
    case Stall::FullThenKill:
      return "the power goes while the disk is full";
    case Stall::SyncErrorsThenGood:
      return "syncs fail for a while";
    case Stall::SyncErrorsThenKill:
      return "the power goes while syncs fail";
  }
  return "";
}

}  // namespace topgun::test
