#pragma once

#include "core/crdt/record.hpp"

namespace topgun {

/// The join of two records with the same key and tag. Each rule is commutative, associative and
/// idempotent, so replicas that have seen the same writes hold the same records, in whatever order
/// and however often they came (Shapiro et al., "Conflict-free Replicated Data Types", SSS 2011).
///
/// Ties are broken by content. Two different writes never carry one stamp unless a replica was
/// cloned; even then all replicas agree.
enum class MergeWinner : uint8_t {
  Current,   ///< Nothing changes.
  Incoming,  ///< The incoming record replaces the current one.
  Combined,  ///< Counters only: a record with parts of both, see `combine_counters`.
};

/// LWW register: the later stamp wins, writes and removals alike.
MergeWinner merge_lww(const Record& current, const Record& incoming);

/// One element of an OR map: once removed, for ever removed. A concurrent add of an equal value has
/// another tag and so survives: add wins (Bieniusa et al., "An optimized conflict-free replicated
/// set", 2012). Of two removals the later stamp stays.
MergeWinner merge_or_element(const Record& current, const Record& incoming);

/// One replica's totals in a PN counter: each total only grows, the larger one is the newer.
MergeWinner merge_counter(const Record& current, const Record& incoming);

/// The totals that `Combined` stands for; the stamp of the combination is the later one.
CounterBytes combine_counters(const Record& current, const Record& incoming);

/// The rule of `kind`.
MergeWinner merge_records(MapKind kind, const Record& current, const Record& incoming);

}  // namespace topgun
