#pragma once

#include <string>
#include <vector>

#include "core/value/value.hpp"

namespace topgun::query {

/// A shape: the keys of a map value in stored order (the hidden classes of Chambers, Ungar and Lee,
/// "An efficient implementation of SELF", OOPSLA 1989). Records of one kind share a handful, so
/// that what a key means has to be found out once a shape and not once a record. 0 is no shape.
using ShapeId = uint16_t;
inline constexpr ShapeId kNoShape = 0;

/// Shapes of one map, told apart by the keys of their first `kShapeFieldsMax` fields. Once
/// `kShapesMax` shapes are known (keys that are data, such as `{<user id>: ...}`), further values
/// have none and are read by walking them.
class ShapeTable {
 public:
  static constexpr size_t kShapeFieldsMax = 32;
  static constexpr size_t kShapesMax = 4096;

  /// How to reach a field in values of a shape.
  enum class Access : uint8_t { Offset, Absent, Walk };
  struct Field {
    Access access = Access::Walk;
    uint8_t index = 0;  ///< For `Offset`: the field's place among the offsets.
  };

  /// The shape of a value and where its fields begin.
  struct Layout {
    ShapeId shape = kNoShape;
    uint8_t fields = 0;
    uint16_t offsets[kShapeFieldsMax] = {};  ///< From the value's first byte to the field's value.
  };

  ShapeTable();

  /// Finds or adds the shape of a valid value. No shape for what is no map, is empty, or exceeds
  /// 64 KiB. O(size of the value).
  Layout observe(ByteView value);

  /// Where values of `shape` have the field with this key. O(fields).
  Field find(ShapeId shape, std::string_view key) const;

  /// Shapes known, `kNoShape` included: ids are below this.
  size_t size() const { return shapes_.size(); }

 private:
  struct Shape {
    uint64_t hash = 0;
    bool whole = false;  ///< The values have no further fields.
    std::vector<std::string> keys;
  };

  bool is_shape(ShapeId id, bool whole, const std::vector<std::string_view>& keys) const;
  ShapeId find_or_add(bool whole, const std::vector<std::string_view>& keys);
  void grow();

  std::vector<Shape> shapes_;
  std::vector<ShapeId> slots_;          ///< Open addressing by hash; `kNoShape` is free.
  std::vector<std::string_view> keys_;  ///< Of the value being observed.
  ShapeId last_ = kNoShape;             ///< Values of one shape come one after the other.
};

}  // namespace topgun::query
