#include "core/query/row_set.hpp"

#include <algorithm>
#include <bit>

namespace topgun::query {
namespace {

uint16_t high_of(RowId row) { return static_cast<uint16_t>(row >> 16); }
uint16_t low_of(RowId row) { return static_cast<uint16_t>(row); }

uint64_t bit_of(uint16_t low) { return uint64_t{1} << (low % 64); }

}  // namespace

static_assert(sizeof(RowSet) == 16, "most sets of an index are this and nothing else");

// --- chunks ---

RowSet::Chunk::Chunk(const Chunk& other) : high(other.high), size(other.size), array(other.array) {
  if (other.bitmap) bitmap = std::make_unique<Bitmap>(*other.bitmap);
}

bool RowSet::Chunk::contains(uint16_t low) const {
  if (bitmap) return (bitmap->words[low / 64] & bit_of(low)) != 0;
  return std::binary_search(array.begin(), array.end(), low);
}

bool RowSet::Chunk::add(uint16_t low) {
  if (bitmap) {
    uint64_t& word = bitmap->words[low / 64];
    if ((word & bit_of(low)) != 0) return false;
    word |= bit_of(low);
    ++size;
    return true;
  }
  // Rows are mostly numbered in the order in which they come.
  if (array.empty() || array.back() < low) {
    array.push_back(low);
  } else {
    const auto at = std::lower_bound(array.begin(), array.end(), low);
    if (*at == low) return false;
    array.insert(at, low);
  }
  ++size;
  settle();
  return true;
}

bool RowSet::Chunk::remove(uint16_t low) {
  if (bitmap) {
    uint64_t& word = bitmap->words[low / 64];
    if ((word & bit_of(low)) == 0) return false;
    word &= ~bit_of(low);
  } else {
    const auto at = std::lower_bound(array.begin(), array.end(), low);
    if (at == array.end() || *at != low) return false;
    array.erase(at);
  }
  --size;
  settle();
  return true;
}

/// Takes the form that fits the size. Goes back to an array only at half the size at which it
/// became a bitmap, lest a row that comes and goes turns everything over each time.
void RowSet::Chunk::settle() {
  if (!bitmap && size > kArrayMax) {
    bitmap = std::make_unique<Bitmap>();
    for (const uint16_t low : array) bitmap->words[low / 64] |= bit_of(low);
    std::vector<uint16_t>().swap(array);  // Assigning {} would keep the memory.
  } else if (bitmap && size <= kArrayMax / 2) {
    array.reserve(size);
    for (size_t at = 0; at < kWords; ++at) {
      for (uint64_t word = bitmap->words[at]; word != 0; word &= word - 1) {
        array.push_back(
            static_cast<uint16_t>(at * 64 + static_cast<size_t>(std::countr_zero(word))));
      }
    }
    bitmap.reset();
  }
}

RowSet::Chunk RowSet::combine(const Chunk& left, const Chunk& right, Operation operation) {
  Chunk out;
  out.high = left.high;
  if (left.bitmap && right.bitmap) {
    out.bitmap = std::make_unique<Bitmap>();
    for (size_t i = 0; i < kWords; ++i) {
      const uint64_t a = left.bitmap->words[i];
      const uint64_t b = right.bitmap->words[i];
      const uint64_t word = operation == Operation::And  ? a & b
                            : operation == Operation::Or ? a | b
                                                         : a & ~b;
      out.bitmap->words[i] = word;
      out.size += static_cast<uint32_t>(std::popcount(word));
    }
    out.settle();
    return out;
  }
  if (operation == Operation::Or) {
    const Chunk& base = left.bitmap || (!right.bitmap && left.size >= right.size) ? left : right;
    const Chunk& more = &base == &left ? right : left;
    if (base.bitmap) {
      out = Chunk(base);
      for (const uint16_t low : more.array) out.add(low);
      return out;
    }
    std::set_union(base.array.begin(), base.array.end(), more.array.begin(), more.array.end(),
                   std::back_inserter(out.array));
    out.size = static_cast<uint32_t>(out.array.size());
    out.settle();
    return out;
  }
  if (left.bitmap) {  // And the right one is an array.
    if (operation == Operation::And) return combine(right, left, operation);
    out = Chunk(left);
    for (const uint16_t low : right.array) out.remove(low);
    return out;
  }
  const bool wanted = operation == Operation::And;
  // One by one where the other side is a bitmap or far longer, else side by side.
  if (right.bitmap || right.size > 16 * left.size) {
    for (const uint16_t low : left.array) {
      if (right.contains(low) == wanted) out.array.push_back(low);
    }
  } else if (wanted) {
    std::set_intersection(left.array.begin(), left.array.end(), right.array.begin(),
                          right.array.end(), std::back_inserter(out.array));
  } else {
    std::set_difference(left.array.begin(), left.array.end(), right.array.begin(),
                        right.array.end(), std::back_inserter(out.array));
  }
  out.size = static_cast<uint32_t>(out.array.size());
  return out;
}

size_t RowSet::shared(const Chunk& left, const Chunk& right) {
  size_t count = 0;
  if (left.bitmap && right.bitmap) {
    for (size_t i = 0; i < kWords; ++i) {
      count += static_cast<size_t>(std::popcount(left.bitmap->words[i] & right.bitmap->words[i]));
    }
    return count;
  }
  if (left.bitmap || (!right.bitmap && right.size < left.size)) return shared(right, left);
  if (!right.bitmap && right.size <= 16 * left.size) {
    size_t at = 0;
    for (const uint16_t low : left.array) {
      while (at < right.array.size() && right.array[at] < low) ++at;
      if (at < right.array.size() && right.array[at] == low) ++count;
    }
    return count;
  }
  for (const uint16_t low : left.array) count += right.contains(low) ? 1 : 0;
  return count;
}

// --- sets ---

RowSet& RowSet::operator=(const RowSet& other) {
  if (this == &other) return *this;
  reset();
  if (other.is_large()) {
    set_large(new Large(other.large()));
  } else {
    tag_ = other.tag_;
    std::copy(other.small_, other.small_ + kSmallMax, small_);
  }
  return *this;
}

RowSet& RowSet::operator=(RowSet&& other) noexcept {
  if (this == &other) return *this;
  reset();
  tag_ = other.tag_;
  std::copy(other.small_, other.small_ + kSmallMax, small_);
  other.tag_ = 0;
  return *this;
}

void RowSet::reset() {
  if (is_large()) delete &large();
  tag_ = 0;
}

size_t RowSet::size() const { return is_large() ? large().size : tag_; }

const RowSet::Chunk* RowSet::find_chunk(uint16_t high) const {
  const auto& chunks = large().chunks;
  const auto at = std::lower_bound(chunks.begin(), chunks.end(), high,
                                   [](const Chunk& chunk, uint16_t h) { return chunk.high < h; });
  return at != chunks.end() && at->high == high ? &*at : nullptr;
}

RowSet::Chunk* RowSet::find_chunk(uint16_t high) {
  return const_cast<Chunk*>(static_cast<const RowSet*>(this)->find_chunk(high));
}

bool RowSet::contains(RowId row) const {
  if (!is_large()) return std::find(small_, small_ + tag_, row) != small_ + tag_;
  const Chunk* const chunk = find_chunk(high_of(row));
  return chunk != nullptr && chunk->contains(low_of(row));
}

bool RowSet::add(RowId row) {
  if (!is_large()) {
    RowId* const end = small_ + tag_;
    RowId* const at = std::lower_bound(small_, end, row);
    if (at != end && *at == row) return false;
    if (tag_ < kSmallMax) {
      std::copy_backward(at, end, end + 1);
      *at = row;
      ++tag_;
      return true;
    }
    become_large();
  }
  auto& chunks = large().chunks;
  const auto at = std::lower_bound(chunks.begin(), chunks.end(), high_of(row),
                                   [](const Chunk& chunk, uint16_t h) { return chunk.high < h; });
  if (at != chunks.end() && at->high == high_of(row)) {
    if (!at->add(low_of(row))) return false;
  } else {
    Chunk chunk;
    chunk.high = high_of(row);
    chunk.add(low_of(row));
    chunks.insert(at, std::move(chunk));
  }
  ++large().size;
  return true;
}

bool RowSet::remove(RowId row) {
  if (!is_large()) {
    RowId* const end = small_ + tag_;
    RowId* const at = std::find(small_, end, row);
    if (at == end) return false;
    std::copy(at + 1, end, at);
    --tag_;
    return true;
  }
  Chunk* const chunk = find_chunk(high_of(row));
  if (chunk == nullptr || !chunk->remove(low_of(row))) return false;
  --large().size;
  if (chunk->size == 0) large().chunks.erase(large().chunks.begin() + (chunk - &large().chunks[0]));
  settle();
  return true;
}

void RowSet::become_large() {
  auto* const made = new Large;
  RowId rows[kSmallMax];
  const uint32_t count = tag_;
  std::copy(small_, small_ + count, rows);
  set_large(made);
  for (uint32_t i = 0; i < count; ++i) add(rows[i]);
}

/// Back to a few rows within the 16 bytes, where they fit.
void RowSet::settle() {
  if (!is_large() || large().size > kSmallMax) return;
  RowId rows[kSmallMax];
  uint32_t count = 0;
  for_each([&](RowId row) { rows[count++] = row; });
  reset();
  std::copy(rows, rows + count, small_);
  tag_ = count;
}

RowSet RowSet::of(std::span<const RowId> rows) {
  RowSet out;
  if (rows.size() <= kSmallMax) {
    for (const RowId row : rows) out.add(row);
    return out;
  }
  out.set_large(new Large);
  auto& chunks = out.large().chunks;
  std::vector<std::unique_ptr<Bitmap>> bitmaps;
  for (const RowId row : rows) {
    if (high_of(row) >= bitmaps.size()) bitmaps.resize(high_of(row) + size_t{1});
    auto& bitmap = bitmaps[high_of(row)];
    if (!bitmap) bitmap = std::make_unique<Bitmap>();
    bitmap->words[low_of(row) / 64] |= bit_of(low_of(row));
  }
  for (size_t high = 0; high < bitmaps.size(); ++high) {
    if (!bitmaps[high]) continue;
    Chunk& chunk = chunks.emplace_back();
    chunk.high = static_cast<uint16_t>(high);
    for (const uint64_t word : bitmaps[high]->words) {
      chunk.size += static_cast<uint32_t>(std::popcount(word));
    }
    chunk.bitmap = std::move(bitmaps[high]);
    chunk.settle();
    out.large().size += chunk.size;
  }
  out.settle();
  return out;
}

RowSet RowSet::combine(const RowSet& left, const RowSet& right, Operation operation) {
  RowSet out;
  if (!left.is_large() && operation != Operation::Or) {
    const bool wanted = operation == Operation::And;
    left.for_each([&](RowId row) {
      if (right.contains(row) == wanted) out.add(row);
    });
    return out;
  }
  if (!left.is_large() && right.is_large()) return combine(right, left, operation);
  if (!right.is_large()) {
    if (operation == Operation::And) return combine(right, left, operation);
    out = left;
    right.for_each([&](RowId row) { operation == Operation::Or ? out.add(row) : out.remove(row); });
    return out;
  }
  out.set_large(new Large);
  Large& result = out.large();
  const auto keep = [&](Chunk chunk) {
    if (chunk.size == 0) return;
    result.size += chunk.size;
    result.chunks.push_back(std::move(chunk));
  };
  const auto& a = left.large().chunks;
  const auto& b = right.large().chunks;
  size_t i = 0;
  size_t k = 0;
  while (i < a.size() || k < b.size()) {
    if (k == b.size() || (i < a.size() && a[i].high < b[k].high)) {
      if (operation != Operation::And) keep(Chunk(a[i]));
      ++i;
    } else if (i == a.size() || b[k].high < a[i].high) {
      if (operation == Operation::Or) keep(Chunk(b[k]));
      ++k;
    } else {
      keep(combine(a[i++], b[k++], operation));
    }
  }
  out.settle();
  return out;
}

RowSet RowSet::intersection(const RowSet& left, const RowSet& right) {
  return combine(left, right, Operation::And);
}

RowSet RowSet::join(const RowSet& left, const RowSet& right) {
  return combine(left, right, Operation::Or);
}

RowSet RowSet::difference(const RowSet& left, const RowSet& right) {
  return combine(left, right, Operation::AndNot);
}

size_t RowSet::intersection_size(const RowSet& left, const RowSet& right) {
  if (!left.is_large()) {
    size_t count = 0;
    left.for_each([&](RowId row) { count += right.contains(row) ? 1 : 0; });
    return count;
  }
  if (!right.is_large()) return intersection_size(right, left);
  size_t count = 0;
  for (const Chunk& chunk : left.large().chunks) {
    const Chunk* const other = right.find_chunk(chunk.high);
    if (other != nullptr) count += shared(chunk, *other);
  }
  return count;
}

void RowSet::copy_words(RowId first, std::span<uint64_t> words) const {
  std::fill(words.begin(), words.end(), 0);
  const RowId end = first + static_cast<RowId>(words.size() * 64);
  const auto set = [&](RowId row) {
    if (row >= first && row - first < end - first) {
      words[(row - first) / 64] |= uint64_t{1} << (row % 64);
    }
  };
  if (!is_large()) return for_each(set);
  const Chunk* const chunk = find_chunk(high_of(first));
  if (chunk == nullptr) return;
  if (chunk->bitmap) {
    const uint64_t* const from = chunk->bitmap->words + low_of(first) / 64;
    std::copy(from, from + words.size(), words.begin());
    return;
  }
  const auto from = std::lower_bound(chunk->array.begin(), chunk->array.end(), low_of(first));
  const RowId base = RowId{chunk->high} << 16;
  for (auto at = from; at != chunk->array.end() && (base | *at) - first < end - first; ++at) {
    set(base | *at);
  }
}

size_t RowSet::memory_bytes() const {
  if (!is_large()) return 0;
  size_t bytes = sizeof(Large) + large().chunks.capacity() * sizeof(Chunk);
  for (const Chunk& chunk : large().chunks) {
    bytes += chunk.array.capacity() * sizeof(uint16_t) + (chunk.bitmap ? sizeof(Bitmap) : 0);
  }
  return bytes;
}

bool operator==(const RowSet& left, const RowSet& right) {
  return left.size() == right.size() && RowSet::intersection_size(left, right) == left.size();
}

}  // namespace topgun::query
