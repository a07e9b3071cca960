#include <algorithm>

#include "core/dataflow/owner_queries.hpp"

namespace topgun::dataflow {

// Views that a shard has, whole or in part. Where they are is the affair of `NodeViews`.

using node::ShardMessageKind;
using query::Query;

OwnerQueries::ViewState* OwnerQueries::find_view(std::string_view name) {
  const auto found = std::find_if(views_.begin(), views_.end(),
                                  [&](const ViewState& each) { return each.name == name; });
  return found == views_.end() ? nullptr : &*found;
}

Result<void> OwnerQueries::check_ready(std::string_view map, const Query& query) {
  Result<void> ready = check_ready(map);
  for (size_t i = 0; ready.ok() && i < query.joins.size(); ++i) {
    ready = check_ready(query.joins[i].map);
  }
  return ready;
}

Result<void> OwnerQueries::define_view(const node::NodeView& view, const Query& query) {
  ViewState state;
  state.name = view.name;
  for (size_t side = 0; side < query.sides(); ++side) {
    const std::string& source = side == 0 ? view.map : query.joins[side - 1].map;
    const auto rows = follow(source, true, true);
    if (!rows.ok()) return rows.error();
    state.sources.push_back(source);
  }
  const auto defined = engine_.define_view(view.name, view.map, query, view.fields);
  if (!defined.ok()) return defined;
  views_.push_back(std::move(state));
  return add_indexes(view.name);
}

Result<void> OwnerQueries::define_gathered_view(const node::NodeView& view, std::string_view map,
                                                const Query& query) {
  const auto defined = engine_.define_view(view.name, map, query, view.fields);
  if (!defined.ok()) return defined;
  ViewState state;
  state.name = view.name;
  state.is_gathering = true;
  views_.push_back(std::move(state));
  return add_indexes(view.name);
}

Result<RelationId> OwnerQueries::attach_view(std::string_view name, query::Collection& rows) {
  const auto relation = engine_.attach(name, rows);
  if (!relation.ok()) return relation;
  ViewState state;
  state.name = name;
  state.is_attached = true;
  state.is_gathering = true;
  views_.push_back(std::move(state));
  const Result<void> indexed = add_indexes(name);
  return indexed.ok() ? relation : Result<RelationId>(indexed.error());
}

void OwnerQueries::refuse_view(std::string_view name, Error error) {
  ViewState state;
  state.name = name;
  state.error = error;
  views_.push_back(std::move(state));
}

void OwnerQueries::end_view(std::string_view name) {
  ViewState* const view = find_view(name);
  TG_ASSERT(view != nullptr);
  view->is_gathering = false;
  open_waiting();
}

void OwnerQueries::fail_view(std::string_view name, Error error) {
  flush();
  std::vector<ViewState*> failed;
  for (ViewState& view : views_) {
    const auto has_failed = [&](const std::string& source) {
      return std::any_of(failed.begin(), failed.end(),
                         [&](const ViewState* each) { return each->name == source; });
    };
    const bool looks_at_one = std::any_of(view.sources.begin(), view.sources.end(), has_failed);
    if (!view.error && (view.name == name || looks_at_one)) failed.push_back(&view);
  }
  std::vector<FollowerName> lost;
  for (const auto& [id, follower] : followers_) {
    const std::string& relation = follower.relation;
    const auto is_its = [&](const ViewState* each) { return each->name == relation; };
    if (std::any_of(failed.begin(), failed.end(), is_its)) {
      lost.emplace_back(follower.home, follower.number);
    }
  }
  for (const FollowerName& follower : lost) {
    context_.post(follower.first, ShardMessageKind::QueryPart,
                  {follower.second, static_cast<uint64_t>(error), 1}, node::share({}));
    unsubscribe(follower.first, follower.second);
  }
  for (auto view = failed.rbegin(); view != failed.rend(); ++view) {
    const Result<void> dropped =
        (*view)->is_attached ? engine_.detach((*view)->name) : engine_.drop_view((*view)->name);
    TG_ASSERT(dropped.ok());
    (*view)->error = error;
  }
  open_waiting();
}

}  // namespace topgun::dataflow
