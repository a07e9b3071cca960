#include "core/query/shape_table.hpp"

#include <algorithm>

#include "core/base/hash.hpp"
#include "core/base/mix.hpp"

namespace topgun::query {
namespace {

constexpr size_t kValueBytesMax = size_t{1} << 16;

}  // namespace

ShapeTable::ShapeTable() : shapes_(1), slots_(16, kNoShape) {}

ShapeTable::Layout ShapeTable::observe(ByteView value) {
  Layout layout;
  if (value.size() > kValueBytesMax) return layout;
  keys_.clear();
  const ValueView map(value);
  MapReader entries = map.entries();
  bool whole = true;
  while (const auto entry = entries.next()) {
    if (keys_.size() == kShapeFieldsMax) {
      whole = false;
      break;
    }
    layout.offsets[keys_.size()] =
        static_cast<uint16_t>(entry->value.bytes().data() - value.data());
    keys_.push_back(entry->key);
  }
  if (keys_.empty()) return layout;
  if (!is_shape(last_, whole, keys_)) last_ = find_or_add(whole, keys_);
  layout.shape = last_;
  layout.fields = static_cast<uint8_t>(keys_.size());
  return layout;
}

bool ShapeTable::is_shape(ShapeId id, bool whole, const std::vector<std::string_view>& keys) const {
  const Shape& shape = shapes_[id];
  return shape.whole == whole &&
         std::equal(keys.begin(), keys.end(), shape.keys.begin(), shape.keys.end());
}

ShapeId ShapeTable::find_or_add(bool whole, const std::vector<std::string_view>& keys) {
  uint64_t hash = whole ? 1 : 0;
  for (const std::string_view key : keys) hash = absorb64(hash, hash64(as_bytes(key)));
  const size_t mask = slots_.size() - 1;
  size_t at = static_cast<size_t>(hash) & mask;
  for (; slots_[at] != kNoShape; at = (at + 1) & mask) {
    const ShapeId known = slots_[at];
    if (shapes_[known].hash == hash && is_shape(known, whole, keys)) return known;
  }
  if (shapes_.size() > kShapesMax) return kNoShape;
  const auto id = static_cast<ShapeId>(shapes_.size());
  slots_[at] = id;
  shapes_.push_back({hash, whole, {keys.begin(), keys.end()}});
  if (shapes_.size() * 2 > slots_.size()) grow();
  return id;
}

void ShapeTable::grow() {
  slots_.assign(slots_.size() * 2, kNoShape);
  const size_t mask = slots_.size() - 1;
  for (size_t id = 1; id < shapes_.size(); ++id) {
    size_t at = static_cast<size_t>(shapes_[id].hash) & mask;
    while (slots_[at] != kNoShape) at = (at + 1) & mask;
    slots_[at] = static_cast<ShapeId>(id);
  }
}

ShapeTable::Field ShapeTable::find(ShapeId shape, std::string_view key) const {
  if (shape == kNoShape) return {Access::Walk, 0};
  const std::vector<std::string>& keys = shapes_[shape].keys;
  for (size_t i = 0; i < keys.size(); ++i) {
    if (keys[i] == key) return {Access::Offset, static_cast<uint8_t>(i)};
  }
  return {shapes_[shape].whole ? Access::Absent : Access::Walk, 0};
}

}  // namespace topgun::query
