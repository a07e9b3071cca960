#include "core/dataflow/query_engine.hpp"

#include <algorithm>

#include "core/base/probe.hpp"
#include "core/crdt/record.hpp"
#include "core/query/normalize.hpp"

namespace topgun::dataflow {

using query::Collection;
using query::Query;
using query::RowId;
using query::RowView;
using query::Write;

// --- maps ---

std::optional<uint32_t> QueryEngine::index_of(std::string_view name) const {
  const auto found = names_.find(name);
  if (found == names_.end()) return std::nullopt;
  return found->second;
}

Result<uint32_t> QueryEngine::take_place(std::string_view name) {
  if (in_batch_) return Error::NotReady;
  if (name.empty() || name.size() > kMapNameBytesMax || index_of(name)) {
    return Error::InvalidArgument;
  }
  const auto free = std::find_if(relations_.begin(), relations_.end(),
                                 [](const Relation& relation) { return !relation.is_there(); });
  if (free == relations_.end()) {
    if (relations_.size() == kRelationsMax) return Error::LimitExceeded;
    relations_.emplace_back();
    return static_cast<uint32_t>(relations_.size() - 1);
  }
  return static_cast<uint32_t>(free - relations_.begin());
}

Result<RelationId> QueryEngine::attach(std::string_view map, Collection& collection) {
  const auto place = take_place(map);
  if (!place.ok()) return place.error();
  relations_[*place].name = map;
  relations_[*place].queries = std::make_unique<LiveQueries>(collection);
  names_.emplace(map, *place);
  return RelationId{*place};
}

bool QueryEngine::is_viewed(uint32_t relation) const {
  return std::any_of(views_.begin(), views_.end(), [&](const ViewEntry& entry) {
    const Subscription& source = subscriptions_.find(entry.source)->second;
    return !source.join && source.relation == relation;
  });
}

Result<void> QueryEngine::remove(std::string_view name, bool is_view) {
  if (in_batch_) return Error::NotReady;
  const auto place = index_of(name);
  if (!place) return Error::InvalidArgument;
  Relation& relation = relations_[*place];
  if ((relation.view != nullptr) != is_view) return Error::InvalidArgument;
  if (!relation.joins.empty() || is_viewed(*place)) return Error::InvalidArgument;
  std::vector<SubscriptionId> followers;
  for (const auto& [id, subscription] : subscriptions_) {
    if (!subscription.join && subscription.relation == *place) followers.push_back(id);
  }
  for (const SubscriptionId id : followers) unsubscribe(id);
  names_.erase(relation.name);
  relation = {};
  return {};
}

Result<void> QueryEngine::detach(std::string_view map) { return remove(map, false); }

Collection* QueryEngine::find(std::string_view name) const {
  const auto place = index_of(name);
  return place ? &relations_[*place].live().collection() : nullptr;
}

// --- indexes ---

Result<void> QueryEngine::add_index(std::string_view name,
                                    const query::IndexDefinition& definition) {
  if (in_batch_) return Error::NotReady;
  Collection* const collection = find(name);
  if (collection == nullptr || definition.name.starts_with(query::kJoinIndexPrefix)) {
    return Error::InvalidArgument;
  }
  return collection->add_index(definition);
}

Result<void> QueryEngine::drop_index(std::string_view name, std::string_view index) {
  if (in_batch_) return Error::NotReady;
  Collection* const collection = find(name);
  const query::Index* const found = collection ? collection->find_index(index) : nullptr;
  if (found == nullptr) return Error::InvalidArgument;
  for (const auto& [id, entry] : joins_) {
    if (entry.join->uses(*found)) return Error::InvalidArgument;
  }
  collection->drop_index(index);
  return {};
}

bool QueryEngine::build_step(size_t rows_max) {
  bool has_more = false;
  for (const Relation& relation : relations_) {
    if (relation.is_there()) has_more |= relation.live().collection().build_step(rows_max);
  }
  return has_more;
}

// --- questions ---

Result<std::vector<uint32_t>> QueryEngine::sides_of(std::string_view map,
                                                    const Query& query) const {
  if (const auto checked = check_sides(query); !checked.ok()) return checked.error();
  std::vector<uint32_t> sides;
  for (size_t side = 0; side < query.sides(); ++side) {
    const auto place = index_of(side == 0 ? map : std::string_view(query.joins[side - 1].map));
    if (!place) return Error::InvalidArgument;
    sides.push_back(*place);
  }
  return sides;
}

std::vector<Collection*> QueryEngine::collections_of(const std::vector<uint32_t>& sides) const {
  std::vector<Collection*> collections;
  for (const uint32_t side : sides) collections.push_back(&relations_[side].live().collection());
  return collections;
}

Result<query::Answer> QueryEngine::answer(std::string_view map, const Query& query) const {
  const auto sides = sides_of(map, query);
  if (!sides.ok()) return sides.error();
  const std::vector<Collection*> collections = collections_of(*sides);
  if (query.joins.empty()) return query::answer(query, *collections[0]);
  return query::answer_join(query, collections, combinations_max_);
}

Result<Bytes> QueryEngine::explain(std::string_view map, const Query& query, query::Run run) const {
  const auto sides = sides_of(map, query);
  if (!sides.ok()) return sides.error();
  const std::vector<Collection*> collections = collections_of(*sides);
  if (query.joins.empty()) return query::explain(query, *collections[0], run);
  return query::explain_join(query, collections, run, combinations_max_);
}

// --- live joins ---

Result<void> QueryEngine::add_join_indexes(const Query& query,
                                           const std::vector<Collection*>& sides) {
  std::vector<query::Predicate> conditions(sides.size());
  const auto joiner = query::Joiner::make(query.joins, sides, std::move(conditions));
  if (!joiner.ok()) return joiner.error();
  for (const auto& missing : joiner->missing_indexes()) {
    Collection& collection = *sides[missing.side];
    if (collection.find_index(missing.definition.name) != nullptr) continue;
    const auto added = collection.add_index(missing.definition);
    if (!added.ok()) return added.error();
    collection.build_step(SIZE_MAX);
  }
  return {};
}

void QueryEngine::drop_join_indexes(const std::vector<uint32_t>& sides) {
  for (Collection* const collection : collections_of(sides)) {
    std::vector<std::string> idle;
    for (const auto& index : collection->indexes()) {
      if (!index->name().starts_with(query::kJoinIndexPrefix)) continue;
      const bool is_used = std::any_of(joins_.begin(), joins_.end(), [&](const auto& entry) {
        return entry.second.join->uses(*index);
      });
      if (!is_used) idle.push_back(index->name());
    }
    for (const std::string& name : idle) collection->drop_index(name);
  }
}

Result<QueryEngine::Joins::iterator> QueryEngine::join_for(std::string_view map,
                                                           const Query& query) {
  const auto sides = sides_of(map, query);
  if (!sides.ok()) return sides.error();
  Query shape;
  shape.joins = query.joins;
  for (query::Join& join : shape.joins) join.where = query::normalize(join.where);
  Bytes id = encode_query(shape);
  id.insert(id.end(), map.begin(), map.end());
  const auto known = joins_.find(id);
  if (known != joins_.end()) return known;
  if (joins_.size() == kJoinsLiveMax) return Error::LimitExceeded;

  const std::vector<Collection*> collections = collections_of(*sides);
  const auto indexed = add_join_indexes(shape, collections);
  auto join = indexed.ok() ? LiveJoin::make(shape.joins, collections, combinations_max_)
                           : Result<std::unique_ptr<LiveJoin>>(indexed.error());
  if (!join.ok()) {
    drop_join_indexes(*sides);
    return join.error();
  }
  const auto entry =
      joins_.emplace(std::move(id), JoinEntry{std::move(*join), *sides, false}).first;
  for (const uint32_t side : *sides) {
    auto& joins = relations_[side].joins;
    if (std::find(joins.begin(), joins.end(), &entry->second) == joins.end()) {
      joins.push_back(&entry->second);
    }
  }
  return entry;
}

void QueryEngine::drop_join_if_idle(Joins::iterator join) {
  if (join->second.join->graphs().subscriptions() > 0) return;
  const std::vector<uint32_t> sides = join->second.sides;
  for (const uint32_t side : sides) std::erase(relations_[side].joins, &join->second);
  joins_.erase(join);
  drop_join_indexes(sides);
}

// --- live queries ---

Result<SubscriptionId> QueryEngine::subscribe(std::string_view map, const Query& query) {
  if (in_batch_) return Error::NotReady;
  const auto sides = sides_of(map, query);
  if (!sides.ok()) return sides.error();
  const SubscriptionId id = last_id_ + 1;
  Subscription subscription;
  subscription.relation = (*sides)[0];
  if (query.joins.empty()) {
    const auto subscribed = relations_[(*sides)[0]].live().subscribe_as(id, query);
    if (!subscribed.ok()) return subscribed.error();
  } else {
    const auto join = join_for(map, query);
    if (!join.ok()) return join.error();
    LiveJoin& live = *(*join)->second.join;
    const auto subscribed = live.graphs().subscribe(id, query, live);
    if (!subscribed.ok()) {
      drop_join_if_idle(*join);
      return subscribed.error();
    }
    subscription.join = *join;
  }
  subscriptions_.emplace(id, subscription);
  return last_id_ = id;
}

bool QueryEngine::unsubscribe(SubscriptionId id) {
  const auto found = subscriptions_.find(id);
  if (found == subscriptions_.end() || in_batch_) return false;
  const Subscription subscription = found->second;
  subscriptions_.erase(found);
  if (!subscription.join) return relations_[subscription.relation].live().unsubscribe(id);
  (*subscription.join)->second.join->graphs().unsubscribe(id);
  drop_join_if_idle(*subscription.join);
  return true;
}

std::vector<RowId> QueryEngine::rows(SubscriptionId id) const {
  const auto found = subscriptions_.find(id);
  if (found == subscriptions_.end()) return {};
  const Subscription& subscription = found->second;
  return subscription.join ? (*subscription.join)->second.join->graphs().rows(id)
                           : relations_[subscription.relation].live().rows(id);
}

std::vector<GroupEdit> QueryEngine::groups(SubscriptionId id) const {
  const auto found = subscriptions_.find(id);
  if (found == subscriptions_.end()) return {};
  const Subscription& subscription = found->second;
  return subscription.join ? (*subscription.join)->second.join->graphs().groups_as_edits(id)
                           : relations_[subscription.relation].live().groups_as_edits(id);
}

RowView QueryEngine::source_row(const Subscription& source, RowId row) const {
  if (source.join) return (*source.join)->second.join->view(row);
  return relations_[source.relation].live().collection().rows().view(row);
}

bool QueryEngine::has_row(const Subscription& source, RowId row) const {
  if (source.join) return (*source.join)->second.join->contains(row);
  return relations_[source.relation].live().collection().rows().contains(row);
}

std::optional<RowView> QueryEngine::row(SubscriptionId id, RowId row) {
  const auto found = subscriptions_.find(id);
  if (found == subscriptions_.end() || !has_row(found->second, row)) return std::nullopt;
  return source_row(found->second, row);
}

std::optional<RowView> QueryEngine::records(SubscriptionId id, RowId row) {
  const auto found = subscriptions_.find(id);
  if (found == subscriptions_.end() || !has_row(found->second, row)) return std::nullopt;
  const Subscription& source = found->second;
  return source.join ? (*source.join)->second.join->records(row) : source_row(source, row);
}

query::AttributeTable& QueryEngine::attributes(SubscriptionId id) {
  const Subscription& source = subscriptions_.at(id);
  if (source.join) return (*source.join)->second.join->attributes();
  return relations_[source.relation].live().collection().attributes();
}

size_t QueryEngine::combinations(SubscriptionId id) const {
  const Subscription& source = subscriptions_.at(id);
  return source.join ? (*source.join)->second.join->size() : 0;
}

size_t QueryEngine::combinations() const {
  size_t all = 0;
  for (const auto& [name, entry] : joins_) all += entry.join->size();
  return all;
}

// --- batches ---

RowId QueryEngine::write(uint32_t relation, const Write& write) {
  Relation& target = relations_[relation];
  const Collection& collection = target.live().collection();
  if (!target.touched) touched_.push_back(relation);
  target.touched = true;
  for (JoinEntry* const entry : target.joins) {
    entry->touched = true;
    entry->join->prepare(collection, write);
  }
  const RowId row = target.live().apply(write);
  for (JoinEntry* const entry : target.joins) entry->join->change(collection, row, write);
  return row;
}

RowId QueryEngine::apply(RelationId map, const Write& change) {
  const auto relation = static_cast<uint32_t>(map);
  TG_ASSERT(relation < relations_.size());
  TG_ASSERT(relations_[relation].queries != nullptr);
  in_batch_ = true;
  return write(relation, change);
}

LiveChanges QueryEngine::end_batch() {
  for (const ViewEntry& entry : views_) flush_view(entry);
  LiveChanges changes;
  for (const uint32_t relation : touched_) relations_[relation].live().finish(changes);
  for (auto& [id, entry] : joins_) {
    if (!entry.touched) continue;
    entry.join->graphs().finish(changes);
    entry.join->release();
    entry.touched = false;
  }
  for (const uint32_t relation : touched_) {
    relations_[relation].live().release();
    relations_[relation].touched = false;
  }
  touched_.clear();
  in_batch_ = false;
  return changes;
}

size_t QueryEngine::memory_bytes() const {
  size_t bytes = 0;
  for (const Relation& relation : relations_) {
    if (relation.view) {
      bytes += relation.view->memory_bytes();
    } else if (relation.queries) {
      bytes += relation.queries->memory_bytes() + relation.queries->collection().memory_bytes();
    }
  }
  for (const auto& [id, entry] : joins_) bytes += entry.join->memory_bytes();
  return bytes;
}

// --- views ---

Result<void> QueryEngine::define_view(std::string_view name, std::string_view map,
                                      const Query& query, std::vector<std::string> fields) {
  const auto place = take_place(name);
  if (!place.ok()) return place.error();
  if (views_.size() == kViewsMax) return Error::LimitExceeded;
  Query own = query;
  own.hints.no_share = true;
  const auto source = subscribe(map, own);
  if (!source.ok()) return source.error();
  relations_[*place].name = name;
  relations_[*place].view = std::make_unique<View>(query, std::move(fields));
  names_.emplace(name, *place);
  views_.push_back({*place, *source});
  fill_view(views_.back());
  return {};
}

Result<void> QueryEngine::drop_view(std::string_view name) {
  const auto place = index_of(name);
  const auto removed = remove(name, true);
  if (!removed.ok()) return removed.error();
  const auto entry = std::find_if(views_.begin(), views_.end(),
                                  [&](const ViewEntry& each) { return each.relation == *place; });
  const SubscriptionId source = entry->source;
  views_.erase(entry);
  unsubscribe(source);
  return {};
}

void QueryEngine::settle(const ViewEntry& entry, const std::optional<Write>& change) {
  if (change) relations_[entry.relation].view->settle(write(entry.relation, *change));
}

void QueryEngine::fill_view(const ViewEntry& entry) {
  View& view = *relations_[entry.relation].view;
  const Subscription& source = subscriptions_.find(entry.source)->second;
  for (const RowId row : rows(entry.source)) {
    settle(entry, view.set_row(row, source_row(source, row)));
  }
  for (const GroupEdit& edit : groups(entry.source)) {
    settle(entry, view.set_group(edit.key, edit.group));
  }
  // Nobody follows the view yet: there is nothing to be told.
  (void)end_batch();
}

void QueryEngine::flush_view(const ViewEntry& entry) {
  View& view = *relations_[entry.relation].view;
  const Subscription& source = subscriptions_.find(entry.source)->second;
  LiveChanges changes;
  if (source.join) {
    (*source.join)->second.join->graphs().finish(entry.source, changes);
  } else {
    relations_[source.relation].live().finish(entry.source, changes);
  }
  // How often each row came in and went out; where it stands follows from where it stood.
  std::map<RowId, int> steps;
  for (const RowsDelta& delta : changes.rows) {
    for (const Edit& edit : delta.edits) {
      int& step = steps[edit.row];
      if (edit.kind == Edit::Kind::Enter) ++step;
      if (edit.kind == Edit::Kind::Leave) --step;
    }
  }
  TG_SOMETIMES(!steps.empty() && !source.join && relations_[source.relation].view != nullptr,
               ViewOfViewChanges);
  if (TG_MUTANT(70)) std::erase_if(steps, [](const auto& each) { return each.second == 0; });
  const auto stays = [&](RowId row, int step) { return (view.has_row(row) ? 1 : 0) + step > 0; };
  // A key may leave with one row and come back with another.
  for (const auto& [row, step] : steps) {
    if (!stays(row, step)) settle(entry, view.set_row(row, std::nullopt));
  }
  for (const auto& [row, step] : steps) {
    if (stays(row, step)) settle(entry, view.set_row(row, source_row(source, row)));
  }
  for (const GroupsDelta& delta : changes.groups) {
    for (const GroupEdit& edit : delta.edits) {
      const bool leaves = edit.kind == GroupEdit::Kind::Leave;
      settle(entry, view.set_group(edit.key, leaves ? ByteView{} : ByteView(edit.group)));
    }
  }
}

}  // namespace topgun::dataflow
