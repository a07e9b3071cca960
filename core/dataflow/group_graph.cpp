#include "core/dataflow/group_graph.hpp"

#include "core/base/stable_sort.hpp"

namespace topgun::dataflow {

using query::AggregateKind;
using query::AggregateState;
using query::CountedTree;
using query::RowId;
using query::RowView;

GroupGraph::GroupGraph(query::Query query, query::Matcher matcher, ParameterReader parameters,
                       query::GroupReader reader)
    : query_(std::move(query)),
      matcher_(std::move(matcher)),
      parameters_(std::move(parameters)),
      reader_(std::move(reader)) {
  for (size_t i = 0; i < query_.aggregates.size(); ++i) {
    extremes_.push_back(is_extreme(i) ? std::make_unique<CountedTree>() : nullptr);
    has_extremes_ = has_extremes_ || is_extreme(i);
  }
}

Result<std::unique_ptr<Graph>> GroupGraph::make(const QueryTemplate& shape,
                                                query::AttributeTable& attributes) {
  auto matcher = query::Matcher::make(shape.query.where, attributes);
  if (!matcher.ok()) return matcher.error();
  auto parameters = ParameterReader::make(shape.parameters, attributes);
  if (!parameters.ok()) return parameters.error();
  auto reader = query::GroupReader::make(shape.query, attributes);
  if (!reader.ok()) return reader.error();
  return std::unique_ptr<Graph>(
      new GroupGraph(shape.query, std::move(*matcher), std::move(*parameters), std::move(*reader)));
}

bool GroupGraph::is_extreme(size_t aggregate) const {
  const AggregateKind kind = query_.aggregates[aggregate].kind;
  return kind == AggregateKind::Min || kind == AggregateKind::Max;
}

void GroupGraph::subscribe(SubscriptionId id, const SubscriptionPlace& place) {
  subscribers_[std::string(as_text(place.arguments))].push_back(id);
  ++subscriptions_;
}

void GroupGraph::unsubscribe(SubscriptionId id, const SubscriptionPlace& place) {
  const auto subscribers = subscribers_.find(as_text(place.arguments));
  TG_ASSERT(subscribers != subscribers_.end());
  subscriptions_ -= std::erase(subscribers->second, id);
  if (subscribers->second.empty()) subscribers_.erase(subscribers);
}

// --- rows ---

std::optional<GroupGraph::Place> GroupGraph::place_of(const RowView& row) {
  if (!matcher_.matches(row)) return std::nullopt;
  Place place;
  parameters_.append(place.key, row);
  place.argument_bytes = place.key.size();
  reader_.append_group_key(place.key, row);
  return place;
}

/// The values of a group as they stand in an ordered set: group, value, record.
Bytes GroupGraph::extreme_key(ByteView group, ByteView record, const ValueView& value) const {
  Bytes key = to_bytes(group);
  query::append_ordered_key(key, value);
  key.insert(key.end(), record.begin(), record.end());
  return key;
}

GroupGraph::Group& GroupGraph::touch(const Place& place) {
  auto found = groups_.find(as_text(place.key));
  if (found == groups_.end()) found = groups_.try_emplace(std::string(as_text(place.key))).first;
  Group& group = found->second;
  if (group.states.empty()) group.states.resize(query_.aggregates.size());
  if (group.touched) return group;
  group.touched = true;
  Touched touched{found, place.argument_bytes, std::nullopt};
  if (!group.told.empty()) {
    touched.before = std::exchange(group.told, {});
  } else if (group.rows > 0) {
    touched.before = encode(place.key, place.argument_bytes, group);
  } else if (query_.group_by.empty()) {
    touched.before = encode_empty();
  }
  touched_.push_back(std::move(touched));
  return group;
}

void GroupGraph::add_row(const RowView& row) {
  const auto place = place_of(row);
  if (!place) return;
  Group& group = touch(*place);
  ++group.rows;
  for (size_t i = 0; i < group.states.size(); ++i) {
    const auto value = reader_.value(row, i);
    if (!is_extreme(i)) {
      add_value(group.states[i], query_.aggregates[i].kind, value);
    } else if (value && !value->is_nil()) {
      const bool added = extremes_[i]->insert(extreme_key(place->key, row.key, *value), 0);
      TG_ASSERT(added);
    }
  }
}

void GroupGraph::remove_row(const RowView& row) {
  const auto place = place_of(row);
  if (!place) return;
  Group& group = touch(*place);
  TG_ASSERT(group.rows > 0);
  --group.rows;
  for (size_t i = 0; i < group.states.size(); ++i) {
    const auto value = reader_.value(row, i);
    if (!is_extreme(i)) {
      remove_value(group.states[i], query_.aggregates[i].kind, value);
    } else if (value && !value->is_nil()) {
      const bool removed = extremes_[i]->erase(extreme_key(place->key, row.key, *value));
      TG_ASSERT(removed);
    }
  }
}

void GroupGraph::add(RowId, const RowView& view) { add_row(view); }

void GroupGraph::prepare(const std::optional<RowView>& before,
                         const std::optional<RowView>& after) {
  if (before) remove_row(*before);
  if (after) add_row(*after);
}

// --- answers ---

void GroupGraph::read_extremes(ByteView key, Group& group) const {
  for (size_t i = 0; i < group.states.size(); ++i) {
    if (!is_extreme(i)) continue;
    Bytes& extreme = group.states[i].extreme;
    extreme.clear();
    const CountedTree& tree = *extremes_[i];
    CountedTree::Cursor at = tree.seek(key);
    if (query_.aggregates[i].kind == AggregateKind::Max) {
      const auto end = query::prefix_end(key);
      at = end ? tree.seek(*end) : tree.end();
      if (at.at_begin()) continue;
      at.previous();
    }
    if (at.at_end()) continue;
    const ByteView found = at.key();
    if (found.size() < key.size() || !equal_bytes(found.first(key.size()), key)) continue;
    const auto part = query::read_ordered_part(found.subspan(key.size()));
    TG_ASSERT(part.ok());
    extreme = to_bytes(found.subspan(key.size(), part->key_bytes));
  }
}

Bytes GroupGraph::encode(ByteView key, size_t argument_bytes, const Group& group) const {
  const ByteView own = key.subspan(argument_bytes);
  if (!has_extremes_) return encode_group(own, query_, group.states);
  Group whole = group;
  read_extremes(key, whole);
  return encode_group(own, query_, whole.states);
}

Bytes GroupGraph::encode_empty() const {
  return encode_group({}, query_, std::vector<AggregateState>(query_.aggregates.size()));
}

std::vector<GroupEdit> GroupGraph::groups(const SubscriptionPlace& place) const {
  const ByteView arguments(place.arguments);
  std::vector<GroupEdit> out;
  for (auto at = groups_.lower_bound(as_text(arguments)); at != groups_.end(); ++at) {
    const ByteView key = as_bytes(at->first);
    if (!at->first.starts_with(as_text(arguments))) break;
    if (at->second.rows == 0) continue;
    out.push_back({GroupEdit::Kind::Enter, to_bytes(key.subspan(arguments.size())),
                   encode(key, arguments.size(), at->second)});
  }
  if (out.empty() && query_.group_by.empty()) {
    out.push_back({GroupEdit::Kind::Enter, {}, encode_empty()});
  }
  return out;
}

void GroupGraph::finish(LiveChanges& changes) {
  std::vector<GroupsDelta>& deltas = changes.groups;
  stable_sort(touched_,
              [](const Touched& a, const Touched& b) { return a.group->first < b.group->first; });
  // Groups with the same arguments lie side by side.
  const Touched* last = nullptr;
  for (Touched& touched : touched_) {
    Group& group = touched.group->second;
    group.touched = false;
    const auto subscribers = subscribers_.find(as_text(touched.arguments()));
    if (subscribers == subscribers_.end()) continue;
    std::optional<Bytes> after;
    if (group.rows > 0) {
      after = encode(touched.key(), touched.argument_bytes, group);
      group.told = *after;
    } else if (query_.group_by.empty()) {
      after = encode_empty();
    }
    if (after == touched.before) continue;
    if (last == nullptr || !equal_bytes(last->arguments(), touched.arguments())) {
      deltas.push_back({subscribers->second, {}});
    }
    last = &touched;
    const GroupEdit::Kind kind = !after            ? GroupEdit::Kind::Leave
                                 : !touched.before ? GroupEdit::Kind::Enter
                                                   : GroupEdit::Kind::Update;
    Bytes own = to_bytes(touched.key().subspan(touched.argument_bytes));
    deltas.back().edits.push_back(
        {kind, std::move(own), after ? std::move(*after) : std::move(*touched.before)});
  }
  for (const Touched& touched : touched_) {
    if (touched.group->second.rows == 0) groups_.erase(touched.group);
  }
  touched_.clear();
}

size_t GroupGraph::memory_bytes() const {
  size_t bytes = 0;
  for (const auto& [key, group] : groups_) {
    bytes += key.capacity() + sizeof group + group.states.capacity() * sizeof(AggregateState) +
             group.told.capacity();
  }
  for (const auto& tree : extremes_) bytes += tree ? tree->memory_bytes() : 0;
  return bytes;
}

}  // namespace topgun::dataflow
