#pragma once

#include <vector>

#include "core/base/byte_io.hpp"
#include "core/merkle/merkle_tree.hpp"

namespace topgun {

inline constexpr size_t kDiffEntriesMax = 4096;
inline constexpr size_t kDiffNumbersMax = 65536;
/// A node of a Diff announces at most 2^6 children.
inline constexpr uint8_t kDiffChildBitsMax = 6;
/// Hashes are 64 bits long; a conversation compares one of four slices of 16.
inline constexpr uint8_t kDiffSlices = 4;

/// One step of a Merkle comparison; docs/protocol.md, Diff, says what its parts mean. The regions
/// of each list ascend and do not overlap; fingerprints and identities ascend. Owns its numbers.
struct DiffMessage {
  /// Regions and, for each, numbers: fingerprints of records or identities of records.
  struct Entry {
    HashPrefix prefix;
    std::vector<uint16_t> numbers;
  };
  struct Offer {
    uint16_t identity = 0;
    uint64_t rank = 0;
  };
  struct Claim {
    HashPrefix prefix;
    std::vector<uint16_t> missing;  ///< Fingerprints.
    std::vector<Offer> offers;      ///< Their identities ascend.
  };

  uint64_t subscription = 0;
  uint8_t slice = 0;
  uint8_t child_bits = kDiffChildBitsMax;  ///< Of every node.
  std::vector<HashPrefix> nodes;
  /// Slices of the hashes of each node's 2^child_bits children, node by node.
  std::vector<uint16_t> children;
  std::vector<Entry> leaves;  ///< With the fingerprints of all records there.
  std::vector<Claim> claims;
  std::vector<Entry> wants;  ///< With the identities of the records that are to be sent.

  bool empty() const { return nodes.empty() && leaves.empty() && claims.empty() && wants.empty(); }
};

/// Writes the payload of a Diff.
void put_diff(ByteWriter& out, const DiffMessage& diff);

/// Reads one, checking order and limits before it takes anything; `in` fails if it is not one.
DiffMessage take_diff(ByteReader& in);

}  // namespace topgun
