#pragma once

#include <map>

#include "core/dataflow/edit.hpp"
#include "core/query/aggregation.hpp"

namespace topgun::dataflow {

/// The answer to a query for groups, put together from what each shard knows of them: sums are
/// exact and counts add up, so it is what one shard with all rows would say.
///
/// A part travels as `count varint, (partial group blob)...`, steps on it as `count varint, (kind
/// u8, key blob, partial group blob)...`.
class MergedGroups {
 public:
  MergedGroups(size_t parts, query::Query query) : parts_(parts), query_(std::move(query)) {}

  /// Takes the part of a shard. Once for each, before steps on it. O(groups * log groups).
  void take_part(size_t part, ByteReader& in);
  /// Takes steps on a part. Appends what changed in the answer, as it travels to clients: `count
  /// varint, (kind u8, key blob, group blob)...`. False if nothing did.
  bool take_steps(size_t part, ByteReader& in, Bytes& out);

  /// The groups that offset and limit want: `count varint, (key blob, group blob)...`.
  void write_answer(ByteWriter& out) const;
  size_t bytes() const { return bytes_; }

 private:
  struct Group {
    std::vector<Bytes> parts;  ///< Empty where a shard has none of its rows.
    Bytes whole;
  };
  using Groups = std::map<std::string, Group, std::less<>>;

  Group& group_with(ByteView key);
  void set_part(Group& group, size_t part, ByteView partial);
  /// Puts its parts together anew; nothing if there are none.
  std::optional<Bytes> combined(const Group& group) const;

  size_t parts_;
  query::Query query_;
  Groups groups_;  ///< By key.
  size_t bytes_ = 0;
};

}  // namespace topgun::dataflow
