#include "core/dataflow/view.hpp"

#include <algorithm>
#include <cstring>

#include "core/base/byte_io.hpp"
#include "core/base/hash.hpp"
#include "core/crdt/record.hpp"
#include "core/query/executor.hpp"
#include "core/value/value_writer.hpp"

namespace topgun::dataflow {

using query::kNoRow;
using query::RowId;
using query::RowView;
using query::Write;

namespace {

/// Of a key that is too long, so much stays in front of its hash.
constexpr size_t kLongKeyBytes = kKeyBytesMax / 2 - sizeof(Hash128);

/// Bytes as text that sorts like them: each byte as the character of that number.
void append_characters(Bytes& out, ByteView bytes) {
  for (const uint8_t byte : bytes) {
    if (byte >= 0x80) out.push_back(static_cast<uint8_t>(0xc0 | byte >> 6));
    out.push_back(byte < 0x80 ? byte : static_cast<uint8_t>(0x80 | (byte & 0x3f)));
  }
}

/// A key that maps allow, and that no other has. Ordered keys are no text, while keys are text to
/// those who ask for `$key`.
Bytes key_of(ByteView ordered_key) {
  Bytes out;
  append_characters(out, ordered_key);
  if (out.size() <= kKeyBytesMax) return out;
  out.clear();
  append_characters(out, ordered_key.first(kLongKeyBytes));
  const Hash128 hash = hash128(ordered_key);
  Bytes tail;
  ByteWriter writer(tail);
  writer.u64(hash.high);
  writer.u64(hash.low);
  append_characters(out, tail);
  return out;
}

}  // namespace

View::View(query::Query query, std::vector<std::string> fields)
    : query_(std::move(query)), live_(collection_) {
  for (size_t i = 0; i < fields.size(); ++i) fields_.emplace_back(std::move(fields[i]), i);
  std::sort(fields_.begin(), fields_.end());  // allow(sort): no two are equal
}

View::~View() {
  // Large blocks die by their release alone.
  collection_.all().for_each([&](RowId row) { release(slab_, collection_.rows().view(row)); });
}

/// A record is one block, the value and then the key, which may be empty.
void View::release(Slab& slab, const RowView& record) {
  slab.release(const_cast<uint8_t*>(record.value.data()), record.key.size() + record.value.size());
}

Bytes View::with_names(Bytes values) const {
  if (fields_.empty()) return values;
  const ValueView array{ByteView(values)};
  Bytes out;
  ValueWriter writer(out);
  writer.begin_map(fields_.size());
  for (const auto& [name, at] : fields_) {
    writer.key(name);
    writer.encoded(*array.at(at));
  }
  return out;
}

std::optional<Write> View::set(ByteView key, Bytes value) {
  const auto row = collection_.find(key);
  Write write;
  replaced_.reset();
  is_erased_ = false;
  if (row) {
    const RowView old = collection_.rows().view(*row);
    if (equal_bytes(old.value, value)) return std::nullopt;
    replaced_ = old;
    write.row = row;
    write.before = old.value;
  }
  uint8_t* const block = slab_.allocate(key.size() + value.size());
  std::memcpy(block, value.data(), value.size());
  if (!key.empty()) std::memcpy(block + value.size(), key.data(), key.size());
  write.key = ByteView(block + value.size(), key.size());
  write.after = ByteView(block, value.size());
  return write;
}

std::optional<Write> View::erase(RowId row) {
  replaced_ = collection_.rows().view(row);
  is_erased_ = true;
  Write write;
  write.row = row;
  write.key = replaced_->key;
  write.before = replaced_->value;
  return write;
}

std::optional<Write> View::set_row(RowId source, const std::optional<RowView>& view) {
  if (source >= own_rows_.size()) own_rows_.resize(source + size_t{1}, kNoRow);
  source_ = source;
  has_source_ = true;
  if (view) {
    const bool is_record = view->sides == nullptr;
    return set(is_record ? to_bytes(view->key) : key_of(view->key),
               with_names(query::select_value(query_, *view)));
  }
  const RowId own = own_rows_[source];
  return own == kNoRow ? std::nullopt : erase(own);
}

std::optional<Write> View::set_group(ByteView key, ByteView group) {
  has_source_ = false;
  const Bytes own_key = key_of(key);
  if (!group.empty()) return set(own_key, with_names(to_bytes(group)));
  const auto row = collection_.find(own_key);
  return row ? erase(*row) : std::nullopt;
}

void View::settle(RowId row) {
  if (has_source_) own_rows_[source_] = is_erased_ ? kNoRow : row;
  if (replaced_) release(slab_, *replaced_);
  replaced_.reset();
}

size_t View::memory_bytes() const {
  return slab_.bytes_reserved() + collection_.memory_bytes() + live_.memory_bytes() +
         own_rows_.capacity() * sizeof(RowId);
}

}  // namespace topgun::dataflow
