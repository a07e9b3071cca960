#include "core/query/collection.hpp"

#include <algorithm>

namespace topgun::query {

Result<void> Collection::add_index(const IndexDefinition& definition) {
  if (find_index(definition.name) != nullptr) return Error::InvalidArgument;
  if (indexes_.size() == kIndexesMax) return Error::LimitExceeded;
  auto index = make_index(definition, rows_.attributes());
  if (!index.ok()) return index.error();
  if (rows_.size() > 0) builds_.push_back({index->get(), 0});
  indexes_.push_back(std::move(*index));
  return {};
}

bool Collection::drop_index(std::string_view name) {
  const Index* const index = find_index(name);
  if (index == nullptr) return false;
  std::erase_if(builds_, [&](const Build& build) { return build.index == index; });
  std::erase_if(indexes_, [&](const auto& each) { return each.get() == index; });
  return true;
}

bool Collection::build_step(size_t rows_max) {
  while (!builds_.empty() && rows_max > 0) {
    Build& build = builds_.front();
    const auto index = std::find_if(indexes_.begin(), indexes_.end(),
                                    [&](const auto& each) { return each.get() == build.index; });
    for (; build.next < rows_.row_end() && rows_max > 0; ++build.next, --rows_max) {
      if (rows_.contains(build.next)) (*index)->add(build.next, rows_.view(build.next));
    }
    if (build.next == rows_.row_end()) builds_.erase(builds_.begin());
  }
  return !builds_.empty();
}

bool Collection::is_ready(const Index& index) const {
  return std::none_of(builds_.begin(), builds_.end(),
                      [&](const Build& build) { return build.index == &index; });
}

const Index* Collection::find_index(std::string_view name) const {
  for (const auto& index : indexes_) {
    if (index->name() == name) return index.get();
  }
  return nullptr;
}

bool Collection::holds(const Index& index, RowId row) const {
  for (const Build& build : builds_) {
    if (build.index == &index) return row < build.next;
  }
  return true;
}

/// Calls `tell` for each index that has been told of the row, or would have been.
template <typename Tell>
void Collection::tell(RowId row, Tell&& tell) {
  for (const auto& index : indexes_) {
    if (builds_.empty() || holds(*index, row)) tell(*index);
  }
}

RowId Collection::apply(const Write& write) {
  TG_ASSERT(write.row.has_value() == write.before.has_value());
  const RowView before = {write.key, write.before.value_or(ByteView{})};
  if (!write.after) {
    TG_ASSERT(write.row.has_value());
    const RowId row = *write.row;
    tell(row, [&](Index& index) { index.remove(row, before); });
    columns_.clear(row);
    all_.remove(row);
    rows_.erase(row, write.key);
    return row;
  }
  if (!write.row) {
    const RowId row = rows_.insert(write.key, *write.after);
    const RowView after = rows_.view(row);
    all_.add(row);
    tell(row, [&](Index& index) { index.add(row, after); });
    columns_.set(row, after);
    return row;
  }
  const RowId row = *write.row;
  rows_.replace(row, write.key, *write.after);
  const RowView after = rows_.view(row);
  tell(row, [&](Index& index) { index.update(row, before, after); });
  columns_.set(row, after);
  return row;
}

size_t Collection::memory_bytes() const {
  size_t bytes = rows_.memory_bytes() + all_.memory_bytes() + columns_.memory_bytes();
  for (const auto& index : indexes_) bytes += index->memory_bytes();
  return bytes;
}

}  // namespace topgun::query
