#pragma once

#include "core/base/trace_hash.hpp"
#include "core/dataflow/query_engine.hpp"
#include "core/query/record_follower.hpp"
#include "tests/oracle/naive_answer.hpp"
#include "tests/oracle/random_plan.hpp"

namespace topgun::oracle {

/// What a run has done.
struct Counts {
  uint64_t batches = 0;
  uint64_t worlds = 0;
  uint64_t answers = 0;  ///< Compared with the naive ones.
  uint64_t live = 0;     ///< Live answers, likewise.
  uint64_t sqlite = 0;   ///< Compared with SQLite's.
};

/// Asks SQLite the same. Not everywhere there is one.
class SecondOpinion {
 public:
  virtual ~SecondOpinion() = default;
  /// The records of a map as they are now.
  virtual void load(std::string_view map, const Records& records) = 0;
  /// What it says to a query to `map`; nothing to one that it cannot express.
  virtual std::optional<NaiveAnswer> ask(std::string_view map, const query::Query& query) = 0;
};

/// A replica with a few maps, views over them and subscribers, under a random history: local
/// writes, records of others out of order and again, removals, times to live. After every batch the
/// live answers, answers asked for anew, the naive ones and SQLite's must be the same.
class OracleWorld {
 public:
  /// `opinion` may be null. Borrows it and `counts`.
  OracleWorld(Gen& gen, Flavour flavour, SecondOpinion* opinion, Counts& counts);
  ~OracleWorld();

  /// One batch and all comparisons. What differs, in words; empty if nothing does.
  std::string run_batch();

  /// Of all answers so far: the same from the same seed in every build.
  uint64_t digest() const { return digest_.value(); }

 private:
  struct Written {
    std::string key;
    Stamp stamp;
    uint64_t ttl_ms = 0;
    bool tombstone = false;
    Bytes value;

    Record view() const;
  };
  struct Map {
    Slab slab;
    RecordTable table{MapKind::Lww, slab};
    query::Collection collection;
    query::RecordFollower follower{table, collection};
    dataflow::RelationId id{};
    std::string name;
    std::map<std::string, Written> latest;
    Records visible;
  };
  struct ViewModel {
    std::string name;
    std::string map;
    query::Query query;
    Records records;
  };
  /// One who has nothing but the first answer and the steps since.
  struct Subscriber {
    dataflow::SubscriptionId id = 0;
    std::string map;
    query::Query query;
    std::vector<query::RowId> rows;
    std::map<query::RowId, NaiveRow> heard;
    std::map<Bytes, Bytes> groups;
  };

  Written random_write();
  void write_batch();
  void change_plans();
  void define_view();
  void subscribe();
  std::vector<std::string> relation_names() const;
  const Records& records_of(std::string_view name) const;
  std::vector<const Records*> sides_of(const std::string& map, const query::Query& query) const;
  void refresh_models();
  void hear(Subscriber& subscriber, const dataflow::LiveChanges& changes);
  void read_row(Subscriber& subscriber, query::RowId row);
  std::string check_view(const ViewModel& view);
  std::string check_live(const Subscriber& subscriber);
  std::string check_answer(const std::string& map, const query::Query& query);
  std::string check_opinion(const std::string& map, const query::Query& query,
                            const NaiveAnswer& expected);

  Gen& gen_;
  Flavour flavour_;
  SecondOpinion* opinion_;
  Counts& counts_;
  std::vector<std::unique_ptr<Map>> maps_;
  dataflow::QueryEngine engine_;
  std::vector<ViewModel> views_;
  std::vector<Subscriber> subscribers_;
  std::vector<std::pair<size_t, Written>> sent_;
  uint64_t now_ms_ = 1'000'000;
  uint64_t names_ = 0;
  TraceHash digest_;
};

}  // namespace topgun::oracle
