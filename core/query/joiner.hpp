#pragma once

#include <array>

#include "core/query/collection.hpp"
#include "core/query/matcher.hpp"
#include "core/query/query.hpp"

namespace topgun::query {

inline constexpr RowId kNoRow = UINT32_MAX;

/// Combinations that one query may make before its condition is asked of them: joins multiply.
inline constexpr uint64_t kCombinationsMax = 10'000'000;

/// Rows that belong together, by side; `kNoRow` where there is none, and for sides that only decide
/// (`Semi`, `Anti`).
using Combination = std::array<RowId, kSidesMax>;

/// A row as it was before its record was written. Its collection may not know of that yet, while
/// the bytes that it borrows are gone already.
struct PastRow {
  const Collection* collection = nullptr;
  RowId row = kNoRow;
  RowView view;
};

/// An equality between the side that a step brings in and one that is there already.
struct JoinTerm {
  Attribute own;
  AttributeId own_id = 0;
  uint8_t other_side = 0;
  AttributeId other_id = 0;
};

/// One side more: how the rows are found that go with a combination.
struct JoinStep {
  enum class Way : uint8_t {
    Key,    ///< By the record's key.
    Index,  ///< By `index`.
    Hash,   ///< By a table that is made for the one query, of the rows that its condition passes.
  };

  uint8_t side = 0;
  JoinKind kind = JoinKind::Inner;
  std::vector<JoinTerm> terms;
  Way way = Way::Hash;
  const Index* index = nullptr;
  std::shared_ptr<Index> made;      ///< What `index` is, if it was made for the query.
  std::vector<uint8_t> key_terms;   ///< The terms that the key or index answers, in its order.
  std::vector<uint8_t> open_terms;  ///< The others, to be asked of each row.
  double rows_each = 1;             ///< About so many rows go with a combination.
};

/// An order in which the sides are brought in.
struct JoinRoute {
  uint8_t start = 0;
  std::vector<JoinStep> steps;
  double rows = 0;     ///< Of the result, about.
  double cost_ns = 0;  ///< Of the steps, about; what the start costs is not in it.
};

/// Takes combinations. False for no more.
class CombinationSink {
 public:
  virtual bool take(const Combination& rows) = 0;

 protected:
  ~CombinationSink() = default;
};

/// What the names of indexes begin with that live joins have made for themselves.
inline constexpr const char* kJoinIndexPrefix = "$join-";

/// Bit `i` for each free side: those that inner joins connect with the query's own map.
uint32_t free_sides(const std::vector<Join>& joins);

/// Finds combinations: beginning with a row of one side, it brings in side after side through keys,
/// indexes or hash tables. Keeps no row itself.
///
/// Inner joins may be walked in any direction, which goes for the free sides; the others follow the
/// sides that they refer to.
class Joiner {
 public:
  /// `sides[i]` holds the rows of side `i`, and only those for which `conditions[i]` holds take
  /// part. The joins must have passed `check_sides`. Borrows the collections. Errors as of
  /// `Matcher::make`.
  static Result<Joiner> make(const std::vector<Join>& joins, std::vector<Collection*> sides,
                             std::vector<Predicate> conditions);

  size_t sides() const { return sides_.size(); }
  Collection& collection(size_t side) const { return *sides_[side]; }
  bool is_free(size_t side) const { return free_[side]; }
  const Predicate& condition(size_t side) const { return conditions_[side]; }

  /// The order that begins with this free side, as the indexes are now: each next side is the one
  /// that adds the fewest rows.
  JoinRoute route_from(uint8_t start) const;
  /// Makes the hash tables of a route. O(rows of those sides).
  Result<void> make_hashes(JoinRoute& route);

  /// Indexes without which a write could not be followed through the joins: for each pair of sides
  /// that are joined, on both of them. Those that are there are not among them.
  struct MissingIndex {
    uint8_t side = 0;
    IndexDefinition definition;
  };
  std::vector<MissingIndex> missing_indexes() const;
  /// To be called before `trace_back`, once those indexes are there; `Internal` if they are not.
  Result<void> choose_ways_back();
  const std::vector<JoinStep>& ways_back() const { return back_; }

  /// From here on this row, if there is one, is seen as it was. Borrows it.
  void see(const PastRow* past) { past_ = past; }

  /// Whether a record with another value may be in other combinations: if something changed that a
  /// pair or a condition asks.
  bool changes_links(const Collection& collection, const RowView& before, const RowView& after);

  /// Of one side only the row that changed is of interest.
  struct Only {
    uint8_t side = UINT8_MAX;
    RowId row = kNoRow;
  };

  /// All combinations with this row of the route's first side; with `only`, those that have this
  /// row on its side, or none. False if the sink wanted no more.
  bool expand(const JoinRoute& route, RowId start, Only only, CombinationSink& sink);

  /// Rows of free sides from which `expand` comes to all combinations that a record of this side
  /// may decide on, which is not free. Some of them may be told more than once.
  struct Start {
    uint8_t side = 0;
    RowId row = kNoRow;
  };
  void trace_back(uint8_t side, const RowView& record, std::vector<Start>& starts);

 private:
  struct Pair {
    uint8_t left_side = 0;
    AttributeId left = 0;
    AttributeId right = 0;
  };
  struct Run {
    const JoinRoute& route;
    Only only;
    CombinationSink& sink;
    Combination rows;
    std::array<RowView, kSidesMax> views;
  };

  Joiner(std::vector<Join> joins, std::vector<Collection*> sides)
      : joins_(std::move(joins)), sides_(std::move(sides)) {}

  void add_terms(uint8_t side, uint32_t placed, std::vector<JoinTerm>& terms) const;
  std::vector<JoinTerm> terms_back(uint8_t side) const;
  bool can_place(uint8_t side, uint32_t placed) const;
  void choose_way(JoinStep& step) const;
  void find_way(JoinStep& step) const;
  bool place(Run& run, size_t at);
  bool is_match(const JoinStep& step, RowId row, const Run& run);
  bool has_all_terms(const JoinStep& step, RowId row, const Run& run);
  bool has_equal(const JoinTerm& term, uint8_t side, const RowView& own, const Run& run);
  /// Calls `visit(RowId)` for each row that the step's way leads to until it returns false.
  template <typename Visit>
  void find(const JoinStep& step, const Run& run, Visit&& visit);
  RowView view_of(size_t side, RowId row) const;
  std::optional<RowId> find_key(size_t side, ByteView key) const;
  bool read_key(const JoinStep& step, const Run& run);

  std::vector<Join> joins_;
  std::vector<Collection*> sides_;
  std::vector<Predicate> conditions_;
  std::vector<Matcher> matchers_;
  std::vector<AttributeReader> readers_;
  std::vector<std::vector<Pair>> pairs_;  ///< By side; none of side 0.
  std::vector<bool> free_;
  std::vector<std::vector<AttributeId>> asked_;  ///< By side: what pairs and conditions ask.
  std::vector<JoinStep> back_;                   ///< By side; of those that are not free.
  std::vector<double> share_;  ///< Of a side's rows, about so many pass its condition.
  const PastRow* past_ = nullptr;
  Bytes key_;
  Bytes other_key_;
};

}  // namespace topgun::query
