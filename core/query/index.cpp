#include "core/query/index.hpp"

#include <algorithm>

#include "core/base/stable_sort.hpp"

namespace topgun::query {
namespace {

/// The sorted keys of `keys` that are not among those of `others`.
template <typename Visit>
void for_each_missing(const std::vector<Bytes>& keys, const std::vector<Bytes>& others,
                      Visit&& visit) {
  for (const Bytes& key : keys) {
    if (!std::binary_search(others.begin(), others.end(), key)) visit(key);
  }
}

}  // namespace

const HashIndex* Index::as_hash() const {
  const bool is_hash =
      kind() == IndexKind::Hash || kind() == IndexKind::Unique || kind() == IndexKind::Elements;
  return is_hash ? static_cast<const HashIndex*>(this) : nullptr;
}

const OrderedIndex* Index::as_ordered() const {
  return kind() == IndexKind::Ordered ? static_cast<const OrderedIndex*>(this) : nullptr;
}

const PresenceIndex* Index::as_presence() const {
  return kind() == IndexKind::Presence ? static_cast<const PresenceIndex*>(this) : nullptr;
}

// --- hash ---

std::vector<Bytes> HashIndex::keys_of(const RowView& view) {
  std::vector<Bytes> keys;
  if (kind() != IndexKind::Elements) {
    Bytes& key = keys.emplace_back();
    for (size_t part = 0; part < attributes().size(); ++part) {
      append_ordered_key(key, read(view, part));
    }
    return keys;
  }
  const auto array = read(view, 0);
  if (!array) return keys;
  ArrayReader elements = array->elements();
  while (const auto element = elements.next()) append_ordered_key(keys.emplace_back(), *element);
  stable_sort(keys);
  keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
  return keys;
}

void HashIndex::add_key(RowId row, ByteView key) {
  const KeyDictionary::Code code = keys_.acquire(key);
  if (code >= rows_.size()) rows_.resize(code + size_t{1});
  surplus_ += rows_[code].empty() ? 0 : 1;
  const bool added = rows_[code].add(row);
  TG_ASSERT(added);
}

void HashIndex::remove_key(RowId row, ByteView key) {
  const auto code = keys_.find(key);
  TG_ASSERT(code.has_value());
  const bool removed = rows_[*code].remove(row);
  TG_ASSERT(removed);
  surplus_ -= rows_[*code].empty() ? 0 : 1;
  keys_.release(*code);
}

bool HashIndex::is_text(const RowView& view) {
  if (kind() != IndexKind::Elements) return false;
  const auto value = read(view, 0);
  return value && value->type() == ValueType::Text;
}

void HashIndex::add(RowId row, const RowView& view) {
  for (const Bytes& key : keys_of(view)) add_key(row, key);
  if (is_text(view)) texts_.add(row);
}

void HashIndex::remove(RowId row, const RowView& view) {
  for (const Bytes& key : keys_of(view)) remove_key(row, key);
  texts_.remove(row);
}

void HashIndex::update(RowId row, const RowView& before, const RowView& after) {
  const std::vector<Bytes> old_keys = keys_of(before);
  const std::vector<Bytes> new_keys = keys_of(after);
  if (old_keys != new_keys) {
    for_each_missing(old_keys, new_keys, [&](const Bytes& key) { remove_key(row, key); });
    for_each_missing(new_keys, old_keys, [&](const Bytes& key) { add_key(row, key); });
  }
  if (kind() != IndexKind::Elements) return;
  if (is_text(after)) {
    texts_.add(row);
  } else {
    texts_.remove(row);
  }
}

const RowSet& HashIndex::rows(ByteView key) const {
  const auto code = keys_.find(key);
  return code ? rows_[*code] : none_;
}

size_t HashIndex::memory_bytes() const {
  size_t bytes = keys_.memory_bytes() + rows_.capacity() * sizeof(RowSet) + texts_.memory_bytes();
  for (const RowSet& rows : rows_) bytes += rows.memory_bytes();
  return bytes;
}

// --- ordered ---

Bytes OrderedIndex::key_of(const RowView& view) {
  Bytes key;
  for (size_t part = 0; part < attributes().size(); ++part) {
    append_ordered_key(key, read(view, part), KeyForm::Query, definition().parts[part].direction);
  }
  key.insert(key.end(), view.key.begin(), view.key.end());
  return key;
}

void OrderedIndex::add(RowId row, const RowView& view) {
  const bool added = tree_.insert(key_of(view), row);
  TG_ASSERT(added);
}

void OrderedIndex::remove(RowId, const RowView& view) {
  const bool removed = tree_.erase(key_of(view));
  TG_ASSERT(removed);
}

void OrderedIndex::update(RowId row, const RowView& before, const RowView& after) {
  const Bytes old_key = key_of(before);
  const Bytes new_key = key_of(after);
  if (old_key == new_key) return;
  const bool removed = tree_.erase(old_key);
  const bool added = tree_.insert(new_key, row);
  TG_ASSERT(removed);
  TG_ASSERT(added);
}

// --- presence ---

void PresenceIndex::add(RowId row, const RowView& view) {
  const auto value = read(view, 0);
  if (!value) {
    missing_.add(row);
  } else if (value->is_nil()) {
    nil_.add(row);
  }
}

void PresenceIndex::remove(RowId row, const RowView&) {
  missing_.remove(row);
  nil_.remove(row);
}

void PresenceIndex::update(RowId row, const RowView& before, const RowView& after) {
  remove(row, before);
  add(row, after);
}

Result<std::unique_ptr<Index>> make_index(const IndexDefinition& definition,
                                          AttributeTable& table) {
  const bool is_simple =
      definition.kind == IndexKind::Elements || definition.kind == IndexKind::Presence;
  const size_t parts_max = is_simple ? 1 : kIndexPartsMax;
  if (definition.name.empty() || definition.name.size() > kIndexNameBytesMax) {
    return Error::InvalidArgument;
  }
  if (definition.parts.empty() || definition.parts.size() > parts_max) {
    return Error::InvalidArgument;
  }
  std::vector<AttributeId> attributes;
  for (const IndexPart& part : definition.parts) {
    const auto id = table.intern(part.attribute);
    if (!id.ok()) return id.error();
    attributes.push_back(*id);
  }
  switch (definition.kind) {
    case IndexKind::Hash:
    case IndexKind::Unique:
    case IndexKind::Elements:
      return std::unique_ptr<Index>(
          std::make_unique<HashIndex>(definition, std::move(attributes), table));
    case IndexKind::Ordered:
      return std::unique_ptr<Index>(
          std::make_unique<OrderedIndex>(definition, std::move(attributes), table));
    case IndexKind::Presence:
      return std::unique_ptr<Index>(
          std::make_unique<PresenceIndex>(definition, std::move(attributes), table));
  }
  return Error::InvalidArgument;
}

}  // namespace topgun::query
