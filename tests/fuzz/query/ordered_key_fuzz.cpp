#include <cstdlib>

#include "core/query/ordered_key.hpp"

/// Whatever the bytes: reading a part ends without harm, and what was read is a value whose own key
/// reads back as the same value.

namespace {

using namespace topgun;
using namespace topgun::query;

void expect(bool condition) {
  if (!condition) std::abort();
}

void check(ByteView bytes, Direction direction) {
  const auto part = read_ordered_part(bytes, direction);
  if (!part.ok()) return;
  expect(part->key_bytes <= bytes.size());
  if (part->missing) return;
  expect(validate_value(part->value, {kValueDepthMax, SIZE_MAX}).ok());
  Bytes key;
  append_ordered_key(key, ValueView(part->value), KeyForm::Exact, direction);
  const auto again = read_ordered_part(key, direction);
  expect(again.ok());
  expect(again->key_bytes == key.size());
  expect(again->value == part->value);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  check({data, size}, Direction::Ascending);
  check({data, size}, Direction::Descending);
  return 0;
}
