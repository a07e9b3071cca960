#pragma once

#include <set>

#include "core/node/owner.hpp"
#include "core/node/replica_registry.hpp"
#include "core/node/session.hpp"

namespace topgun::node {

/// The half of a shard that serves connections: sessions, permissions, limits, acks and
/// subscriptions. It holds no records; it asks the owners, of which its own shard is one.
class Home final : private QueryOutput {
 public:
  Home(ShardContext& context, Owner& owner, ReplicaRegistry& registry)
      : context_(context), owner_(owner), registry_(registry) {
    if (context.options.make_queries == nullptr) return;
    queries_ = context.options.make_queries(context, owner, *this);
  }

  void connected(ConnectionId connection);
  void frame(ConnectionId connection, ByteView frame);
  void closed(ConnectionId connection);
  void exchange(ConnectionId exchange, ByteView request, const ExchangeOptions& options);
  void sent(ConnectionId stream, uint64_t bytes);
  void handle(const ShardMessage& message);
  void tick();
  void drain();
  void set_log_error(std::optional<Error> error) { log_error_ = error; }
  /// Acks and answers that are due. What they lead to may reach this shard itself, so this is
  /// repeated until nothing is left; then `flush_outputs` ends the turn.
  void answer_due();
  bool has_answers_due() const { return !touched_exchanges_.empty(); }
  void flush_outputs();
  void update_gauges();
  /// Whether there is work in the background.
  bool is_busy() const { return queries_ != nullptr && queries_->is_busy(); }
  /// Ends the batch of writes that live queries see at once.
  void flush_queries() {
    if (queries_ != nullptr) queries_->flush();
  }

 private:
  // home.cpp: the connection's life and everything but data.
  Session* find(ConnectionId connection);
  void read_messages(ConnectionId connection, ByteView frame);
  void dispatch(Session& session, const MessageView& message);
  void hold(Session& session, const MessageView& message);
  Result<void> on_hello(Session& session, ByteView payload);
  void on_greeted(const ShardMessage& message);
  void on_take_over(const ShardMessage& message);
  void send_welcome(Session& session);
  /// Tells the registry how far the session has come, or that it is over.
  void report_progress(Session& session, bool is_closed);
  Result<void> on_authenticate(Session& session, ByteView payload);
  Result<Principal> authenticate(ByteView token) const;
  /// Where messages to this session are appended; they leave at the end of the turn.
  Bytes& output(Session& session);
  void flush(Session& session);
  void send_error(Session& session, Error error, uint64_t retry_after_ms = 0);
  /// Tells the client why and closes.
  void refuse(Session& session, Error error, std::string_view detail = {});
  void check_timeouts(Session& session, std::vector<ConnectionId>& silent);
  /// The session to which this message belongs, if it belongs to one.
  static std::optional<ConnectionId> session_of(const ShardMessage& message);
  void handle_own(const ShardMessage& message);

  // home_exchange.cpp: requests that stand for themselves.
  static bool is_for_exchange(MessageKind kind);
  Result<void> on_exchange(Session& session, ByteView payload);
  /// The session may have nothing left to wait for; looked at when the turn ends.
  void touch(Session& session);
  bool has_all_acks(const Session& session) const;
  bool is_settled(const Session& session) const;
  bool is_done(const Session& session) const;
  void answer(Session& session);
  void answer_exchanges();
  void expire_exchanges();
  /// Says how the client goes on with what this answer leaves open.
  void send_more(Session& session, const Subscription& subscription);
  void continue_subscription(Session& session, Subscription& subscription);

  // home_operations.cpp: writes and their acks.
  Result<void> on_operations(Session& session, ByteView payload);
  bool may_take(Session& session);
  RateBucket& rate_of(Session& session);
  RateBucket full_bucket() const;
  void forget_idle_rates();
  void put_off(Session& session, Error error, uint64_t retry_after_ms);
  bool may_write(Session& session, ByteView map);
  std::optional<Error> check_stamp(Stamp stamp) const;
  void reject(Session& session, uint64_t sequence, Error error);
  void apply_here(Session& session, uint64_t token, ByteView batch);
  void on_applied(const ShardMessage& message);
  Result<void> on_records(Session& session, ByteView payload);
  void send_acks(Session& session);

  // home_sync.cpp: subscriptions.
  Result<void> on_subscribe(Session& session, ByteView payload);
  void take_cursor(Subscription& subscription, ByteView bytes) const;
  Result<void> on_unsubscribe(Session& session, ByteView payload);
  Result<void> on_credit(Session& session, ByteView payload);
  Result<void> on_diff(Session& session, ByteView payload);
  void take_diff(Session& session, Subscription& subscription, DiffMessage diff, ByteView payload);
  bool may_read(const Session& session, std::string_view map) const;
  /// Ends the subscriptions that a new token no longer covers.
  void drop_forbidden_subscriptions(Session& session);
  Channel& channel_for(MapKind kind, ByteView map);
  void leave_channel(ConnectionId connection, const Subscription& subscription);
  Subscription* find_subscription(Session& session, uint64_t id);
  void ask_owners(Session& session, Subscription& subscription, ShardMessageKind kind,
                  const Bytes& payload);
  void describe(Session& session, Subscription& subscription, DescribePurpose purpose);
  void on_described(const ShardMessage& message);
  /// Whether the client may lack removals that nobody remembers any more.
  bool is_behind(const Subscription& subscription) const;
  void start_sync(Session& session, Subscription& subscription);
  void start_pulls(Session& session, Subscription& subscription, PullMode mode,
                   const std::vector<std::optional<uint64_t>>& positions);
  void start_repair(Session& session, Subscription& subscription);
  void pull(Session& session, Subscription& subscription, uint16_t shard);
  void on_pulled(const ShardMessage& message);
  void finish_pulls(Session& session, Subscription& subscription);
  void on_changes(const ShardMessage& message);
  void on_diff_children(const ShardMessage& message);
  void on_diff_expand(const ShardMessage& message);
  void finish_diff(Session& session, Subscription& subscription);
  void send_synced(Session& session, Subscription& subscription);
  void send_records(Session& session, const Subscription& subscription, ByteView batch);
  size_t credit_max(const Session& session) const;
  bool has_credit(const Session& session) const;
  void resume(Session& session);

  // home_queries.cpp: queries of this shard's sessions.
  Result<void> on_query(Session& session, ByteView payload);
  Result<void> on_end_query(Session& session, ByteView payload);
  ReadAccess read_access(const Session& session, std::string_view map) const;
  std::vector<ReadAccess> read_access_to_all(const Session& session,
                                             const std::vector<std::string>& maps) const;
  void fail_query(Session& session, uint64_t id, Error error, std::string_view detail);
  void send_answer(Session& session, uint64_t id, ByteView answer, uint64_t known);
  void close_queries(Session& session);
  /// Under a new token: other records may be seen now.
  void review_queries(Session& session);
  void resume_queries(Session& session);
  void answered(QueryTarget target, ByteView answer) override;
  void changed(QueryTarget target, ByteView steps) override;
  void failed(QueryTarget target, Error error, std::string_view detail) override;

  ShardContext& context_;
  Owner& owner_;
  ReplicaRegistry& registry_;
  std::unique_ptr<ShardQueries> queries_;  ///< Null without queries.
  std::optional<Error> log_error_;
  bool draining_ = false;
  uint64_t next_check_ms_ = 0;
  std::map<ConnectionId, std::unique_ptr<Session>> sessions_;
  std::vector<ConnectionId> with_output_;
  std::vector<ConnectionId> awaiting_acks_;
  std::set<ConnectionId> exchanges_;
  std::vector<ConnectionId> touched_exchanges_;
  /// Exchanges come and go; what a replica has used of its rate stays.
  std::map<ReplicaId, RateBucket> exchange_rates_;
  std::map<uint64_t, Channel> channels_;
  std::map<std::pair<MapKind, std::string>, uint64_t> channel_ids_;
  uint64_t last_channel_ = 0;
  uint64_t last_step_ = 0;

  // Reused from batch to batch.
  OperationBatch batch_;
  std::vector<std::vector<uint32_t>> by_shard_;
};

}  // namespace topgun::node
