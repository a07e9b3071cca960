#pragma once

#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "core/node/principal.hpp"
#include "core/node/shard_messages.hpp"

namespace topgun::node {

class Owner;
struct ShardContext;

/// One query of one session.
struct QueryTarget {
  ConnectionId connection;
  uint64_t query = 0;  ///< As the client numbers it.
  friend constexpr auto operator<=>(QueryTarget, QueryTarget) = default;
};

/// Where answers go: the half of the shard that serves connections.
class QueryOutput {
 public:
  virtual ~QueryOutput() = default;

  /// The whole answer, borrowed for the call: the first one, or the one asked for by `repeat`.
  virtual void answered(QueryTarget target, ByteView answer) = 0;
  /// What changed since in the answer to a live query. O(1) if nobody wants to hear it now.
  virtual void changed(QueryTarget target, ByteView steps) = 0;
  /// There is no answer; the target is forgotten.
  virtual void failed(QueryTarget target, Error error, std::string_view detail) = 0;
};

/// Where queries join a shard: the layers of queries lie above this one. One for each shard; it
/// answers for the shard's part of each map, and puts the parts of all shards together for the
/// connections of its own.
class ShardQueries {
 public:
  virtual ~ShardQueries() = default;

  /// The maps that a query joins with its own, in order; none if it cannot be read.
  virtual std::vector<std::string> joined_maps(ByteView query) const = 0;
  /// Begins to answer a query. `access` is about its map and then those of `joined_maps`, of each
  /// of which it lets the asker see something. What is wrong with the query, if anything, is
  /// reported as a failure, perhaps within the call.
  virtual void open(QueryTarget target, ByteView map, ByteView query, bool live,
                    std::span<const ReadAccess> access) = 0;
  /// Nobody waits for it any more. No effect on what is not open.
  virtual void close(QueryTarget target) = 0;
  /// Says the whole answer of a live query again, now or once it is known.
  virtual void repeat(QueryTarget target) = 0;

  /// Messages from `OpenQuery` to `QueryChanged`.
  virtual void handle(const ShardMessage& message) = 0;
  /// Looks for records whose time has passed, and goes on with what is done in the background.
  virtual void tick() = 0;
  /// Whether there is such work, so that `tick` is wanted soon.
  virtual bool is_busy() const = 0;
  /// Ends the batch: what the writes since the last time changed goes to those who follow it.
  virtual void flush() = 0;

  /// Live queries of this shard's connections, and bytes of all state.
  virtual size_t live_queries() const = 0;
  virtual size_t memory_bytes() const = 0;
};

/// Makes the queries of a shard; borrows what it is given, which lives as long.
using MakeShardQueries = std::unique_ptr<ShardQueries> (*)(ShardContext& context, Owner& owner,
                                                           QueryOutput& output);

}  // namespace topgun::node
