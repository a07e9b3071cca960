#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/node/ack_tracker.hpp"
#include "core/node/cursor.hpp"
#include "core/node/effects.hpp"
#include "core/node/principal.hpp"
#include "core/node/shard_codec.hpp"

namespace topgun::node {

/// Where a subscription stands between Subscribe and the steady flow of changes.
enum class SubscriptionPhase : uint8_t {
  Describing,  ///< Owners are asked for root and version.
  Pulling,     ///< Records are on their way from the owners.
  Repairing,   ///< A Diff conversation is going on.
  Finishing,   ///< Owners are asked for the root that goes into Synced.
  Live,        ///< Changes are forwarded as they come.
};

/// One map that one connection follows.
struct Subscription {
  uint64_t id = 0;
  uint64_t channel = 0;
  SubscriptionPhase phase = SubscriptionPhase::Describing;
  /// Changes were dropped because the client's credit was used up; they are pulled later.
  bool lagging = false;

  // What the client said in Subscribe.
  MerkleRoot client_root;
  uint64_t client_records = 0;
  std::vector<uint64_t> client_versions;  ///< Empty without a cursor of this incarnation.
  uint8_t slice = 0;                      ///< Another at each repair, see Diff.
  std::optional<Continuation> continuation;
  /// A Diff that came with the continuation, until the owners have described themselves.
  Bytes continued_diff;
  /// Node time at which the present Pulling or Repairing began.
  uint64_t stage_started_ms = 0;

  /// Node time at which the client was last known to have everything: from Subscribe, then from
  /// Synced or from when it began to lag. 0 = it holds nothing that was ever the node's. Looked at
  /// again at each step, because a step may take as long as tombstones are kept.
  uint64_t in_step_ms = 0;

  /// Up to which version of each shard the client has everything.
  std::vector<uint64_t> versions;

  // The step that waits for answers of the owners.
  /// Which step of this home; the answers to those before mean nothing to it.
  uint64_t step = 0;
  uint16_t answers_missing = 0;
  Description total;
  std::vector<uint64_t> described_versions;

  struct Pull {
    PullMode mode = PullMode::Delta;
    uint64_t position = 0;
    bool done = true;
    bool stalled = false;  ///< Waits for credit.
  };
  std::vector<Pull> pulls;

  struct DiffState {
    Bytes received;  ///< The payload, kept because owners get it twice.
    DiffMessage message;
    std::vector<uint64_t> children;
    std::vector<DiffRegion> regions;
    std::vector<LeafPart> leaves;             ///< For each leaf received.
    std::vector<std::vector<uint16_t>> lost;  ///< For each claim received.
  };
  std::unique_ptr<DiffState> diff;
};

/// A query that one connection waits for or follows.
struct SessionQuery {
  bool live = false;
  /// What the client said its answer is known by; 0 = it has none.
  uint64_t known = 0;
  bool answered = false;
  /// The answer, or steps from it, were not said because the client's credit was used up; it gets
  /// the answer later.
  bool lagging = false;
  std::vector<std::string> maps;  ///< Its own, then those that it joins.
  Bytes query;
  std::vector<ReadAccess> access;  ///< To each of them.
};

/// Operations that a client may still send at its rate: a token bucket of whole tokens.
struct RateBucket {
  uint64_t tokens = 0;
  uint64_t counted_ms = 0;  ///< Monotonic.
};

/// What a session has beyond others if it stands for one request.
struct Exchange {
  Bytes token;
  bool is_stream = false;
  bool touched = false;
  bool quiet = false;
  /// Something was said that the client has not known before.
  bool has_news = false;
  /// Why operations were put off, if any were.
  std::optional<Error> put_off;
  size_t answer_bytes_max = 0;
  uint64_t wait_until_ms = 0;  ///< Monotonic.
  uint64_t deadline_ms = 0;    ///< Monotonic; it is answered by then.
};

/// One connection, from accept to close; or one exchange.
struct Session {
  ConnectionId connection;
  bool open = false;  ///< Hello was accepted.
  /// Hello was read and the replica's registry is asked; what comes meanwhile is held back.
  bool greeting = false;
  Bytes held;
  ReplicaId replica;
  std::unique_ptr<Principal> principal;
  uint64_t connected_ms = 0;  ///< Monotonic.
  uint64_t heard_ms = 0;      ///< Monotonic.
  bool pinged = false;

  AckTracker acks;
  AckLevel ack_level_min = AckLevel::Memory;
  uint64_t memory_acked = 0;
  uint64_t local_acked = 0;
  bool awaits_acks = false;

  /// Every operation up to this sequence was taken, and will be acked.
  uint64_t taken_sequence = 0;
  /// As far as the replica's registry was told, and when.
  uint64_t reported_sequence = 0;
  uint64_t reported_ms = 0;  ///< Monotonic.
  /// A batch was not taken, and none is until the client says that it starts over: acks are
  /// cumulative.
  bool is_put_off = false;
  RateBucket rate;

  /// Bytes of Changes and Records sent beyond the client's credit.
  uint64_t unacknowledged_bytes = 0;

  /// The last map that was checked for writing, and whether it may be written.
  std::string write_map;
  bool write_allowed = false;

  std::map<uint64_t, Subscription> subscriptions;
  std::map<uint64_t, SessionQuery> queries;

  /// Nothing for a connection.
  std::unique_ptr<Exchange> exchange;

  /// Messages of this turn that are not shared with others.
  Bytes out;
  bool has_output = false;
};

/// One map that sessions of this shard follow.
struct Channel {
  uint64_t id = 0;
  MapKind kind = MapKind::Lww;
  std::string map;
  struct Listener {
    ConnectionId connection;
    uint64_t subscription;
  };
  std::vector<Listener> listeners;
};

/// The map of a channel, as messages to its owners begin.
inline Bytes encode_map(const Channel& channel) {
  Bytes payload;
  ByteWriter out(payload);
  put_map(out, {channel.kind, as_bytes(channel.map)});
  return payload;
}

}  // namespace topgun::node
