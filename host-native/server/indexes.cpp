#include "host-native/server/indexes.hpp"

#include "core/query/index_text.hpp"

namespace topgun::host {
namespace {

constexpr size_t kMapNameMax = 256;

/// Where the index begins: behind the last colon, or behind the one before if a kind stands
/// between.
size_t index_begin(std::string_view text) {
  const size_t last = text.rfind(':');
  if (last == 0 || last == text.npos) return text.npos;
  const size_t before = text.rfind(':', last - 1);
  const bool has_kind = before != text.npos && query::index_from_text(text.substr(before + 1)).ok();
  return has_kind ? before : last;
}

}  // namespace

std::string parse_indexes(std::span<const std::string> texts,
                          std::vector<node::NodeIndex>& indexes) {
  for (const std::string& text : texts) {
    const size_t begin = index_begin(text);
    const std::string wrong = "--index " + text + " is not MAP:FIELDS or MAP:KIND:FIELDS";
    if (begin == std::string::npos || begin == 0 || begin > kMapNameMax) return wrong;
    const auto definition = query::index_from_text(std::string_view(text).substr(begin + 1));
    if (!definition.ok()) return wrong;
    node::NodeIndex& index = indexes.emplace_back();
    index.map = text.substr(0, begin);
    ByteWriter out(index.definition);
    query::write_index_definition(out, *definition);
    for (size_t i = 0; i + 1 < indexes.size(); ++i) {
      if (indexes[i].map == index.map && indexes[i].definition == index.definition) {
        return "--index " + text + " is given twice";
      }
    }
  }
  return {};
}

}  // namespace topgun::host
