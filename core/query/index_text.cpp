#include "core/query/index_text.hpp"

#include <algorithm>
#include <utility>

#include "core/query/collection.hpp"
#include "core/value/utf8.hpp"

namespace topgun::query {
namespace {

constexpr std::pair<std::string_view, IndexKind> kKinds[] = {{"ordered", IndexKind::Ordered},
                                                             {"hash", IndexKind::Hash},
                                                             {"unique", IndexKind::Unique},
                                                             {"elements", IndexKind::Elements},
                                                             {"presence", IndexKind::Presence}};

/// Takes what stands before the first `separator`; all of the text if there is none.
std::string_view take_until(std::string_view& text, char separator) {
  const size_t end = std::min(text.find(separator), text.size());
  const std::string_view taken = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return taken;
}

std::optional<IndexPart> part_from_text(std::string_view text) {
  IndexPart part;
  if (text.starts_with('-')) {
    part.direction = Direction::Descending;
    text.remove_prefix(1);
  }
  if (text == "$key") {
    part.attribute = record_key();
    return part;
  }
  if (text.empty() || text.ends_with('.')) return std::nullopt;
  while (!text.empty()) {
    const std::string_view step = take_until(text, '.');
    if (step.empty()) return std::nullopt;
    part.attribute.steps.emplace_back(step);
  }
  return part;
}

}  // namespace

Result<IndexDefinition> index_from_text(std::string_view text) {
  IndexDefinition definition;
  const size_t colon = text.find(':');
  if (colon != text.npos) {
    const auto* const kind =
        std::find_if(std::begin(kKinds), std::end(kKinds),
                     [&](const auto& each) { return each.first == text.substr(0, colon); });
    if (kind == std::end(kKinds)) return Error::InvalidArgument;
    definition.kind = kind->second;
    // The kind that need not be said is no part of the name.
    if (definition.kind == IndexKind::Ordered) text.remove_prefix(colon + 1);
  }
  definition.name = std::string(text);
  std::string_view fields = text;
  if (definition.kind != IndexKind::Ordered) fields.remove_prefix(colon + 1);
  if (fields.empty() || fields.ends_with(',') || !is_utf8(as_bytes(text))) {
    return Error::InvalidArgument;
  }
  while (!fields.empty()) {
    const std::optional<IndexPart> part = part_from_text(take_until(fields, ','));
    if (!part) return Error::InvalidArgument;
    definition.parts.push_back(*part);
  }
  // Whether there can be such an index is known where they are made.
  const Result<void> made = Collection().add_index(definition);
  if (!made.ok()) return Error::InvalidArgument;
  return definition;
}

}  // namespace topgun::query
