#include <cstdlib>

#include "core/replica/record_table.hpp"
#include "tests/support/recode.hpp"

/// Whatever the bytes: decoding ends without harm and holds no more operations than the bytes can
/// name; an accepted batch comes out of the builder as it went in, whole and in parts; and its
/// operations can be merged, in either order, to one state.

namespace {

using namespace topgun;

void expect(bool condition) {
  if (!condition) std::abort();
}

void merge_into(RecordTable& table, const OperationBatch& batch, size_t index) {
  for_each_record(batch.header.replica, batch.operations[index], [&](const Record& record) {
    expect(check_record(batch.header.kind, record).ok());
    table.merge(record);
  });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const ByteView bytes(data, size);
  OperationBatch batch;
  const bool accepted = decode_operations(bytes, Values::Validate, batch).ok();
  expect(batch.operations.size() <= size);
  if (!accepted) return 0;

  const Result<Bytes> again = recode_operations(bytes);
  expect(again.ok() && equal_bytes(*again, bytes));
  expect(decode_operations(bytes, Values::Trust, batch).ok());
  OperationBatchBuilder carried;
  carried.begin(batch.header);
  for (const ByteView operation : batch.encoded) carried.add_encoded(operation);
  expect(carried.finish() == *again);

  Slab slab;
  RecordTable forwards(batch.header.kind, slab), backwards(batch.header.kind, slab);
  const size_t count = batch.operations.size();
  for (size_t i = 0; i < count; ++i) merge_into(forwards, batch, i);
  for (size_t i = count; i > 0; --i) merge_into(backwards, batch, i - 1);
  expect(forwards.root() == backwards.root());
  return 0;
}
