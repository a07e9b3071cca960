#include "core/base/byte_io.hpp"
#include "core/base/probe.hpp"
#include "host-native/storage/checkpoint_store.hpp"

// The part of `CheckpointStore` that reads everything, and trusts none of it.

namespace topgun::host {
namespace {

// A batch goes to one call of the shards' recovery; larger ones only cost memory.
constexpr size_t kLoadBatchBytes = 1u << 20;

std::string printable(ByteView bytes) {
  std::string text;
  for (const uint8_t byte : bytes) {
    const bool is_plain = byte >= 0x20 && byte != 0x7f;
    text += is_plain ? static_cast<char>(byte) : '?';
  }
  return text;
}

}  // namespace

Result<uint64_t> CheckpointStore::load(
    const std::function<Result<void>(ByteView batch)>& on_batch) {
  Result<SqliteStatement> rows =
      database_.prepare("SELECT map, key, tag, retired_ms, record FROM records");
  if (!rows.ok()) return failed("cannot read the records", rows.error()).error();
  RecordBatchBuilder builder;
  CheckpointDigest loaded;
  int64_t current = 0;
  const MapName* map = nullptr;
  const auto flush = [&]() -> Result<void> {
    if (builder.count() == 0) return {};
    const Bytes batch = builder.finish();
    builder.begin(map->kind, map->name);
    return on_batch(batch);
  };
  for (;;) {
    const Result<bool> row = rows->step();
    if (!row.ok()) return failed("cannot read the records", row.error()).error();
    if (!*row) break;
    if (const int64_t id = rows->integer(0); map == nullptr || id != current) {
      if (map != nullptr) {
        if (auto flushed = flush(); !flushed.ok()) return flushed.error();
      }
      const auto known = maps_.find(id);
      if (known == maps_.end()) {
        if (report_) report_("checkpoint: records of a map whose name is missing");
        return Error::StorageCorrupt;
      }
      current = id;
      map = &known->second;
      builder.begin(map->kind, map->name);
    }
    Record record;
    record.key = rows->bytes(1);
    record.tag = rows->bytes(2);
    const ByteView stored = rows->bytes(4);
    ByteReader reader(stored);
    const uint64_t checksum = reader.u64();
    if (!reader.ok() || checksum != row_checksum(log_id_.value_or(0), map->kind, map->name,
                                                 record.key, record.tag, reader.rest(), scratch_)) {
      return damaged_row(*map, record.key, "does not match its checksum").error();
    }
    if (auto decoded = decode_body(reader.rest(), record); !decoded.ok()) {
      return damaged_row(*map, record.key, "cannot be decoded").error();
    }
    if (!check_record(map->kind, record).ok()) {
      return damaged_row(*map, record.key, "is not of its map's kind").error();
    }
    if (retired_ms(record) != rows->optional_integer(3)) {
      return damaged_row(*map, record.key, "has another retirement time than its row").error();
    }
    builder.add(record);
    loaded.add(checksum);
    if (builder.count() == kBatchRecordsMax || builder.size() >= kLoadBatchBytes) {
      if (auto flushed = flush(); !flushed.ok()) return flushed.error();
    }
  }
  if (map != nullptr) {
    if (auto flushed = flush(); !flushed.ok()) return flushed.error();
  }
  if (!has_digest_) digest_ = loaded;
  has_digest_ = true;
  if (loaded == digest_ || TG_MUTANT(84)) return loaded.rows;
  if (report_) {
    report_("checkpoint: " + std::to_string(digest_.rows) + " records were written, and these " +
            std::to_string(loaded.rows) + " are others");
  }
  return Error::StorageCorrupt;
}

Result<void> CheckpointStore::damaged_row(const MapName& map, ByteView key, std::string_view what) {
  if (report_) {
    report_("checkpoint: map \"" + printable(map.name) + "\", key \"" + printable(key) +
            "\": the record " + std::string(what));
  }
  return Error::StorageCorrupt;
}

Result<void> CheckpointStore::check_structure() {
  Result<SqliteStatement> check = database_.prepare("PRAGMA integrity_check");
  if (!check.ok()) return failed("cannot be checked", check.error());
  bool is_sound = true;
  for (;;) {
    const Result<bool> row = check->step();
    if (!row.ok()) return failed("cannot be checked", row.error());
    if (!*row) break;
    const std::string_view line = as_text(check->bytes(0));
    if (line == "ok") continue;
    is_sound = false;
    if (report_) report_("checkpoint: " + std::string(line));
  }
  if (!is_sound) return Error::StorageCorrupt;
  return {};
}

}  // namespace topgun::host
