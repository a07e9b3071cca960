#include <cstdlib>

#include "core/query/join_executor.hpp"

/// Whatever the bytes: decoding ends without harm; what was accepted has these bytes and no others,
/// and can be answered over a few records, which every side of a join is, with indexes and without
/// them alike.

namespace {

using namespace topgun;
using namespace topgun::query;

void expect(bool condition) {
  if (!condition) std::abort();
}

/// {"x": 1}, {"x": "op"}, {"y": nil}, [1], 5
constexpr uint8_t kRecords[][6] = {
    {0x81, 0xa1, 'x', 0x01},
    {0x81, 0xa1, 'x', 0xa2, 'o', 'p'},
    {0x81, 0xa1, 'y', 0xc0},
    {0x91, 0x01},
    {0x05},
};
constexpr size_t kSizes[] = {4, 6, 4, 2, 1};
constexpr std::string_view kKeys = "abcde";

void fill(Collection& collection) {
  for (size_t i = 0; i < kKeys.size(); ++i) {
    Write write;
    write.key = as_bytes(kKeys.substr(i, 1));
    write.after = ByteView(kRecords[i], kSizes[i]);
    collection.apply(write);
  }
}

Result<Answer> answer_any(const Query& query, Collection& collection) {
  if (query.joins.empty()) return answer(query, collection);
  return answer_join(query, std::vector<Collection*>(query.sides(), &collection));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const ByteView bytes(data, size);
  const auto query = decode_query(bytes);
  if (const auto key = point_lookup_key(bytes)) {
    expect(!query.ok() || query->where.attribute == record_key());
  }
  if (!query.ok()) return 0;
  expect(equal_bytes(encode_query(*query), bytes));

  Collection plain;
  fill(plain);
  Collection indexed;
  fill(indexed);
  expect(indexed.add_index({"o", IndexKind::Ordered, {{field("x")}}}).ok());
  expect(indexed.add_index({"h", IndexKind::Hash, {{field("x")}}}).ok());
  expect(indexed.add_index({"e", IndexKind::Elements, {{field()}}}).ok());
  expect(!indexed.build_step(100));
  Query free = *query;
  free.hints = {};
  const auto scanned = answer_any(free, plain);
  const auto found = answer_any(free, indexed);
  expect(scanned.ok() == found.ok());
  if (!scanned.ok()) return 0;
  expect(scanned->rows == found->rows);
  expect(scanned->groups == found->groups);
  expect(scanned->cursor == found->cursor);
  const auto hinted = answer_any(*query, indexed);
  expect(!hinted.ok() || hinted->rows == found->rows);
  return 0;
}
