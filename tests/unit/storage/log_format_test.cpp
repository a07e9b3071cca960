#include "core/storage/log_format.hpp"

#include <doctest/doctest.h>

#include "core/base/byte_io.hpp"

namespace topgun::storage {
namespace {

constexpr uint64_t kLogId = 77;

Bytes block_of(ByteView payload, const BlockHeader& header) {
  Bytes block(kBlockHeaderBytes, 0);
  block.insert(block.end(), payload.begin(), payload.end());
  seal_block(block, kLogId, header);
  return block;
}

TEST_CASE("log_format: a segment header comes back, and fills a page") {
  const SegmentHeader header{kLogId, 12};
  const Bytes bytes = encode_segment_header(header);
  CHECK(bytes.size() == kLogPageBytes);
  const Result<SegmentHeader> decoded = decode_segment_header(bytes);
  REQUIRE(decoded.ok());
  CHECK(*decoded == header);
}

TEST_CASE("log_format: any changed byte of a segment header is noticed") {
  const Bytes bytes = encode_segment_header({kLogId, 12});
  for (size_t at = 0; at < kSegmentHeaderBytes; ++at) {
    CAPTURE(at);
    Bytes changed = bytes;
    changed[at] ^= 0x10;
    CHECK_FALSE(decode_segment_header(changed).ok());
  }
  CHECK(decode_segment_header(ByteView(bytes).first(31)).error() == Error::Truncated);
}

TEST_CASE("log_format: a block comes back with its place and payload, in whole pages") {
  const Bytes payload(5000, 9);
  const BlockHeader header{3, 12, 99, 5};
  const Bytes bytes = block_of(payload, header);
  CHECK(bytes.size() == 2 * kLogPageBytes);
  const Result<Block> block = decode_block(bytes, kLogId);
  REQUIRE(block.ok());
  CHECK(block->header == header);
  CHECK(equal_bytes(block->payload, payload));
  CHECK(block->span() == bytes.size());
}

TEST_CASE("log_format: any changed byte of a block is noticed") {
  const Bytes bytes = block_of(Bytes(40, 9), {3, 12, 99, 5});
  for (size_t at = 0; at < kBlockHeaderBytes + 40; ++at) {
    CAPTURE(at);
    Bytes changed = bytes;
    changed[at] ^= 0x01;
    CHECK_FALSE(decode_block(changed, kLogId).ok());
  }
}

TEST_CASE("log_format: a block of another log is no block") {
  const Bytes bytes = block_of(Bytes(40, 9), {3, 12, 99, 5});
  CHECK(decode_block(bytes, kLogId + 1).error() == Error::ChecksumMismatch);
}

TEST_CASE("log_format: a block's length is bounded before anything is read") {
  Bytes bytes = block_of(Bytes(40, 9), {3, 12, 99, 5});
  for (size_t at = 4; at < 8; ++at) bytes[at] = 0xff;
  CHECK(decode_block(bytes, kLogId).error() == Error::TooLarge);
  CHECK(decode_block(ByteView(bytes).first(20), kLogId).error() == Error::Truncated);
  CHECK(decode_block(Bytes(100, 0), kLogId).error() == Error::Malformed);
}

Bytes entries_of(const std::vector<Bytes>& payloads) {
  Bytes out;
  ByteWriter writer(out);
  for (const Bytes& payload : payloads) {
    writer.u32(static_cast<uint32_t>(payload.size()));
    writer.u8(2);
    writer.raw(payload);
  }
  return out;
}

Bytes group_of(const EntryGroup& group) {
  Bytes out;
  encode_group_header(out, group);
  out.insert(out.end(), group.entries.begin(), group.entries.end());
  return out;
}

TEST_CASE("log_format: groups and their entries come back in order") {
  const Bytes entries = entries_of({{1, 2}, {}, {3}});
  const Bytes one = entries_of({{4}});
  Bytes payload = group_of({700, 5, 3, entries});
  const Bytes second = group_of({0, 1, 1, one});
  payload.insert(payload.end(), second.begin(), second.end());

  GroupReader groups(payload);
  const Result<EntryGroup> first = groups.next();
  REQUIRE(first.ok());
  CHECK(first->shard == 700);
  CHECK(first->first_sequence == 5);
  CHECK(first->last_sequence() == 7);
  EntryReader reader(first->entries);
  const Result<Entry> entry = reader.next();
  REQUIRE(entry.ok());
  CHECK(entry->kind == 2);
  CHECK(to_bytes(entry->payload) == Bytes{1, 2});
  const Result<EntryGroup> last = groups.next();
  REQUIRE(last.ok());
  CHECK(last->count == 1);
  CHECK(groups.at_end());
}

TEST_CASE("log_format: malformed groups are errors, and end the reading") {
  const Bytes entries = entries_of({{1, 2}, {3}});
  const Bytes torn(entries.begin(), entries.end() - 1);
  struct Case {
    const char* name;
    Bytes bytes;
    Error error;
  };
  const Case cases[] = {
      {"fewer entries than counted", group_of({1, 5, 3, entries}), Error::Malformed},
      {"more entries than counted", group_of({1, 5, 1, entries}), Error::Malformed},
      {"no entries", group_of({1, 5, 0, {}}), Error::Malformed},
      {"sequences start at one", group_of({1, 0, 2, entries}), Error::Malformed},
      {"sequences end", group_of({1, UINT64_MAX, 2, entries}), Error::Malformed},
      {"half an entry", group_of({1, 5, 2, torn}), Error::Truncated},
      {"no shard 65536", {0x80, 0x80, 0x04, 1, 1, 0}, Error::TooLarge},
      {"ends in the head", {1}, Error::Truncated},
  };
  for (const Case& c : cases) {
    CAPTURE(c.name);
    GroupReader groups(c.bytes);
    const Result<EntryGroup> group = groups.next();
    REQUIRE_FALSE(group.ok());
    CHECK(group.error() == c.error);
    CHECK(groups.at_end());
  }
}

}  // namespace
}  // namespace topgun::storage
