#include "core/storage/log_writer.hpp"

#include <doctest/doctest.h>

#include "core/base/byte_io.hpp"

namespace topgun::storage {
namespace {

using Kind = LogWriter::Request::Kind;

Bytes entry_of(uint64_t bytes, uint8_t fill = 1) {
  Bytes out;
  ByteWriter writer(out);
  writer.u32(static_cast<uint32_t>(bytes));
  writer.u8(1);
  out.resize(out.size() + bytes, fill);
  return out;
}

LogWriter new_writer(uint64_t segment_bytes = 16 * kLogPageBytes) {
  return LogWriter({.log_id = 7, .incarnation = 3, .segment_bytes = segment_bytes}, {});
}

/// Opens the first segment and leaves the writer idle.
void open_segment(LogWriter& writer) {
  REQUIRE(writer.append(0, 1, 1, entry_of(10)).ok());
  REQUIRE(writer.next()->kind == Kind::OpenSegment);
  writer.completed({});
  REQUIRE(writer.next()->kind == Kind::Write);
  writer.completed({});
  REQUIRE(writer.idle());
}

TEST_CASE("log_writer: an idle log writes at once, and what comes meanwhile goes together") {
  LogWriter writer = new_writer();
  open_segment(writer);
  REQUIRE(writer.append(0, 2, 2, entry_of(10)).ok());
  const auto first = writer.next();
  REQUIRE(first);
  CHECK(first->segment == 1);
  CHECK(first->offset == 2 * kLogPageBytes);
  REQUIRE(writer.append(0, 3, 3, entry_of(10)).ok());
  REQUIRE(writer.append(1, 1, 1, entry_of(10)).ok());
  CHECK_FALSE(writer.next());  // Never two syncs under way.

  const LogWriter::Progress progress = writer.completed({});
  REQUIRE(progress.durable.size() == 1);
  CHECK(progress.durable[0].stream == LogStream{3, 0});
  CHECK(progress.durable[0].sequence == 2);

  REQUIRE(writer.next());
  const LogWriter::Progress both = writer.completed({});
  REQUIRE(both.durable.size() == 2);
  CHECK(both.durable[0].sequence == 3);
  CHECK(both.durable[1].stream == LogStream{3, 1});
  CHECK_FALSE(writer.next());
  CHECK(writer.idle());
}

TEST_CASE("log_writer: a full segment is followed by the next") {
  LogWriter writer = new_writer(3 * kLogPageBytes);
  open_segment(writer);
  REQUIRE(writer.append(0, 2, 2, entry_of(10)).ok());
  CHECK(writer.next()->kind == Kind::Write);
  writer.completed({});
  REQUIRE(writer.append(0, 3, 3, entry_of(10)).ok());
  const auto open = writer.next();
  REQUIRE(open);
  CHECK(open->kind == Kind::OpenSegment);
  CHECK(open->segment == 2);
}

TEST_CASE("log_writer: a block that no segment could hold gets one that can") {
  LogWriter writer = new_writer(2 * kLogPageBytes);
  REQUIRE(writer.append(0, 1, 1, entry_of(100'000)).ok());
  const auto open = writer.next();
  REQUIRE(open);
  CHECK(open->bytes == kLogPageBytes + align_to_page(100'000 + 100));
}

TEST_CASE("log_writer: appends larger than a block are cut between entries") {
  LogWriter writer({.log_id = 7, .incarnation = 3, .segment_bytes = 1 << 20, .block_bytes = 4096},
                   {});
  Bytes entries;
  for (int i = 0; i < 5; ++i) {
    const Bytes entry = entry_of(1500);
    entries.insert(entries.end(), entry.begin(), entry.end());
  }
  REQUIRE(writer.append(2, 1, 5, entries).ok());
  writer.next();
  writer.completed({});
  std::vector<uint64_t> ends;
  while (const auto request = writer.next()) {
    CHECK(request->data.size() == kLogPageBytes);
    ends.push_back(writer.completed({}).durable.at(0).sequence);
  }
  CHECK(ends == std::vector<uint64_t>{2, 4, 5});
}

TEST_CASE("log_writer: the largest entry fits, a larger one is refused") {
  LogWriter writer = new_writer();
  CHECK(writer.append(0, 1, 1, entry_of(kEntryBytesMax)).error() == Error::TooLarge);
  CHECK(writer.idle());
  REQUIRE(writer.append(0, 1, 1, entry_of(kEntryBytesMax - kEntryHeaderBytes)).ok());
  writer.next();
  writer.completed({});
  const auto request = writer.next();
  REQUIRE(request);
  CHECK(request->data.size() <= kBlockBytesMax);
  CHECK(decode_block(request->data, 7).ok());
}

TEST_CASE("log_writer: entries that are not what was announced are refused") {
  LogWriter writer = new_writer();
  const Bytes entry = entry_of(10);
  CHECK(writer.append(0, 0, 0, entry).error() == Error::Malformed);
  CHECK(writer.append(0, 2, 1, entry).error() == Error::Malformed);
  CHECK(writer.append(0, 1, 2, entry).error() == Error::Malformed);
  CHECK(writer.append(0, 1, 1, Bytes(entry.begin(), entry.end() - 1)).error() == Error::Truncated);
  CHECK(writer.idle());
}

TEST_CASE("log_writer: a failed sync is answered with a new file, never with the same again") {
  LogWriter writer = new_writer();
  open_segment(writer);
  REQUIRE(writer.append(0, 2, 2, entry_of(10)).ok());
  const auto failed = writer.next();
  REQUIRE(failed);
  const Bytes before = to_bytes(failed->data);
  CHECK(writer.completed(Error::StorageIo).durable.empty());
  CHECK_FALSE(writer.stopped());

  const auto open = writer.next();
  REQUIRE(open);
  CHECK(open->kind == Kind::OpenSegment);
  CHECK(open->segment == 2);
  writer.completed({});
  const auto again = writer.next();
  REQUIRE(again);
  CHECK(again->segment == 2);
  CHECK(again->offset == kLogPageBytes);
  const Result<Block> old_block = decode_block(before, 7);
  const Result<Block> new_block = decode_block(again->data, 7);
  REQUIRE(old_block.ok());
  REQUIRE(new_block.ok());
  CHECK(new_block->header.block == old_block->header.block);
  CHECK(new_block->header.previous == old_block->header.previous);
  CHECK(equal_bytes(new_block->payload, old_block->payload));
  const LogWriter::Progress progress = writer.completed({});
  CHECK(progress.durable.at(0).sequence == 2);
  CHECK(progress.segment == 2);
}

TEST_CASE("log_writer: two failures in a row stop the log until it is told to try again") {
  LogWriter writer = new_writer();
  open_segment(writer);
  REQUIRE(writer.append(0, 2, 2, entry_of(10)).ok());
  writer.next();
  writer.completed(Error::StorageIo);
  writer.next();
  writer.completed(Error::StorageFull);
  REQUIRE(writer.stopped());
  CHECK(*writer.stopped() == Error::StorageFull);
  REQUIRE(writer.append(0, 3, 3, entry_of(10)).ok());
  CHECK_FALSE(writer.next());

  writer.retry();
  const auto open = writer.next();
  REQUIRE(open);
  CHECK(open->segment == 3);
  writer.completed({});
  REQUIRE(writer.next());
  CHECK(writer.completed({}).durable.at(0).sequence == 2);
  REQUIRE(writer.next());
  CHECK(writer.completed({}).durable.at(0).sequence == 3);
  CHECK_FALSE(writer.stopped());
}

TEST_CASE("log_writer: a recovered log begins by writing its last block once more") {
  LogWriter old = new_writer();
  REQUIRE(old.append(5, 1, 1, entry_of(10)).ok());
  old.next();
  old.completed({});
  const Bytes bytes = to_bytes(old.next()->data);
  const Result<Block> block = decode_block(bytes, 7);
  REQUIRE(block.ok());

  LogWriter writer(
      {.log_id = 7, .incarnation = 4},
      {1, LogEnd::LastBlock{block->header, block->checksum, to_bytes(block->payload)}});
  CHECK(writer.next()->segment == 2);
  writer.completed({});
  const auto repeated = writer.next();
  REQUIRE(repeated);
  const Result<Block> copy = decode_block(repeated->data, 7);
  REQUIRE(copy.ok());
  CHECK(copy->header == BlockHeader{1, 2, 0, 3});
  const LogWriter::Progress progress = writer.completed({});
  CHECK(progress.durable.at(0).stream == LogStream{3, 5});
  CHECK(writer.idle());
}

}  // namespace
}  // namespace topgun::storage
