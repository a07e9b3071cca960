#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/replica/map_observer.hpp"
#include "core/replica/record_table.hpp"

namespace topgun::client {

/// How far a map has come in its conversation with the node.
enum class SyncPhase : uint8_t {
  Detached,    ///< Not followed, or no connection.
  Subscribed,  ///< Subscribe was sent; Synced has not come yet.
  Live,        ///< Changes arrive as they happen.
};

/// What this replica had counted on a key by the time of a stamp.
struct CounterBase {
  CounterTotals totals;
  uint64_t time = 0;  ///< 0: it had not counted there.
};

/// One map of a client replica.
struct ClientMap {
  ClientMap(MapKind map_kind, std::string map_name, Slab& slab)
      : kind(map_kind), name(std::move(map_name)), table(map_kind, slab) {}

  MapKind kind;
  std::string name;
  RecordTable table;

  /// Chosen by the host; 0 while the application has not opened the map. Also the subscription's
  /// id.
  uint64_t handle = 0;
  SyncPhase phase = SyncPhase::Detached;
  /// The application wants changes of this map whenever there is a connection.
  bool followed = false;
  /// The host wants local writes reported as well, for those who read along.
  bool watched = false;
  /// Follows the records; borrowed. Null for most maps.
  MapObserver* observer = nullptr;

  // Where we stand with the node; stored.
  uint64_t incarnation = 0;
  std::vector<uint64_t> versions;
  /// Node time of the last Synced. Before the first one: of the greeting of the session in which
  /// the first records came, since what came has been the node's at that time or later. 0 = never,
  /// and then every record is a write of our own that no node has taken.
  uint64_t synced_ms = 0;

  // Where an exchange or a connection left off, for the next one: the node's cursor, and our part
  // of a comparison.
  Bytes continuation;
  Bytes continued_messages;
  /// The continuation tells what of a snapshot has come, which is true on the next connection, too.
  bool continues_snapshot = false;
  /// The application was told that the map agreed with the node, on this connection.
  bool was_synced = false;

  /// Records that went either way since the last Subscribe.
  size_t moved_records = 0;
  /// The next Subscribe shall lead to repair, whatever the cursor says.
  bool wants_repair = false;
  /// A resync took writes of our own that were acknowledged while it was on its way. The node may
  /// have taken them after it began, and sends nobody his own; so no position that it tells is
  /// ours.
  bool lacks_own = false;
  /// Repairs in a row after which the roots still differed.
  uint32_t repairs_in_row = 0;
  /// Monotonic time at which to compare roots again; 0 = not planned.
  uint64_t recheck_at_ms = 0;
  /// What is above has changed since it was stored.
  bool position_changed = false;

  /// For counters with steps in the outbox: where they started from, so that the steps can be told
  /// from what the node already has. Stored.
  std::map<std::string, CounterBase, std::less<>> counter_bases;
};

}  // namespace topgun::client
