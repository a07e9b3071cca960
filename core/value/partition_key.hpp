#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/base/partition.hpp"
#include "core/value/value.hpp"

namespace topgun {

/// What keeps records of a map together: all whose keys begin alike, up to the first `separator`,
/// lie in one partition. So the key alone tells where a record is, and a field that repeats what
/// the key begins with tells it of conditions: with `{"orders", {"tenant"}, '/'}` the order
/// `acme/17` has `tenant: "acme"`, and `tenant = 'acme'` has to be asked of one partition only.
struct PartitionKey {
  std::string map;
  /// Where the value has it; empty if only the key does.
  std::vector<std::string> field;
  char separator = '/';
};

/// What the key begins with: all of it if there is no separator. Borrows from `key`. O(size).
ByteView partition_part(ByteView key, char separator);

/// The partition of a record. Without a declaration (null) that of its whole key.
PartitionId partition_of(const PartitionKey* declared, ByteView key);

/// A value as keys begin with it: text as it is, an integer in decimal digits. Nothing for others.
std::optional<std::string> partition_text(ValueView value);

/// Whether a record may be written: its field, unless it is nil or missing, is what its key begins
/// with. The value must be valid.
bool is_in_partition(const PartitionKey& declared, ByteView key, ByteView value);

}  // namespace topgun
