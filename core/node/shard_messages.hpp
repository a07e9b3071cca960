#pragma once

#include "core/node/effects.hpp"

namespace topgun::node {

/// What shards tell each other. `home` is the shard that serves a connection, `owner` the one that
/// holds a part of a map, `registry` the one that knows a replica. Numbers are listed in order;
/// `payload` as written in shard_codec.hpp.
enum class ShardMessageKind : uint8_t {
  /// home -> owner: connection, token, map kind. Payload: an operation batch with this owner's keys
  /// only.
  ApplyOperations,
  /// owner -> home: connection, token, log sequence, error (0 = applied). Payload with an error:
  /// the
  /// sequences refused.
  Applied,
  /// home -> owner: connection. Payload: a record batch with this owner's keys only.
  ApplyRecords,
  /// home -> owner: connection, subscription, channel, purpose and step (`StepNumber`). Payload:
  /// map,
  /// u8 whether the children of the root are wanted. Registers `home` as a listener.
  Describe,
  /// owner -> home: connection, subscription, purpose and step. Payload: a description.
  Described,
  /// home -> owner: channel. Payload: map. Nobody listens there any more.
  Unlisten,
  /// home -> owner: connection, subscription, mode and step, position. Payload: map, u64 replica
  /// that needs no delta of its own records.
  Pull,
  /// owner -> home: connection, subscription, outcome and step, next position. Payload: sized
  /// record
  /// batches.
  Pulled,
  /// owner -> home: channel, version, author (0 = many: the listeners pull). Payload: the frame.
  Changes,
  /// home -> owner: connection, subscription, step. Payload: map, diff.
  DiffChildren,
  /// owner -> home: connection, subscription, step. Payload: hashes.
  DiffChildrenAnswer,
  /// home -> owner: connection, subscription, step. Payload: map, prefixes, diff.
  DiffExpand,
  /// owner -> home: connection, subscription, step. Payload: regions, present fingerprints, record
  /// batches.
  DiffExpandAnswer,
  /// home -> registry: connection, replica, instance, whether it is an exchange (1). Payload: the
  /// history of a Hello that wants to be judged.
  Greet,
  /// registry -> home: connection, verdict, common sequence (if cloned).
  Greeted,
  /// registry -> home: connection, replica. The session makes room for a newer one.
  TakeOver,
  /// home -> registry: connection, replica, last sequence taken. The session is closed.
  TakenOver,
  /// home -> registry: connection, replica, last sequence taken, whether the session is closed (1).
  Progress,
  /// home -> owner: number of the query at home, what is wanted (core/dataflow/owner_queries.hpp,
  /// Ask), how (`PartForm` there, 0 for a client's answer). Payload: map, query blob.
  OpenQuery,
  /// home -> owner: number.
  CloseQuery,
  /// owner -> home: number, error (0 = none), whether it is a view's (1). Payload: this owner's
  /// part of the answer
  /// (core/dataflow/merged_rows.hpp, merged_groups.hpp), or its plan. The last word if the query is
  /// not live, and if there is an error.
  QueryPart,
  /// owner -> home: number. Payload: what changed in the part.
  QueryChanged,
};

enum class GreetVerdict : uint8_t { Welcome, Cloned };
enum class PullMode : uint8_t { Delta, Snapshot };
enum class PullOutcome : uint8_t { More, Done, NotCovered };
enum class DescribePurpose : uint8_t { Start, Repair, Finish };

/// Which step of a subscription a message belongs to, and what goes with it in one number. A
/// subscription may begin anew, or be another one under the same number, while owners still answer
/// what it asked before: such an answer must not count.
struct StepNumber {
  uint64_t step = 0;
  uint8_t detail = 0;

  constexpr uint64_t encode() const { return step << 8 | detail; }
  static constexpr StepNumber decode(uint64_t number) {
    return {number >> 8, static_cast<uint8_t>(number)};
  }
};

}  // namespace topgun::node
