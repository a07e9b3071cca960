#pragma once

#include <vector>

#include "core/base/byte_io.hpp"
#include "core/node/effects.hpp"
#include "core/sync/diff.hpp"

namespace topgun::node {

/// Payloads of messages between shards. They never leave the process: both sides are this code, so
/// a payload that does not decode is a broken promise, not bad input.

struct MapRef {
  MapKind kind = MapKind::Lww;
  ByteView name;
};

/// What an owner says of its part of a map.
struct Description {
  MerkleRoot root;
  uint64_t records = 0;
  uint64_t version = 0;
  std::vector<uint64_t> root_children;
};

struct DiffExpansion {
  std::vector<DiffRegion> regions;
  std::vector<LeafPart> leaves;             ///< For each leaf of the diff.
  std::vector<std::vector<uint16_t>> lost;  ///< For each claim of the diff.
  std::vector<Bytes> batches;
};

SharedBytes share(Bytes bytes);

void put_map(ByteWriter& out, MapRef map);
MapRef take_map(ByteReader& in);

Bytes encode_description(const Description& description);
Description decode_description(ByteView bytes);

Bytes encode_sequences(const std::vector<uint64_t>& sequences);
std::vector<uint64_t> decode_sequences(ByteView bytes);

Bytes encode_batches(const std::vector<Bytes>& batches);
/// Borrows from `bytes`.
std::vector<ByteView> decode_batches(ByteView bytes);

void put_prefixes(ByteWriter& out, const std::vector<HashPrefix>& prefixes);
std::vector<HashPrefix> take_prefixes(ByteReader& in);

Bytes encode_expansion(const DiffExpansion& expansion);
DiffExpansion decode_expansion(ByteView bytes);

}  // namespace topgun::node
