#include "core/base/hash.hpp"

#include <doctest/doctest.h>

namespace topgun {
namespace {

TEST_CASE("hash: XXH3 gives its published values for the empty input") {
  CHECK(hash64({}) == 0x2d06800538d394c2);
  CHECK(hash128({}) == Hash128{0x6001c324468d497f, 0x99aa06d3014798d8});
}

// Every length class of XXH3 (1-3, 4-8, 9-16, 17-128, 129-240, longer) takes another path.
TEST_CASE("hash: each length, seed and byte counts") {
  Bytes bytes;
  uint64_t previous = hash64(bytes);
  for (int size = 1; size <= 600; ++size) {
    CAPTURE(size);
    bytes.push_back(static_cast<uint8_t>(size));
    const uint64_t hash = hash64(bytes);
    CHECK(hash != previous);
    CHECK(hash64(bytes, 0) == hash);
    CHECK(hash64(bytes, 1) != hash);
    bytes.front() ^= 1;
    CHECK(hash64(bytes) != hash);
    bytes.front() ^= 1;
    previous = hash;
  }
}

TEST_CASE("hash: 128-bit sums carry into the upper half and subtraction undoes them") {
  const Hash128 one = {1, 0};
  const Hash128 low_full = {UINT64_MAX, 7};
  const Hash128 full = {UINT64_MAX, UINT64_MAX};
  CHECK(low_full + one == Hash128{0, 8});
  CHECK(full + one == Hash128{0, 0});
  CHECK(low_full + one - one == low_full);
  CHECK(Hash128{} - one == full);
}

}  // namespace
}  // namespace topgun
