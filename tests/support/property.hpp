#pragma once

#include <doctest/doctest.h>

#include <cstdint>
#include <cstdlib>

#include "core/base/gen.hpp"

namespace topgun {

/// Checks that failed so far in this process.
uint64_t failed_checks();

/// Runs `body(Gen&)` once for each of `cases` seeds and stops after the first seed under which a
/// check fails; the failure prints that seed. The same case alone again:
///
///     TOPGUN_SEED=<seed> build/dev/tests/topgun_property_tests -tc="<name of the test>"
///
/// `TOPGUN_CASES=<factor>` runs that many times as many seeds.
template <typename Body>
void for_each_seed(uint64_t cases, Body body) {
  const char* const only = std::getenv("TOPGUN_SEED");
  const char* const factor = std::getenv("TOPGUN_CASES");
  const uint64_t first = only != nullptr ? std::strtoull(only, nullptr, 10) : 1;
  if (factor != nullptr) cases *= std::strtoull(factor, nullptr, 10);
  if (only != nullptr) cases = 1;

  const uint64_t failed_before = failed_checks();
  for (uint64_t seed = first; seed < first + cases; ++seed) {
    CAPTURE(seed);
    RandomGen gen(seed);
    body(static_cast<Gen&>(gen));
    if (failed_checks() != failed_before) return;
  }
}

}  // namespace topgun
