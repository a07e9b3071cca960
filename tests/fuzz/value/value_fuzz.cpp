#include <cstdlib>

#include "core/value/value_writer.hpp"

/// Whatever the bytes: validation ends without harm, the view stays inside them even when they were
/// refused, and accepted bytes have a canonical form that is the same value.

namespace {

using namespace topgun;

void expect(bool condition) {
  if (!condition) std::abort();
}

size_t walk(ValueView value, uint32_t depth_left) {
  size_t values = 1;
  if (const auto text = value.as_text()) values += text->size();
  if (const auto binary = value.as_binary()) values += binary->size();
  if (value.as_date() || value.as_bigint() || value.as_extension()) ++values;
  if (value.as_int() || value.as_double() || value.as_bool()) ++values;
  if (depth_left == 0) return values;
  ArrayReader elements = value.elements();
  while (const auto element = elements.next()) values += walk(*element, depth_left - 1);
  MapReader entries = value.entries();
  while (const auto entry = entries.next()) values += walk(entry->value, depth_left - 1);
  return values;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const ByteView bytes(data, size);
  const ValueView view(bytes);
  const bool valid = validate_value(bytes).ok();
  expect(walk(view, 6) > 0);
  expect(compare_values(view, view) == 0);

  const auto canonical = canonicalize_value(bytes);
  expect(canonical.ok() == valid);
  if (!valid) return 0;
  expect(*canonicalize_value(*canonical) == *canonical);
  expect(compare_values(view, ValueView(*canonical)) == 0);
  expect(is_canonical_value(bytes) == equal_bytes(bytes, *canonical));

  // The order between two neighbours must be the same from both sides.
  ArrayReader elements = view.elements();
  auto previous = elements.next();
  while (previous) {
    const auto element = elements.next();
    if (!element) break;
    expect(compare_values(*previous, *element) == -compare_values(*element, *previous));
    previous = element;
  }
  return 0;
}
