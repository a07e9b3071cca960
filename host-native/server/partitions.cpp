#include "host-native/server/partitions.hpp"

#include "core/node/owned_map.hpp"
#include "core/query/index_text.hpp"

namespace topgun::host {
namespace {

constexpr size_t kMapNameMax = 256;
constexpr std::string_view kSeparators = "/:#|@";

}  // namespace

std::string parse_partitions(std::span<const std::string> texts, std::vector<PartitionKey>& keys) {
  for (const std::string& text : texts) {
    const std::string wrong = "--partition " + text + " is not MAP=FIELD or MAP=FIELD:";
    const size_t equals = text.rfind('=');
    if (equals == std::string::npos || equals == 0 || equals > kMapNameMax) return wrong;
    PartitionKey key;
    key.map = text.substr(0, equals);
    std::string field = text.substr(equals + 1);
    if (!field.empty() && kSeparators.find(field.back()) != kSeparators.npos) {
      key.separator = field.back();
      field.pop_back();
    }
    // Fields are written as those of indexes are.
    const auto index = query::index_from_text("hash:" + field);
    if (field.empty() || !index.ok() || index->parts.size() != 1) return wrong;
    const query::Attribute& attribute = index->parts[0].attribute;
    if (attribute.source != query::Attribute::Source::Value || attribute.steps.empty())
      return wrong;
    if (index->parts[0].direction != query::Direction::Ascending) return wrong;
    key.field = attribute.steps;
    if (node::is_reserved_map(key.map)) return "--partition " + text + " is no map of clients";
    for (const PartitionKey& other : keys) {
      if (other.map == key.map) return "--partition " + text + ": the map has one already";
    }
    keys.push_back(std::move(key));
  }
  return {};
}

}  // namespace topgun::host
