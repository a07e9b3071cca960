#pragma once

#include <memory>
#include <string>

#include "core/base/hash.hpp"
#include "core/base/ids.hpp"
#include "core/clock/now.hpp"
#include "core/crdt/record.hpp"
#include "core/node/effects.hpp"
#include "core/node/principal.hpp"
#include "core/node/query_port.hpp"
#include "core/value/partition_key.hpp"

namespace topgun::node {

/// Limits of a node; each is met by a test. Bytes and counts are inclusive maxima.
struct ShardLimits {
  uint32_t frame_bytes_max = 1u << 20;
  uint32_t operations_in_flight_max = 65536;
  uint32_t subscriptions_max = 1024;
  /// Queries of one connection at once; those that wait for an answer count like live ones.
  uint32_t queries_max = 1024;
  /// Records of maps below views that a shard takes in at a tick, after the start.
  uint32_t taken_per_tick = 2048;
  uint32_t maps_max = 4096;
  /// Changes of a map that a shard remembers: who knows an older version gets no delta, but a
  /// comparison of trees.
  uint32_t changes_max = 65536;
  /// Replicas that a shard remembers, to notice copies of them; others are served unwatched.
  uint32_t replicas_max = 1u << 20;
  /// Sustained operations per second of one connection and the burst above it; 0 = unlimited.
  uint32_t operations_per_second = 0;
  uint32_t operations_burst = 100'000;
  /// Bytes of Changes and Records beyond the client's credit; clients grant it in steps of 16 KiB.
  uint32_t credit_bytes = 1u << 20;
  uint64_t clock_drift_max_ms = 60'000;
  /// A connection that has not said Hello by then is closed.
  uint64_t hello_timeout_ms = 10'000;
  /// A connection from which nothing came for this long is pinged, and closed after twice as long.
  uint64_t idle_timeout_ms = 30'000;
  /// An exchange that is not done by then is answered with what there is.
  uint64_t exchange_timeout_ms = 15'000;
  /// A stream of changes ends after this long, so that load and tokens are looked at anew.
  uint64_t stream_timeout_ms = 300'000;
  /// Exchanges under way at once, on one shard; beyond it they are refused with `Overloaded`.
  uint32_t exchanges_max = 65536;
  /// How long a replica may stay away, and a write on its way, before it has to start anew or be
  /// stamped anew. Tombstones are kept twice as long.
  uint64_t tombstone_retention_ms = 30ull * 24 * 3600 * 1000;
};

/// An index that the node keeps on a map for queries.
struct NodeIndex {
  std::string map;
  Bytes definition;  ///< As `query::write_index_definition` writes it.
};

/// An answer that the node keeps as records, to be asked like a map. Nobody writes to it, and no
/// replica holds it.
struct NodeView {
  std::string name;
  std::string map;  ///< What it is made of: a map, or a view that stands before it.
  Bytes query;      ///< As `query::encode_query` writes it.
  /// What the values are called that the query selects, or the values of its groups; of a query
  /// that does neither none, since its records are the map's.
  std::vector<std::string> fields;
};

struct ShardOptions {
  uint16_t shard = 0;
  uint16_t shard_count = 1;
  uint64_t node_id = 0;
  /// Random and new at every start of the node; the same for all its shards.
  uint64_t incarnation = 0;
  /// Without a log (`--memory`) the highest ack level is `memory`.
  bool has_log = true;
  ShardLimits limits;
  /// Borrowed for the life of the shard.
  const Authenticator* authenticator = nullptr;
  const AccessPolicy* access = nullptr;
  /// Without it queries are answered with `UnknownMessage`.
  MakeShardQueries make_queries = nullptr;
  /// Built when the first query looks at the map.
  std::vector<NodeIndex> indexes = {};
  /// Made anew at each start. With queries only.
  std::vector<NodeView> views = {};
  /// One a map at most; of maps in which the last writer wins. The same for all shards of the node.
  /// They tell where records lie, which is found anew at each start.
  std::vector<PartitionKey> partition_keys = {};

  /// Null for maps whose records lie by their whole keys.
  const PartitionKey* partition_key_of(MapKind kind, std::string_view map) const {
    if (kind != MapKind::Lww) return nullptr;
    for (const PartitionKey& each : partition_keys) {
      if (each.map == map) return &each;
    }
    return nullptr;
  }
  bool is_view(std::string_view name) const {
    for (const NodeView& view : views) {
      if (view.name == name) return true;
    }
    return false;
  }
};

/// Counters since the start, and gauges; read by the host for metrics on the shard's own thread.
struct ShardStats {
  uint64_t frames_received = 0;
  uint64_t operations_applied = 0;    ///< Changed state.
  uint64_t operations_redundant = 0;  ///< Known already or overruled by a later stamp.
  uint64_t operations_rejected = 0;
  uint64_t changes_sent = 0;
  uint64_t records_sent = 0;
  uint64_t repairs_started = 0;
  uint64_t resyncs_forced = 0;
  uint64_t subscribers_lagging = 0;
  uint64_t exchanges = 0;  ///< Requests that stood for themselves.
  uint64_t connections = 0;
  uint64_t exchanges_open = 0;
  uint64_t sessions = 0;
  uint64_t subscriptions = 0;
  uint64_t maps = 0;
  uint64_t records = 0;
  uint64_t record_bytes = 0;
  uint64_t queries_asked = 0;  ///< Since the start.
  uint64_t queries_live = 0;
  uint64_t query_bytes = 0;  ///< Of rows, indexes and live answers.
};

/// A piece of a checkpoint: current state that changed since the last one. `batches` are record
/// batches, `purges` name maps whose tombstones before `horizon_ms` are gone.
struct CheckpointChunk {
  struct Purge {
    uint8_t map_kind = 0;
    std::string map;
    uint64_t horizon_ms = 0;
  };
  std::vector<Bytes> batches;
  std::vector<Purge> purges;
  /// Set on the last chunk: with it, the checkpoint covers this shard's log up to and including
  /// `covers_sequence`.
  bool last = false;
  uint64_t covers_sequence = 0;
};

/// A record whose partition field is not what its key begins with.
struct MisplacedRecord {
  std::string map;
  std::string key;
};

/// What comes with an exchange beside its request.
struct ExchangeOptions {
  /// Stands for the one in Hello, which is left empty. Borrowed for the call.
  ByteView token = {};
  /// Frames are sent on as they come, until `closed` or the time is up; otherwise the answer is
  /// one.
  bool is_stream = false;
};

/// The server state machine of one core: the partitions pinned to it, and the sessions of the
/// connections that its thread serves. It owns no socket, clock or file: events come in with the
/// time, effects go out. Shards talk to each other only by messages, which must arrive in the order
/// they were posted between each pair of shards. Not thread-safe; one thread drives a shard.
///
/// A turn: any number of events, then `end_turn`, then the host carries out `take_effects`.
class Shard {
 public:
  explicit Shard(ShardOptions options);
  ~Shard();
  Shard(const Shard&) = delete;
  Shard& operator=(const Shard&) = delete;

  // --- recovery, before the first event ---

  /// Merges a record batch of the checkpoint or an entry of the log; keys of other shards'
  /// partitions are passed over, so every shard may be given everything. Errors of the decoder
  /// leave the shard unchanged.
  Result<void> recover(LogEntryKind kind, ByteView payload);

  /// After recovery: the key of a record that is not what its map's partition key says, so that
  /// queries would not find it. O(records) of the maps that have one.
  std::optional<MisplacedRecord> find_misplaced(uint64_t wall_ms) const;

  // --- events ---

  void connected(ConnectionId connection, Now now);
  /// One whole frame; borrowed for the call.
  void frame(ConnectionId connection, ByteView frame, Now now);
  /// The connection is gone; nothing is sent to it any more.
  void closed(ConnectionId connection, Now now);
  /// One request that stands for itself (docs/protocol.md, Exchanges): a frame that begins with
  /// Hello and Exchange. What is sent to `exchange`, a name like that of a connection, is the
  /// answer; `Effects::Answer` tells when it is whole, and nothing of it is remembered then.
  /// `closed` gives it up.
  void exchange(ConnectionId exchange, ByteView request, const ExchangeOptions& options, Now now);
  /// That many bytes sent to a stream have left; flow control counts them instead of Credit.
  void sent(ConnectionId stream, uint64_t bytes, Now now);
  void message(const ShardMessage& message, Now now);
  /// Log entries of `shard` up to `sequence` are on stable storage. Every shard is told of every
  /// shard's progress.
  void durable(uint16_t shard, uint64_t sequence, Now now);
  /// The log can take no more writes (`StorageFull`, `StorageIo`): writes are refused with
  /// `ReadOnly` until `log_recovered`.
  void log_failed(Error error, Now now);
  void log_recovered(Now now);
  /// Sessions end with `Draining`; new ones are refused.
  void drain(Now now);
  void tick(Now now);

  /// Closes the turn: acks and pushes that the turn gathered become effects.
  void end_turn(Now now);
  Effects take_effects();

  /// Monotonic time at which `tick` is wanted next.
  uint64_t next_tick_ms() const;

  // --- checkpoints ---

  /// The next piece of the running checkpoint, about `bytes_max` long; starts one if none is
  /// running.
  CheckpointChunk next_checkpoint_chunk(size_t bytes_max);

  const ShardStats& stats() const;

  /// Sum of the record hashes of `map` on this shard, and their count: added over the shards it
  /// equals the root of a client that has the same state.
  struct Root {
    Hash128 hash;
    uint64_t records = 0;
  };
  Root root(uint8_t map_kind, std::string_view map) const;

  /// How many changes this shard's part of the map has seen since it started; 0 if there is no such
  /// map. What cursors count in.
  uint64_t version(uint8_t map_kind, std::string_view map) const;

  /// Whether this shard holds the record, be it a tombstone; for tests and the simulator.
  bool holds(uint8_t map_kind, std::string_view map, ByteView key, ByteView tag) const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace topgun::node
