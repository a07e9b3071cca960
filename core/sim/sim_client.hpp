#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/client/engine.hpp"
#include "core/client/engine_codes.hpp"
#include "core/sim/position_log.hpp"
#include "core/sim/reference_model.hpp"
#include "core/sim/sim_client_queries.hpp"
#include "core/sim/sim_node_questions.hpp"
#include "core/sim/virtual_clock.hpp"
#include "core/sim/virtual_network.hpp"
#include "core/sync/messages.hpp"

namespace topgun::sim {

class InvariantChecker;

/// The maps that every client of a simulation opens, by handle.
struct OpenMap {
  uint64_t handle;
  MapRef ref;
};
const std::vector<OpenMap>& open_maps();
/// 0 for a map that they do not open.
uint64_t handle_of(const MapRef& ref);
inline constexpr uint64_t kLwwHandle = 1;
inline constexpr uint64_t kOrHandle = 2;
inline constexpr uint64_t kCounterHandle = 3;

/// One client in the simulation: the engine of the product, and around it what a browser would be:
/// row storage with transactions, timers, a connection, the mirror that the application reads. It
/// keeps a reference model of what the engine was given, for the checker to compare with.
class SimClient final : public Actor, public ClientEndpoint {
 public:
  /// No client lets a question wait for longer.
  static constexpr uint64_t kPollWaitMsMax = 25'000;

  struct Options {
    uint32_t number = 0;
    bool has_storage = true;
    uint64_t seed = 0;
    VirtualClock clock;
    Transports transports = Transports::Streams;
    bool asks = false;  ///< The application asks questions, so the engine answers them.
    uint64_t retention_ms = 0;
    bool is_kept = false;  ///< Without storage: its state is kept for instances that come after it.
  };
  struct EntryWrite {
    std::string key;
    Bytes value;
  };

  /// Everything is borrowed.
  SimClient(const Options& options, Scheduler& scheduler, VirtualNetwork& network,
            InvariantChecker& checker);

  /// The process starts: rows are loaded, maps opened, the connection wanted.
  void start();

  // --- what an application does ---

  void set(const std::string& key, const Bytes& value, uint64_t ttl_ms);
  /// The one encoding of text that the workload uses.
  static Bytes encode_text(const std::string& text);
  void remove(const std::string& key);
  void or_add(const std::string& key, const std::string& text);
  void or_remove(const std::string& key, const std::string& text);
  void counter_add(const std::string& key, int64_t amount);
  void unfollow(uint64_t handle);
  void follow_all();
  void go_online(bool online);
  /// A step about queries; the write, if there is one, goes in front of it in the same turn.
  void carry_out_query(const Step& step, const std::optional<EntryWrite>& write);

  /// A step about questions to the node.
  void carry_out_node_question(const Step& step) {
    if (engine_ != nullptr && !asleep_) node_questions_.carry_out(step);
  }

  // --- what happens to it ---

  /// The process dies; transactions under way are done up to a point that the seed decides.
  void kill();
  bool is_running() const { return engine_ != nullptr; }
  void sleep(bool asleep);
  void set_quota_exceeded(bool exceeded) { quota_exceeded_ = exceeded; }
  void wipe();
  /// The platform gives it no time; what `how` is made of, sim_client_instance.cpp says.
  void freeze(uint64_t how);
  void thaw(uint64_t how);
  /// It ends without a word, and another one begins with a state that was kept.
  void end_instance(uint64_t how);
  void begin_instance(uint64_t how);
  void damage_row(uint64_t which);
  /// Takes over the rows of another client, as a copied profile has them.
  void take_rows(const SimClient& other);
  VirtualClock& clocks() { return clock_; }
  /// The clock was bent: timers are set anew.
  void replan();
  /// Every fault of this client ends.
  void heal();

  // --- what can be seen ---

  uint32_t number() const { return options_.number; }
  bool has_storage() const { return options_.has_storage; }
  Now now() const { return clock_.read(scheduler_.now_us()); }
  client::Status status() const { return status_; }
  uint64_t replica() const { return replica_; }
  uint64_t pending();
  MerkleRoot root(uint64_t handle);
  /// Whether a node whose clock shows `node_ms` takes the record, which others wrote, only once its
  /// time has come: one whose clock was far ahead took it before, told it on, and lost it.
  bool waits_for_time(const ReferenceModel::Record& record, uint64_t node_ms) const;
  /// What it holds of a map, to be compared with `of_node`, whose root is `node_root`. Of a client
  /// without storage nobody knows all that it does, but for its root: it holds what the node held
  /// when that was theirs. Borrows; for as long as neither changes.
  const ReferenceModel::Records& agreed_records(const MapRef& map,
                                                const ReferenceModel::Records& of_node,
                                                const MerkleRoot& node_root);
  const std::map<std::string, Bytes>& entries() const { return entries_; }
  const std::map<ReferenceModel::RecordKey, Bytes>& elements() const { return elements_; }
  const std::map<std::string, int64_t>& counters() const { return counters_; }
  const ReferenceModel& model() const { return model_; }
  /// Whether the model knows all that the engine was given. Writes that were neither stored nor
  /// sent yet are the application's alone.
  bool model_is_complete() const { return options_.has_storage && !has_unseen_writes_; }
  /// Whether anything happened in it since this was asked for the last time.
  bool take_news() { return std::exchange(has_news_, false); }
  bool is_synced(uint64_t handle) const;
  uint64_t stored_bytes() const;
  uint64_t queued_bytes() const { return network_.queued_to_client(connection_); }
  /// Frames to and from this client in a time in which nothing happens.
  uint64_t silent_frames_max(uint64_t silence_ms) const;
  bool is_asleep() const { return asleep_; }
  bool quota_exceeded() const { return quota_exceeded_; }
  /// Writes of its own that no node has acked at `local` yet.
  uint64_t unacked() const { return own_.size(); }
  /// Transactions that its storage has not finished.
  uint64_t unstored() const { return transactions_.size(); }
  bool wants_online() const { return wants_online_; }
  /// Compares what queries answer with what is shown (I11, I12).
  void check_queries(bool thorough) {
    if (queries_ != nullptr) queries_->check(thorough);
  }
  SimNodeQuestions& node_questions() { return node_questions_; }
  uint64_t told_digest() const { return queries_ == nullptr ? 0 : queries_->digest(); }

  void on_event(uint32_t kind, uint64_t argument) override;
  void on_opened(uint64_t connection) override;
  void on_frame(uint64_t connection, const Bytes& frame) override;
  void on_closed(uint64_t connection) override;

 private:
  friend class InvariantChecker;
  enum EventKind : uint32_t { OnTimer, OnStored, OnExchangesOpen, OnStruck, OnLate };
  struct Transaction {
    uint64_t number;
    std::vector<std::pair<std::string, Bytes>> puts;
    std::vector<std::string> deletes;
  };
  struct OwnOperation {
    uint64_t author = 0;
    MapRef map;
    std::vector<ReferenceModel::Effect> effects;
    bool sent = false;
    /// What carried it last: an exchange of the engine, or a connection.
    uint64_t exchange = 0;
    uint64_t connection = 0;
  };

  struct Exchange {
    uint64_t id = 0;
    Bytes request;
    Bytes answer;
    uint64_t started_us = 0;
    uint64_t acks = 0;  ///< That had come by then.
    /// The subscriptions of the request, of which the answer may say nothing.
    std::set<uint64_t> unanswered;
    /// Those closed since, whose answer means nothing to the engine any more.
    std::set<uint64_t> left;
    bool is_quiet = false;
    bool is_whole = false;
    bool is_lost = false;   ///< The answer will not arrive.
    bool is_heard = false;  ///< Not a copy of a request that somebody on the way made.
    bool is_closed = false;
    bool is_given_up = false;  ///< Nobody waits for the answer any more; it may arrive yet.
    /// What the node held when it was asked.
    PositionLog::Moment asked;
  };

  /// A fault that waits for a request to fall into.
  struct Strike {
    StepKind kind;
    uint64_t how;
    uint64_t number;
  };
  /// What was kept of an instance, and when.
  struct Kept {
    std::map<std::string, Bytes> rows;
    uint64_t at_us;
  };

  using Answer = CommandAnswer;
  Answer command(client::Command code, ByteView payload);
  Answer run(client::Command code, ByteView payload, const CommandRequest* rider);
  void run_query(const CommandRequest& request);
  bool has_live_queries() const { return queries_ != nullptr && queries_->has_live(); }
  void check_overrules(const std::string& key, const ReferenceModel::Record& before);
  bool write(client::Command code, uint64_t handle, const std::string& key,
             const std::function<void(ByteWriter&)>& rest);
  void take_events();
  void on_engine_event(client::Event event, ByteView payload);
  void on_entry(ByteReader& in);
  void on_element(ByteReader& in);
  void on_persist(ByteView payload);
  void on_send(ByteView frame);
  void on_rejected(ByteReader& in);
  void plan_timer();
  void plan_storage();
  void finish_transaction(bool failed);
  void apply(const Transaction& transaction);

  // sim_client_exchanges.cpp: requests instead of a connection
  bool draws_exchanges();
  void set_polling();
  void open_exchanges();
  void close_exchanges();
  void start_exchange(ByteReader& in);
  void check_complete(uint64_t exchange);
  void cancel_exchange(uint64_t id);
  bool strikes(Fault fault, uint64_t number) const;
  static void take_part(Exchange& exchange, const Bytes& frame);
  void end_exchange(uint64_t connection);
  void model_silence(const Exchange& exchange);

  // sim_client_instance.cpp: what platforms do to instances at the edge
  bool has_request_under_way() const;
  bool waits_for_request(StepKind kind, uint64_t how);
  void plan_strike();
  void strike(const Strike& strike);
  void stand_still(uint64_t how);
  void move_clock();
  void start_over();
  void plan_late_answers();
  void take_late_answers();
  void take_late_answer(const Exchange& exchange);
  void keep_state();

  // sim_client_model.cpp: what the model learns
  void model_frame(const Bytes& frame);
  void model_message(const MessageView& message);
  void note_stamps(uint64_t latest_ms);
  /// A Subscribe, as it is sent: what it claims is so.
  void check_subscribe(ByteView payload);
  void check_position(const MapRef& map, ByteView cursor);
  /// The map is in step now: it holds what the node held when it was asked.
  void check_fresh(const MapRef& map, const PositionLog::Moment& asked);
  /// Whether what it holds for the node's is known, be there writes of its own besides or not.
  bool model_covers_node() const { return model_is_complete() || !options_.has_storage; }
  /// Without storage, writes are known once they are sent. Before, they may overrule what it
  /// therefore is never sent. Asks the engine.
  bool has_unknown_writes() { return !options_.has_storage && pending() > 0; }
  void model_resync(const MapRef& map);
  void model_reject(ByteView payload);
  void withdraw(const OwnOperation& own);
  void model_error(ByteView payload);
  void model_untaken(ByteReader& in);
  void take_back(uint64_t sequence, const OwnOperation& own);
  void model_row(const std::string& key, const Bytes& row);
  void learn_own(ByteView batch, bool sent);
  void check_stored(ReplicaId author, const Operation& operation);
  bool is_spoken_of(const OwnOperation& own) const;
  bool is_left(uint64_t handle) const;
  void report_stored(const Bytes& row);
  void report_issued(ByteView batch);
  void forget_own(const MapRef& map, const std::map<uint64_t, OwnOperation>& except);
  /// Builds the model from a whole store.
  void load_model(const std::map<std::string, Bytes>& rows);

  const Options options_;
  Scheduler& scheduler_;
  VirtualNetwork& network_;
  InvariantChecker& checker_;
  Scheduler::ActorId actor_;
  VirtualClock clock_;

  std::unique_ptr<client::Engine> engine_;
  std::unique_ptr<SimClientQueries> queries_;  ///< Null for applications that ask nothing.
  SimNodeQuestions node_questions_;
  /// A write that waits for the question that goes with it, and that question.
  std::optional<EntryWrite> joined_write_;
  const CommandRequest* rider_ = nullptr;
  client::Command turn_ = client::Command::Tick;  ///< What the engine was last told.
  uint64_t starts_ = 0;
  uint64_t replica_ = 0;
  std::map<std::string, Bytes> rows_;
  std::deque<Transaction> transactions_;
  uint64_t transactions_done_ = 0;
  bool storing_ = false;
  bool quota_exceeded_ = false;
  bool has_failed_to_store_ = false;  ///< Since this start of the process.
  bool asleep_ = false;
  bool is_frozen_ = false;
  bool clock_stands_ = false;  ///< While its code runs.
  uint64_t frozen_us_ = 0;
  uint64_t strikes_ = 0;
  std::optional<Strike> strike_;
  bool reads_late_ = false;
  uint64_t late_events_ = 0;  ///< Told because of a late answer.
  std::vector<Kept> kept_;
  uint64_t kept_us_ = 0;
  std::map<std::string, Bytes> inherited_;  ///< What an instance begins with.
  bool wants_online_ = true;

  uint64_t connection_ = 0;
  uint64_t connected_us_ = 0;
  bool is_open_ = false;
  bool over_exchanges_ = false;
  std::map<uint64_t, Exchange> exchanges_;  ///< By connection.
  uint64_t connections_ = 0;
  uint64_t exchanges_opened_ = 0;
  uint64_t exchanges_started_ = 0;
  uint64_t asking_ = 0;           ///< The exchange whose request is being learned from; 0 = none.
  uint64_t answering_ = 0;        ///< The exchange whose answer the engine reads; 0 = none.
  bool is_reading_held_ = false;  ///< It was not a quiet one, so it may have been held back.
  struct Agreed {
    MerkleRoot root;
    ReferenceModel::Records records;
  };
  std::map<MapRef, Agreed> agreed_;  ///< Of one without storage: when it had the node's root.
  const PositionLog::Moment* asked_ = nullptr;  ///< Of the exchange whose answer is being read.
  uint64_t idle_interval_ms_ = 0;               ///< Between two questions while nothing happens.
  bool is_held_back_ = false;  ///< The node holds answers back until there is news.
  uint64_t wake_ms_ = 0;
  uint64_t planned_us_ = 0;
  std::deque<Bytes> unread_;  ///< Frames that came while asleep.
  bool closed_unread_ = false;
  bool opened_unread_ = false;

  client::Status status_ = client::Status::Offline;
  std::set<uint64_t> synced_;
  std::set<uint64_t> unfollowed_;
  /// Those left since the request whose answer is being read.
  std::set<uint64_t> left_;
  /// What the application sees, but for entries that expire.
  std::map<std::string, Bytes> entries_;
  std::map<ReferenceModel::RecordKey, Bytes> elements_;
  std::map<std::string, int64_t> counters_;

  ReferenceModel model_;
  std::map<uint64_t, OwnOperation> own_;  ///< By sequence; those not acked at `local` yet.
  /// Refused because they came too late: each has to be issued anew.
  std::vector<std::pair<MapRef, ReferenceModel::Effect>> withdrawn_;
  /// Without storage no row tells what a refused count leaves behind: each own count by element and
  /// sequence.
  std::map<ReferenceModel::RecordKey, std::map<uint64_t, ReferenceModel::Record>> own_counts_;
  std::map<MapRef, uint64_t> synced_ms_;
  std::map<MapRef, SyncMode> modes_;  ///< How each map was last brought up to date.
  /// Up to which versions of the node's life `proven_incarnation_` all was found to be there.
  std::map<MapRef, std::vector<uint64_t>> proven_;
  uint64_t proven_incarnation_ = 0;
  uint64_t acks_ = 0;
  /// Something was acked since the request whose answer is being read.
  bool was_acked_meanwhile_ = false;
  /// It lost something of its own, which the node does not send again unless roots are compared.
  bool may_lack_its_own_ = false;
  bool is_loading_ = false;     ///< The model, from rows: nothing of it is new.
  bool has_lost_rows_ = false;  ///< Storing failed, or a row was damaged.
  uint64_t welcomed_ms_ = 0;
  /// Somebody set the clock since the node told its time.
  bool clock_is_doubtful_ = false;
  bool knows_its_stamps_ = true;  ///< No row with the latest one was ever damaged.
  /// Stamps from here on may have come from a future that the clock did not follow.
  uint64_t first_future_ms_ = UINT64_MAX;
  bool has_unseen_writes_ = false;
  bool has_news_ = true;
  /// The replica took a new id; the snapshot that follows says what became of its writes.
  bool learns_anew_ = false;  ///< The next rows tell the whole state.
};

}  // namespace topgun::sim
