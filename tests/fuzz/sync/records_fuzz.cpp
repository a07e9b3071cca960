#include <cstdlib>

#include "core/replica/record_table.hpp"
#include "tests/support/recode.hpp"

/// Whatever the bytes: decoding ends without harm; an accepted batch comes out of the builder as it
/// went in, and its records can be merged, in either order, to one state that holds what was sent.

namespace {

void expect(bool condition) {
  if (!condition) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace topgun;
  const ByteView bytes(data, size);
  RecordBatch batch;
  const bool accepted = decode_records(bytes, Values::Validate, batch).ok();
  expect(batch.records.size() <= size);
  if (!accepted) return 0;

  const Result<Bytes> again = recode_records(bytes);
  expect(again.ok() && equal_bytes(*again, bytes));

  Slab slab;
  RecordTable forwards(batch.kind, slab), backwards(batch.kind, slab);
  for (const Record& record : batch.records) forwards.merge(record);
  for (size_t i = batch.records.size(); i > 0; --i) backwards.merge(batch.records[i - 1]);
  expect(forwards.root() == backwards.root());
  for (const Record& record : batch.records) {
    expect(forwards.find(record.key, record.tag).has_value());
    expect(!forwards.merge(record));
  }
  for (const Record& record : batch.records) forwards.forget(record.key, record.tag);
  expect(forwards.root() == MerkleRoot{});
  return 0;
}
