#include "core/base/slab.hpp"

#include <doctest/doctest.h>

namespace topgun {
namespace {

TEST_CASE("slab: capacity is the size rounded up to 16 bytes") {
  CHECK(Slab::capacity(1) == 16);
  CHECK(Slab::capacity(16) == 16);
  CHECK(Slab::capacity(17) == 32);
  CHECK(Slab::capacity(1024) == 1024);
}

TEST_CASE("slab: a released block is used again for any size of its capacity") {
  Slab slab;
  uint8_t* const block = slab.allocate(33);
  const size_t reserved = slab.bytes_reserved();
  slab.release(block, 33);
  CHECK(slab.allocate(48) == block);
  CHECK(slab.bytes_reserved() == reserved);
}

TEST_CASE("slab: a released block is not used for another capacity") {
  Slab slab;
  uint8_t* const block = slab.allocate(32);
  slab.release(block, 32);
  CHECK(slab.allocate(33) != block);
}

TEST_CASE("slab: blocks are aligned to 8") {
  Slab slab;
  for (size_t size = 0; size < 3000; ++size) {
    uint8_t* const block = slab.allocate(size);
    if (reinterpret_cast<uintptr_t>(block) % 8 != 0) FAIL_CHECK("size " << size);
    if (size > Slab::kSmallBytesMax) slab.release(block, size);
  }
}

TEST_CASE("slab: large blocks give their memory back at once") {
  Slab slab;
  uint8_t* const block = slab.allocate(Slab::kSmallBytesMax + 1);
  CHECK(slab.bytes_reserved() == Slab::capacity(Slab::kSmallBytesMax + 1));
  slab.release(block, Slab::kSmallBytesMax + 1);
  CHECK(slab.bytes_reserved() == 0);
}

TEST_CASE("slab: what a chunk has left goes to smaller blocks") {
  Slab slab;
  slab.allocate(1008);  // Of the first chunk of 1024 bytes, 16 are left.
  const size_t first = slab.bytes_reserved();
  slab.allocate(512);  // Needs a second chunk.
  const size_t second = slab.bytes_reserved();
  CHECK(second > first);
  slab.allocate(16);
  CHECK(slab.bytes_reserved() == second);
}

TEST_CASE("slab: small blocks take little more than their sum from the heap") {
  Slab slab;
  constexpr size_t kBlocks = 20000;
  for (size_t i = 0; i < kBlocks; ++i) slab.allocate(100);
  CHECK(slab.bytes_reserved() < kBlocks * 112 * 11 / 10);
}

}  // namespace
}  // namespace topgun
