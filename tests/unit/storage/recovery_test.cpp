#include "core/storage/recovery.hpp"

#include <doctest/doctest.h>

#include "tests/support/log_disk.hpp"

namespace topgun::storage {
namespace {

/// A log of several segments, all of it acknowledged.
LogModel written_log(uint64_t blocks = 7) {
  LogModel log;
  REQUIRE(log.restart());
  for (uint64_t i = 0; i < blocks; ++i) {
    log.append(static_cast<uint16_t>(i % 2), 2, 100);
    log.run_until_idle();
  }
  return log;
}

TEST_CASE("recovery: everything acknowledged comes back, over all segments") {
  LogModel log = written_log();
  CHECK(log.disk().segments().size() == 3);
  CHECK(log.verify().ok());
  CHECK(log.entries_recovered() == 14);
}

TEST_CASE("recovery: an empty log is a log without an end") {
  LogRecovery recovery(1, std::nullopt);
  CHECK(recovery.finish().ok());
  const LogEnd end = recovery.take_end();
  CHECK(end.segment == 0);
  CHECK_FALSE(end.last);
}

TEST_CASE("recovery: any changed bit before the last block is damage, never a shorter log") {
  const LogModel whole = written_log();
  LogModel log = whole;
  const uint64_t last_segment = log.position().segment;
  const uint64_t last_block = log.position().offset - kLogPageBytes;
  for (const auto& entry : whole.segments()) {
    // Not a structured binding: clang does not let CAPTURE see one.
    const auto segment = entry.first;
    const auto& content = entry.second;
    for (uint64_t page = 0; page < content.size(); page += kLogPageBytes) {
      if (segment == last_segment && page >= last_block) continue;
      // Two entries of 100 bytes and their heads; the rest of the page is padding.
      const uint64_t used = page == 0 ? kSegmentHeaderBytes : kBlockHeaderBytes + 2 * 105;
      for (uint64_t at = page; at < page + used; at += 3) {
        CAPTURE(segment);
        CAPTURE(at);
        log.disk().segments().at(segment)[at] ^= 0x20;
        const Result<void> read = log.verify();
        REQUIRE_FALSE(read.ok());
        REQUIRE(read.error() == Error::StorageCorrupt);
        REQUIRE(log.damage());
        CHECK(log.damage()->segment == segment);
        CHECK(log.damage()->offset == page);
        log.disk().segments().at(segment)[at] ^= 0x20;
      }
    }
  }
}

TEST_CASE("recovery: a missing segment is damage, whichever it is") {
  const LogModel whole = written_log();
  for (const uint64_t missing : {uint64_t{1}, uint64_t{2}}) {
    CAPTURE(missing);
    LogModel log = whole;
    log.disk().segments().erase(missing);
    const Result<void> read = log.verify();
    REQUIRE_FALSE(read.ok());
    CHECK(read.error() == Error::StorageCorrupt);
  }
}

TEST_CASE("recovery: a log that a checkpoint relies on must be there") {
  LogModel log = written_log();
  log.checkpoint();
  CHECK(log.verify().ok());
  log.disk().segments().clear();
  const Result<void> read = log.verify();
  REQUIRE_FALSE(read.ok());
  CHECK(read.error() == Error::StorageCorrupt);
}

TEST_CASE("recovery: a first segment full of zeros is damage, not a log that begins later") {
  LogModel log = written_log();
  log.checkpoint();
  for (int i = 0; i < 6; ++i) {
    log.append(0, 1, 100);
    log.run_until_idle();
  }
  REQUIRE(log.disk().segments().size() == 3);
  Bytes& first = log.disk().segments().begin()->second;
  std::fill(first.begin() + kLogPageBytes, first.end(), uint8_t{0});
  const Result<void> read = log.verify();
  REQUIRE_FALSE(read.ok());
  CHECK(read.error() == Error::StorageCorrupt);
}

TEST_CASE("recovery: a stream that skips a sequence is damage") {
  LogWriter writer({.log_id = 9, .incarnation = 1, .segment_bytes = 8 * kLogPageBytes}, {});
  LogDisk disk;
  const Bytes entry{0, 0, 0, 0, 1};
  for (const uint64_t sequence : {1, 2, 4}) {
    REQUIRE(writer.append(0, sequence, sequence, entry).ok());
    while (const auto request = writer.next()) {
      if (request->kind == LogWriter::Request::Kind::OpenSegment) {
        disk.create({9, request->segment}, request->bytes);
      } else {
        disk.write(request->segment, request->offset, request->data);
      }
      writer.completed({});
    }
  }
  LogRecovery recovery(9, std::nullopt);
  const Result<void> read =
      recovery.segment(1, disk.segments().at(1),
                       [](const BlockHeader&, const EntryGroup&) { return Result<void>(); });
  REQUIRE_FALSE(read.ok());
  CHECK(read.error() == Error::StorageCorrupt);
  CHECK(recovery.damage()->offset == 3 * kLogPageBytes);
}

TEST_CASE("recovery: segments of another log are refused") {
  LogModel log = written_log();
  LogRecovery recovery(log.log_id() + 1, std::nullopt);
  const Result<void> read =
      recovery.segment(1, log.disk().segments().at(1),
                       [](const BlockHeader&, const EntryGroup&) { return Result<void>(); });
  REQUIRE_FALSE(read.ok());
  CHECK(read.error() == Error::StorageCorrupt);
}

TEST_CASE("recovery: an error of the reader of entries stops it and names the block") {
  LogModel log = written_log();
  LogRecovery recovery(log.log_id(), std::nullopt);
  const Result<void> read = recovery.segment(
      1, log.disk().segments().at(1),
      [](const BlockHeader&, const EntryGroup&) -> Result<void> { return Error::TypeMismatch; });
  REQUIRE_FALSE(read.ok());
  CHECK(read.error() == Error::TypeMismatch);
  REQUIRE(recovery.damage());
  CHECK(recovery.damage()->offset == kLogPageBytes);
}

}  // namespace
}  // namespace topgun::storage
