#pragma once

#include <map>

#include "core/client/client_replica.hpp"
#include "core/client/query_port.hpp"
#include "core/dataflow/live_queries.hpp"
#include "core/query/record_follower.hpp"

namespace topgun::dataflow {

/// The queries of a client engine (docs/engine-protocol.md, "Queries"): indexes and live queries
/// over the maps that the host has opened. A map costs nothing before its first query or index;
/// from then on its rows are kept in step with its records.
class ClientQueries final : public client::QueryPort {
 public:
  /// Rows that one turn adds to indexes under construction: about a millisecond's work.
  static constexpr size_t kBuildRowsMax = 2048;
  /// Subscriptions of one engine.
  static constexpr size_t kSubscriptionsMax = 100'000;

  ClientQueries(client::ClientReplica& replica, client::EventQueue& events);
  ~ClientQueries() override;

  /// For `client::Engine`.
  static std::unique_ptr<client::QueryPort> make(client::ClientReplica& replica,
                                                 client::EventQueue& events);

  Result<void> execute(client::Command command, ByteReader& in, ByteWriter& out, Now now) override;
  void end_turn() override;
  bool has_work() const override { return builds_; }

 private:
  class FollowedMap;
  struct Subscription {
    FollowedMap* map = nullptr;
    SubscriptionId id = 0;
  };

  /// The rows of the map whose handle comes next; begins to follow it. `TypeMismatch` for a map of
  /// another kind than last writer wins.
  Result<FollowedMap*> take_map(ByteReader& in, Now now);
  Result<void> query(ByteReader& in, ByteWriter& out, Now now);
  Result<void> subscribe(ByteReader& in, ByteWriter& out, Now now);
  Result<void> unsubscribe(ByteReader& in);
  Result<void> explain(ByteReader& in, ByteWriter& out, Now now);
  Result<void> add_index(ByteReader& in, Now now);
  Result<void> drop_index(ByteReader& in, Now now);
  Result<void> indexes(ByteReader& in, ByteWriter& out, Now now);
  /// Reports what the writes since the last time changed.
  void report();

  client::ClientReplica& replica_;
  client::EventQueue& events_;
  std::map<uint64_t, std::unique_ptr<FollowedMap>> maps_;  ///< By handle.
  std::map<uint64_t, Subscription> subscriptions_;         ///< By the number the host chose.
  bool builds_ = false;                                    ///< An index may be under construction.
};

}  // namespace topgun::dataflow
