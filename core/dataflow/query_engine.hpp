#pragma once

#include "core/dataflow/live_join.hpp"
#include "core/dataflow/view.hpp"
#include "core/query/join_executor.hpp"

namespace topgun::dataflow {

/// A map or view of a `QueryEngine`, while it is there; used again after it went.
enum class RelationId : uint32_t {};

/// All queries of one replica: its maps by name, views over them, live queries over both, joins
/// across them. Writes go in one by one; `end_batch` says what they changed in every answer, at
/// once: views have taken in what changed below them, each query has been told once however many
/// ways lead to it, and nobody sees half of a batch.
///
/// A view may look at maps and at views that are there when it is defined, so there are no circles.
/// Within a batch, views still are as they were before it.
class QueryEngine {
 public:
  static constexpr size_t kRelationsMax = 65'536;
  static constexpr size_t kViewsMax = 1024;
  static constexpr size_t kJoinsLiveMax = 1024;

  /// `combinations_max`: that one query with joins may make, or begin to follow.
  explicit QueryEngine(uint64_t combinations_max = query::kCombinationsMax)
      : combinations_max_(combinations_max) {}
  QueryEngine(const QueryEngine&) = delete;
  QueryEngine& operator=(const QueryEngine&) = delete;

  /// Takes a map in under its name. Borrows the collection, which from now on is written, and
  /// loses indexes, through this alone. `InvalidArgument` for a name in use, `LimitExceeded`.
  /// This and everything down to `drop_view`: `NotReady` within a batch.
  Result<RelationId> attach(std::string_view map, query::Collection& collection);
  /// Lets a map go, and the live queries on it. `InvalidArgument` if it is not there, if it is a
  /// view, or while views or live joins look at it.
  Result<void> detach(std::string_view map);
  /// The collection of a map or view; null if there is none. Not to be written directly.
  query::Collection* find(std::string_view name) const;

  /// Declares an index on a map or view, and begins to build it. Errors as of
  /// `Collection::add_index`; `InvalidArgument` if there is no such map.
  Result<void> add_index(std::string_view name, const query::IndexDefinition& definition);
  /// `InvalidArgument` if it is not there, or while a live join goes through it.
  Result<void> drop_index(std::string_view name, std::string_view index);
  /// Works on indexes that are not ready, over `rows_max` rows at most. True if there is more.
  bool build_step(size_t rows_max);

  /// Keeps what a query gives as a collection of its own, `name`; see `View` for its records.
  /// `InvalidArgument` for a name in use, a map that is not there (the view itself, in a circle, is
  /// not there either), a cursor, or groups with a page. Errors as of `subscribe`.
  Result<void> define_view(std::string_view name, std::string_view map, const query::Query& query,
                           std::vector<std::string> fields = {});
  /// Errors as of `detach`.
  Result<void> drop_view(std::string_view name);

  /// Begins to follow a query to a map or view, and to those that it joins. Joined sides get the
  /// indexes that following needs and do not have (named `$join-...`), and lose them with the last
  /// live join through them. `InvalidArgument` if a map is not there, for joins against the rules,
  /// a cursor, or groups with a page; `LimitExceeded`.
  Result<SubscriptionId> subscribe(std::string_view map, const query::Query& query);
  /// False if there is no such subscription.
  bool unsubscribe(SubscriptionId id);

  /// The answer as it is: where to begin taking steps from. For a query with joins the rows are
  /// numbers of combinations; groups are edits that let them enter.
  std::vector<query::RowId> rows(SubscriptionId id) const;
  std::vector<GroupEdit> groups(SubscriptionId id) const;
  /// A row of a subscription's answer, with its key and value. With joins it has `sides`;
  /// `select_value` makes of it what the query wants. Borrowed until the next call but one, or the
  /// next write. Nothing for a row that has left.
  std::optional<query::RowView> row(SubscriptionId id, query::RowId row);
  /// As `row`, for those who need no key of a combination, which is made anew for each call.
  std::optional<query::RowView> records(SubscriptionId id, query::RowId row);

  /// What the attributes of its rows are made of. Of a subscription that is there.
  query::AttributeTable& attributes(SubscriptionId id);

  /// Answers a query as things are, once. `InvalidArgument` if a map is not there; errors as of
  /// `query::answer` and `query::answer_join`.
  Result<query::Answer> answer(std::string_view map, const query::Query& query) const;
  Result<Bytes> explain(std::string_view map, const query::Query& query, query::Run run) const;

  /// Takes a write to a map, which must be there and no view; see `Collection::apply`.
  query::RowId apply(RelationId map, const query::Write& write);
  /// Ends the batch.
  LiveChanges end_batch();

  size_t live_joins() const { return joins_.size(); }
  /// Combinations that the live join has which this subscription is of; 0 if it has no joins.
  size_t combinations(SubscriptionId id) const;
  /// Of all live joins.
  size_t combinations() const;
  /// Bytes of all state: graphs, joins, views, and what the collections keep.
  size_t memory_bytes() const;

 private:
  struct JoinEntry {
    std::unique_ptr<LiveJoin> join;
    std::vector<uint32_t> sides;  ///< Relations.
    bool touched = false;         ///< By the batch.
  };
  using Joins = std::map<Bytes, JoinEntry>;
  struct Relation {
    std::string name;
    std::unique_ptr<LiveQueries> queries;  ///< Of a map.
    std::unique_ptr<View> view;            ///< Or a view. Without either the place is free.
    std::vector<JoinEntry*> joins;         ///< Those that it is a side of.
    bool touched = false;

    bool is_there() const { return queries != nullptr || view != nullptr; }
    LiveQueries& live() const { return view ? view->live() : *queries; }
  };
  /// Of the relation itself, or of a join of several.
  struct Subscription {
    uint32_t relation = 0;
    std::optional<Joins::iterator> join;
  };
  struct ViewEntry {
    uint32_t relation = 0;
    SubscriptionId source = 0;
  };

  std::optional<uint32_t> index_of(std::string_view name) const;
  Result<uint32_t> take_place(std::string_view name);
  Result<std::vector<uint32_t>> sides_of(std::string_view map, const query::Query& query) const;
  std::vector<query::Collection*> collections_of(const std::vector<uint32_t>& sides) const;
  bool is_viewed(uint32_t relation) const;
  Result<void> remove(std::string_view name, bool is_view);

  Result<Joins::iterator> join_for(std::string_view map, const query::Query& query);
  Result<void> add_join_indexes(const query::Query& query,
                                const std::vector<query::Collection*>& sides);
  void drop_join_if_idle(Joins::iterator join);
  void drop_join_indexes(const std::vector<uint32_t>& sides);

  query::RowId write(uint32_t relation, const query::Write& write);
  query::RowView source_row(const Subscription& source, query::RowId row) const;
  bool has_row(const Subscription& source, query::RowId row) const;
  void fill_view(const ViewEntry& entry);
  void flush_view(const ViewEntry& entry);
  void settle(const ViewEntry& entry, const std::optional<query::Write>& change);

  std::vector<Relation> relations_;
  std::map<std::string, uint32_t, std::less<>> names_;
  std::vector<ViewEntry> views_;  ///< As defined: each looks at earlier ones only.
  Joins joins_;                   ///< By what they join and how.
  std::map<SubscriptionId, Subscription> subscriptions_;
  std::vector<uint32_t> touched_;
  uint64_t combinations_max_;
  SubscriptionId last_id_ = 0;
  bool in_batch_ = false;
};

}  // namespace topgun::dataflow
