#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "core/query/exact_sum.hpp"
#include "tests/support/property.hpp"

namespace topgun::query {
namespace {

double random_double(Gen& gen) {
  const uint64_t bits = gen.bits();
  double number;
  __builtin_memcpy(&number, &bits, sizeof number);
  switch (gen.below(5)) {
    case 0:
      return std::isfinite(number) ? number : 1;  // Of any size, subnormal ones included.
    case 1:
      return static_cast<double>(static_cast<int64_t>(bits) >> gen.below(64));
    case 2:
      return static_cast<double>(static_cast<int32_t>(bits)) / 100;
    case 3:
      return std::ldexp(static_cast<double>(bits % 1000), -static_cast<int>(gen.below(90)));
    default:
      return -0.0;
  }
}

/// Exact for numbers of 60 bits at most, at a scale of 2^-20.
__extension__ using Wide = __int128;

TEST_CASE("exact_sum property: small fixed-point numbers add up exactly") {
  for_each_seed(3'000, [](Gen& gen) {
    ExactSum sum;
    Wide model = 0;
    for (int i = 0; i < 30; ++i) {
      const uint64_t shift = gen.between(11, 60);
      const int64_t units = static_cast<int64_t>(gen.bits()) >> shift;
      sum.add(std::ldexp(static_cast<double>(units), -20));
      model += units;
      REQUIRE(sum.value() == std::ldexp(static_cast<double>(model), -20));
    }
  });
}

TEST_CASE("exact_sum property: what comes and goes leaves no trace, in any order") {
  for_each_seed(3'000, [](Gen& gen) {
    std::vector<double> numbers;
    const uint64_t count = gen.between(1, 12);
    for (uint64_t i = 0; i < count; ++i) numbers.push_back(random_double(gen));
    ExactSum there;
    for (const double number : numbers) there.add(number);

    ExactSum back;
    std::vector<double> guests;
    for (int i = 0; i < 10; ++i) guests.push_back(random_double(gen));
    for (const double guest : guests) back.add(guest);
    gen.shuffle(std::span<double>(numbers));
    for (const double number : numbers) back.add(number);
    gen.shuffle(std::span<double>(guests));
    for (const double guest : guests) back.remove(guest);
    CHECK(there.value() == back.value());

    ExactSum halves;
    ExactSum half;
    for (size_t i = 0; i < numbers.size(); ++i) (i % 2 == 0 ? halves : half).add(numbers[i]);
    halves.add(half);
    CHECK(halves.value() == there.value());
  });
}

TEST_CASE("exact_sum property: the sum of one or two is what the machine computes") {
  for_each_seed(20'000, [](Gen& gen) {
    const double a = random_double(gen);
    const double b = random_double(gen);
    ExactSum sum;
    sum.add(a);
    CHECK(sum.value() == a);
    sum.add(b);
    CHECK(sum.value() == a + b);  // Rounded once, to nearest, as IEEE 754 wants it.
    sum.remove(a);
    CHECK(sum.value() == b);
  });
}

TEST_CASE("exact_sum: what plain addition loses is still there") {
  ExactSum sum;
  sum.add(1e300);
  sum.add(1);
  sum.remove(1e300);
  CHECK(sum.value() == 1);
  const double infinity = std::numeric_limits<double>::infinity();
  sum.add(infinity);
  CHECK(sum.value() == infinity);
  sum.add(-infinity);
  CHECK(std::isnan(sum.value()));
  sum.remove(infinity);
  CHECK(sum.value() == -infinity);
  sum.remove(-infinity);
  sum.remove(1.0);
  CHECK_FALSE(std::signbit(sum.value()));
  sum.add(BigInt{true, {1, 0, 0, 0, 0, 0, 0, 0, 0}});
  CHECK(sum.value() == -0x1p64);
  sum.add(BigInt{false, Bytes(130, 1)});
  CHECK(sum.value() == infinity);
}

}  // namespace
}  // namespace topgun::query
