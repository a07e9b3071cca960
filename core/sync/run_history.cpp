#include "core/sync/run_history.hpp"

#include <algorithm>

namespace topgun {
namespace {

constexpr uint8_t kCompleteFlag = 1;
constexpr uint8_t kCurrentStoredFlag = 2;

/// Whether `sequence` lies where runs were left out.
bool is_unknown(const RunHistory& history, uint64_t sequence) {
  return !history.complete && (history.runs.empty() || sequence < history.runs.front().first);
}

}  // namespace

bool includes(const RunHistory& history, uint64_t sequence) {
  if (sequence == 0 || is_unknown(history, sequence)) return true;
  return std::any_of(history.runs.begin(), history.runs.end(),
                     [&](const Run& run) { return run.first <= sequence && sequence <= run.last; });
}

bool includes_run(const RunHistory& history, uint64_t first) {
  if (first == 0 || is_unknown(history, first)) return true;
  return std::any_of(history.runs.begin(), history.runs.end(),
                     [&](const Run& run) { return run.first == first; });
}

uint64_t latest_stored_run(const RunHistory& history) {
  const size_t stored = history.runs.size() - (history.current_stored ? 0 : 1);
  return history.runs.empty() || stored == 0 ? 0 : history.runs[stored - 1].first;
}

uint64_t common_until(const RunHistory& holder, const RunHistory& other) {
  for (size_t i = other.runs.size(); i > 0; --i) {
    const Run& ours = other.runs[i - 1];
    const auto theirs = std::find_if(holder.runs.begin(), holder.runs.end(),
                                     [&](const Run& run) { return run.first == ours.first; });
    if (theirs == holder.runs.end()) continue;
    const bool goes_on = theirs + 1 == holder.runs.end();
    return goes_on ? ours.last : std::min(ours.last, theirs->last);
  }
  if (other.runs.empty() || (holder.complete && other.complete)) return 0;
  return other.runs.back().first - 1;
}

void put_history(ByteWriter& out, const RunHistory& history) {
  out.u8(static_cast<uint8_t>((history.complete ? kCompleteFlag : 0) |
                              (history.current_stored ? kCurrentStoredFlag : 0)));
  out.varint(history.runs.size());
  for (const Run& run : history.runs) {
    out.varint(run.first);
    out.varint(run.last + 1 - run.first);
  }
}

RunHistory take_history(ByteReader& in) {
  RunHistory history;
  const uint8_t flags = in.u8();
  if (in.ok() && flags > (kCompleteFlag | kCurrentStoredFlag)) in.fail(Error::Malformed);
  history.complete = (flags & kCompleteFlag) != 0;
  history.current_stored = (flags & kCurrentStoredFlag) != 0;
  const uint64_t count = in.varint_max(RunHistory::kRunsMax);
  uint64_t next = 1;
  for (uint64_t i = 0; i < count && in.ok(); ++i) {
    const uint64_t first = in.varint();
    const uint64_t sequences = in.varint();
    // The last sequence of all is never issued, which leaves room for "none" behind every run.
    const bool in_range = first >= next && sequences < UINT64_MAX - first;
    if (in.ok() && !in_range) in.fail(Error::Malformed);
    if (!in.ok()) break;
    history.runs.push_back({first, first + sequences - 1});
    next = first + std::max<uint64_t>(sequences, 1);
  }
  return history;
}

}  // namespace topgun
