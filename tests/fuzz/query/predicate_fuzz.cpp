#include <cstdlib>

#include "core/query/matcher.hpp"
#include "core/query/normalize.hpp"

/// Whatever the bytes: decoding ends without harm; what was accepted has these bytes and no others,
/// can be asked of rows, and its normal form gives the same answers.

namespace {

using namespace topgun;
using namespace topgun::query;

void expect(bool condition) {
  if (!condition) std::abort();
}

void check_operands(const Predicate& predicate, const Predicate& whole, const Predicate& normal) {
  AttributeTable attributes;
  auto matcher = Matcher::make(whole, attributes);
  auto normal_matcher = Matcher::make(normal, attributes);
  expect(matcher.ok() == normal_matcher.ok() || !matcher.ok());
  if (!matcher.ok() || !normal_matcher.ok()) return;
  for (const Bytes& operand : predicate.operands) {
    const RowView row = {operand, operand};
    expect(matcher->matches(row) == normal_matcher->matches(row));
  }
  for (const Predicate& child : predicate.children) check_operands(child, whole, normal);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const ByteView bytes(data, size);
  const auto predicate = decode_predicate(bytes);
  if (!predicate.ok()) return 0;
  expect(equal_bytes(encode_predicate(*predicate), bytes));
  const Predicate normal = normalize(*predicate);
  expect(encode_predicate(normalize(normal)) == encode_predicate(normal));
  check_operands(*predicate, *predicate, normal);
  return 0;
}
