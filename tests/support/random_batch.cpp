#include "tests/support/random_batch.hpp"

#include "tests/support/random_value.hpp"

namespace topgun {

namespace {

std::string draw_key(Gen& gen) {
  const auto repeat = static_cast<size_t>(gen.chance(1, 20) ? kKeyBytesMax / 4 : gen.between(1, 4));
  std::string key;
  for (size_t i = 0; i < repeat; ++i)
    key += gen.pick({"a", "\x01", "\xd1\x8f", "\xf0\x9f\x98\x80"});
  return key;
}

/// A number of any magnitude up to `last`.
uint64_t draw_number(Gen& gen, uint64_t last) {
  const uint64_t number = gen.between(0, last);
  return number >> gen.below(64);
}

std::vector<OwnedOperation> draw_operations(Gen& gen, const OperationBatchHeader& header) {
  std::vector<OwnedOperation> operations(static_cast<size_t>(gen.between(1, 6)));
  for (OwnedOperation& operation : operations) {
    operation.author = header.replica;
    operation.sequence = header.sequence_base + draw_number(gen, UINT64_MAX - header.sequence_base);
    const uint64_t ms = draw_number(gen, kStampMsMax);
    operation.time = stamp_time(ms, static_cast<uint16_t>(gen.below(65536)));
    operation.key = draw_key(gen);
    switch (header.kind) {
      case MapKind::Lww:
        operation.kind = gen.coin() ? OperationKind::LwwSet : OperationKind::LwwRemove;
        break;
      case MapKind::Or:
        operation.kind = gen.coin() ? OperationKind::OrAdd : OperationKind::OrRemove;
        break;
      case MapKind::Counter:
        operation.kind = OperationKind::CounterAdd;
        break;
    }
    if (operation.kind == OperationKind::LwwSet || operation.kind == OperationKind::OrAdd) {
      operation.ttl_ms = gen.coin() ? draw_number(gen, kTtlMsMax) : 0;
      operation.payload = text_of(random_value(gen));
    } else if (operation.kind == OperationKind::OrRemove) {
      std::vector<OperationId> tags(static_cast<size_t>(gen.between(1, 5)));
      for (OperationId& tag : tags) tag = {{gen.bits()}, draw_number(gen, UINT64_MAX)};
      operation.payload = or_remove_payload(tags);
    } else if (operation.kind == OperationKind::CounterAdd) {
      const uint64_t positive = draw_number(gen, UINT64_MAX);
      operation.payload = counter_add_payload({positive, draw_number(gen, UINT64_MAX)});
    }
  }
  return operations;
}

MapKind draw_kind(Gen& gen) { return gen.pick({MapKind::Lww, MapKind::Or, MapKind::Counter}); }

}  // namespace

Bytes random_operations(Gen& gen, std::vector<OwnedOperation>& operations) {
  const OperationBatchHeader header = {draw_kind(gen),
                                       {gen.between(1, UINT64_MAX)},
                                       1 + draw_number(gen, UINT64_MAX - 1),
                                       draw_number(gen, kStampMsMax),
                                       as_bytes("map")};
  operations = draw_operations(gen, header);
  OperationBatchBuilder builder;
  builder.begin(header);
  for (const OwnedOperation& operation : operations) builder.add(operation.view());
  return builder.finish();
}

Bytes random_records(Gen& gen) {
  const MapKind kind = draw_kind(gen);
  RecordBatchBuilder builder;
  builder.begin(kind, as_bytes("map"));
  for (uint64_t left = gen.between(1, 5); left > 0; --left) {
    OwnedRecord record;
    record.key = draw_key(gen);
    record.stamp.time = gen.bits();
    record.stamp.replica = {gen.bits()};
    if (kind != MapKind::Lww) record.tag.assign(kind == MapKind::Or ? 16 : 8, 't');
    record.tombstone = kind != MapKind::Counter && gen.chance(1, 4);
    if (kind == MapKind::Counter) {
      const uint64_t positive = gen.bits();
      record.value = counter_value(positive, gen.bits());
    } else if (!record.tombstone) {
      record.ttl_ms = gen.coin() ? draw_number(gen, kTtlMsMax) : 0;
      record.value = text_of(random_value(gen));
    }
    builder.add(record.view());
  }
  return builder.finish();
}

}  // namespace topgun
