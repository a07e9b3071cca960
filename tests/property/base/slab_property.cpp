#include <cstring>

#include "core/base/slab.hpp"
#include "tests/support/property.hpp"

// Blocks are filled to the last byte of their capacity with a pattern of their own; a block that
// overlaps another, or a free list that writes into a block in use, spoils a pattern. Under
// AddressSanitizer this also finds every access outside the chunks.

namespace topgun {
namespace {

struct Block {
  uint8_t* at;
  size_t size;
  uint8_t fill;

  size_t capacity() const { return std::max<size_t>(Slab::capacity(size), 16); }

  bool is_intact() const {
    for (size_t i = 0; i < capacity(); ++i) {
      if (at[i] != fill) return false;
    }
    return true;
  }
};

size_t draw_size(Gen& gen) {
  switch (gen.below(4)) {
    case 0:
      return static_cast<size_t>(gen.below(40));
    case 1:
      return static_cast<size_t>(gen.below(Slab::kSmallBytesMax + 1));
    case 2:
      return static_cast<size_t>(gen.between(Slab::kSmallBytesMax - 20, Slab::kSmallBytesMax + 20));
    default:
      return static_cast<size_t>(gen.below(5000));
  }
}

TEST_CASE("slab: no block overlaps another") {
  for_each_seed(50, [](Gen& gen) {
    Slab slab;
    std::vector<Block> blocks;
    for (int step = 0; step < 2000; ++step) {
      if (blocks.empty() || gen.chance(11, 20)) {
        Block block{nullptr, draw_size(gen), static_cast<uint8_t>(gen.below(256))};
        block.at = slab.allocate(block.size);
        std::memset(block.at, block.fill, block.capacity());
        blocks.push_back(block);
      } else {
        std::swap(blocks[static_cast<size_t>(gen.below(blocks.size()))], blocks.back());
        CHECK(blocks.back().is_intact());
        slab.release(blocks.back().at, blocks.back().size);
        blocks.pop_back();
      }
    }
    for (const Block& block : blocks) {
      CHECK(block.is_intact());
      if (block.capacity() > Slab::kSmallBytesMax) slab.release(block.at, block.size);
    }
  });
}

}  // namespace
}  // namespace topgun
