#include "core/sync/diff_message.hpp"

#include <algorithm>

#include "core/base/assert.hpp"

namespace topgun {
namespace {

// Regions ascend, mostly at one depth and close to each other. So each is written as the number of
// regions of its size left out since the one before, with the depth only where it changes. That
// they cannot overlap is a property of the format: a message costs its receiver one walk over its
// records at most, however many entries it has.

class RegionWriter {
 public:
  explicit RegionWriter(ByteWriter& out) : out_(out) {}

  void put(const HashPrefix& prefix);

 private:
  ByteWriter& out_;
  HashPrefix next_;  ///< The first region that may follow.
};

class RegionReader {
 public:
  explicit RegionReader(ByteReader& in) : in_(in) {}

  HashPrefix take();

 private:
  ByteReader& in_;
  HashPrefix next_;
};

/// The first region of `depth` that begins at or after `region` does. Its bits may be 2^depth: one
/// beyond the last region.
HashPrefix round_up(const HashPrefix& region, uint8_t depth) {
  if (depth >= region.depth) return {depth, region.bits << (depth - region.depth)};
  const int steps = region.depth - depth;
  return {depth, (region.bits + (uint64_t{1} << steps) - 1) >> steps};
}

void RegionWriter::put(const HashPrefix& prefix) {
  const bool other_depth = prefix.depth != next_.depth;
  const HashPrefix first = round_up(next_, prefix.depth);
  TG_ASSERT(first.bits <= prefix.bits);
  out_.varint((prefix.bits - first.bits) << 1 | (other_depth ? 1 : 0));
  if (other_depth) out_.u8(prefix.depth);
  next_ = {prefix.depth, prefix.bits + 1};
}

HashPrefix RegionReader::take() {
  const uint64_t head = in_.varint();
  const uint8_t depth = (head & 1) != 0 ? in_.u8() : next_.depth;
  const bool is_shortest = (head & 1) == 0 || depth != next_.depth;
  if (in_.ok() && (depth > kPrefixDepthMax || !is_shortest)) in_.fail(Error::Malformed);
  if (!in_.ok()) return {};
  const HashPrefix first = round_up(next_, depth);
  const uint64_t count = uint64_t{1} << depth;
  if (first.bits >= count || head >> 1 >= count - first.bits) {
    in_.fail(Error::Malformed);
    return {};
  }
  const HashPrefix prefix{depth, first.bits + (head >> 1)};
  next_ = {depth, prefix.bits + 1};
  return prefix;
}

void put_numbers(ByteWriter& out, const std::vector<uint16_t>& numbers) {
  out.varint(numbers.size());
  for (const uint16_t number : numbers) out.u16(number);
}

void put_entries(ByteWriter& out, const std::vector<DiffMessage::Entry>& entries) {
  out.varint(entries.size());
  RegionWriter regions(out);
  for (const DiffMessage::Entry& entry : entries) {
    regions.put(entry.prefix);
    put_numbers(out, entry.numbers);
  }
}

void put_claims(ByteWriter& out, const std::vector<DiffMessage::Claim>& claims) {
  out.varint(claims.size());
  RegionWriter regions(out);
  uint64_t last_rank = 0;
  for (const DiffMessage::Claim& claim : claims) {
    regions.put(claim.prefix);
    put_numbers(out, claim.missing);
    out.varint(claim.offers.size());
    for (const DiffMessage::Offer& offer : claim.offers) {
      out.u16(offer.identity);
      out.varint(zigzag(static_cast<int64_t>(offer.rank - last_rank)));
      last_rank = offer.rank;
    }
  }
}

/// Counts the numbers of a message against their limit.
class NumberReader {
 public:
  explicit NumberReader(ByteReader& in) : in_(in) {}

  /// Makes sure that `count` more numbers of at least `bytes` bytes are there and allowed.
  bool admit(uint64_t count, size_t bytes) {
    total_ += count;
    if (total_ > kDiffNumbersMax) in_.fail(Error::TooLarge);
    if (in_.remaining() / bytes < count) in_.fail(Error::Truncated);
    return in_.ok();
  }

  std::vector<uint16_t> take(uint64_t count) {
    std::vector<uint16_t> numbers;
    if (!admit(count, 2)) return numbers;
    numbers.reserve(static_cast<size_t>(count));
    for (uint64_t i = 0; i < count; ++i) numbers.push_back(in_.u16());
    return numbers;
  }

  std::vector<uint16_t> take_ascending() {
    std::vector<uint16_t> numbers = take(in_.varint_max(kDiffNumbersMax));
    if (!std::is_sorted(numbers.begin(), numbers.end())) in_.fail(Error::Malformed);
    return numbers;
  }

 private:
  ByteReader& in_;
  uint64_t total_ = 0;
};

std::vector<DiffMessage::Entry> take_entries(ByteReader& in, NumberReader& numbers) {
  std::vector<DiffMessage::Entry> entries;
  const uint64_t count = in.varint_max(kDiffEntriesMax);
  RegionReader regions(in);
  for (uint64_t i = 0; i < count && in.ok(); ++i) {
    DiffMessage::Entry entry;
    entry.prefix = regions.take();
    entry.numbers = numbers.take_ascending();
    entries.push_back(std::move(entry));
  }
  return entries;
}

std::vector<DiffMessage::Claim> take_claims(ByteReader& in, NumberReader& numbers) {
  std::vector<DiffMessage::Claim> claims;
  const uint64_t count = in.varint_max(kDiffEntriesMax);
  RegionReader regions(in);
  uint64_t rank = 0;
  for (uint64_t i = 0; i < count && in.ok(); ++i) {
    DiffMessage::Claim claim;
    claim.prefix = regions.take();
    claim.missing = numbers.take_ascending();
    const uint64_t offers = in.varint_max(kDiffNumbersMax);
    if (!numbers.admit(offers, 3)) break;
    claim.offers.reserve(static_cast<size_t>(offers));
    for (uint64_t at = 0; at < offers; ++at) {
      const uint16_t identity = in.u16();
      rank += static_cast<uint64_t>(unzigzag(in.varint()));
      const bool ascends = claim.offers.empty() || claim.offers.back().identity <= identity;
      if (!ascends) in.fail(Error::Malformed);
      claim.offers.push_back({identity, rank});
    }
    claims.push_back(std::move(claim));
  }
  return claims;
}

void take_nodes(ByteReader& in, NumberReader& numbers, DiffMessage& diff) {
  const bool in_range = diff.child_bits >= 1 && diff.child_bits <= kDiffChildBitsMax;
  if (in.ok() && !in_range) in.fail(Error::Malformed);
  const uint64_t count = in.varint_max(kDiffEntriesMax);
  if (!in.ok()) return;
  RegionReader regions(in);
  for (uint64_t i = 0; i < count && in.ok(); ++i) {
    diff.nodes.push_back(regions.take());
    if (diff.nodes.back().depth + diff.child_bits > kPrefixDepthMax) in.fail(Error::Malformed);
    if (!numbers.admit(uint64_t{1} << diff.child_bits, 2)) return;
    for (uint32_t child = 0; child < 1u << diff.child_bits; ++child) {
      diff.children.push_back(in.u16());
    }
  }
}

}  // namespace

void put_diff(ByteWriter& out, const DiffMessage& diff) {
  TG_ASSERT(diff.children.size() == diff.nodes.size() << diff.child_bits);
  out.varint(diff.subscription);
  out.u8(diff.slice);
  out.u8(diff.child_bits);
  out.varint(diff.nodes.size());
  RegionWriter regions(out);
  const uint16_t* child = diff.children.data();
  for (const HashPrefix& node : diff.nodes) {
    regions.put(node);
    for (const uint16_t* end = child + (size_t{1} << diff.child_bits); child < end; ++child) {
      out.u16(*child);
    }
  }
  put_entries(out, diff.leaves);
  put_claims(out, diff.claims);
  put_entries(out, diff.wants);
}

DiffMessage take_diff(ByteReader& in) {
  DiffMessage diff;
  diff.subscription = in.varint();
  diff.slice = in.u8();
  if (diff.slice >= kDiffSlices) in.fail(Error::Malformed);
  diff.child_bits = in.u8();
  NumberReader numbers(in);
  take_nodes(in, numbers, diff);
  diff.leaves = take_entries(in, numbers);
  diff.claims = take_claims(in, numbers);
  diff.wants = take_entries(in, numbers);
  return diff;
}

}  // namespace topgun
