#include "core/storage/log_retention.hpp"

#include <algorithm>

namespace topgun::storage {

void LogRetention::note(uint64_t segment, uint64_t block, LogStream stream, uint64_t sequence) {
  const auto [at, is_new] = segments_.try_emplace(segment);
  if (is_new) at->second.first_block = block;
  uint64_t& last = at->second.last[stream];
  last = std::max(last, sequence);
}

std::optional<LogRetention::Start> LogRetention::start(const AppliedVector& applied) const {
  for (const auto& [number, segment] : segments_) {
    const bool covered = std::all_of(
        segment.last.begin(), segment.last.end(),
        [&](const auto& entry) { return entry.second <= applied.sequence(entry.first); });
    if (!covered || number == segments_.rbegin()->first) return Start{number, segment.first_block};
  }
  return std::nullopt;
}

std::vector<uint64_t> LogRetention::release_before(uint64_t segment) {
  std::vector<uint64_t> released;
  while (!segments_.empty() && segments_.begin()->first < segment) {
    released.push_back(segments_.begin()->first);
    segments_.erase(segments_.begin());
  }
  return released;
}

std::map<LogStream, uint64_t> LogRetention::streams() const {
  std::map<LogStream, uint64_t> all;
  for (const auto& [number, segment] : segments_) {
    for (const auto& [stream, sequence] : segment.last) {
      uint64_t& last = all[stream];
      last = std::max(last, sequence);
    }
  }
  return all;
}

}  // namespace topgun::storage
