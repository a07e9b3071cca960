#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <string_view>

/// What a test and the power-loss shim say to each other: a block of shared memory, a file that the
/// test makes and both map. Atomics, so that a test may change its mind while the program runs.
namespace topgun::powerloss {

/// The names of the environment variables that turn the shim on; all three are absolute paths.
inline constexpr const char* kDirectoryVariable = "TOPGUN_POWERLOSS_DIRECTORY";
inline constexpr const char* kImageVariable = "TOPGUN_POWERLOSS_IMAGE";
inline constexpr const char* kControlVariable = "TOPGUN_POWERLOSS_CONTROL";

/// What survives of that which was not synced.
enum class Mode : uint32_t {
  Drop,  ///< Nothing.
  Keep,  ///< Everything: SIGKILL as we know it.
  Tear,  ///< Of each write a seeded choice of its sectors; of changes of names a seeded beginning.
};

/// The calls that decide about durability, as classes that can be counted and aimed at.
enum class Call : uint32_t { Write, Resize, Sync, SyncDirectory, Create, Rename, Unlink };
inline constexpr size_t kCallCount = 7;

/// Where in a call the power goes. During a sync a seeded part of the data has become durable; for
/// other calls it means `After`.
enum class When : uint32_t { Before, During, After };

/// What a full device refuses: growth of files and new names, or every write (a file system that
/// never writes in place).
enum class Space : uint32_t { Enough, NoGrowth, None };

/// Fires at chosen calls: those on files whose last name component matches `pattern` (fnmatch;
/// empty matches all), after letting `skip` of them pass, `count` times.
struct Trigger {
  std::array<char, 48> pattern{};
  std::atomic<uint64_t> skip{0};
  std::atomic<uint64_t> count{0};

  /// Before the program starts only. `count` is stored last: it arms the trigger.
  void arm(std::string_view files, uint64_t skipped, uint64_t times = 1) {
    pattern.fill(0);
    std::memcpy(pattern.data(), files.data(), std::min(files.size(), pattern.size() - 1));
    skip = skipped;
    count = times;
  }
};

struct Control {
  static constexpr uint64_t kMagic = 0x746f7067756e7077;

  uint64_t magic = kMagic;
  /// Set by the shim once it works; a run in which it stays 0 proves nothing.
  std::atomic<int32_t> process{0};

  // Settings.
  std::atomic<Mode> mode{Mode::Drop};
  std::atomic<uint64_t> seed{0};
  /// Compare each file with its image at each sync, to find writes that the shim did not see.
  std::atomic<bool> verify{false};
  /// How long a sync takes, so that kills fall into the time between write and durability.
  std::atomic<uint32_t> sync_delay_us{0};

  // Faults.
  std::atomic<Call> aim_call{Call::Write};
  std::atomic<When> aim_when{When::Before};
  Trigger aim;
  Trigger fail_sync;    ///< EIO; what was not durable never will be, but reads as if it were.
  Trigger fail_read;    ///< EIO.
  Trigger short_write;  ///< Takes the first half of the bytes only.
  std::atomic<Space> space{Space::Enough};

  // Report.
  std::array<std::atomic<uint64_t>, kCallCount> calls{};
  std::atomic<uint64_t> full_writes_refused{0};
  /// The aim was hit and the process ended itself.
  std::atomic<bool> killed{false};
  /// The program did something the shim cannot model; it says what on stderr and aborts.
  std::atomic<bool> gave_up{false};
};

static_assert(std::atomic<uint64_t>::is_always_lock_free && std::atomic<bool>::is_always_lock_free,
              "the block is shared between processes");

}  // namespace topgun::powerloss
