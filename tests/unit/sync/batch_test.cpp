#include "core/sync/batch.hpp"

#include "tests/support/records.hpp"

namespace topgun {
namespace {

constexpr ReplicaId kAuthor{0x0102030405060708};

/// The fields of an operation batch, each of which a test may spoil.
struct RawBatch {
  uint8_t format = 1;
  uint8_t kind = static_cast<uint8_t>(MapKind::Lww);
  uint64_t replica = kAuthor.value;
  uint64_t sequence_base = 10;
  uint64_t time_base_ms = 1000;
  std::string map = "map";
  std::vector<std::string> operations = {};
  std::optional<uint64_t> count = {};  ///< Stated count, where it is not the true one.

  Bytes bytes() const {
    Bytes bytes;
    ByteWriter out(bytes);
    out.u8(format);
    out.u8(kind);
    out.u64(replica);
    out.varint(sequence_base);
    out.varint(time_base_ms);
    out.blob(as_bytes(map));
    out.varint(count.value_or(operations.size()));
    for (const std::string& operation : operations) out.blob(as_bytes(operation));
    return bytes;
  }
};

/// The fields of an encoded operation, without its size.
struct RawOperation {
  uint8_t kind = static_cast<uint8_t>(OperationKind::LwwSet);
  uint64_t sequence_offset = 0;
  int64_t ms_offset = 0;
  uint64_t counter = 0;
  std::optional<uint64_t> ttl_ms = {};
  std::string key = "key";
  std::string payload = "\x01";

  std::string bytes() const {
    Bytes bytes;
    ByteWriter out(bytes);
    out.u8(static_cast<uint8_t>(kind | (ttl_ms ? 0x80 : 0)));
    out.varint(sequence_offset);
    out.varint(zigzag(ms_offset));
    out.varint(counter);
    if (ttl_ms) out.varint(*ttl_ms);
    out.blob(as_bytes(key));
    out.raw(as_bytes(payload));
    return text_of(bytes);
  }
};

RawBatch batch_of(const RawOperation& operation, MapKind kind = MapKind::Lww) {
  RawBatch batch;
  batch.kind = static_cast<uint8_t>(kind);
  batch.operations = {operation.bytes()};
  return batch;
}

/// The error with which these bytes are refused, or nothing.
std::optional<Error> refusal(ByteView bytes, Values values = Values::Validate) {
  OperationBatch batch;
  const Result<void> decoded = decode_operations(bytes, values, batch);
  if (decoded.ok()) return std::nullopt;
  return decoded.error();
}

TEST_CASE("operation batch: fields come out as they were put in") {
  RawOperation operation;
  operation.sequence_offset = 5;
  operation.ms_offset = -3;
  operation.counter = 65535;
  operation.ttl_ms = 77;
  OperationBatch batch;
  const Bytes bytes = batch_of(operation).bytes();
  REQUIRE(decode_operations(bytes, Values::Validate, batch).ok());
  CHECK(batch.header.kind == MapKind::Lww);
  CHECK(batch.header.replica == kAuthor);
  CHECK(batch.header.sequence_base == 10);
  CHECK(batch.header.time_base_ms == 1000);
  CHECK(as_text(batch.header.map) == "map");
  REQUIRE(batch.operations.size() == 1);
  const Operation& decoded = batch.operations[0];
  CHECK(decoded.kind == OperationKind::LwwSet);
  CHECK(decoded.sequence == 15);
  CHECK(decoded.time == stamp_time(997, 65535));
  CHECK(decoded.ttl_ms == 77);
  CHECK(as_text(decoded.key) == "key");
  CHECK(as_text(decoded.payload) == "\x01");
}

TEST_CASE("operation batch: a builder's bytes are the documented ones") {
  OperationBatchBuilder builder;
  builder.begin({MapKind::Lww, kAuthor, 10, 1000, as_bytes("map")});
  RawOperation expected;
  expected.sequence_offset = 2;
  expected.ms_offset = 1;
  expected.counter = 3;
  expected.ttl_ms = 300;
  const OwnedOperation operation = {
      kAuthor, OperationKind::LwwSet, 12, stamp_time(1001, 3), 300, "key", "\x01"};
  builder.add(operation.view());
  CHECK(builder.count() == 1);
  CHECK(hex_of(builder.finish()) == hex_of(batch_of(expected).bytes()));
}

TEST_CASE("operation batch: encoded operations can be carried over to another batch") {
  RawBatch whole;
  for (uint64_t i = 0; i < 4; ++i) {
    RawOperation operation;
    operation.sequence_offset = i;
    operation.key = "key" + std::to_string(i);
    whole.operations.push_back(operation.bytes());
  }
  const Bytes bytes = whole.bytes();
  OperationBatch batch;
  REQUIRE(decode_operations(bytes, Values::Validate, batch).ok());
  OperationBatchBuilder builder;
  builder.begin(batch.header);
  builder.add_encoded(batch.encoded[1]);
  builder.add_encoded(batch.encoded[3]);

  RawBatch part;
  part.operations = {whole.operations[1], whole.operations[3]};
  CHECK(hex_of(builder.finish()) == hex_of(part.bytes()));
}

TEST_CASE("operation batch: one builder builds many, and one batch is decoded into again") {
  OperationBatchBuilder builder;
  OperationBatch batch;
  for (uint64_t count = 1; count <= 3; ++count) {
    builder.begin({MapKind::Lww, kAuthor, 1, 0, as_bytes("map")});
    for (uint64_t i = 0; i < count; ++i) {
      builder.add({OperationKind::LwwRemove, 1 + i, 0, 0, as_bytes("k"), {}});
    }
    CHECK(builder.count() == count);
    const Bytes bytes = builder.finish();
    REQUIRE(decode_operations(bytes, Values::Validate, batch).ok());
    CHECK(batch.operations.size() == count);
    CHECK(batch.encoded.size() == count);
  }
}

struct OperationCase {
  const char* name;
  MapKind map;
  RawOperation operation;
  std::optional<Error> error;
};

TEST_CASE("operation batch: each operation is held against its rules") {
  using enum MapKind;
  const auto lww_remove = static_cast<uint8_t>(OperationKind::LwwRemove);
  const auto or_add = static_cast<uint8_t>(OperationKind::OrAdd);
  const auto or_remove = static_cast<uint8_t>(OperationKind::OrRemove);
  const auto counter_add = static_cast<uint8_t>(OperationKind::CounterAdd);
  const int64_t ms_last = static_cast<int64_t>(kStampMsMax) - 1000;
  const std::string key_max(kKeyBytesMax, 'k');
  const std::string tags = or_remove_payload({{{1}, 2}}), totals = counter_add_payload({1, 2});
  const OperationCase cases[] = {
      {"set", Lww, {}, {}},
      {"remove", Lww, {.kind = lww_remove, .payload = ""}, {}},
      {"add", Or, {.kind = or_add}, {}},
      {"or remove", Or, {.kind = or_remove, .payload = tags}, {}},
      {"counter add", Counter, {.kind = counter_add, .payload = totals}, {}},
      {"longest key", Lww, {.key = key_max}, {}},
      {"key of four-byte letters", Lww, {.key = "\xf0\x9f\x98\x80"}, {}},
      {"key with a zero byte", Lww, {.key = std::string("a\0b", 3)}, {}},
      {"last sequence", Lww, {.sequence_offset = UINT64_MAX - 10}, {}},
      {"first millisecond", Lww, {.ms_offset = -1000}, {}},
      {"last millisecond", Lww, {.ms_offset = ms_last}, {}},
      {"longest life", Lww, {.ttl_ms = kTtlMsMax}, {}},

      {"kind zero", Lww, {.kind = 0}, Error::Malformed},
      {"kind unknown", Lww, {.kind = 6}, Error::Malformed},
      {"kind far off", Lww, {.kind = 0x7f}, Error::Malformed},
      {"an add in an LWW map", Lww, {.kind = or_add}, Error::TypeMismatch},
      {"a set in an OR map", Or, {}, Error::TypeMismatch},
      {"a remove in a counter", Counter, {.kind = lww_remove, .payload = ""}, Error::TypeMismatch},
      {"no key", Lww, {.key = ""}, Error::Malformed},
      {"key too long", Lww, {.key = key_max + "k"}, Error::TooLarge},
      {"key not UTF-8", Lww, {.key = "\xff"}, Error::InvalidUtf8},
      {"key with a surrogate", Lww, {.key = "\xed\xa0\x80"}, Error::InvalidUtf8},
      {"key with an overlong form", Lww, {.key = "\xc0\x80"}, Error::InvalidUtf8},
      {"sequence wraps to zero", Lww, {.sequence_offset = UINT64_MAX - 9}, Error::Malformed},
      {"sequence wraps", Lww, {.sequence_offset = UINT64_MAX}, Error::Malformed},
      {"before the first millisecond", Lww, {.ms_offset = -1001}, Error::Malformed},
      {"after the last millisecond", Lww, {.ms_offset = ms_last + 1}, Error::Malformed},
      {"time offset at its limit", Lww, {.ms_offset = INT64_MIN}, Error::Malformed},
      {"time offset at its other limit", Lww, {.ms_offset = INT64_MAX}, Error::Malformed},
      {"counter too large", Lww, {.counter = 65536}, Error::TooLarge},
      {"life of nothing", Lww, {.ttl_ms = 0}, Error::Malformed},
      {"life too long", Lww, {.ttl_ms = kTtlMsMax + 1}, Error::TooLarge},
      {"remove with a life",
       Lww,
       {.kind = lww_remove, .ttl_ms = 1, .payload = ""},
       Error::Malformed},
      {"counter with a life",
       Counter,
       {.kind = counter_add, .ttl_ms = 1, .payload = totals},
       Error::Malformed},
      {"set of nothing", Lww, {.payload = ""}, Error::Malformed},
      {"set of two values", Lww, {.payload = "\x01\x02"}, Error::Malformed},
      {"set of a cut value", Lww, {.payload = "\xcd\x01"}, Error::Truncated},
      {"set of a reserved byte", Lww, {.payload = "\xc1"}, Error::Malformed},
      {"nesting too deep", Lww, {.payload = std::string(33, '\x91') + "\x01"}, Error::TooDeep},
      {"nesting at its limit", Lww, {.payload = std::string(32, '\x91') + "\x01"}, {}},
      {"remove with a payload", Lww, {.kind = lww_remove}, Error::Malformed},
      {"tags cut off", Or, {.kind = or_remove, .payload = tags.substr(0, 5)}, Error::Truncated},
      {"totals with a byte more",
       Counter,
       {.kind = counter_add, .payload = totals + "x"},
       Error::Malformed},
  };
  for (const OperationCase& c : cases) {
    CAPTURE(c.name);
    CHECK(refusal(batch_of(c.operation, c.map).bytes()) == c.error);
  }
}

TEST_CASE("operation batch: trusted values are not looked into, all else is") {
  CHECK_FALSE(refusal(batch_of({.payload = "\xc1"}).bytes(), Values::Trust));
  CHECK(refusal(batch_of({.payload = ""}).bytes(), Values::Trust) == Error::Malformed);
  CHECK(refusal(batch_of({.key = "\xff"}).bytes(), Values::Trust) == Error::InvalidUtf8);
}

struct BatchCase {
  const char* name;
  RawBatch batch;
  std::optional<Error> error;
};

TEST_CASE("operation batch: the header is held against its rules") {
  const std::vector<std::string> one = {RawOperation{}.bytes()};
  const std::string name_max(kMapNameBytesMax, 'm');
  // The smallest operation there is: a removal of a key of one byte.
  const RawOperation smallest{
      .kind = static_cast<uint8_t>(OperationKind::LwwRemove), .key = "k", .payload = ""};
  const std::vector<std::string> most(kBatchOperationsMax, smallest.bytes());
  const std::vector<std::string> too_many(kBatchOperationsMax + 1, smallest.bytes());
  const BatchCase cases[] = {
      {"a batch", {.operations = one}, {}},
      {"longest name", {.map = name_max, .operations = one}, {}},
      {"most operations", {.operations = most}, {}},
      {"last time base", {.time_base_ms = kStampMsMax, .operations = one}, {}},
      {"format zero", {.format = 0, .operations = one}, Error::UnsupportedVersion},
      {"a later format", {.format = 2, .operations = one}, Error::UnsupportedVersion},
      {"map kind zero", {.kind = 0, .operations = one}, Error::Malformed},
      {"map kind unknown", {.kind = 4, .operations = one}, Error::Malformed},
      {"no author", {.replica = 0, .operations = one}, Error::Malformed},
      {"time base out of range",
       {.time_base_ms = kStampMsMax + 1, .operations = one},
       Error::TooLarge},
      {"no name", {.map = "", .operations = one}, Error::Malformed},
      {"name too long", {.map = name_max + "m", .operations = one}, Error::TooLarge},
      {"name not UTF-8", {.map = "\xff", .operations = one}, Error::InvalidUtf8},
      {"no operations", {}, Error::Malformed},
      {"too many operations", {.operations = too_many}, Error::TooLarge},
      {"count far too large", {.operations = one, .count = UINT64_MAX}, Error::TooLarge},
      {"fewer operations than counted", {.operations = one, .count = 2}, Error::Truncated},
      {"more operations than counted",
       {.operations = {one[0], one[0]}, .count = 1},
       Error::Malformed},
      {"an operation of no bytes", {.operations = {""}}, Error::Truncated},
      {"sequence zero", {.sequence_base = 0, .operations = one}, Error::Malformed},
  };
  for (const BatchCase& c : cases) {
    CAPTURE(c.name);
    CHECK(refusal(c.batch.bytes()) == c.error);
  }
}

TEST_CASE("operation batch: an operation that claims more bytes than there are is cut off") {
  RawBatch batch;
  batch.count = 1;
  Bytes bytes = batch.bytes();
  ByteWriter(bytes).varint(1000000000);
  CHECK(refusal(bytes) == Error::Truncated);
}

TEST_CASE("operation batch: a longer form of a number is refused") {
  Bytes bytes = batch_of({}).bytes();
  // The sequence base, 10, behind format, kind and replica.
  REQUIRE(bytes[10] == 10);
  bytes[10] = 0x8a;
  bytes.insert(bytes.begin() + 11, 0x00);
  CHECK(refusal(bytes) == Error::Malformed);
}

TEST_CASE("operation batch: no prefix of a batch is a batch") {
  RawBatch batch;
  batch.operations = {RawOperation{}.bytes(), RawOperation{.ttl_ms = 9}.bytes()};
  const Bytes bytes = batch.bytes();
  REQUIRE_FALSE(refusal(bytes));
  for (size_t size = 0; size < bytes.size(); ++size) {
    CAPTURE(size);
    CHECK(refusal(ByteView(bytes).first(size)) == Error::Truncated);
  }
}

// Record batches.

Bytes record_batch_of(MapKind kind, const std::vector<OwnedRecord>& records) {
  RecordBatchBuilder builder;
  builder.begin(kind, as_bytes("map"));
  for (const OwnedRecord& record : records) builder.add(record.view());
  return builder.finish();
}

std::optional<Error> record_refusal(ByteView bytes, Values values = Values::Validate) {
  RecordBatch batch;
  const Result<void> decoded = decode_records(bytes, values, batch);
  if (decoded.ok()) return std::nullopt;
  return decoded.error();
}

const Stamp kStamp{stamp_time(1000, 7), kAuthor};

std::vector<OwnedRecord> samples(MapKind kind) {
  const std::string tag8(8, 't'), tag16(16, 't');
  switch (kind) {
    case MapKind::Lww:
      return {{"a", "", kStamp, 0, false, "\x01"},
              {"b", "", kStamp, 5, false, "\x02"},
              {"c", "", kStamp, 0, true, ""}};
    case MapKind::Or:
      return {{"a", tag16, kStamp, 0, false, "\x01"}, {"a", tag16, kStamp, 0, true, ""}};
    case MapKind::Counter:
      return {{"a", tag8, kStamp, 0, false, counter_value(1, 2)}};
  }
  return {};
}

TEST_CASE("record batch: records of each kind come out as they were put in") {
  for (const MapKind kind : {MapKind::Lww, MapKind::Or, MapKind::Counter}) {
    CAPTURE(static_cast<int>(kind));
    const Bytes bytes = record_batch_of(kind, samples(kind));
    RecordBatch batch;
    REQUIRE(decode_records(bytes, Values::Validate, batch).ok());
    CHECK(batch.kind == kind);
    CHECK(as_text(batch.map) == "map");
    std::vector<OwnedRecord> decoded;
    for (const Record& record : batch.records) decoded.push_back(OwnedRecord::of(record));
    CHECK(decoded == samples(kind));
  }
}

TEST_CASE("record batch: no prefix of a batch is a batch") {
  for (const MapKind kind : {MapKind::Lww, MapKind::Or, MapKind::Counter}) {
    const Bytes bytes = record_batch_of(kind, samples(kind));
    for (size_t size = 0; size < bytes.size(); ++size) {
      CAPTURE(size);
      CHECK(record_refusal(ByteView(bytes).first(size)) == Error::Truncated);
    }
  }
}

/// The fields of an encoded record and of the batch around it.
struct RawRecord {
  uint8_t flags = 0;
  std::optional<uint64_t> ttl_ms = {};
  std::string key = "key";
  std::string tag = {};
  std::string value = "\x01";
  uint8_t format = 1;
  uint8_t kind = static_cast<uint8_t>(MapKind::Lww);
  std::string map = "map";
  uint64_t count = 1;
  std::string behind = {};

  Bytes bytes() const {
    Bytes record;
    ByteWriter fields(record);
    fields.u8(flags);
    fields.u64(kStamp.time);
    fields.u64(kStamp.replica.value);
    if (ttl_ms) fields.varint(*ttl_ms);
    fields.blob(as_bytes(key));
    fields.blob(as_bytes(tag));
    fields.raw(as_bytes(value));

    Bytes bytes;
    ByteWriter out(bytes);
    out.u8(format);
    out.u8(kind);
    out.blob(as_bytes(map));
    out.varint(count);
    out.blob(record);
    out.raw(as_bytes(behind));
    return bytes;
  }
};

TEST_CASE("record batch: a builder's bytes are the documented ones") {
  const OwnedRecord record = {"key", "", kStamp, 300, false, "\x01"};
  CHECK(hex_of(record_batch_of(MapKind::Lww, {record})) ==
        hex_of(RawRecord{.flags = 2, .ttl_ms = 300}.bytes()));
}

struct RecordCase {
  const char* name;
  RawRecord record;
  std::optional<Error> error;
};

TEST_CASE("record batch: header and records are held against their rules") {
  const std::string tag16(16, 't');
  const auto or_map = static_cast<uint8_t>(MapKind::Or);
  const auto counter = static_cast<uint8_t>(MapKind::Counter);
  const RecordCase cases[] = {
      {"a record", {}, {}},
      {"a tombstone", {.flags = 1, .value = ""}, {}},
      {"longest life", {.flags = 2, .ttl_ms = kTtlMsMax}, {}},
      {"an element", {.tag = tag16, .kind = or_map}, {}},

      {"format unknown", {.format = 2}, Error::UnsupportedVersion},
      {"map kind zero", {.kind = 0}, Error::Malformed},
      {"map kind unknown", {.kind = 4}, Error::Malformed},
      {"no map name", {.map = ""}, Error::Malformed},
      {"map name too long", {.map = std::string(kMapNameBytesMax + 1, 'm')}, Error::TooLarge},
      {"map name not UTF-8", {.map = "\xff"}, Error::InvalidUtf8},
      {"no records", {.count = 0}, Error::Malformed},
      {"count too large", {.count = kBatchRecordsMax + 1}, Error::TooLarge},
      {"fewer records than counted", {.count = 2}, Error::Truncated},
      {"bytes behind the last record", {.behind = "x"}, Error::Malformed},
      {"flag unknown", {.flags = 4}, Error::Malformed},
      {"life of nothing", {.flags = 2, .ttl_ms = 0}, Error::Malformed},
      {"life too long", {.flags = 2, .ttl_ms = kTtlMsMax + 1}, Error::TooLarge},
      {"tombstone with a life", {.flags = 3, .ttl_ms = 1, .value = ""}, Error::Malformed},
      {"tombstone with a value", {.flags = 1}, Error::Malformed},
      {"no value", {.value = ""}, Error::Malformed},
      {"two values", {.value = "\x01\x02"}, Error::Malformed},
      {"no key", {.key = ""}, Error::Malformed},
      {"key too long", {.key = std::string(kKeyBytesMax + 1, 'k')}, Error::TooLarge},
      {"key not UTF-8", {.key = "\xff"}, Error::InvalidUtf8},
      {"a tag in an LWW map", {.tag = tag16}, Error::Malformed},
      {"a tag too long", {.tag = tag16 + "t", .kind = or_map}, Error::TooLarge},
      {"an element without a tag", {.kind = or_map}, Error::Malformed},
      {"a counter without totals", {.tag = "12345678", .kind = counter}, Error::Malformed},
  };
  for (const RecordCase& c : cases) {
    CAPTURE(c.name);
    CHECK(record_refusal(c.record.bytes()) == c.error);
  }
}

TEST_CASE("record batch: trusted values are not looked into, all else is") {
  CHECK_FALSE(record_refusal(RawRecord{.value = "\xc1"}.bytes(), Values::Trust));
  CHECK(record_refusal(RawRecord{.value = ""}.bytes(), Values::Trust) == Error::Malformed);
}

}  // namespace
}  // namespace topgun
