#include "core/value/partition_key.hpp"

#include <algorithm>

namespace topgun {

ByteView partition_part(ByteView key, char separator) {
  const auto end = std::find(key.begin(), key.end(), static_cast<uint8_t>(separator));
  return key.first(static_cast<size_t>(end - key.begin()));
}

PartitionId partition_of(const PartitionKey* declared, ByteView key) {
  return partition_of(declared == nullptr ? key : partition_part(key, declared->separator));
}

std::optional<std::string> partition_text(ValueView value) {
  if (const auto text = value.as_text()) return std::string(*text);
  if (const auto number = value.as_int()) return std::to_string(*number);
  return std::nullopt;
}

bool is_in_partition(const PartitionKey& declared, ByteView key, ByteView value) {
  if (declared.field.empty()) return true;
  const std::vector<std::string_view> steps(declared.field.begin(), declared.field.end());
  const auto found = ValueView(value).at_path(steps);
  if (!found || found->is_nil()) return true;
  const auto text = partition_text(*found);
  return text && *text == as_text(partition_part(key, declared.separator));
}

}  // namespace topgun
