#include <cstdlib>

#include "core/sync/diff.hpp"

/// A hostile peer: each frame message of kind Diff is answered from a table of a few hundred
/// records. The answer keeps the format's limits, and no message is answered with more records than
/// the table holds for each of its three lists.

namespace {

using namespace topgun;

void expect(bool condition) {
  if (!condition) std::abort();
}

/// A table of one key with many elements, and many keys with one.
struct Fixture {
  Fixture() : table(MapKind::Or, slab) {
    for (uint64_t number = 0; number < 300; ++number) {
      const TagBytes tag = element_tag({{number + 1}, 1});
      const uint8_t key[] = {'k', static_cast<uint8_t>(number % 3 == 0 ? 0 : number % 250)};
      const uint8_t value[] = {1};
      Record record;
      record.key = key;
      record.tag = tag;
      record.stamp = {number, {1}};
      record.value = value;
      table.merge(record);
    }
  }

  Slab slab;
  RecordTable table;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const Fixture fixture;
  const Result<DiffMessage> received = decode_diff(ByteView(data, size));
  if (!received.ok()) return 0;

  size_t sent = 0;
  const DiffMessage answer = answer_diff(fixture.table, *received, [&](const Record&) { ++sent; });
  expect(sent <= 3 * fixture.table.size());

  Bytes frame;
  MessageWriter(frame).diff(answer);
  FrameReader reader(frame);
  expect(decode_diff(reader.next()->payload).ok());
  return 0;
}
