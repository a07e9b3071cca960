#pragma once

#include <string>
#include <vector>

#include "tests/server/storage/storage_model.hpp"

/// Small programs of a node, for tests that run them on disks that fail.
namespace topgun::host {

enum class Act : uint8_t { Append, AppendAhead, Checkpoint, Reopen, Crash };
inline constexpr Act kActs[] = {Act::Append, Act::AppendAhead, Act::Checkpoint, Act::Reopen,
                                Act::Crash};
inline constexpr const char* kActNames[] = {"append", "append, unsynced", "checkpoint", "reopen",
                                            "crash"};

inline std::string spelled(const std::vector<Act>& program) {
  std::string text;
  for (const Act act : program) text += std::string(kActNames[static_cast<size_t>(act)]) + "; ";
  return text;
}

inline StorageModel::Options small_node() {
  StorageModel::Options options;
  options.disk.sector_bytes = 4096;
  options.entry_bytes = 40'000;  // Two of them fill a segment.
  return options;
}

inline void perform(StorageModel& node, Act act) {
  if (!node.is_open()) return;
  switch (act) {
    case Act::Append:
      node.append(1);
      node.run_log();
      return;
    case Act::AppendAhead:  // The state moves to the checkpoint before the log has it.
      node.append(1);
      return;
    case Act::Checkpoint:
      node.run_checkpoint();
      return;
    case Act::Reopen:
      node.close();
      node.open();
      return;
    case Act::Crash:
      node.die();
      node.disk().restart_after_crash();
      node.open();
      return;
  }
}

}  // namespace topgun::host
