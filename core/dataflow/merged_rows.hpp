#pragma once

#include <memory>
#include <vector>

#include "core/base/byte_io.hpp"
#include "core/dataflow/edit.hpp"
#include "core/query/query.hpp"

namespace topgun::dataflow {

/// A record as a shard tells it of its part of an answer.
struct PartRow {
  ByteView order;  ///< Its sort key (`query::SortKeys`), which no other record has.
  ByteView key;
  ByteView value;  ///< As the query wants it.
};

/// The answer to a query for records, put together from the parts of shards. Each shard sends the
/// first `offset + limit` rows it has, in order, and then steps; the first rows of all parts merged
/// are those of the whole map, so the window is never short of a row that exists.
///
/// A part travels as `count varint, (order blob, key blob, value blob)...`, steps on it as `count
/// varint, (kind u8, from varint, to varint, u8 whether there is a row, [row])...`. A row that has
/// gone by the end of a batch is not told, only its place.
///
/// Combinations of joins travel on without their keys, which no client needs: the value tells all.
///
/// A step costs O(log rows) comparisons, and moves the pointers behind its place.
class MergedRows {
 public:
  MergedRows(size_t parts, const query::Query& query)
      : parts_(parts),
        is_joined_(!query.joins.empty()),
        offset_(query.offset),
        limit_(query.limit) {}

  /// Takes the part of a shard. Once for each, before steps on it.
  void take_part(size_t part, ByteReader& in);
  /// Takes steps on a part. Appends what the window sees of them to `out`, as the steps of an
  /// answer travel to clients: `count varint, (kind u8, from varint, to varint, u8 whether there is
  /// a row, [key blob, value blob])...`. False if it sees nothing, and `out` is as it was.
  bool take_steps(size_t part, ByteReader& in, Bytes& out);

  /// The window: `count varint, (key blob, value blob)...`; of combinations `count varint,
  /// value...`.
  void write_answer(ByteWriter& out) const;
  /// The sort key of the window's last row, if the limit cut it off there; else empty.
  ByteView cursor() const;
  /// Bytes of all rows here, in the window or not.
  size_t bytes() const { return bytes_; }

  static void write_row(ByteWriter& out, const PartRow& row);

 private:
  struct Row {
    Bytes order;
    Bytes key;
    Bytes value;
    bool is_told = true;  ///< False for one that has gone by the end of its batch.
    bool is_merged = false;

    size_t bytes() const { return order.size() + key.size() + value.size(); }
  };
  using Part = std::vector<std::unique_ptr<Row>>;
  struct Seen {
    Edit::Kind kind;
    size_t from;
    size_t to;
    const Row* row;
  };

  uint64_t end() const {
    return limit_ && *limit_ < UINT64_MAX - offset_ ? offset_ + *limit_ : UINT64_MAX;
  }
  static std::unique_ptr<Row> read_row(ByteReader& in);
  void write_entry(ByteWriter& out, const Row& row) const;
  size_t rank_of(ByteView order) const;
  bool is_shown(size_t rank) const { return rank >= offset_ && rank < end(); }
  void take_step(Part& part, ByteReader& in);
  void retire(std::unique_ptr<Row> row);
  void settle();
  void insert(Row* row);
  void remove(const Row* row);
  void replace(const Row* before, Row* after);
  void see(Edit::Kind kind, size_t from, size_t to, const Row* row);

  std::vector<Part> parts_;
  std::vector<Row*> merged_;  ///< By sort key.
  bool is_joined_;
  uint64_t offset_;
  std::optional<uint64_t> limit_;
  size_t bytes_ = 0;

  // Of the batch that is being taken.
  std::vector<std::unique_ptr<Row>> gone_;
  std::vector<Row*> come_;
  std::vector<Seen> seen_;
};

}  // namespace topgun::dataflow
