#include "core/sync/batch.hpp"

#include "core/value/utf8.hpp"
#include "core/value/value.hpp"

namespace topgun {
namespace {

constexpr uint8_t kFormat = 1;
constexpr uint8_t kTtlBit = 0x80;
constexpr uint8_t kTombstoneFlag = 1;
constexpr uint8_t kTtlFlag = 2;
/// What is longer than its frame is cut off; the bound only keeps `size_t` from wrapping anywhere.
constexpr size_t kSizedBytesMax = UINT32_MAX;
constexpr ValueLimits kValueLimits{.bytes_max = kValueBytesMax};

MapKind read_map_kind(ByteReader& in) {
  const uint8_t kind = in.u8();
  if (in.ok() && !is_map_kind(kind)) in.fail(Error::Malformed);
  return static_cast<MapKind>(kind);
}

ByteView read_map_name(ByteReader& in) {
  const ByteView name = in.blob(kMapNameBytesMax);
  if (!in.ok()) return {};
  if (name.empty()) in.fail(Error::Malformed);
  if (!is_utf8(name)) in.fail(Error::InvalidUtf8);
  return name;
}

ByteView read_key(ByteReader& in) {
  const ByteView key = in.blob(kKeyBytesMax);
  if (in.ok() && !is_utf8(key)) in.fail(Error::InvalidUtf8);
  return key;
}

void read_format(ByteReader& in) {
  const uint8_t format = in.u8();
  if (in.ok() && format != kFormat) in.fail(Error::UnsupportedVersion);
}

Operation read_operation(const OperationBatchHeader& header, ByteView bytes, ByteReader& in) {
  Operation operation;
  const uint8_t kind = in.u8();
  const uint64_t sequence_offset = in.varint();
  operation.sequence = header.sequence_base + sequence_offset;
  const int64_t ms_offset = unzigzag(in.varint());
  const uint64_t counter = in.varint_max(0xffff);
  const uint64_t ms = header.time_base_ms + static_cast<uint64_t>(ms_offset);
  operation.time = stamp_time(ms, static_cast<uint16_t>(counter));
  if ((kind & kTtlBit) != 0) operation.ttl_ms = in.varint_max(kTtlMsMax);
  operation.key = read_key(in);
  if (!in.ok()) return operation;
  operation.payload = bytes.subspan(in.position());
  const uint8_t plain_kind = kind & static_cast<uint8_t>(~kTtlBit);
  const bool ttl_stated_as_none = (kind & kTtlBit) != 0 && operation.ttl_ms == 0;
  const bool sequence_wraps = operation.sequence < sequence_offset;
  if (!is_operation_kind(plain_kind) || ttl_stated_as_none || sequence_wraps || ms > kStampMsMax) {
    in.fail(Error::Malformed);
    return operation;
  }
  operation.kind = static_cast<OperationKind>(plain_kind);
  if (map_kind_of(operation.kind) != header.kind) in.fail(Error::TypeMismatch);
  return operation;
}

bool has_value(OperationKind kind) {
  return kind == OperationKind::LwwSet || kind == OperationKind::OrAdd;
}

Result<void> check_decoded(const Operation& operation, Values values) {
  const Result<void> checked = check_operation(operation);
  if (!checked.ok()) return checked;
  if (values == Values::Trust || !has_value(operation.kind)) return {};
  return validate_value(operation.payload, kValueLimits);
}

Record read_record(MapKind kind, ByteView bytes, Values values, ByteReader& in) {
  Record record;
  const uint8_t flags = in.u8();
  if (in.ok() && (flags & ~(kTombstoneFlag | kTtlFlag)) != 0) in.fail(Error::Malformed);
  record.tombstone = (flags & kTombstoneFlag) != 0;
  record.stamp.time = in.u64();
  record.stamp.replica.value = in.u64();
  if ((flags & kTtlFlag) != 0) {
    record.ttl_ms = in.varint_max(kTtlMsMax);
    if (in.ok() && record.ttl_ms == 0) in.fail(Error::Malformed);
  }
  record.key = read_key(in);
  record.tag = in.blob(kTagBytesMax);
  if (!in.ok()) return record;
  record.value = bytes.subspan(in.position());
  Result<void> checked = check_record(kind, record);
  const bool is_message_pack = kind != MapKind::Counter && !record.tombstone;
  if (checked.ok() && values == Values::Validate && is_message_pack) {
    checked = validate_value(record.value, kValueLimits);
  }
  if (!checked.ok()) in.fail(checked.error());
  return record;
}

/// Both kinds of batch: a head, the number of items, the items.
Bytes assemble(const Bytes& head, size_t count, const Bytes& items) {
  Bytes bytes;
  bytes.reserve(head.size() + kVarintBytesMax + items.size());
  ByteWriter out(bytes);
  out.raw(head);
  out.varint(count);
  out.raw(items);
  return bytes;
}

void append_sized(Bytes& body, ByteView bytes) { ByteWriter(body).blob(bytes); }

}  // namespace

Result<void> decode_operations(ByteView bytes, Values values, OperationBatch& batch) {
  batch.operations.clear();
  batch.encoded.clear();
  ByteReader in(bytes);
  read_format(in);
  OperationBatchHeader& header = batch.header;
  header.kind = read_map_kind(in);
  header.replica = {in.u64()};
  header.sequence_base = in.varint();
  header.time_base_ms = in.varint_max(kStampMsMax);
  header.map = read_map_name(in);
  const uint64_t count = in.varint_max(kBatchOperationsMax);
  if (!in.ok()) return in.error();
  if (count == 0 || header.replica.value == 0) return Error::Malformed;
  for (uint64_t i = 0; i < count; ++i) {
    const size_t begin = in.position();
    const ByteView encoded = in.blob(kSizedBytesMax);
    if (!in.ok()) return in.error();
    ByteReader fields(encoded);
    const Operation operation = read_operation(header, encoded, fields);
    if (!fields.ok()) return fields.error();
    const Result<void> checked = check_decoded(operation, values);
    if (!checked.ok()) return checked;
    batch.operations.push_back(operation);
    batch.encoded.push_back(bytes.subspan(begin, in.position() - begin));
  }
  if (!in.at_end()) return Error::Malformed;
  return {};
}

void OperationBatchBuilder::begin(const OperationBatchHeader& header) {
  TG_ASSERT(!header.map.empty() && header.map.size() <= kMapNameBytesMax);
  header_ = header;
  count_ = 0;
  head_.clear();
  body_.clear();
  ByteWriter out(head_);
  out.u8(kFormat);
  out.u8(static_cast<uint8_t>(header.kind));
  out.u64(header.replica.value);
  out.varint(header.sequence_base);
  out.varint(header.time_base_ms);
  out.blob(header.map);
  header_.map = {};
}

void OperationBatchBuilder::add(const Operation& operation) {
  TG_ASSERT(operation.sequence >= header_.sequence_base);
  const uint8_t ttl_bit = operation.ttl_ms != 0 ? kTtlBit : 0;
  const uint64_t sequence_offset = operation.sequence - header_.sequence_base;
  const uint64_t ms_offset =
      zigzag(static_cast<int64_t>((operation.time >> 16) - header_.time_base_ms));
  const uint64_t counter = operation.time & 0xffff;
  // Counted beforehand, so that the operation is written in its place: this is every local write.
  const size_t size = 1 + varint_bytes(sequence_offset) + varint_bytes(ms_offset) +
                      varint_bytes(counter) + (ttl_bit != 0 ? varint_bytes(operation.ttl_ms) : 0) +
                      varint_bytes(operation.key.size()) + operation.key.size() +
                      operation.payload.size();
  ByteWriter out(body_);
  out.varint(size);
  out.u8(static_cast<uint8_t>(static_cast<uint8_t>(operation.kind) | ttl_bit));
  out.varint(sequence_offset);
  out.varint(ms_offset);
  out.varint(counter);
  if (ttl_bit != 0) out.varint(operation.ttl_ms);
  out.blob(operation.key);
  out.raw(operation.payload);
  ++count_;
}

void OperationBatchBuilder::add_encoded(ByteView encoded) {
  ByteWriter(body_).raw(encoded);
  ++count_;
}

Bytes OperationBatchBuilder::finish() {
  TG_ASSERT(count_ > 0 && count_ <= kBatchOperationsMax);
  return assemble(head_, count_, body_);
}

Result<void> decode_records(ByteView bytes, Values values, RecordBatch& batch) {
  batch.records.clear();
  ByteReader in(bytes);
  read_format(in);
  batch.kind = read_map_kind(in);
  batch.map = read_map_name(in);
  const uint64_t count = in.varint_max(kBatchRecordsMax);
  if (!in.ok()) return in.error();
  if (count == 0) return Error::Malformed;
  for (uint64_t i = 0; i < count; ++i) {
    const ByteView encoded = in.blob(kSizedBytesMax);
    if (!in.ok()) return in.error();
    ByteReader fields(encoded);
    batch.records.push_back(read_record(batch.kind, encoded, values, fields));
    if (!fields.ok()) return fields.error();
  }
  if (!in.at_end()) return Error::Malformed;
  return {};
}

void RecordBatchBuilder::begin(MapKind kind, ByteView map) {
  TG_ASSERT(!map.empty() && map.size() <= kMapNameBytesMax);
  count_ = 0;
  head_.clear();
  body_.clear();
  ByteWriter out(head_);
  out.u8(kFormat);
  out.u8(static_cast<uint8_t>(kind));
  out.blob(map);
}

void RecordBatchBuilder::add(const Record& record) {
  scratch_.clear();
  ByteWriter out(scratch_);
  out.u8(static_cast<uint8_t>((record.tombstone ? kTombstoneFlag : 0) |
                              (record.ttl_ms != 0 ? kTtlFlag : 0)));
  out.u64(record.stamp.time);
  out.u64(record.stamp.replica.value);
  if (record.ttl_ms != 0) out.varint(record.ttl_ms);
  out.blob(record.key);
  out.blob(record.tag);
  out.raw(record.value);
  append_sized(body_, scratch_);
  ++count_;
}

Bytes RecordBatchBuilder::finish() {
  TG_ASSERT(count_ > 0 && count_ <= kBatchRecordsMax);
  return assemble(head_, count_, body_);
}

}  // namespace topgun
