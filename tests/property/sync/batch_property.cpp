#include "core/sync/batch.hpp"
#include "tests/support/property.hpp"
#include "tests/support/random_batch.hpp"
#include "tests/support/recode.hpp"

// Whatever can be written is read as it was; whatever is read, also from damaged bytes, is written
// again to the byte; and a batch that is cut off anywhere is refused.

namespace topgun {
namespace {

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
    const Bytes bytes = random_operations(gen, operations);
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
    const Bytes bytes = random_operations(gen, operations);
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

TEST_CASE("record batch: cut off it is refused, damaged it is refused or means its own bytes") {
  for_each_seed(1000, [](Gen& gen) {
    const Bytes bytes = random_records(gen);
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
