#include "core/sync/batch.hpp"
#include "tests/determinism/sections/random_record.hpp"
#include "tests/determinism/trace.hpp"

namespace topgun::determinism {
namespace {

Bytes draw_operations(Gen& gen) {
  OperationBatchBuilder builder;
  const uint64_t sequence_base = 1 + gen.below(1000);
  builder.begin(
      {MapKind::Lww, {1 + gen.below(5)}, sequence_base, gen.below(1000), as_bytes("map")});
  const uint64_t count = 1 + gen.below(20);
  for (uint64_t i = 0; i < count; ++i) {
    const DrawnRecord record = draw_record(gen, MapKind::Lww);
    Operation operation;
    operation.kind = record.tombstone ? OperationKind::LwwRemove : OperationKind::LwwSet;
    operation.sequence = sequence_base + i;
    const uint64_t ms = gen.below(2000);
    operation.time = stamp_time(ms, static_cast<uint16_t>(gen.below(65536)));
    operation.ttl_ms = record.ttl_ms;
    operation.key = as_bytes(record.key);
    operation.payload = record.value;
    builder.add(operation);
  }
  return builder.finish();
}

Bytes draw_records(Gen& gen, MapKind kind) {
  RecordBatchBuilder builder;
  builder.begin(kind, as_bytes("map"));
  const uint64_t count = 1 + gen.below(20);
  for (uint64_t i = 0; i < count; ++i) {
    const DrawnRecord record = draw_record(gen, kind);
    builder.add(record.view());
  }
  return builder.finish();
}

Bytes damaged(Gen& gen, Bytes bytes) {
  if (gen.chance(1, 4)) bytes.resize(static_cast<size_t>(gen.below(bytes.size()) + 1));
  uint8_t& byte = bytes[static_cast<size_t>(gen.below(bytes.size()))];
  byte ^= static_cast<uint8_t>(gen.below(256));
  return bytes;
}

void add_result(TraceHash& trace, const Result<void>& result) {
  trace.add(result.ok() ? 0 : static_cast<uint64_t>(result.error()));
}

}  // namespace

void play_sync(Gen& gen, TraceHash& trace) {
  OperationBatch operations;
  RecordBatch records;
  for (int i = 0; i < 20; ++i) {
    const Bytes of_operations = draw_operations(gen);
    const Bytes of_records = draw_records(gen, gen.pick({MapKind::Lww, MapKind::Or}));
    trace.add(of_operations);
    trace.add(of_records);
    add_result(trace, decode_operations(of_operations, Values::Validate, operations));
    for (const Operation& operation : operations.operations) trace.add(operation.time);
    add_result(trace, decode_records(of_records, Values::Validate, records));
    for (const Record& record : records.records) trace.add(record.value);
    for (int damage = 0; damage < 20; ++damage) {
      const Bytes spoilt_operations = damaged(gen, of_operations);
      const Bytes spoilt_records = damaged(gen, of_records);
      add_result(trace, decode_operations(spoilt_operations, Values::Validate, operations));
      add_result(trace, decode_records(spoilt_records, Values::Validate, records));
    }
  }
}

}  // namespace topgun::determinism
