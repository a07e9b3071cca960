#include "core/node/shard_codec.hpp"

namespace topgun::node {
namespace {

void put_numbers(ByteWriter& out, const std::vector<uint64_t>& numbers) {
  out.varint(numbers.size());
  for (const uint64_t number : numbers) out.u64(number);
}

std::vector<uint64_t> take_numbers(ByteReader& in) {
  std::vector<uint64_t> numbers(static_cast<size_t>(in.varint()));
  for (uint64_t& number : numbers) number = in.u64();
  return numbers;
}

void put_short_numbers(ByteWriter& out, const std::vector<uint16_t>& numbers) {
  out.varint(numbers.size());
  for (const uint16_t number : numbers) out.u16(number);
}

std::vector<uint16_t> take_short_numbers(ByteReader& in) {
  std::vector<uint16_t> numbers(static_cast<size_t>(in.varint()));
  for (uint16_t& number : numbers) number = in.u16();
  return numbers;
}

void put_prefix(ByteWriter& out, HashPrefix prefix) {
  out.u8(prefix.depth);
  out.u64(prefix.bits);
}

HashPrefix take_prefix(ByteReader& in) {
  HashPrefix prefix;
  prefix.depth = in.u8();
  prefix.bits = in.u64();
  return prefix;
}

void put_batches(ByteWriter& out, const std::vector<Bytes>& batches) {
  out.varint(batches.size());
  for (const Bytes& batch : batches) out.blob(batch);
}

}  // namespace

SharedBytes share(Bytes bytes) { return std::make_shared<const Bytes>(std::move(bytes)); }

void put_map(ByteWriter& out, MapRef map) {
  out.u8(static_cast<uint8_t>(map.kind));
  out.blob(map.name);
}

MapRef take_map(ByteReader& in) {
  MapRef map;
  map.kind = static_cast<MapKind>(in.u8());
  map.name = in.blob(kMapNameBytesMax);
  TG_ASSERT(in.ok());
  return map;
}

Bytes encode_description(const Description& description) {
  Bytes bytes;
  ByteWriter out(bytes);
  out.u64(description.root.sum);
  out.u64(description.root.mixed_sum);
  out.varint(description.records);
  out.varint(description.version);
  put_numbers(out, description.root_children);
  return bytes;
}

Description decode_description(ByteView bytes) {
  ByteReader in(bytes);
  Description description;
  description.root.sum = in.u64();
  description.root.mixed_sum = in.u64();
  description.records = in.varint();
  description.version = in.varint();
  description.root_children = take_numbers(in);
  TG_ASSERT(in.ok());
  return description;
}

Bytes encode_sequences(const std::vector<uint64_t>& sequences) {
  Bytes bytes;
  ByteWriter out(bytes);
  put_numbers(out, sequences);
  return bytes;
}

std::vector<uint64_t> decode_sequences(ByteView bytes) {
  ByteReader in(bytes);
  std::vector<uint64_t> sequences = take_numbers(in);
  TG_ASSERT(in.ok());
  return sequences;
}

Bytes encode_batches(const std::vector<Bytes>& batches) {
  Bytes bytes;
  ByteWriter out(bytes);
  put_batches(out, batches);
  return bytes;
}

std::vector<ByteView> decode_batches(ByteView bytes) {
  ByteReader in(bytes);
  std::vector<ByteView> batches(static_cast<size_t>(in.varint()));
  for (ByteView& batch : batches) batch = in.blob(bytes.size());
  TG_ASSERT(in.ok());
  return batches;
}

void put_prefixes(ByteWriter& out, const std::vector<HashPrefix>& prefixes) {
  out.varint(prefixes.size());
  for (const HashPrefix prefix : prefixes) put_prefix(out, prefix);
}

std::vector<HashPrefix> take_prefixes(ByteReader& in) {
  std::vector<HashPrefix> prefixes(static_cast<size_t>(in.varint()));
  for (HashPrefix& prefix : prefixes) prefix = take_prefix(in);
  TG_ASSERT(in.ok());
  return prefixes;
}

Bytes encode_expansion(const DiffExpansion& expansion) {
  Bytes bytes;
  ByteWriter out(bytes);
  out.varint(expansion.regions.size());
  for (const DiffRegion& region : expansion.regions) {
    put_prefix(out, region.prefix);
    put_numbers(out, region.children);
    out.u8(region.many ? 1 : 0);
    put_numbers(out, region.record_hashes);
  }
  out.varint(expansion.leaves.size());
  for (const LeafPart& leaf : expansion.leaves) {
    put_short_numbers(out, leaf.present);
    out.varint(leaf.offers.size());
    for (const DiffMessage::Offer& offer : leaf.offers) {
      out.u16(offer.identity);
      out.u64(offer.rank);
    }
  }
  out.varint(expansion.lost.size());
  for (const std::vector<uint16_t>& lost : expansion.lost) put_short_numbers(out, lost);
  put_batches(out, expansion.batches);
  return bytes;
}

DiffExpansion decode_expansion(ByteView bytes) {
  ByteReader in(bytes);
  DiffExpansion expansion;
  expansion.regions.resize(static_cast<size_t>(in.varint()));
  for (DiffRegion& region : expansion.regions) {
    region.prefix = take_prefix(in);
    region.children = take_numbers(in);
    region.many = in.u8() != 0;
    region.record_hashes = take_numbers(in);
  }
  expansion.leaves.resize(static_cast<size_t>(in.varint()));
  for (LeafPart& leaf : expansion.leaves) {
    leaf.present = take_short_numbers(in);
    leaf.offers.resize(static_cast<size_t>(in.varint()));
    for (DiffMessage::Offer& offer : leaf.offers) {
      offer.identity = in.u16();
      offer.rank = in.u64();
    }
  }
  expansion.lost.resize(static_cast<size_t>(in.varint()));
  for (std::vector<uint16_t>& lost : expansion.lost) lost = take_short_numbers(in);
  expansion.batches.resize(static_cast<size_t>(in.varint()));
  for (Bytes& batch : expansion.batches) batch = to_bytes(in.blob(bytes.size()));
  TG_ASSERT(in.ok());
  return expansion;
}

}  // namespace topgun::node
