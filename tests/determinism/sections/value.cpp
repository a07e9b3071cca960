#include "core/value/value_writer.hpp"
#include "tests/determinism/trace.hpp"
#include "tests/support/random_value.hpp"

namespace topgun::determinism {

/// Floats are where builds differ first: widening, conversion to integers and back, comparison.
void play_value(Gen& gen, TraceHash& trace) {
  constexpr int kValues = 200;
  Bytes previous = {0xc0};
  for (int i = 0; i < kValues; ++i) {
    Bytes bytes = random_value(gen);
    const auto canonical = canonicalize_value(bytes);
    trace.add(canonical.ok() ? 0 : static_cast<uint64_t>(canonical.error()));
    if (canonical.ok()) trace.add(ByteView(*canonical));
    const int order = compare_values(ValueView(previous), ValueView(bytes));
    trace.add(static_cast<uint64_t>(order) + 1);

    Bytes written;
    ValueWriter(written).number(ValueView(bytes).as_double().value_or(0.1) / 3);
    trace.add(ByteView(written));

    Bytes damaged = bytes;
    const uint64_t at = gen.below(damaged.size());
    damaged[static_cast<size_t>(at)] = static_cast<uint8_t>(gen.below(256));
    const auto verdict = validate_value(damaged);
    trace.add(verdict.ok() ? 0 : static_cast<uint64_t>(verdict.error()));
    previous = std::move(bytes);
  }
}

}  // namespace topgun::determinism
