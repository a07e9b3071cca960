#include "core/base/slab.hpp"

#include <algorithm>
#include <cstring>

#include "core/base/assert.hpp"

namespace topgun {
namespace {

// A free block holds the address of the next one in its first bytes.
uint8_t* next_of(const uint8_t* block) {
  uint8_t* next;
  std::memcpy(&next, block, sizeof next);
  return next;
}

void set_next(uint8_t* block, uint8_t* next) { std::memcpy(block, &next, sizeof next); }

}  // namespace

uint8_t* Slab::allocate(size_t size) {
  const size_t rounded = std::max<size_t>(capacity(size), 16);
  if (rounded > kSmallBytesMax) {
    bytes_reserved_ += rounded;
    return new uint8_t[rounded];
  }
  uint8_t*& head = free_[rounded / 16];
  if (head != nullptr) {
    uint8_t* block = head;
    head = next_of(block);
    return block;
  }
  if (static_cast<size_t>(chunk_end_ - chunk_at_) < rounded) add_chunk(rounded);
  uint8_t* block = chunk_at_;
  chunk_at_ += rounded;
  return block;
}

void Slab::release(uint8_t* block, size_t size) {
  TG_ASSERT(block != nullptr);
  const size_t rounded = std::max<size_t>(capacity(size), 16);
  if (rounded > kSmallBytesMax) {
    bytes_reserved_ -= rounded;
    delete[] block;
    return;
  }
  set_next(block, free_[rounded / 16]);
  free_[rounded / 16] = block;
}

void Slab::add_chunk(size_t size_min) {
  // The rest of the old chunk becomes free blocks, so that little is lost.
  const auto rest = static_cast<size_t>(chunk_end_ - chunk_at_);
  if (rest >= 16) release(chunk_at_, std::min(rest & ~size_t{15}, kSmallBytesMax));
  const size_t bytes = std::max(chunk_bytes_, size_min);
  chunks_.push_back(std::unique_ptr<uint8_t[]>(new uint8_t[bytes]));
  chunk_at_ = chunks_.back().get();
  chunk_end_ = chunk_at_ + bytes;
  bytes_reserved_ += bytes;
  chunk_bytes_ = std::min(chunk_bytes_ * 2, kChunkBytesMax);
}

}  // namespace topgun
