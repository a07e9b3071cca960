#include "core/crdt/merge.hpp"

#include <algorithm>

#include "core/base/probe.hpp"

namespace topgun {
namespace {

/// Orders records of one stamp by their content; 0 only if they are equal.
int compare_content(const Record& left, const Record& right) {
  if (left.tombstone != right.tombstone) return left.tombstone ? 1 : -1;
  if (left.ttl_ms != right.ttl_ms) return left.ttl_ms < right.ttl_ms ? -1 : 1;
  return compare_bytes(left.value, right.value);
}

MergeWinner later_stamp(const Record& current, const Record& incoming) {
  TG_SOMETIMES(current.stamp.time == incoming.stamp.time && current.stamp != incoming.stamp,
               MergeTie);
  TG_SOMETIMES(incoming.stamp < current.stamp, MergeOverruled);
  if (TG_MUTANT(1) && current.stamp.time == incoming.stamp.time) return MergeWinner::Current;
  if (TG_MUTANT(2)) {
    return current.stamp.ms() < incoming.stamp.ms() ? MergeWinner::Incoming : MergeWinner::Current;
  }
  if (current.stamp != incoming.stamp) {
    return current.stamp < incoming.stamp ? MergeWinner::Incoming : MergeWinner::Current;
  }
  return compare_content(current, incoming) < 0 ? MergeWinner::Incoming : MergeWinner::Current;
}

}  // namespace

MergeWinner merge_lww(const Record& current, const Record& incoming) {
  return later_stamp(current, incoming);
}

MergeWinner merge_or_element(const Record& current, const Record& incoming) {
  if (current.tombstone != incoming.tombstone) {
    if (TG_MUTANT(9)) return incoming.tombstone ? MergeWinner::Current : MergeWinner::Incoming;
    TG_SOMETIMES(current.tombstone, OrRemoveOfUnseen);
    return incoming.tombstone ? MergeWinner::Incoming : MergeWinner::Current;
  }
  return later_stamp(current, incoming);
}

MergeWinner merge_counter(const Record& current, const Record& incoming) {
  const CounterTotals ours = decode_counter(current.value);
  const CounterTotals theirs = decode_counter(incoming.value);
  const bool ours_cover = ours.positive >= theirs.positive && ours.negative >= theirs.negative &&
                          current.stamp >= incoming.stamp;
  if (ours_cover) return MergeWinner::Current;
  const bool theirs_cover = theirs.positive >= ours.positive && theirs.negative >= ours.negative &&
                            incoming.stamp >= current.stamp;
  return theirs_cover ? MergeWinner::Incoming : MergeWinner::Combined;
}

CounterBytes combine_counters(const Record& current, const Record& incoming) {
  const CounterTotals ours = decode_counter(current.value);
  const CounterTotals theirs = decode_counter(incoming.value);
  return encode_counter({std::max(ours.positive, theirs.positive),  //
                         std::max(ours.negative, theirs.negative)});
}

MergeWinner merge_records(MapKind kind, const Record& current, const Record& incoming) {
  switch (kind) {
    case MapKind::Lww:
      return merge_lww(current, incoming);
    case MapKind::Or:
      return merge_or_element(current, incoming);
    case MapKind::Counter:
      return merge_counter(current, incoming);
  }
  return MergeWinner::Current;
}

}  // namespace topgun
