#pragma once

#include <set>

#include "core/dataflow/owner_queries.hpp"

namespace topgun::dataflow {

/// Records of a map, gathered from all shards: those that one side of a join can be of. Owns their
/// bytes, and is kept in step with them if it is attached to the engine.
///
/// A part and steps on it travel as those of `MergedRows` do, without sort keys, in the order of
/// the records' keys. O(1) a record, and moving the numbers behind its place.
class GatheredMap {
 public:
  explicit GatheredMap(size_t parts) : parts_(parts) {}
  GatheredMap(const GatheredMap&) = delete;
  GatheredMap& operator=(const GatheredMap&) = delete;

  /// Makes it a map of the shard's engine. Before the first part; errors as of
  /// `QueryEngine::attach`.
  Result<void> attach(OwnerQueries& owner, std::string relation);
  /// Nothing looks at it any more.
  void detach();

  /// Once for each part, before steps on it.
  void take_part(size_t part, ByteReader& in);
  void take_steps(size_t part, ByteReader& in);

  query::Collection& rows() { return rows_; }
  const std::string& relation() const { return relation_; }
  /// Of keys and values.
  size_t bytes() const { return bytes_; }

 private:
  /// Without it the row is only a place: the record was gone by the end of its batch.
  using Place = std::optional<query::RowId>;

  Place set(ByteReader& in);
  void drop(const Place& place);
  query::RowId apply(const query::Write& write);
  void end_batch();

  query::Collection rows_;
  std::vector<Bytes> records_;  ///< By row: the key and, behind it, the value.
  std::vector<std::vector<Place>> parts_;
  /// Within a batch: rows that have come again before they left.
  std::map<query::RowId, size_t> doubled_;
  size_t bytes_ = 0;
  OwnerQueries* owner_ = nullptr;  ///< If it is attached.
  std::string relation_;
  RelationId id_ = {};
};

/// The gathered maps of a shard, and which queries use them. Live queries that need the same
/// records of a map share them.
class GatheredMaps {
 public:
  GatheredMaps(node::ShardContext& context, OwnerQueries& owner)
      : context_(context), owner_(owner) {}

  /// Asks the shards for the records that `condition` wants, for the query `user`; `number` is the
  /// name of the new gathering, if there has to be one. Returns its name. Errors as of `attach`.
  Result<uint64_t> want(uint64_t user, uint64_t number, ByteView map, const query::Query& condition,
                        const std::vector<uint16_t>& shards, bool live,
                        PartForm form = PartForm::Gathered);
  /// The query needs none of them any more, and follows none.
  void release(uint64_t user, const std::vector<uint64_t>& numbers);

  bool has(uint64_t number) const { return gathered_.count(number) != 0; }
  bool is_complete(uint64_t number) const { return gathered_.at(number).missing == 0; }
  GatheredMap& map(uint64_t number) { return gathered_.at(number).map; }
  std::set<uint64_t> users(uint64_t number) const { return gathered_.at(number).users; }

  void on_part(const node::ShardMessage& message);
  void on_changed(const node::ShardMessage& message);

  /// Of records.
  size_t bytes() const { return bytes_; }

 private:
  struct Gathered {
    Gathered(std::vector<uint16_t> from, Bytes live_name)
        : name(std::move(live_name)),
          shards(std::move(from)),
          missing(shards.size()),
          map(missing) {}

    Bytes name;  ///< Map and condition; empty of one that is not live.
    std::vector<uint16_t> shards;
    size_t missing;  ///< Parts.
    GatheredMap map;
    std::set<uint64_t> users;

    size_t part_of(uint16_t shard) const;
  };

  node::ShardContext& context_;
  OwnerQueries& owner_;
  std::map<uint64_t, Gathered> gathered_;
  std::map<Bytes, uint64_t> live_;  ///< By name.
  size_t bytes_ = 0;
};

}  // namespace topgun::dataflow
