#include "core/sync/batch.hpp"
#include "tests/support/property.hpp"
#include "tests/support/random_value.hpp"
#include "tests/support/recode.hpp"
#include "tests/support/records.hpp"

// Whatever can be written is read as it was; whatever is read, also from damaged bytes, is written
// again to the byte; and a batch that is cut off anywhere is refused.

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

Bytes build_operations(Gen& gen, std::vector<OwnedOperation>& operations) {
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

/// Flips, cuts or repeats a few bytes.
Bytes damage(Gen& gen, Bytes bytes) {
  for (uint64_t times = gen.between(1, 3); times > 0; --times) {
    const auto at = static_cast<size_t>(gen.below(bytes.size()));
    switch (gen.below(3)) {
      case 0:
        bytes[at] ^= static_cast<uint8_t>(1 + gen.below(255));
        break;
      case 1:
        bytes.insert(bytes.begin() + static_cast<ptrdiff_t>(at), bytes[at]);
        break;
      default:
        if (bytes.size() > 1) bytes.erase(bytes.begin() + static_cast<ptrdiff_t>(at));
    }
  }
  return bytes;
}

TEST_CASE("operation batch: what is written is read") {
  for_each_seed(3000, [](Gen& gen) {
    std::vector<OwnedOperation> operations;
    const Bytes bytes = build_operations(gen, operations);
    OperationBatch batch;
    REQUIRE(decode_operations(bytes, Values::Validate, batch).ok());
    REQUIRE(batch.operations.size() == operations.size());
    for (size_t i = 0; i < operations.size(); ++i) {
      CHECK(batch.operations[i].kind == operations[i].kind);
      CHECK(batch.operations[i].sequence == operations[i].sequence);
      CHECK(batch.operations[i].time == operations[i].time);
      CHECK(batch.operations[i].ttl_ms == operations[i].ttl_ms);
      CHECK(as_text(batch.operations[i].key) == operations[i].key);
      CHECK(as_text(batch.operations[i].payload) == operations[i].payload);
      for_each_record(batch.header.replica, batch.operations[i], [&](const Record& record) {
        CHECK(check_record(batch.header.kind, record).ok());
      });
    }
    const Result<Bytes> again = recode_operations(bytes);
    REQUIRE(again.ok());
    CHECK(*again == bytes);
  });
}

TEST_CASE("operation batch: cut off it is refused, damaged it is refused or means its own bytes") {
  for_each_seed(1000, [](Gen& gen) {
    std::vector<OwnedOperation> operations;
    const Bytes bytes = build_operations(gen, operations);
    for (size_t size = 0; size < bytes.size(); ++size) {
      if (recode_operations(ByteView(bytes).first(size)).ok()) FAIL_CHECK("cut at " << size);
    }
    for (int i = 0; i < 20; ++i) {
      const Bytes damaged = damage(gen, bytes);
      const Result<Bytes> again = recode_operations(damaged);
      if (again.ok()) CHECK(*again == damaged);
    }
  });
}

Bytes build_records(Gen& gen) {
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

TEST_CASE("record batch: cut off it is refused, damaged it is refused or means its own bytes") {
  for_each_seed(1000, [](Gen& gen) {
    const Bytes bytes = build_records(gen);
    const Result<Bytes> whole = recode_records(bytes);
    REQUIRE(whole.ok());
    CHECK(*whole == bytes);
    for (size_t size = 0; size < bytes.size(); ++size) {
      if (recode_records(ByteView(bytes).first(size)).ok()) FAIL_CHECK("cut at " << size);
    }
    for (int i = 0; i < 20; ++i) {
      const Bytes damaged = damage(gen, bytes);
      const Result<Bytes> again = recode_records(damaged);
      if (again.ok()) CHECK(*again == damaged);
    }
  });
}

}  // namespace
}  // namespace topgun
