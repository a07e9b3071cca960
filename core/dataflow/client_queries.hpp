#pragma once

#include <map>

#include "core/client/client_replica.hpp"
#include "core/client/query_port.hpp"
#include "core/dataflow/query_engine.hpp"
#include "core/query/record_follower.hpp"

namespace topgun::dataflow {

/// The queries of a client engine (docs/engine-protocol.md, "Queries"): indexes, views and live
/// queries over the maps that the host has opened. A map costs nothing before its first query,
/// index or view; from then on its rows are kept in step with its records.
class ClientQueries final : public client::QueryPort {
 public:
  /// Rows that one turn adds to indexes under construction: about a millisecond's work.
  static constexpr size_t kBuildRowsMax = 2048;
  /// Subscriptions of one engine.
  static constexpr size_t kSubscriptionsMax = 100'000;

  ClientQueries(client::ClientReplica& replica, client::EventQueue& events);
  ~ClientQueries() override;

  /// For `client::Engine`.
  static std::unique_ptr<client::QueryPort> make(client::ClientReplica& replica,
                                                 client::EventQueue& events);

  Result<void> execute(client::Command command, ByteReader& in, ByteWriter& out, Now now) override;
  void end_turn() override;
  bool has_work() const override { return !builds_.empty(); }

 private:
  class FollowedMap;
  /// How the rows of an answer are told; numbers of the protocol.
  enum class Rows : uint8_t {
    Known = 0,         ///< Records of a map, whose values the host has.
    Groups = 1,        ///< Not rows, in fact.
    Records = 2,       ///< Records of a view, with their values.
    Combinations = 3,  ///< Of a query with joins: side by side.
  };
  struct Subscription {
    uint64_t number = 0;  ///< Chosen by the host.
    Rows rows = Rows::Known;
    std::vector<bool> has_value;  ///< Of combinations: the sides whose values the host has not.
  };
  /// An index that was not ready when the host was last told.
  struct Build {
    std::string relation;
    std::string index;
  };

  /// Begins to follow the map of this handle. `TypeMismatch` for a map of another kind than last
  /// writer wins.
  Result<void> follow(client::ClientMap* map);
  /// The name of the map whose handle comes next, or of the view whose name comes behind a 0.
  Result<std::string> take_relation(ByteReader& in);
  /// A query, with the maps that it joins followed.
  Result<query::Query> take_query(ByteReader& in);

  Result<void> query(ByteReader& in, ByteWriter& out);
  Result<void> subscribe(ByteReader& in, ByteWriter& out);
  Result<void> unsubscribe(ByteReader& in);
  Result<void> explain(ByteReader& in, ByteWriter& out);
  Result<void> add_index(ByteReader& in);
  Result<void> drop_index(ByteReader& in);
  Result<void> indexes(ByteReader& in, ByteWriter& out);
  Result<void> define_view(ByteReader& in);
  Result<void> drop_view(ByteReader& in);
  Result<void> forget_rows(ByteReader& in);

  bool is_view(std::string_view relation) const;
  Subscription shape_of(std::string_view relation, const query::Query& query) const;
  std::vector<query::RowView> sides_of(std::string_view relation, const query::Query& query,
                                       const query::Answer& answer, size_t row) const;
  static void write_row(ByteWriter& out, const Subscription& shape, const query::RowView& row,
                        size_t sides);

  /// Rows of a map, as an answer tells them.
  void tell_rows(ByteWriter& out, std::string_view relation, const std::vector<query::RowId>& rows);

  /// Reports what the writes since the last time changed.
  void report();
  void report_rows(const RowsDelta& delta);
  void write_edit(ByteWriter& out, SubscriptionId id, const Edit& edit);

  client::ClientReplica& replica_;
  client::EventQueue& events_;
  std::map<std::string, std::unique_ptr<FollowedMap>, std::less<>> maps_;
  QueryEngine engine_;  // Borrows the maps' rows.
  std::map<SubscriptionId, Subscription> subscriptions_;
  std::map<uint64_t, SubscriptionId> ids_;  ///< By the host's number.
  std::vector<Build> builds_;
  bool touched_ = false;  ///< By writes since the last report.
};

}  // namespace topgun::dataflow
